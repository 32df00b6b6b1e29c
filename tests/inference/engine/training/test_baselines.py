"""The trivial competitors, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from inference.contracts import Result
from inference.engine.training import data
from inference.engine.training.baselines import baselines, best, logistic_regression
from inference.engine.training.division import cross_validation, of_pool
from inference.training_contracts import DataName, Split

pytestmark = pytest.mark.torch


def nothing() -> None:
    """Nobody cancels."""


def test_logistic_regression_predicts_what_scikit_learns_does() -> None:
    inputs, labels = load_iris(return_X_y=True)
    known, asked = inputs[::2], inputs[1::2]
    scaler = StandardScaler().fit(known)
    expected = LogisticRegression(max_iter=1000).fit(scaler.transform(known), labels[::2])
    assert logistic_regression(known, labels[::2], asked).tolist() == expected.predict(scaler.transform(asked)).tolist()


def test_without_inputs_the_most_frequent_class_is_said() -> None:
    assert logistic_regression(np.zeros((5, 0)), np.array([0, 1, 1, 2, 1]), np.zeros((3, 0))).tolist() == [1, 1, 1]


def figures(dataset: data.DataSet, labels_per_class: int) -> dict[str, dict[str, object]]:
    divided = of_pool(dataset.examples.labels, pool=dataset.pool, labels_per_class=labels_per_class, seed=1, how=Split.HALVES)
    results = baselines(dataset, divided, seed=1, stop_if_cancelled=nothing)
    return {str(result.figures["name"]): dict(result.figures) for result in results}


def test_grey_pictures_have_one_mean_and_coloured_ones_three() -> None:
    assert figures(data.shipped(DataName.TEXTURES), 2)["mean_colour"]["inputs"] == 1
    coloured = figures(data.shipped(DataName.TISSUE), 5)
    assert coloured["mean_colour"]["inputs"] == 3
    assert coloured["mean_and_deviation"]["inputs"] == 6
    assert coloured["pixels"]["inputs"] == 3 * 32 * 32


def test_photos_of_many_sizes_are_compared_as_small_squares() -> None:
    photos = [Image.new("RGB", (20 + number, 90), (200, 30 * (number % 2), 30)) for number in range(8)]
    own = data.own(photos, [number % 2 for number in range(8)], ("red", "brown"))
    results = baselines(own, cross_validation(own.examples.labels, seed=1), seed=1, stop_if_cancelled=nothing)
    pixels = next(result for result in results if result.name == "baseline:pixels")
    assert pixels.figures["inputs"] == 3 * 32 * 32
    assert pixels.figures["accuracy"] == 1.0


def test_of_equals_the_simpler_one_is_the_best() -> None:
    told = [
        Result(f"baseline:{name}", {"name": name, "accuracy": accuracy})
        for name, accuracy in (("a", 0.5), ("b", 0.9), ("c", 0.9))
    ]
    assert best(told)["name"] == "b"
