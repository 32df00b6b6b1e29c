"""Weights are read from the weights folder, held to their hash, and never made up."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.models import get_model

from inference import engine
from inference.contracts import EngineError, Failure
from inference.engine import networks
from inference.engine.weights import WeightsRecord
from tests.inference.engine.conftest import recorded

pytestmark = pytest.mark.torch


def trained(network: str, name: str = "") -> tuple[WeightsRecord, dict[str, torch.Tensor]]:
    """A record and tensors that fit it, as a download would bring them."""
    record = networks.record(network)
    torch.manual_seed(0)
    arguments = {"aux_logits": True, "init_weights": False} if network == "googlenet" else {}
    return record.weights_named(name or record.default_weights), get_model(network, weights=None, **arguments).state_dict()


def download(weights: WeightsRecord, stored: dict[str, torch.Tensor], weights_dir: Path) -> WeightsRecord:
    """Puts the file where it belongs; the record that goes with its hash."""
    folder = engine.checkpoints(weights_dir)
    folder.mkdir(parents=True)
    torch.save(stored, folder / "new.pth")
    sha256 = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    named = dataclasses.replace(weights, file=f"{weights.network}-{sha256[:8]}.pth")
    (folder / "new.pth").rename(folder / named.file)
    return named


def use(record: WeightsRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torchvision's record named that file."""
    known = networks.record(record.network)
    weights = tuple(record if other.name == record.name else other for other in known.weights)
    monkeypatch.setattr(networks, "record", lambda _network: dataclasses.replace(known, weights=weights))


@pytest.mark.parametrize("network", ["resnet50", "vgg16", "efficientnet_b0", "vit_b_16"])
def test_without_weights_a_prediction_is_refused_with_the_way_to_get_them(network: str, empty_weights_dir: Path) -> None:
    with pytest.raises(EngineError) as caught:
        engine.load(network, weights_dir=empty_weights_dir)
    assert caught.value.failure is Failure.WEIGHTS_MISSING
    details = caught.value.details
    assert details["network"] == network
    assert str(details["url"]).endswith(str(details["file"]))
    assert details["folder"] == str(empty_weights_dir / "hub" / "checkpoints")


def test_a_file_in_the_weights_folder_is_loaded_and_traced(
    empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch, cat: Image.Image
) -> None:
    weights, stored = trained("resnet18")
    use(download(weights, stored, empty_weights_dir), monkeypatch)
    loaded = engine.load("resnet18", weights_dir=empty_weights_dir)
    recording = recorded(loaded, cat)
    expected = get_model("resnet18", weights=None)
    expected.load_state_dict(stored)
    with torch.inference_mode():
        logits = expected.eval()(weights.preprocessing.transforms(cat)[None])
    assert recording.predicted.top_k[0].class_index == int(logits.argmax())
    assert recording.predicted.top_k[0].probability == pytest.approx(float(logits.softmax(-1).max()), abs=1e-6)


