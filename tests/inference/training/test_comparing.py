"""Two runs side by side: what is said of their settings, of their accuracies, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from inference.contracts import Event, Finished, MadeBy, Material, RunRequest
from inference.models import PhotoSet
from inference.training import sets
from inference.training.comparing import Comparison, compare
from inference.training.presenting import TrainingView, present_training
from tests.inference.conftest import NETWORK, NOW
from tests.inference.training.conftest import (
    asked_for,
    baseline,
    confusion,
    data,
    epoch_of,
    photo,
    run,
    trained,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]
CLASSES = ["brick", "grass", "gravel"]


class RunOf:
    """An imitation whose confusion matrix has these figures."""

    def __init__(self, **figures: Any) -> None:
        self.figures = figures

    def perform(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> None:
        for event in (data(CLASSES), baseline("mean_colour", 0.6), epoch_of(1, 1), confusion(CLASSES, **self.figures)):
            emit(event)
        emit(Finished(MadeBy("1", NETWORK, "DEFAULT", "ab" * 32, "2.13.0", "0.28.0", "cpu", "float32", 1), 500.0))


def view_of(learner: User, accuracy: float, ends: tuple[float, float], **wish: Any) -> TrainingView:
    trace = run(asked_for(learner, **wish), RunOf(accuracy=accuracy, interval=list(ends)))
    return present_training(trace, person=learner)


def sentences(comparison: Comparison) -> str:
    return " ".join(comparison.sentences)


def test_accuracies_outside_each_others_intervals_are_told_apart(learner: User) -> None:
    first = view_of(learner, 0.95, (0.9, 0.99))
    second = view_of(learner, 0.7, (0.6, 0.8), strategy="scratch")
    told = sentences(compare(first, second))
    assert "A is right more often: 95.0% for A, 70.0% for B, each outside the other’s interval." in told
    assert "B is right more often" in sentences(compare(second, first))


def test_accuracies_within_each_others_intervals_are_not(learner: User) -> None:
    first = view_of(learner, 0.92, (0.85, 0.97))
    second = view_of(learner, 0.9, (0.82, 0.95), seed=2)
    assert "92.0% for A, 90.0% for B: with so many examples that can be chance" in sentences(compare(first, second))


def test_one_difference_is_named_and_several_are_warned_about(learner: User) -> None:
    first = view_of(learner, 0.9, (0.8, 0.95))
    one = compare(first, view_of(learner, 0.9, (0.8, 0.95), seed=2))
    assert "One thing differs. Seed: 1 in A, 2 in B." in sentences(one)
    assert [row.title for row in one.settings if row.differs] == ["Seed"]
    several = compare(first, view_of(learner, 0.9, (0.8, 0.95), strategy="finetune", seed=3))
    assert "things differ, so no single one explains what came out." in sentences(several)
    assert "The settings are the same" in sentences(compare(first, first))


def test_runs_on_different_examples_are_not_held_against_each_other(learner: User, filled_set: PhotoSet) -> None:
    textures = view_of(learner, 0.9, (0.8, 0.95))
    tissue = view_of(learner, 0.9, (0.8, 0.95), data="tissue")
    comparison = compare(textures, tissue)
    assert "judged by different examples" in sentences(comparison)
    assert all(len(chart.series) == 2 for chart in comparison.charts), "no baseline is common to them"
    own = view_of(learner, 0.9, (0.8, 0.95), photo_set=filled_set)
    sets.add_photos(photo_set=filled_set, class_index=0, files=[photo(40)], now=NOW)
    assert "judged by different examples" in sentences(compare(own, view_of(learner, 0.9, (0.8, 0.95), photo_set=filled_set)))


def test_an_unfinished_run_is_waited_for(learner: User) -> None:
    done = present_training(trained(learner), person=learner)
    waiting = present_training(asked_for(learner, seed=5), person=learner)
    comparison = compare(done, waiting)
    assert "when both runs are done" in sentences(comparison)
    assert comparison.charts == ()


def test_the_longer_run_sets_the_axis(learner: User) -> None:
    short = present_training(trained(learner, epochs=2), person=learner)
    long = present_training(trained(learner, epochs=5), person=learner)
    accuracy, _loss = compare(short, long).charts
    assert len(accuracy.labels) == 5
    assert accuracy.series[0].values[2:] == [None, None, None]
