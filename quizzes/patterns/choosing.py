"""Which questions of a pool one test of the pattern asks. Pure: the same pool and the same chance give the same test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

ASKED = 10
"""How many questions a test of the pattern asks; a smaller pool is asked whole."""

FEWEST = 5
"""A pool of fewer says too little to be offered."""

EASY_FIRST = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One question of the pool."""

    place: int  # in the pool
    objective: str
    difficulty: str  # one of EASY_FIRST
    family: str = ""  # the template whose variant it would be; empty: asked as it stands
    seen: int = 0  # 0: never answered; else the higher, the later


def choose(pool: Sequence[Candidate], chance: Random, *, asked: int = ASKED) -> list[Candidate]:
    """The questions to ask, from easy to hard: `asked` of them, or all where the pool has fewer.

    One after the other is taken that repeats no template (as long as others are left), then asks about the objective that was
    asked about least, then is of the difficulty that was asked least, then was answered longest ago or never. Chance decides
    what these leave open.
    """
    left = list(pool)
    chance.shuffle(left)
    scarce = Counter(one.difficulty for one in left)  # where two are asked alike often, the rarer one of the pool goes first
    families, objectives, difficulties = Counter[str](), Counter[str](), Counter[str]()
    chosen: list[Candidate] = []
    while left and len(chosen) < asked:
        best = min(
            left,
            key=lambda one: (
                families[one.family] if one.family else 0,
                objectives[one.objective],
                difficulties[one.difficulty],
                scarce[one.difficulty],
                one.seen,
            ),
        )
        left.remove(best)
        chosen.append(best)
        families[best.family] += 1
        objectives[best.objective] += 1
        difficulties[best.difficulty] += 1
    chance.shuffle(chosen)
    return sorted(chosen, key=lambda one: EASY_FIRST.index(one.difficulty))
