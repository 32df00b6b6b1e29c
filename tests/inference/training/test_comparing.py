"""Two runs side by side: what is said of their settings, of their accuracies, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from inference.contracts import Event, Finished, MadeBy, Material, Result, RunRequest
from inference.models import PhotoSet
from inference.training import pairing, sets
from inference.training.comparing import Comparison, compare
from inference.training.pairing import Pairs
from inference.training.presenting import TrainingView, present_training
from tests.inference.conftest import NETWORK, NOW
from tests.inference.training.conftest import (
    SOURCE,
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
    """An imitation whose confusion matrix has these figures, and lacks those that are None."""

    def __init__(self, about: Result | None = None, **figures: Any) -> None:
        self.about = about or data(CLASSES)
        self.figures = figures

    def perform(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> None:
        found = confusion(self.about.figures["classes"], **self.figures)
        kept = {name: value for name, value in found.figures.items() if value is not None}
        for event in (self.about, baseline("mean_colour", 0.6), epoch_of(1, 1), replace(found, figures=kept)):
            emit(event)
        emit(Finished(MadeBy("1", NETWORK, "DEFAULT", "ab" * 32, "2.13.0", "0.28.0", "cpu", "float32", 1), 500.0))


def view_of(learner: User, accuracy: float, ends: tuple[float, float], **wish: Any) -> TrainingView:
    """A run from before it was kept which examples came out wrong."""
    trace = run(asked_for(learner, **wish), RunOf(accuracy=accuracy, interval=list(ends), wrong=None))
    return present_training(trace, person=learner)


def judged(learner: User, wrong: Iterable[int], **wish: Any) -> TrainingView:
    """A run that got these of 96 examples wrong."""
    places = sorted(wrong)
    accuracy = 1 - len(places) / 96
    trace = run(asked_for(learner, **wish), RunOf(wrong=places, validation=96, correct=96 - len(places), accuracy=accuracy))
    return present_training(trace, person=learner)


def sentences(comparison: Comparison) -> str:
    return " ".join(comparison.sentences)


# --- example by example ---------------------------------------------------------------------------------------------------


def test_two_runs_are_compared_on_the_examples_that_only_one_of_them_gets_right(learner: User) -> None:
    comparison = compare(judged(learner, {1, 2, 50, 51}), judged(learner, {1, *range(60, 67), 51}, seed=2))
    assert comparison.pairs == Pairs(both=85, first_alone=7, second_alone=2, neither=2)
    told = sentences(comparison)
    assert (
        "Of the 96 validation examples A alone is right on 7, B alone on 2; on the other 87 both are right or both wrong. With"
        " two equally good heads a difference this large comes up by chance in 18 of 100 comparisons: this may be chance."
        in told
    )
    assert "interval" not in told


def test_what_chance_does_not_explain_names_the_better_head_and_what_that_is_about(learner: User) -> None:
    better, worse = judged(learner, {1}), judged(learner, range(1, 13), seed=2)
    told = sentences(compare(better, worse))
    assert "in 10 of 10,000 comparisons: on such examples A is better. That holds for these two heads." in told
    assert "on such examples B is better" in sentences(compare(worse, better))


def test_six_to_none_is_more_than_chance_and_five_to_none_is_not(learner: User) -> None:
    """2/2⁶ is 0.031, 2/2⁵ is 0.063."""
    perfect = judged(learner, ())
    assert "31 of 1,000 comparisons: on such" in sentences(compare(perfect, judged(learner, range(6), seed=2)))
    assert "62 of 1,000 comparisons: this may be chance" in sentences(compare(perfect, judged(learner, range(5), seed=3)))


def test_equal_accuracies_on_other_examples_are_told(learner: User) -> None:
    told = sentences(compare(judged(learner, {1, 2}), judged(learner, {3, 4}, seed=2)))
    assert "A alone is right on 2, B alone on 2; on the other 92" in told
    assert "nothing tells them apart" in told


def test_heads_that_agree_everywhere_are_said_to(learner: User) -> None:
    told = sentences(compare(judged(learner, {1, 2}), judged(learner, {1, 2}, seed=2)))
    assert "They are right and wrong on the same of the 96 validation examples." in told


def test_the_page_shows_the_pairs_and_whose_test_it_is(learner: User, client: Client) -> None:
    first, second = judged(learner, {1, 2}), judged(learner, {1, 4, 5}, seed=2)
    client.force_login(learner)
    address = reverse("inference:training_compare")
    page = client.get(address, {"runs": [first.id, second.id]}).content.decode()
    assert "Both heads on the same validation examples" in page
    assert pairing.SOURCE in page
    older = view_of(learner, 0.9, (0.8, 0.95), seed=3)
    assert pairing.SOURCE not in client.get(address, {"runs": [first.id, older.id]}).content.decode()


# --- where that can't be done ---------------------------------------------------------------------------------------------


def test_a_run_that_does_not_tell_which_were_wrong_is_compared_by_intervals_and_that_is_said(learner: User) -> None:
    older, newer = view_of(learner, 0.92, (0.85, 0.97)), judged(learner, range(10), seed=2)
    comparison = compare(older, newer)
    assert comparison.pairs is None
    assert "For one of them it was not kept which examples came out wrong" in sentences(comparison)


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


def own(learner: User, photo_set: PhotoSet, *, split: str, **wish: Any) -> TrainingView:
    """A run on own photos, with a split as the engine makes it."""
    told = data(["mug", "glass"], is_own=True, name="own")
    told.figures["split"] = split
    trace = run(asked_for(learner, photo_set=photo_set, **wish), RunOf(told, wrong=[0]))
    return present_training(trace, person=learner)


def test_own_photos_that_were_held_out_are_paired_for_the_same_seed_only(learner: User, filled_set: PhotoSet) -> None:
    one = own(learner, filled_set, split="held_out", strategy="finetune")
    assert compare(one, own(learner, filled_set, split="held_out", strategy="scratch")).pairs is not None
    other_seed = compare(one, own(learner, filled_set, split="held_out", strategy="finetune", seed=2))
    assert other_seed.pairs is None
    assert "each seed holds out other photos" in sentences(other_seed)


def test_own_photos_that_are_judged_in_turn_are_paired_whatever_the_seed(learner: User, filled_set: PhotoSet) -> None:
    one = own(learner, filled_set, split="cross_validation")
    assert compare(one, own(learner, filled_set, split="cross_validation", seed=2)).pairs is not None


def test_a_head_judged_in_turn_is_not_held_against_a_network_judged_by_a_part(learner: User, filled_set: PhotoSet) -> None:
    one = own(learner, filled_set, split="cross_validation")
    comparison = compare(one, own(learner, filled_set, split="held_out", strategy="finetune"))
    assert comparison.pairs is None
    assert "one by photos that were held out, the other by all photos in turn. Their accuracies say" in sentences(comparison)


def test_pictures_of_another_version_of_their_package_are_not_paired(learner: User) -> None:
    told = data(CLASSES)
    told.figures["sources"] = [SOURCE | {"version": "0.27.0"}]
    later = present_training(run(asked_for(learner, seed=2), RunOf(told)), person=learner)
    comparison = compare(judged(learner, {1}), later)
    assert comparison.pairs is None
    assert "different versions of a package" in sentences(comparison)


# --- the rest of the comparison -------------------------------------------------------------------------------------------


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
    before = own(learner, filled_set, split="cross_validation")
    sets.add_photos(photo_set=filled_set, class_index=0, files=[photo(40)], now=NOW)
    told = sentences(compare(before, own(learner, filled_set, split="cross_validation")))
    assert "The settings are the same, the photos are not." in told
    assert "judged by different examples: the photos differ" in told


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
