"""What the answers to a question say about the question: pure functions over values. No Django here, no database, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median

from quizzes.calibration import MEANS, Sureness, calibration_of

CERTAIN = list(MEANS)[-1]

FEWEST = 20
"""Below so many attempts nothing is said: chance alone would speak."""

_MEDIUM_FROM, _HARD_FROM = 0.45, 0.75  # halfway between what authors mean by easy, medium and hard: .3, .6 and .9


@dataclass(frozen=True, slots=True)
class Taken:
    """One attempt's counting answer to one question."""

    score: float  # 0..1
    rest: float | None  # 0..1, what was reached of the attempt's other questions; none when there were none
    picks: tuple[str, ...] = ()  # option keys; none when the learner wrote, or did not answer
    seconds: float | None = None  # how long it took; none when nothing was answered
    confidence: str = ""  # how sure they said they were: a level of quizzes.calibration; empty: not said


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of one question version under one key."""

    attempts: int
    facility: float  # 0..1
    discrimination: float | None  # -1..1
    seconds: float | None
    difficulty: float  # 0..1
    picks: dict[str, int]  # option key → how many attempts picked it; an attempt may pick several
    certain: dict[str, int]  # the same, of those who said they were certain
    confidence: tuple[Sureness, ...]  # by how sure people said they were; those who said nothing are in none of them

    @property
    def level(self) -> str:
        """The difficulty as authors name it."""
        return level_of(self.difficulty)


def statistics_of(taken: Sequence[Taken], *, options: Sequence[str], guess: float) -> Statistics | None:
    """The statistics of a question with these options; none below FEWEST attempts."""
    if len(taken) < FEWEST:
        return None
    ease = facility([one.score for one in taken])
    return Statistics(
        attempts=len(taken),
        facility=ease,
        discrimination=discrimination(taken),
        seconds=median_seconds(taken),
        difficulty=observed_difficulty(ease, guess=guess),
        picks=picks_of(taken, options),
        certain=picks_of((one for one in taken if one.confidence == CERTAIN), options),
        confidence=calibration_of((one.confidence, one.score >= 1) for one in taken).levels,
    )


def facility(scores: Sequence[float]) -> float:
    """The mean score, 0..1; 1 when everybody was right. Crocker & Algina 1986, Introduction to Classical and Modern Test
    Theory, chapter 14 (item difficulty p). Raises ValueError without scores.
    """
    if not scores:
        raise ValueError("no scores")
    return min(1.0, max(0.0, fmean(scores)))


def discrimination(taken: Iterable[Taken]) -> float | None:
    """Corrected point-biserial: Pearson's r of the question's score with what the same attempt reached of all others.

    The question itself is left out of the total, or it would correlate with itself: Henrysson 1963, Correction of item-total
    correlations in item analysis, Psychometrika 28, 211-218. None where either side is the same in all attempts.
    """
    pairs = [(one.score, one.rest) for one in taken if one.rest is not None]
    return correlation([score for score, _rest in pairs], [rest for _score, rest in pairs])


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Pearson's r, -1..1; none where it is not defined: fewer than two pairs, or a side that does not vary."""
    if len(xs) < 2 or _is_constant(xs) or _is_constant(ys):
        return None
    mean_x, mean_y = fmean(xs), fmean(ys)
    from_x, from_y = [x - mean_x for x in xs], [y - mean_y for y in ys]
    spread = sqrt(sum(x * x for x in from_x)) * sqrt(sum(y * y for y in from_y))
    if spread == 0:  # differences too small for a float's square
        return None
    return min(1.0, max(-1.0, sum(x * y for x, y in zip(from_x, from_y, strict=True)) / spread))


def _is_constant(values: Sequence[float]) -> bool:
    return min(values) == max(values)


def median_seconds(taken: Iterable[Taken]) -> float | None:
    """The median time of those who answered: a break with the tab left open moves a mean, and not the median."""
    times = [one.seconds for one in taken if one.seconds is not None]
    return median(times) if times else None


def picks_of(taken: Iterable[Taken], options: Sequence[str]) -> dict[str, int]:
    """How many attempts picked each option, in the order of `options`; those that nobody picked stand at 0."""
    counts = Counter(option for one in taken for option in set(one.picks))
    return {option: counts[option] for option in options}


def observed_difficulty(ease: float, *, guess: float) -> float:
    """0..1, the share that did not know: 1 - (p - g) / (1 - g), of facility p and the chance g of a blind guess.

    Correction for guessing: Frary 1988, Formula scoring of multiple-choice tests, Educational Measurement 7(2), 33-38.
    Answers that are worse than guessing count as not known. Raises ValueError for a guess that is not within 0..1.
    """
    if not 0 <= guess < 1:
        raise ValueError(f"a guess is right with a probability from 0 to below 1, not {guess}")
    return 1 - max(0.0, (ease - guess) / (1 - guess))


def level_of(difficulty: float) -> str:
    """The name whose meaning to authors is nearest: easy .3, medium .6, hard .9."""
    if difficulty < _MEDIUM_FROM:
        return "easy"
    return "medium" if difficulty < _HARD_FROM else "hard"
