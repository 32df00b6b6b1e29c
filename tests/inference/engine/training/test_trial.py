"""A head that was kept: it says elsewhere what it said in training, and a file that is none is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inference import engine
from inference.contracts import (
    DEFAULT_NETWORK,
    EngineError,
    Event,
    Failure,
    Finished,
    Material,
    Picture,
    Predicted,
    Result,
    RunKind,
    RunRequest,
)
from inference.engine.training import assembled, checkpoint, data
from inference.engine.watching import never
from inference.training_contracts import CHECKPOINT_BYTES, DataName
from tests.inference.engine.training.conftest import Run, trained
from tests.networks import plain_answer

pytestmark = [pytest.mark.torch, pytest.mark.weights]

Stored = dict[str, Any]


def stored(content: bytes) -> Stored:
    return torch.load(io.BytesIO(content), weights_only=True)  # type: ignore[no-any-return]


def written(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def tried(networks: engine.NetworkCache, head: bytes, photo: Image.Image, *, network: str = DEFAULT_NETWORK) -> list[Event]:
    events: list[Event] = []
    request = RunRequest(RunKind.TRIAL, network, {"head_of": "a run"})
    material = Material(photos=(photo,), files={"head": head})
    engine.perform(request, material, networks=networks, emit=events.append, cancelled=never)
    return events


def test_a_head_says_of_each_example_what_it_said_in_training(networks: engine.NetworkCache, tissue: Run) -> None:
    """Its standardisation is folded in, and examples come one by one: the last digits differ, the classes do not."""
    whole = data.shipped(DataName.TISSUE)
    head = assembled(checkpoint.read(tissue.checkpoint), networks)
    said = [int(head.predict(picture).argmax()) for picture in whole.examples.pictures[whole.pool :]]
    matrix = np.zeros((2, 2), dtype=int)
    np.add.at(matrix, (whole.examples.labels[whole.pool :], said), 1)
    assert np.abs(matrix - np.array(tissue.figures("confusion")["matrix"])).sum() <= 2


def test_a_trial_predicts_the_learners_classes(networks: engine.NetworkCache, tissue: Run) -> None:
    patch = data.shipped(DataName.TISSUE).examples.pictures[0]
    predicted, result, finished = tried(networks, tissue.checkpoint, patch)
    assert isinstance(predicted, Predicted)
    assert isinstance(result, Result)
    assert isinstance(finished, Finished)
    assert {one.label for one in predicted.top_k} == {"little", "much"}
    assert sum(result.figures["probabilities"]) == pytest.approx(1)
    assert 0 <= result.figures["entropy"] <= result.figures["highest_entropy"] == 1
    seen = result.files["input"]
    assert isinstance(seen, Picture)
    assert (seen.width, seen.height) == (128, 128)


@pytest.mark.parametrize(
    "options",
    [{"strategy": "finetune", "blocks": 1}, {"strategy": "scratch"}],
    ids=["finetune", "scratch"],
)
def test_a_trained_network_travels_with_its_head(networks: engine.NetworkCache, options: dict[str, object]) -> None:
    run = trained(networks, data="textures", labels_per_class=2, epochs=1, **options)
    whole = data.shipped(DataName.TEXTURES)
    head = assembled(checkpoint.read(run.checkpoint), networks)
    said = [int(head.predict(picture).argmax()) for picture in whole.examples.pictures[whole.pool :]]
    right = float((np.array(said) == whole.examples.labels[whole.pool :]).mean())
    assert right == pytest.approx(run.accuracy, abs=0.03)


def test_the_file_says_all_that_its_numbers_need_and_opens_without_this_code(tissue: Run) -> None:
    found = stored(tissue.checkpoint)
    assert (found["format"], found["network"], found["weights"]) == ("forward-pass-head/1", DEFAULT_NETWORK, "IMAGENET1K_V1")
    assert found["classes"] == ["little", "much"]
    assert found["transforms"]["crop_size"] == 128
    assert found["transforms"]["mean"] == pytest.approx([127 / 255] * 3)
    assert found["head"]["weight"].shape == (2, 1280)
    assert found["standardisation"]["deviation"].min() >= 0.05
    assert found["versions"]["torch"] == torch.__version__
    assert len(tissue.checkpoint) < 100_000


def test_a_checkpoint_read_is_the_one_that_was_written(tissue: Run) -> None:
    once, twice = stored(tissue.checkpoint), stored(checkpoint.read(tissue.checkpoint).written())
    assert torch.equal(once.pop("head")["weight"], twice.pop("head")["weight"])
    assert once.pop("standardisation").keys() == twice.pop("standardisation").keys()
    assert once == twice


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("a file that is read must not run anything",)


def bomb() -> bytes:
    """A small file that grows to a hundred megabytes when it is read."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 100 * 1024**2)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 no archive",
        b"\x89PNG\r\n",
        pickle.dumps(Harmful()),
        written(Harmful()),
        written([1, 2, 3]),
        written({"format": "another/1"}),
        bomb(),
        b"\0" * (CHECKPOINT_BYTES + 1),
    ],
    ids=["empty", "garbage", "picture", "pickle", "code", "list", "another", "bomb", "large"],
)
def test_a_file_that_is_no_head_is_refused(
    networks: engine.NetworkCache, cat: Image.Image, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineError) as caught:
        tried(networks, content, cat)
    assert caught.value.failure is Failure.HEAD_DAMAGED
    assert "run anything" not in capsys.readouterr().out


