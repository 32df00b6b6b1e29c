"""The rules of grading: pure functions over values. No Django here, no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from string import ascii_uppercase

from quizzes.questions import Answer, Key, Score, kind_named


def grade(kind: str, answer: Answer, key: Key) -> Score:
    """The score (0..1) of an answer to a question of this kind; raises UnknownKind."""
    return kind_named(kind).grade(answer, key)


def draw_order(keys: Sequence[str], random: Random) -> list[str]:
    """The option keys in an order that says nothing about which of them is right."""
    order = sorted(keys)  # so that the author's order can't shine through a weak source of chance
    random.shuffle(order)
    return order


def letter_at(index: int) -> str:
    """The letter under which the option at this index (from 0) is shown."""
    return ascii_uppercase[index]


def letter_of(key: str, order: Sequence[str]) -> str:
    """The letter under which this learner saw an option; raises ValueError for one they did not see."""
    return letter_at(list(order).index(key))


def key_at(letter: str, order: Sequence[str]) -> str | None:
    """The option key behind a letter as this learner saw it; none when there is no such letter."""
    index = ascii_uppercase.find(letter) if len(letter) == 1 else -1
    return order[index] if 0 <= index < len(order) else None


@dataclass(frozen=True, slots=True)
class Marked:
    """One question's part in a result: its objective, its weight and what was reached of it."""

    objective: str
    points: float
    reached: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Points reached out of points there were."""

    reached: float = 0.0
    points: float = 0.0

    @property
    def share(self) -> float:
        """0..1; an empty tally has reached nothing."""
        return self.reached / self.points if self.points else 0.0

    @property
    def percent(self) -> int:
        return round(100 * self.share)


def tally(marks: Iterable[Marked]) -> Tally:
    """All marks added up."""
    marks = list(marks)
    return Tally(reached=sum(mark.reached for mark in marks), points=sum(mark.points for mark in marks))


def tally_by_objective(marks: Iterable[Marked]) -> dict[str, Tally]:
    """Objective → its tally, in the order in which objectives first occur. The tallies add up to the whole."""
    groups: dict[str, list[Marked]] = {}
    for mark in marks:
        groups.setdefault(mark.objective, []).append(mark)
    return {objective: tally(group) for objective, group in groups.items()}
