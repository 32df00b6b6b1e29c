"""What differs between two states of a lesson's documents, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lessons.films import SUFFIX as FILM_SUFFIX
from studio.conflicts import Line, compared

LONGEST = 600
"""Lines of difference that a page shows of one document."""


@dataclass(frozen=True, slots=True)
class Change:
    """One document that differs; `lines` name old ones "theirs" and new ones "mine"."""

    name: str
    added: int
    removed: int
    lines: list[Line]
    cut: bool


def changes_between(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """One entry for each document that is not the same in both."""
    return [
        _change(name, old.get(name, ""), new.get(name, "")) for name in sorted({*old, *new}) if old.get(name) != new.get(name)
    ]


def _change(name: str, old: str, new: str) -> Change:
    if name.endswith(FILM_SUFFIX):  # a recorded run: its lines are not for people
        return Change(name, added=int(bool(new)), removed=int(bool(old)), lines=[], cut=False)
    lines = list(compared(old, new)) if old else [Line("mine", text) for text in new.splitlines()]
    return Change(
        name=name,
        added=sum(line.whose == "mine" for line in lines),
        removed=sum(line.whose == "theirs" for line in lines),
        lines=lines[:LONGEST],
        cut=len(lines) > LONGEST,
    )
