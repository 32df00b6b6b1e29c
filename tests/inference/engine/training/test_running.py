"""A run: what it tells, the same again from the same seed, stopped, refused, and never touching the warm network."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from PIL import Image

from inference import engine
from inference.contracts import DEFAULT_NETWORK, Cancelled, EngineError, Failure, Picture
from inference.engine.training import data, learner, strategies
from inference.training_contracts import DataName
from tests.inference.engine.training.conftest import Run, trained

pytestmark = [pytest.mark.torch, pytest.mark.weights]


def state_of(networks: engine.NetworkCache) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in networks.get(DEFAULT_NETWORK).model.state_dict().items()}


@pytest.fixture
def warm_network_untouched(networks: engine.NetworkCache) -> Iterator[None]:
    before = state_of(networks)
    yield
    after = networks.get(DEFAULT_NETWORK).model
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.state_dict().items())
    assert not any(parameter.requires_grad for parameter in after.parameters())
    assert not any(module.training for module in after.modules())


def test_a_run_tells_data_baselines_features_epochs_confusion_and_head(tissue: Run) -> None:
    expected = ["data"]
    expected += [f"baseline:{name}" for name in ("majority", "mean_colour", "mean_and_deviation", "pixels")]
    expected += ["features", *(f"epoch:{number}" for number in range(1, 31)), "confusion", "head"]
    assert tissue.names == expected
    assert tissue.finished.made_by.seed == 1


def test_pictures_show_three_examples_of_each_class_and_what_came_out_wrong(tissue: Run) -> None:
    examples = tissue.result("data").files["examples"]
    assert isinstance(examples, Picture)
    assert (examples.width, examples.height) == (3 * 66 - 2, 2 * 66 - 2)
    confusion = tissue.figures("confusion")
    wrong = confusion["validation"] - confusion["correct"]
    assert len(confusion["mistaken"]) == min(12, wrong)
    probabilities = [one["probability"] for one in confusion["mistaken"]]
    assert probabilities == sorted(probabilities, reverse=True)


def test_the_confusion_is_that_of_the_last_epoch(tissue: Run) -> None:
    confusion, last = tissue.figures("confusion"), tissue.epochs[-1]
    assert confusion["accuracy"] == last["validation_accuracy"]
    assert sum(map(sum, confusion["matrix"])) == confusion["validation"] == 128
    assert confusion["of_epoch"] == tissue.figures("head")["of_epoch"] == 30


def test_what_came_out_wrong_is_kept_by_its_place_among_those_it_was_judged_by(tissue: Run) -> None:
    confusion = tissue.figures("confusion")
    wrong = confusion["wrong"]
    assert len(wrong) == confusion["validation"] - confusion["correct"] > 0
    assert wrong == sorted(set(wrong))
    tissues = data.shipped(DataName.TISSUE)
    assert tissues.pool <= wrong[0] <= wrong[-1] < len(tissues.examples)
    of_class = [one["examples"] - one["correct"] for one in confusion["per_class"]]
    assert tissues.examples.chosen(wrong).per_class(2) == of_class


def test_the_same_seed_gives_the_same_curve_bit_for_bit(tissue: Run) -> None:
    """With another warm network, whose features are computed anew."""
    again = trained(engine.NetworkCache(), data="tissue")
    assert not again.figures("features")["cached"]
    assert again.curve == tissue.curve
    assert again.figures("confusion") == tissue.figures("confusion")
    assert again.checkpoint == tissue.checkpoint


def test_another_seed_draws_other_labels(networks: engine.NetworkCache, tissue: Run) -> None:
    assert trained(networks, data="tissue", epochs=2, seed=2).curve != tissue.curve[:2]


@pytest.mark.usefixtures("warm_network_untouched")
def test_fine_tuning_learns_on_a_copy_and_again_the_same(networks: engine.NetworkCache) -> None:
    asked = {"data": "textures", "strategy": "finetune", "labels_per_class": 2, "epochs": 2, "blocks": 1}
    one = trained(networks, **asked)
    assert one.figures("head")["trained_stages"] == ["features8"]
    assert one.figures("head")["trained_parameters"] == 412_160 + 3 * 1281
    assert one.epochs[1]["train_loss"] < one.epochs[0]["train_loss"]
    assert trained(networks, **asked).curve == one.curve


def test_what_is_left_out_of_fine_tuning_changes_nothing(
    networks: engine.NetworkCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen stages are run once; running them in every epoch gives the same, but for the last digits of other batches."""
    asked = {"data": "textures", "strategy": "finetune", "labels_per_class": 2, "epochs": 1, "blocks": 1}
    short = trained(networks, **asked)
    monkeypatch.setattr(strategies, "shortcut", lambda *_: None)
    assert trained(networks, **asked).curve[0] == pytest.approx(short.curve[0], rel=1e-4)


@pytest.mark.usefixtures("warm_network_untouched")
def test_running_statistics_follow_only_where_they_are_asked_to(networks: engine.NetworkCache) -> None:
    asked = {"data": "textures", "strategy": "finetune", "labels_per_class": 2, "epochs": 1, "blocks": 1}
    names = {
        mode: set(torch_load(trained(networks, **asked, batch_norm=mode).checkpoint)["state"]) for mode in ("fixed", "updated")
    }
    assert {name for name in names["updated"] if "running" in name} == {"features.8.1.running_mean", "features.8.1.running_var"}
    assert not [name for name in names["fixed"] if "running" in name]