def without(name: str) -> Callable[[Stored], object]:
    return lambda head: head.pop(name)


def replaced(name: str, value: object) -> Callable[[Stored], object]:
    return lambda head: head.update({name: value})


SPOILT: dict[str, Callable[[Stored], object]] = {
    **{f"no {name}": without(name) for name in ("network", "classes", "transforms", "head", "state", "versions", "of_epoch")},
    "one class": replaced("classes", ["little"]),
    "classes alike": replaced("classes", ["little", "little"]),
    "endless name": replaced("classes", ["little", "m" * 10_000]),
    "three classes": replaced("classes", ["a", "b", "c"]),
    "no number": lambda head: head["head"]["weight"].fill_(torch.nan),
    "few made many": lambda head: head["head"].update(weight=torch.zeros(1, 1).expand(2, 1280)),
    "other features": lambda head: head["head"].update(weight=torch.zeros(2, 7)),
    "sparse": lambda head: head["head"].update(weight=torch.zeros(2, 1280).to_sparse()),
    "whole numbers": lambda head: head["head"].update(weight=torch.zeros(2, 1280, dtype=torch.int64)),
    "unknown tensor": replaced("state", {"nowhere.weight": torch.zeros(3)}),
    "other shape": replaced("state", {"features.8.0.weight": torch.zeros(3)}),
    "huge side": lambda head: head["transforms"].update(crop_size=10**9),
    "no side": lambda head: head["transforms"].update(crop_size=0),
    "no deviation": lambda head: head["transforms"].update(std=[0.0, 0.5, 0.5]),
    "odd interpolation": lambda head: head["transforms"].update(interpolation="magic"),
    "odd strategy": replaced("strategy", "magic"),
    "half a network": replaced("strategy", "scratch"),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_a_head_that_lacks_or_garbles_something_is_refused(
    networks: engine.NetworkCache, tissue: Run, cat: Image.Image, spoil: Callable[[Stored], object]
) -> None:
    head = stored(tissue.checkpoint)
    spoil(head)
    with pytest.raises(EngineError) as caught:
        tried(networks, written(head), cat)
    assert caught.value.failure is Failure.HEAD_DAMAGED


@pytest.mark.parametrize("length", [100, 5_000, -100])
def test_a_file_that_was_cut_short_is_refused(
    networks: engine.NetworkCache, tissue: Run, cat: Image.Image, length: int
) -> None:
    with pytest.raises(EngineError) as caught:
        tried(networks, tissue.checkpoint[:length], cat)
    assert caught.value.failure is Failure.HEAD_DAMAGED


def test_a_head_of_another_network_or_of_other_weights_is_foreign(
    networks: engine.NetworkCache, tissue: Run, cat: Image.Image
) -> None:
    head = stored(tissue.checkpoint)
    for spoilt, network in ((head, "resnet18"), (head | {"weights_sha256": "0" * 64}, DEFAULT_NETWORK)):
        with pytest.raises(EngineError) as caught:
            tried(networks, written(spoilt), cat, network=network)
        assert caught.value.failure is Failure.HEAD_FOREIGN
        assert caught.value.details["network"] == DEFAULT_NETWORK


def test_the_warm_network_still_predicts_what_it_did(networks: engine.NetworkCache, tissue: Run, cat: Image.Image) -> None:
    before = plain_answer(networks.get(DEFAULT_NETWORK), cat)
    tried(networks, tissue.checkpoint, cat)
    assert plain_answer(networks.get(DEFAULT_NETWORK), cat) == before
