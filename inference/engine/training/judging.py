"""How good predictions are, and how sure one can be of it. Knows no torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.training_contracts import INTERVAL_METHOD, INTERVAL_SOURCE, Verdict

CONFIDENCE = 0.95
_DEVIATIONS = 1.959963984540054  # of a normal distribution, to both sides, that hold 95 % of it

Labels = NDArray[np.int64]


def interval(correct: int, examples: int) -> list[float]:
    """The Wilson score interval of a share: [low, high], 95 %. Of no examples it says nothing: [0, 1].

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927),
    https://doi.org/10.1080/01621459.1927.10502953. Unlike the textbook's interval it stays within 0 and 1, and 60 right
    out of 60 does not make it a single point.
    """
    if examples == 0:
        return [0.0, 1.0]
    share, square = correct / examples, _DEVIATIONS**2
    middle = (share + square / (2 * examples)) / (1 + square / examples)
    half = _DEVIATIONS * math.sqrt(share * (1 - share) / examples + square / (4 * examples**2)) / (1 + square / examples)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def score(predicted: Labels, truth: Labels) -> dict[str, Any]:
    """Accuracy, how many were right of how many, and the accuracy's interval."""
    correct = int((predicted == truth).sum())
    return {
        "accuracy": correct / len(truth),
        "correct": correct,
        "validation": len(truth),
        "interval": interval(correct, len(truth)),
    }


def confusion(predicted: Labels, truth: Labels, *, classes: int) -> dict[str, Any]:
    """Who was taken for whom: rows are the true classes, columns the predicted ones; with each class' recall and precision."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return {
        "matrix": matrix.tolist(),
        "per_class": [_of_class(matrix, index) for index in range(classes)],
        **score(predicted, truth),
        "confidence": CONFIDENCE,
        "interval_method": INTERVAL_METHOD,
        "interval_source": INTERVAL_SOURCE,
    }


def _of_class(matrix: NDArray[np.int64], index: int) -> dict[str, Any]:
    examples, correct, said = int(matrix[index].sum()), int(matrix[index, index]), int(matrix[:, index].sum())
    return {
        "class_index": index,
        "examples": examples,
        "correct": correct,
        "recall": correct / examples if examples else None,
        "interval": interval(correct, examples),
        "precision": correct / said if said else None,
    }


def against(accuracy: float, baseline: dict[str, Any]) -> Verdict:
    """An accuracy against a baseline's, on the same examples: a difference within the baseline's interval is a tie."""
    low, high = baseline["interval"]
    if accuracy > high:
        return Verdict.BEATS
    return Verdict.LOSES if accuracy < low else Verdict.TIES
