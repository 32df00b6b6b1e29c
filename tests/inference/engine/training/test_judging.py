"""Figures about predictions, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from inference.engine.training import judging
from inference.training_contracts import Verdict


@given(st.integers(1, 2000).flatmap(lambda examples: st.tuples(st.integers(0, examples), st.just(examples))))
def test_the_interval_is_wilsons(figures: tuple[int, int]) -> None:
    correct, examples = figures
    expected = binomtest(correct, examples).proportion_ci(confidence_level=judging.CONFIDENCE, method="wilson")
    assert judging.interval(correct, examples) == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_ninety_per_cent_of_sixty_are_eighty_to_ninety_five() -> None:
    low, high = judging.interval(54, 60)
    assert (round(low, 2), round(high, 2)) == (0.80, 0.95)


def test_nothing_is_known_from_nothing() -> None:
    assert judging.interval(0, 0) == [0.0, 1.0]


def test_confusion_recall_and_precision_are_those_of_scikit_learn() -> None:
    drawn = np.random.default_rng(3)
    truth, predicted = drawn.integers(0, 4, 200), drawn.integers(0, 4, 200)
    found = judging.confusion(predicted, truth, classes=4)
    assert found["matrix"] == confusion_matrix(truth, predicted).tolist()
    assert [one["recall"] for one in found["per_class"]] == pytest.approx(recall_score(truth, predicted, average=None))
    assert [one["precision"] for one in found["per_class"]] == pytest.approx(precision_score(truth, predicted, average=None))
    assert found["correct"] == int((truth == predicted).sum())


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    found = judging.confusion(np.array([0, 0]), np.array([0, 1]), classes=3)
    assert [one["precision"] for one in found["per_class"]] == [0.5, None, None]
    assert found["per_class"][2]["recall"] is None


def test_a_difference_within_the_baselines_interval_is_a_tie() -> None:
    baseline = {"interval": [0.87, 0.97]}
    assert [judging.against(accuracy, baseline) for accuracy in (0.98, 0.97, 0.9, 0.86)] == [
        Verdict.BEATS,
        Verdict.TIES,
        Verdict.TIES,
        Verdict.LOSES,
    ]