def test_a_damaged_file_is_refused_before_it_is_read(empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = download(*trained("squeezenet1_1"), empty_weights_dir)
    use(weights, monkeypatch)
    path = weights.path(empty_weights_dir)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x00")
    with pytest.raises(EngineError) as caught:
        engine.load("squeezenet1_1", weights_dir=empty_weights_dir)
    assert caught.value.failure is Failure.WEIGHTS_DAMAGED
    assert caught.value.details["expected"] == weights.expected_hash


def test_a_file_that_would_run_code_is_not_run(empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("the file's code ran",))

    weights = download(trained("squeezenet1_1")[0], {"features.0.weight": Trap()}, empty_weights_dir)  # type: ignore[dict-item]
    use(weights, monkeypatch)
    with pytest.raises(EngineError) as caught:
        engine.load("squeezenet1_1", weights_dir=empty_weights_dir)
    assert caught.value.failure is Failure.WEIGHTS_DAMAGED


def test_weights_of_another_network_are_refused(empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(download(trained("squeezenet1_1")[0], trained("resnet18")[1], empty_weights_dir), monkeypatch)
    with pytest.raises(EngineError) as caught:
        engine.load("squeezenet1_1", weights_dir=empty_weights_dir)
    assert caught.value.failure is Failure.WEIGHTS_DAMAGED


def test_densenets_old_names_fit_its_modules(empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, stored = trained("densenet121")
    old = {
        key.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.").replace("conv1.", "conv.1.").replace("conv2.", "conv.2.")
        if "denselayer" in key
        else key: tensor
        for key, tensor in stored.items()
    }
    assert old.keys() != stored.keys()
    use(download(weights, old, empty_weights_dir), monkeypatch)
    model = engine.load("densenet121", weights_dir=empty_weights_dir).model
    assert all(torch.equal(tensor, stored[key]) for key, tensor in model.state_dict().items())


def test_googlenets_untrained_auxiliary_heads_are_left_out(empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, stored = trained("googlenet")
    assert any(key.startswith("aux1.") for key in stored)
    use(download(weights, stored, empty_weights_dir), monkeypatch)
    model = engine.load("googlenet", weights_dir=empty_weights_dir).model
    assert not any(key.startswith("aux") for key in model.state_dict())
    assert model.transform_input


@pytest.mark.parametrize("network", ["swin_t", "vit_b_32", "mnasnet0_5", "regnet_x_400mf"])
def test_a_network_built_without_storage_is_whole_once_filled(
    network: str, empty_weights_dir: Path, monkeypatch: pytest.MonkeyPatch, cat: Image.Image
) -> None:
    weights, stored = trained(network)
    use(download(weights, stored, empty_weights_dir), monkeypatch)
    loaded = engine.load(network, weights_dir=empty_weights_dir)
    assert not any(tensor.is_meta for tensor in (*loaded.model.parameters(), *loaded.model.buffers()))
    recording = recorded(loaded, cat)
    assert len(recording.predicted.top_k) == 5
    assert all(ran.picture for ran in recording.stages)


def test_the_default_weights_are_taken_first_and_others_while_they_are_missing(empty_weights_dir: Path) -> None:
    record = networks.record("resnet50")
    assert record.chosen_weights(empty_weights_dir).name == "IMAGENET1K_V2"
    older = record.weights_named("IMAGENET1K_V1").path(empty_weights_dir)
    older.parent.mkdir(parents=True)
    older.touch()
    assert record.chosen_weights(empty_weights_dir).name == "IMAGENET1K_V1"
    assert record.chosen_weights(empty_weights_dir, "IMAGENET1K_V2").name == "IMAGENET1K_V2"


def test_unknown_names_are_told_apart(empty_weights_dir: Path) -> None:
    with pytest.raises(EngineError) as caught:
        engine.load("resnet51", weights_dir=empty_weights_dir)
    assert caught.value.failure is Failure.UNKNOWN_NETWORK
    with pytest.raises(EngineError) as caught:
        engine.load("resnet50", weights_dir=empty_weights_dir, weights="IMAGENET22K")
    assert caught.value.failure is Failure.UNKNOWN_WEIGHTS


@pytest.mark.parametrize("network", engine.network_ids())
def test_every_networks_record_says_how_to_prepare_a_photograph_and_where_its_weights_are(network: str) -> None:
    record = networks.record(network)
    assert record.title
    assert record.family
    assert record.default_weights in {weights.name for weights in record.weights}
    for weights in record.weights:
        assert len(weights.categories) == 1000
        assert weights.preprocessing.crop_size >= 224
        assert weights.url.startswith("https://")
        assert len(weights.expected_hash) >= 8


def test_the_folder_of_the_environment_is_where_weights_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("WEIGHTS_DIR", raising=False)
    assert engine.default_weights_dir() == tmp_path / "data" / "weights"
    monkeypatch.setenv("WEIGHTS_DIR", str(tmp_path / "elsewhere"))
    assert engine.default_weights_dir() == tmp_path / "elsewhere"
