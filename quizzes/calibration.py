"""How well somebody knows what they know: of the answers they were so sure of, how many were right. Pure: no Django here.

A level of confidence is a word, so what each is taken to mean is said here, as a range of shares, and on every page that shows
it. Whether somebody is surer than they are right is judged only where chance can be ruled out: where the whole interval of
their share lies outside of that range.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

MEANS = {"guess": (0.0, 0.5), "likely": (0.5, 0.9), "certain": (0.9, 1.0)}
"""What each level is taken to mean, least sure first: the lowest and the highest share of right answers that keeps its word."""

ENOUGH = 10
"""So many answers with a confidence it takes until anything is shown."""

ENOUGH_AT_A_LEVEL = 5
"""So many answers it takes until something is said of one level."""

NORMAL_95 = 1.959964  # deviations: 95 in 100 of a normal distribution lie within


class Verdict(StrEnum):
    """How one's share of right answers compares with what the level means."""

    TOO_FEW = "too_few"
    OVER = "over"  # surer than right
    FITS = "fits"  # nothing else can be said, at least
    UNDER = "under"  # righter than sure


@dataclass(frozen=True, slots=True)
class Sureness:
    """The answers given at one level of confidence."""

    level: str
    answers: int
    right: int

    @property
    def share(self) -> float:
        """0..1; 0 without answers."""
        return self.right / self.answers if self.answers else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies, with 95 in 100."""
        return wilson(self.right, self.answers)

    @property
    def means(self) -> tuple[float, float]:
        return MEANS[self.level]

    @property
    def verdict(self) -> Verdict:
        if self.answers < ENOUGH_AT_A_LEVEL:
            return Verdict.TOO_FEW
        (low, high), (least, most) = self.interval, self.means
        if high < least:
            return Verdict.OVER
        return Verdict.UNDER if low > most else Verdict.FITS


@dataclass(frozen=True, slots=True)
class Calibration:
    """All levels, least sure first, whether or not one was ever used."""

    levels: tuple[Sureness, ...]

    @property
    def answers(self) -> int:
        return sum(level.answers for level in self.levels)

    @property
    def is_enough(self) -> bool:
        return self.answers >= ENOUGH

    def said(self, verdict: Verdict) -> Sequence[Sureness]:
        """The levels of which this can be said."""
        return [level for level in self.levels if level.verdict is verdict]


def calibration_of(answers: Iterable[tuple[str, bool]]) -> Calibration:
    """The calibration of (level, whether the answer was right); answers at no level of MEANS, such as "", don't count."""
    told = [answer for answer in answers if answer[0] in MEANS]
    return Calibration(
        tuple(
            Sureness(level, sum(one == level for one, _right in told), sum(one == level and right for one, right in told))
            for level in MEANS
        )
    )


def wilson(right: int, answers: int) -> tuple[float, float]:
    """The score interval (0..1, 95 %) of a share: all that is compatible with so many right of so many answers.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22, 209-212. It stays within 0..1 and holds for few answers, where the usual ± does not. Everything is possible
    without answers. Raises ValueError for more right than answers, and for less than none.
    """
    if not 0 <= right <= answers:
        raise ValueError(f"{right} of {answers} can't be right")
    if not answers:
        return 0.0, 1.0
    z2 = NORMAL_95**2
    middle = (right + z2 / 2) / (answers + z2)
    side = NORMAL_95 * math.sqrt(right * (answers - right) / answers + z2 / 4) / (answers + z2)
    low = 0.0 if right == 0 else max(0.0, middle - side)
    high = 1.0 if right == answers else min(1.0, middle + side)
    return low, high
