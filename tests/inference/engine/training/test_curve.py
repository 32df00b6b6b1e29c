"""What is said of a curve follows from its figures."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.training.curve import Epoch, observe
from inference.training_contracts import Observation


def observed(
    validation: list[float],
    *,
    train: list[float] | None = None,
    right: list[float] | None = None,
    train_right: float = 1.0,
    classes: int = 2,
) -> dict[str, object]:
    """The observation of a curve that is fine but for what is named."""
    train = train or [0.5 / number for number in range(1, len(validation) + 1)]
    right = right or [0.9] * len(validation)
    epochs = [
        Epoch(train_loss, validation_loss, train_right, accuracy)
        for train_loss, validation_loss, accuracy in zip(train, validation, right, strict=True)
    ]
    return observe(epochs, classes=classes, chance=1 / classes)


@pytest.mark.parametrize(
    ("validation", "code"),
    [
        ([0.6], "beginning"),
        ([0.6, 0.5], "improving"),
        ([0.6, 0.5, 0.4, 0.3], "improving"),
        ([0.6, 0.4, 0.4, 0.4, 0.4], "plateau"),
        ([0.6, 0.4, 0.399, 0.398, 0.397], "plateau"),
        ([0.0006, 0.0004, 0.0003, 0.0002, 0.0001], "plateau"),  # nothing that is left to gain counts
        ([0.6, 0.3, 0.31, 0.305], "improving"),
        ([0.6, 0.3, 0.35, 0.4], "overconfident"),
        ([0.6, 0.3, 0.3, 0.4], "improving"),  # one epoch alone may be noise
        ([0.6, 0.3, 0.6, 0.3, 0.6], "unsteady"),
        ([0.6, 20.0, 19.0], "overconfident"),  # it was better once
        ([20.0, 19.0], "worse_than_knowing_nothing"),
        ([20.0, 19.0, 22.0, 23.0], "worse_than_knowing_nothing"),
        ([1.2, 1.1], "improving"),  # a head begins a little above the loss of knowing nothing
        ([0.6, math.nan], "diverged"),
        ([0.6, math.inf], "diverged"),
    ],
)
def test_the_validation_loss_says(validation: list[float], code: str) -> None:
    assert observed(validation)["code"] == code


def test_rising_loss_is_overconfidence_while_accuracy_does_not_fall_and_overfitting_where_it_does() -> None:
    losses = [0.3, 0.24, 0.3, 0.34]
    rising = observed(losses, right=[0.88, 0.90, 0.91, 0.92])
    assert rising["code"] == Observation.OVERCONFIDENT
    assert (rising["since"], rising["best_validation_loss"], rising["validation_loss"]) == (2, 0.24, 0.34)
    assert observed(losses, right=[0.88, 0.90, 0.89, 0.85])["code"] == Observation.OVERFITTING


def test_training_loss_above_where_it_began_is_divergence() -> None:
    said = observed([0.7, 0.7, 5.0], train=[0.7, 0.9, 4.0])
    assert said == {"code": "diverging", "train_loss": 4.0, "first_train_loss": 0.7}


def test_training_accuracy_at_chance_is_not_learning() -> None:
    said = observed([0.7, 0.69, 0.7], train=[0.69, 0.69, 0.69], train_right=0.5)
    assert said == {"code": "not_learning", "train_accuracy": 0.5, "chance": 0.5}


def test_divergence_names_the_epoch() -> None:
    assert observed([0.6, 0.5, math.nan])["since"] == 3


LOSSES = st.floats(min_value=0) | st.just(math.nan)
SHARES = st.floats(min_value=0, max_value=1)


@given(st.lists(st.builds(Epoch, LOSSES, LOSSES, SHARES, SHARES), min_size=1, max_size=12), st.integers(2, 10))
def test_every_curve_has_an_observation_in_json(epochs: list[Epoch], classes: int) -> None:
    finite = [epoch for epoch in epochs[:-1] if epoch.is_finite]  # a run stops at the first that is not
    said = observe([*finite, epochs[-1]], classes=classes, chance=1 / classes)
    assert Observation(said["code"])
    json.dumps(said, allow_nan=False)
