"""Two heads judged by the same examples: where only one of them is right, and how often chance alone does that.

Pure arithmetic: knows no Django and no run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb

SOURCE = "https://doi.org/10.1007/BF02295996"


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many of the same examples both heads are right on, one alone, and neither."""

    both: int
    first_alone: int
    second_alone: int
    neither: int

    @property
    def examples(self) -> int:
        return self.both + self.first_alone + self.second_alone + self.neither

    @property
    def agreeing(self) -> int:
        """On how many both are right or both are wrong: they say nothing about which head is better."""
        return self.both + self.neither

    @property
    def chance(self) -> float:
        """How often two equally good heads differ at least this much: `mcnemar` of those that one alone is right on."""
        return mcnemar(self.first_alone, self.second_alone)


def paired(first_wrong: Iterable[int], second_wrong: Iterable[int], *, examples: int) -> Pairs:
    """The pairs of two heads, from the places of the examples that each got wrong, of `examples` that judged both."""
    first, second = set(first_wrong), set(second_wrong)
    return Pairs(
        both=examples - len(first | second),
        first_alone=len(second - first),
        second_alone=len(first - second),
        neither=len(first & second),
    )


def mcnemar(first_alone: int, second_alone: int) -> float:
    """The two-sided p-value of McNemar's test in its exact form, 0 to 1; 1 where no example tells the two apart.

    If neither head is better, each example that only one of them gets right is as likely the one's as the other's: a fair
    coin. So it is twice the lower tail of the binomial distribution of all tosses with 1/2, and at most 1. Q. McNemar, "Note
    on the sampling error of the difference between correlated proportions or percentages" (1947),
    https://doi.org/10.1007/BF02295996; the exact form as in Fagerland, Lydersen and Laake (2013),
    https://doi.org/10.1186/1471-2288-13-91, who find it cautious: true differences are missed rather than false ones found.
    """
    tosses, fewer = first_alone + second_alone, min(first_alone, second_alone)
    tail = sum(comb(tosses, heads) for heads in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**tosses))
