"""Recorded runs to read: real ones of the samples, and documents of networks of other forms."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inference import documents, engine, samples
from inference.contracts import Finished, Predicted, Result, StageRan
from quizzes.reading import Recording

GOLDEN = Path(__file__).parents[2] / "inference" / "engine" / "golden"
OTHERS = ("resnet18", "mobilenet_v3_small", "vit_b_32", "swin_t", "alexnet")


def recorded(loaded: engine.LoadedNetwork, sample: samples.Sample) -> dict[str, Any]:
    """The document of a real run, without pictures."""
    document = documents.begun(1)

    def emit(event: object) -> None:
        match event:
            case StageRan():
                documents.add_stage(document, event, picture_name=None)
            case Predicted():
                documents.add_prediction(document, event)
            case Result():
                documents.add_result(document, event, file_names=dict.fromkeys(event.files, ""))
            case Finished():
                documents.add_end(document, event)

    loaded.trace(Image.open(sample.path).convert("RGB"), emit=emit, cancelled=lambda: False)
    return json.loads(json.dumps(document))


@pytest.fixture(scope="session")
def runs() -> dict[str, Recording]:
    """Sample → EfficientNet-Lite0's real run of it: a broad photo and a square one."""
    loaded = engine.load("efficientnet_lite0", device="cpu", threads=1)
    return {
        sample.id: Recording("EfficientNet-Lite0", str(sample.title), recorded(loaded, sample))
        for sample in samples.all_samples()
        if sample.id in ("chelsea", "astronaut")
    }


@pytest.fixture(scope="session")
def cat(runs: dict[str, Recording]) -> Recording:
    return runs["chelsea"]


def of_form(network: str, cat: Recording) -> Recording:
    """A run as a network of another form would tell it: its real stages, times that grow, the cat's classes."""
    stages = json.loads((GOLDEN / f"{network}.json").read_text())
    before, after = cat.told["stages"][:5], cat.told["stages"][-1:]
    told = [
        stage
        | {
            "milliseconds": 1 + 0.5 * place,
            "statistics": {"silent_channels": (place * 7) % 5, "channels": stage["output_shape"][1]},
        }
        for place, stage in enumerate(stages)
    ]
    return Recording(network, "Chelsea the cat", {**cat.told, "stages": [*before, *told, *after]})


def busiest_slowest(cat: Recording) -> Recording:
    """The cat's run on a machine where the stage that computes the most takes longest."""

    def slow(told: dict[str, Any]) -> None:
        max(told["stages"], key=lambda stage: stage["macs"])["milliseconds"] = 90.0

    return changed(cat, slow)


@pytest.fixture(scope="session")
def recordings(runs: dict[str, Recording], cat: Recording) -> list[Recording]:
    return [*runs.values(), busiest_slowest(cat), *(of_form(network, cat) for network in OTHERS)]


Change = Callable[[dict[str, Any]], object]


def changed(recording: Recording, change: Change) -> Recording:
    """The recording after something in its document was changed."""
    told = copy.deepcopy(dict(recording.told))
    change(told)
    return Recording(recording.network, recording.photo, told)