def torch_load(content: bytes) -> dict[str, dict[str, torch.Tensor]]:
    return torch.load(io.BytesIO(content), weights_only=True)  # type: ignore[no-any-return]


def test_from_scratch_needs_no_weights_and_repeats_itself(empty_weights_dir: Path) -> None:
    networks = engine.NetworkCache(weights_dir=empty_weights_dir)
    asked = {"data": "textures", "strategy": "scratch", "labels_per_class": 2, "epochs": 1, "network": "mobilenet_v3_small"}
    run = trained(networks, **asked)
    assert run.finished.made_by.weights == ""
    assert run.figures("data")["input_size"] == 64
    assert run.epochs[0]["train_measured"] == "during"
    assert trained(networks, **asked).curve == run.curve


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_epoch_before(
    networks: engine.NetworkCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = torch.optim.AdamW.step
    steps = count(1)

    def spoilt(self: torch.optim.AdamW) -> None:
        step(self)
        if next(steps) == 5:  # the third epoch's first of two batches
            for group in self.param_groups:
                group["params"][0].data.fill_(torch.nan)

    monkeypatch.setattr(torch.optim.AdamW, "step", spoilt)
    run = trained(networks, data="tissue", epochs=10)
    assert [epoch["epoch"] for epoch in run.epochs] == [1, 2, 3]
    assert run.epochs[-1]["train_loss"] is None
    assert run.epochs[-1]["observation"] == {"code": "diverged", "since": 3}
    assert run.figures("confusion")["of_epoch"] == run.figures("head")["of_epoch"] == 2
    assert run.accuracy == run.epochs[1]["validation_accuracy"]


@pytest.mark.parametrize("asked_before", [0, 3])
def test_a_run_stops_between_two_batches(networks: engine.NetworkCache, tissue: Run, asked_before: int) -> None:
    asked = count()
    with pytest.raises(Cancelled):
        trained(networks, data="tissue", cancelled=lambda: next(asked) >= asked_before)
    assert next(asked) == asked_before + 1, "it stopped at once"


def test_torchs_own_settings_are_put_back(networks: engine.NetworkCache, tissue: Run) -> None:
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    trained(networks, data="tissue", epochs=1)
    assert torch.equal(torch.rand(1), drawn)


def test_out_of_memory_is_named(networks: engine.NetworkCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(learner.Learner, "learn", full)
    with pytest.raises(EngineError) as caught:
        trained(networks, data="tissue")
    assert caught.value.failure is Failure.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("options", "network"),
    [
        ({"data": "tissue", "epochs": 0}, DEFAULT_NETWORK),
        ({"data": "nothing"}, DEFAULT_NETWORK),
        ({"data": "own", "classes": ["a", "b"], "labels": [0, 0, 1, 1]}, DEFAULT_NETWORK),  # and no photos
        ({"data": "tissue", "strategy": "scratch"}, "vgg11"),  # 133 million parameters
    ],
)
def test_what_cannot_be_trained_is_refused(networks: engine.NetworkCache, options: dict[str, object], network: str) -> None:
    with pytest.raises(EngineError) as caught:
        trained(networks, network=network, **options)
    assert caught.value.failure is Failure.TRAINING_REFUSED


def test_own_photos_are_cross_validated(networks: engine.NetworkCache, own_photos: tuple[list[Image.Image], list[int]]) -> None:
    photos, labels = own_photos
    run = trained(networks, photos, data="own", classes=["cat", "coffee"], labels=labels, epochs=5)
    told = run.figures("data")
    assert (told["split"], told["folds"], told["train"], told["validation"]) == ("cross_validation", 5, 12, 12)
    assert told["size"] is None
    assert run.accuracy >= 0.9
    assert run.figures("confusion")["validation"] == 12
    head = run.figures("head")
    assert (head["classes"], head["validation_accuracy"]) == (["cat", "coffee"], None)
    assert not run.figures("features")["cached"]


def test_a_photo_in_the_wrong_class_is_what_comes_out_wrong_whatever_the_folds(
    networks: engine.NetworkCache, own_photos: tuple[list[Image.Image], list[int]]
) -> None:
    photos, labels = own_photos
    labels = [1 - label if place == 3 else label for place, label in enumerate(labels)]
    for seed in (1, 2):
        run = trained(networks, photos, data="own", classes=["cat", "coffee"], labels=labels, epochs=10, seed=seed)
        assert run.figures("confusion")["wrong"] == [3]


def test_own_photos_are_held_out_where_the_network_itself_is_trained(
    networks: engine.NetworkCache, own_photos: tuple[list[Image.Image], list[int]]
) -> None:
    photos, labels = own_photos
    run = trained(
        networks, photos, data="own", classes=["cat", "coffee"], labels=labels, strategy="finetune", epochs=1, blocks=1
    )
    told = run.figures("data")
    assert (told["split"], told["train"], told["validation"]) == ("held_out", 8, 4)
    assert run.figures("head")["validation_accuracy"] == run.accuracy
