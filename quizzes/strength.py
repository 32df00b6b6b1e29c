"""How strong somebody is in an objective, and how sure of it one can be. Pure: no Django, no database, no clock.

The model is that of Rasch with a guessing floor, as in Pelánek, "Applications of the Elo rating system in adaptive educational
systems", Computers & Education 98 (2016), section 2: the chance of a right answer is g + (1 − g)·σ(θ − d) with an ability θ and
a difficulty d in logits. Elo takes one step along this model's gradient for each answer. Here all answers are weighed at once
(the posterior's mean and deviation: Bock and Mislevy, "Adaptive EAP estimation of ability in a microcomputer environment",
1982), since a verdict may not depend on the order of the answers and has to say how uncertain it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from quizzes.questions import Asks, kind_named

AUTHORED = {"easy": 0.3, "medium": 0.6, "hard": 0.9}
"""An author's word for a difficulty, as the chance that a person of ability 0 does not know the answer."""

ABILITY_SPREAD = 1.5  # logits: how far people's abilities lie apart before anything is known of them
DIFFICULTY_SPREAD = 1.0  # logits: how far off an author's word for a difficulty may be
SIDE = 1.2816  # deviations: nine in ten lie above the lower bound, nine in ten below the upper one
ENOUGH_ANSWERS = 3
UNSURE_ABOVE = 1.2  # logits: with a larger deviation one can't speak of growing

_GRID = tuple(step / 4 for step in range(-32, 33))  # logits, for abilities: one person's answers tell no more apart
_FINE = tuple(step / 20 for step in range(-160, 161))  # logits, for difficulties: thousands may answer one question
_PRIOR = tuple(-0.5 * (ability / ABILITY_SPREAD) ** 2 for ability in _GRID)


class Level(StrEnum):
    """What a strength is called."""

    UNKNOWN = "unknown"  # not enough answers yet
    WEAK = "weak"
    GROWING = "growing"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Observation:
    """One first answer: the question's difficulty in logits, the chance to guess it right, the score (0..1)."""

    difficulty: float
    guessing: float
    score: float
    is_answered: bool = True


def left_open(*, difficulty: float, guessing: float) -> Observation:
    """What a question says that could have been answered and wasn't: as much as a blind guess at it, on average.

    If it said nothing, whoever answers only what they are sure of would choose their own verdict. Its score is the chance to
    guess it: Lord, "Estimation of latent ability and item parameters when there are omitted responses", 1974.
    """
    return Observation(difficulty, guessing, guessing, is_answered=False)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An ability in logits, its standard deviation, and how many answers and questions left open it rests on."""

    ability: float
    deviation: float
    answers: int
    left_open: int = 0

    @property
    def chance(self) -> float:
        """The chance (0..1) to know the answer to a medium question."""
        return _knows_medium(self.ability)

    @property
    def low(self) -> float:
        """The same chance at the lower bound: nine in ten to be better."""
        return _knows_medium(self.ability - SIDE * self.deviation)

    @property
    def high(self) -> float:
        """The same chance at the upper bound: nine in ten to be worse."""
        return _knows_medium(self.ability + SIDE * self.deviation)

    @property
    def level(self) -> Level:
        """Strong: even the lower bound knows a medium question more often than not. Weak: not even the upper bound does.

        In between growing, unless the answers are fewer than three or say too little to tell.
        """
        if self.answers < ENOUGH_ANSWERS:
            return Level.UNKNOWN
        if self.low >= 0.5:
            return Level.STRONG
        if self.high < 0.5:
            return Level.WEAK
        return Level.UNKNOWN if self.deviation > UNSURE_ABOVE else Level.GROWING


def logistic(value: float) -> float:
    """σ(x) = 1 / (1 + e⁻ˣ)."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def authored_difficulty(word: str) -> float:
    """The logits of an author's easy, medium or hard: ln(p / (1 − p)) for the chance p not to know it; KeyError for another."""
    missed = AUTHORED[word]
    return math.log(missed / (1 - missed))


