"""How the answers of one test of the pattern came out: what its verdict is explained by. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizzes.patterns.choosing import EASY_FIRST


@dataclass(frozen=True, slots=True)
class Given:
    """One question of the test."""

    number: int
    difficulty: str
    score: float | None  # none: left open
    guessing: float  # the chance to be right by chance


@dataclass(frozen=True, slots=True)
class Level:
    """The answered questions of one difficulty."""

    difficulty: str
    right: int
    answered: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was right, missed and left open, and how much guessing alone would have got."""

    levels: tuple[Level, ...]  # easy first; those of which something was answered
    missed: tuple[Given, ...]  # answered, and not wholly right
    left_open: int
    by_chance: float  # how many of the answered ones guessing alone gets right, on average


def outcome_of(given: Sequence[Given]) -> Outcome:
    """The outcome of these questions, in their order."""
    answered = [one for one in given if one.score is not None]
    levels = []
    for difficulty in EASY_FIRST:
        scores = [one.score for one in answered if one.difficulty == difficulty]
        if scores:
            levels.append(Level(difficulty, sum(score == 1 for score in scores), len(scores)))
    return Outcome(
        levels=tuple(levels),
        missed=tuple(one for one in answered if one.score is not None and one.score < 1),
        left_open=len(given) - len(answered),
        by_chance=sum(one.guessing for one in answered),
    )
