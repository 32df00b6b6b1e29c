"""Which practice question comes next. Pure: the same history leads to the same question, in every tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from quizzes.strength import Estimate, Level, success

TARGET = 0.75
"""The predicted success that practice looks for, the middle of 0.7 to 0.8: hard enough to learn from, easy enough to go on."""


class Why(StrEnum):
    """Why a question was chosen. The site has a sentence for each but the first."""

    IN_ORDER = "in_order"  # nothing is known yet: from easy to hard
    NEW = "new"  # nothing was answered about its objective yet
    WEAK = "weak"  # more was missed than someone of whom nothing is known would have
    LEAST = "least"  # not weak, but the least strong of those left
    STRONG = "strong"  # even the least strong is strong


@dataclass(frozen=True, slots=True)
class Candidate:
    """One question that still takes answers; difficulty in logits."""

    position: int
    objective: str
    difficulty: float
    guessing: float
    tried: bool = False  # already answered in this attempt, and not yet right
    seen: int = 0  # 0: never before; else the higher, the later


@dataclass(frozen=True, slots=True)
class Pick:
    """The question to go on with."""

    position: int
    objective: str
    why: Why


def next_question(candidates: Sequence[Candidate], estimates: Mapping[str, Estimate]) -> Pick | None:
    """Of the weakest objective, among the least recently seen, the question whose predicted success is nearest TARGET.

    Those not yet tried in this attempt come first. `estimates` has every candidate's objective. Without any answer to
    learn from the questions come in their order; none when no question is left.
    """
    left = [candidate for candidate in candidates if not candidate.tried] or list(candidates)
    if not left:
        return None
    if not any(one.answers for one in estimates.values()):
        first = min(left, key=lambda candidate: candidate.position)
        return Pick(first.position, first.objective, Why.IN_ORDER)
    weakest = min(left, key=lambda candidate: (estimates[candidate.objective].ability, candidate.position)).objective
    of_it = [candidate for candidate in left if candidate.objective == weakest]
    longest_ago = min(candidate.seen for candidate in of_it)
    ability = estimates[weakest].ability
    chosen = min(
        (candidate for candidate in of_it if candidate.seen == longest_ago),
        key=lambda candidate: (_off_target(candidate, ability), candidate.position),
    )
    return Pick(chosen.position, weakest, _why(estimates[weakest]))


def _off_target(candidate: Candidate, ability: float) -> float:
    predicted = success(ability=ability, difficulty=candidate.difficulty, guessing=candidate.guessing)
    return round(abs(predicted - TARGET), 9)  # what only rounding tells apart is told apart by its place


def _why(estimate: Estimate) -> Why:
    if not estimate.answers:
        return Why.NEW
    if estimate.level is Level.STRONG:
        return Why.STRONG
    # Everybody begins at 0: who is below it missed more than that. One right answer never leads there.
    return Why.WEAK if estimate.ability < 0 else Why.LEAST