def guessing_floor(kind: str, options: int) -> float:
    """The chance to be right by chance: 1/k of k options, 1/(2ᵏ − 1) of the sets of them, 0 for a number that is written."""
    asks = kind_named(kind).asks
    if asks == Asks.NUMBER or options < 2:
        return 0.0
    return 1 / (2**options - 1) if asks == Asks.SEVERAL else 1 / options


def success(*, ability: float, difficulty: float, guessing: float) -> float:
    """The chance (0..1) of a right answer: g + (1 − g)·σ(θ − d). Pelánek 2016, section 2.2."""
    return guessing + (1 - guessing) * logistic(ability - difficulty)


def estimate(observations: Iterable[Observation]) -> Estimate:
    """The ability that the answers speak for: mean and deviation of the posterior; its prior is normal around 0.

    An answer weighs s·ln P + (1 − s)·ln(1 − P), so that a partly right one (0 < s < 1) counts for as much as it got.
    """
    observed = list(observations)
    weights = list(_PRIOR)
    for one in observed:
        said = _said(one)
        weights = [weight + more for weight, more in zip(weights, said, strict=True)]
    mean, deviation = _moments(weights, _GRID)
    answers = sum(one.is_answered for one in observed)
    return Estimate(mean, deviation, answers, left_open=len(observed) - answers)


def observed_difficulty(*, authored: float, guessing: float, reached: float, answers: int) -> float:
    """A question's difficulty in logits after other people's first answers: it begins as authored and moves with what they say.

    `reached` is the sum of their scores. People's abilities are not known but their spread is, so the chance that anybody is
    right is the model's, averaged over it (marginal likelihood: Bock and Aitkin 1981); the difficulty is the posterior's mean.
    """
    if not answers:
        return authored
    weights = [
        -0.5 * ((difficulty - authored) / DIFFICULTY_SPREAD) ** 2
        + _log_likelihood(right, reached=reached, missed=answers - reached)
        for difficulty, right in zip(_FINE, _anybody_right(guessing), strict=True)
    ]
    return _moments(weights, _FINE)[0]


@lru_cache(maxsize=2048)  # most questions are as hard as authored, and most people answer the same ones
def _said(answer: Observation) -> tuple[float, ...]:
    """For each ability of the grid, the log likelihood of this answer."""
    return tuple(
        _log_likelihood(
            success(ability=ability, difficulty=answer.difficulty, guessing=answer.guessing),
            reached=answer.score,
            missed=1 - answer.score,
        )
        for ability in _GRID
    )


@lru_cache(maxsize=64)
def _anybody_right(guessing: float) -> tuple[float, ...]:
    """For each difficulty of the fine grid, the chance that somebody of unknown ability is right."""
    shares = [math.exp(weight) for weight in _PRIOR]
    whole = sum(shares)
    return tuple(
        sum(
            share * success(ability=ability, difficulty=difficulty, guessing=guessing)
            for share, ability in zip(shares, _GRID, strict=True)
        )
        / whole
        for difficulty in _FINE
    )


def _log_likelihood(right: float, *, reached: float, missed: float) -> float:
    # At the grid's ends the chance may round to 1: a missed answer then weighs much instead of infinitely much.
    sure = 1 - 1e-12
    return reached * math.log(max(right, 1e-12)) + missed * math.log(1 - min(right, sure))


def _moments(log_weights: Sequence[float], grid: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation over a grid, by log weights of any size."""
    top = max(log_weights)
    weights = [math.exp(weight - top) for weight in log_weights]
    whole = sum(weights)
    mean = sum(weight * at for weight, at in zip(weights, grid, strict=True)) / whole
    variance = sum(weight * (at - mean) ** 2 for weight, at in zip(weights, grid, strict=True)) / whole
    return mean, math.sqrt(variance)


def _knows_medium(ability: float) -> float:
    return logistic(ability - authored_difficulty("medium"))
