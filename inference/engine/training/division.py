"""Which examples are trained on and which are held out, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.training_contracts import Split

FOLDS = 5
HELD_OUT = 0.3  # of a class

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """The places of examples that are trained on, and of those that are held out."""

    training: Places
    held_out: Places


@dataclass(frozen=True, slots=True)
class Division:
    """One fold; with cross-validation several, whose held-out examples together are all there are, each once."""

    how: Split
    folds: tuple[Fold, ...]

    @property
    def is_cross_validation(self) -> bool:
        return self.how is Split.CROSS_VALIDATION

    @property
    def training(self) -> Places:
        """What the head that is kept was trained on: with cross-validation everything."""
        return np.sort(self.held_out) if self.is_cross_validation else self.folds[0].training

    @property
    def held_out(self) -> Places:
        """All held-out examples, fold after fold."""
        return np.concatenate([fold.held_out for fold in self.folds])


def of_pool(labels: Places, *, pool: int, labels_per_class: int, seed: int, how: Split) -> Division:
    """So many of each class, drawn from the first `pool` examples; the others are held out."""
    drawn = np.random.default_rng(seed)
    places = [drawn.permutation(of_class)[:labels_per_class] for of_class in _by_class(labels[:pool])]
    return Division(how, (Fold(np.sort(np.concatenate(places)), np.arange(pool, len(labels))),))


def held_out_once(labels: Places, *, seed: int) -> Division:
    """About a third of each class held out, at least one of it; at least one is trained on."""
    drawn = np.random.default_rng(seed)
    held_out, training = [], []
    for of_class in _by_class(labels):
        places = drawn.permutation(of_class)
        number = min(max(1, round(HELD_OUT * len(places))), len(places) - 1)
        held_out.append(places[:number])
        training.append(places[number:])
    return Division(Split.HELD_OUT, (Fold(np.sort(np.concatenate(training)), np.sort(np.concatenate(held_out))),))


def cross_validation(labels: Places, *, seed: int) -> Division:
    """Five folds, or as many as the smallest class has examples: each example is held out in one of them.

    The classes are dealt out one after the other, so that no fold is larger than another by more than one.
    """
    drawn = np.random.default_rng(seed)
    by_class = _by_class(labels)
    number = min(FOLDS, *(len(places) for places in by_class))
    dealt: Sequence[int] = np.concatenate([drawn.permutation(places) for places in by_class]).tolist()
    everything = np.arange(len(labels))
    folds = []
    for fold in range(number):
        held_out = np.sort(np.array(dealt[fold::number], dtype=np.int64))
        folds.append(Fold(np.setdiff1d(everything, held_out), held_out))
    return Division(Split.CROSS_VALIDATION, tuple(folds))


def _by_class(labels: Places) -> list[Places]:
    return [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
