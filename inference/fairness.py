"""Whose turn it is: everybody's first run, then everybody's second. Workers take, and pages count, by these rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

Person = int | None
"""Who wants a run; None is the house itself, which waits like one more person."""


class Wish(NamedTuple):
    """One person's wish for one waiting run."""

    queued_at: datetime
    job: UUID
    person: Person


def in_turn(wishes: Iterable[Wish], *, running: Mapping[Person, int]) -> list[UUID]:
    """The waiting runs in the order in which they come up, each once.

    A person's runs keep their order. What a person has running counts as turns taken. A run that several people want comes up
    when the first of them has a turn. Within a turn whoever came first goes first.
    """
    taken: defaultdict[Person, int] = defaultdict(int, running)
    turns: dict[UUID, tuple[int, datetime, UUID]] = {}
    for wish in sorted(wishes, key=lambda wish: (wish.queued_at, wish.job)):
        place = (taken[wish.person], wish.queued_at, wish.job)
        taken[wish.person] += 1
        turns[wish.job] = min(turns.get(wish.job, place), place)
    return sorted(turns, key=turns.__getitem__)


def allowed(
    order: Iterable[UUID], *, people: Mapping[UUID, set[Person]], running: Mapping[Person, int], limit: int
) -> list[UUID]:
    """Of these runs, in order, those that may begin together: for each, somebody who wants it has less than `limit` running.

    The house has no limit.
    """
    counts: defaultdict[Person, int] = defaultdict(int, running)
    begin = []
    for job in order:
        if None in people[job] or any(counts[person] < limit for person in people[job]):
            begin.append(job)
            for person in people[job]:
                counts[person] += 1
    return begin
