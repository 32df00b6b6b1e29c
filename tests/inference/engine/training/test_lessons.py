"""What each data set is there to show, measured with the embedded network's real weights."""

from __future__ import annotations

from itertools import pairwise

import pytest

from inference import engine
from inference.training_contracts import Baseline, Observation, Verdict
from tests.inference.engine.training.conftest import Run, trained

pytestmark = [pytest.mark.torch, pytest.mark.weights]


def accuracy_of(run: Run, baseline: Baseline) -> float:
    return float(run.figures(f"baseline:{baseline}")["accuracy"])


def test_textures_transfer_wins(networks: engine.NetworkCache) -> None:
    run = trained(networks, data="textures", epochs=10)
    assert run.figures("data")["train"] == 15
    assert run.accuracy >= 0.97
    assert accuracy_of(run, Baseline.MEAN_AND_DEVIATION) < 0.85
    assert run.figures("confusion")["against_baseline"] == Verdict.BEATS


def test_faces_transfer_wins_with_a_hundred_labels(networks: engine.NetworkCache) -> None:
    run = trained(networks, data="faces", epochs=10)
    assert run.figures("data")["train"] == 100
    assert run.accuracy >= 0.95
    assert run.accuracy > accuracy_of(run, Baseline.PIXELS)


def test_digits_raw_pixels_beat_a_photographers_features(networks: engine.NetworkCache) -> None:
    run = trained(networks, data="digits", epochs=15)
    assert run.figures("data")["train"] == 300
    assert 0.8 < run.accuracy < accuracy_of(run, Baseline.PIXELS)
    assert accuracy_of(run, Baseline.SMALL_NETWORK) > run.accuracy
    assert run.figures("confusion")["against_baseline"] == Verdict.LOSES
    assert accuracy_of(run, Baseline.MEAN_COLOUR) < 0.2, "the shade of a digit says nothing"


def test_tissue_three_numbers_beat_the_network(tissue: Run) -> None:
    assert tissue.figures("data")["train"] == 60
    assert 0.8 < tissue.accuracy < accuracy_of(tissue, Baseline.MEAN_COLOUR)
    assert tissue.figures("baseline:mean_colour")["inputs"] == 3


def test_tissue_the_loss_rises_while_the_accuracy_does_not_fall(tissue: Run) -> None:
    losses = [epoch["validation_loss"] for epoch in tissue.epochs]
    best = losses.index(min(losses))
    assert best < 5
    assert losses[-1] > 1.3 * losses[best]
    assert all(later > 0.99 * earlier for earlier, later in pairwise(losses[best:])), "it rises to the end"
    assert tissue.epochs[-1]["validation_accuracy"] >= tissue.epochs[best]["validation_accuracy"]
    observation = tissue.figures("confusion")["observation"]
    assert (observation["code"], observation["best_epoch"]) == (Observation.OVERCONFIDENT, best + 1)


def test_without_a_floor_under_the_deviation_the_loss_explodes(networks: engine.NetworkCache, tissue: Run) -> None:
    """Some features do not vary over the training examples at all: on others they are a million times too large."""
    unfloored = trained(networks, data="tissue", epochs=3, standardisation="unfloored")
    features = unfloored.figures("features")
    assert features["barely_varying"] > 50
    assert features["smallest_deviation"] < 1e-3
    assert unfloored.epochs[0]["validation_loss"] > 20
    assert tissue.epochs[0]["validation_loss"] < 1
    assert unfloored.epochs[-1]["observation"]["code"] == Observation.WORSE_THAN_KNOWING_NOTHING


def test_an_epoch_of_a_head_takes_milliseconds_because_its_features_are_kept(
    networks: engine.NetworkCache, tissue: Run
) -> None:
    again = trained(networks, data="tissue", epochs=5, seed=2)
    assert again.figures("features")["cached"]
    assert sorted(epoch["seconds"] for epoch in tissue.epochs)[len(tissue.epochs) // 2] < 0.1


def test_fewer_labels_are_worse(networks: engine.NetworkCache, tissue: Run) -> None:
    scarce = trained(networks, data="tissue", labels_per_class=2)
    assert scarce.figures("data")["train"] == 4
    assert scarce.accuracy < tissue.accuracy
