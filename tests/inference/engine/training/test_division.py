"""What is held out is never trained on, and nothing is left to chance but what the seed draws."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.training.division import cross_validation, held_out_once, of_pool
from inference.training_contracts import Split

COUNTS = st.lists(st.integers(2, 20), min_size=2, max_size=5)
SEEDS = st.integers(0, 2**31 - 1)


def labels_of(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


@given(COUNTS, SEEDS)
def test_cross_validation_holds_every_photo_out_once(counts: list[int], seed: int) -> None:
    labels = labels_of(counts)
    divided = cross_validation(labels, seed=seed)
    assert sorted(divided.held_out.tolist()) == list(range(len(labels)))
    assert len(divided.folds) == min(5, *counts)
    for fold in divided.folds:
        assert not set(fold.training) & set(fold.held_out)
        assert set(labels[fold.training]) == set(range(len(counts))), "every class is taught"
    sizes = [len(fold.held_out) for fold in divided.folds]
    assert max(sizes) - min(sizes) <= 1


@given(COUNTS, SEEDS)
def test_holding_out_once_leaves_every_class_something_to_learn_and_to_be_asked(counts: list[int], seed: int) -> None:
    labels = labels_of(counts)
    (fold,) = held_out_once(labels, seed=seed).folds
    assert sorted([*fold.training, *fold.held_out]) == list(range(len(labels)))
    assert set(labels[fold.training]) == set(labels[fold.held_out]) == set(range(len(counts)))


@given(st.integers(1, 10), SEEDS)
def test_labels_are_drawn_from_the_pool_alone(labels_per_class: int, seed: int) -> None:
    labels = np.concatenate([labels_of([10, 12]), labels_of([3, 4])])
    divided = of_pool(labels, pool=22, labels_per_class=labels_per_class, seed=seed, how=Split.HALVES)
    assert np.bincount(labels[divided.training]).tolist() == [labels_per_class] * 2
    assert divided.training.max() < 22
    assert divided.held_out.tolist() == list(range(22, 29))
    again = of_pool(labels, pool=22, labels_per_class=labels_per_class, seed=seed, how=Split.HALVES)
    assert again.training.tolist() == divided.training.tolist()


def test_another_seed_draws_others() -> None:
    labels = labels_of([30, 30])
    one, other = (of_pool(labels, pool=60, labels_per_class=5, seed=seed, how=Split.HALVES) for seed in (1, 2))
    assert one.training.tolist() != other.training.tolist()
