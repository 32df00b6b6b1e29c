"""The cast of training: the embedded network warm, a run recorded, a learner's few photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image
from skimage import data

from inference import engine
from inference.contracts import DEFAULT_NETWORK, Attachment, Event, Finished, Material, Result, RunKind, RunRequest
from inference.engine.watching import never

CURVE = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")


@dataclass(frozen=True)
class Run:
    """What one training run emitted."""

    events: tuple[Event, ...]

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, Result)]

    def result(self, name: str) -> Result:
        return next(event for event in self.events if isinstance(event, Result) and event.name == name)

    def figures(self, name: str) -> dict[str, Any]:
        return dict(self.result(name).figures)

    @property
    def epochs(self) -> list[dict[str, Any]]:
        return [self.figures(name) for name in self.names if name.startswith("epoch:")]

    @property
    def curve(self) -> list[tuple[Any, ...]]:
        return [tuple(epoch[name] for name in CURVE) for epoch in self.epochs]

    @property
    def accuracy(self) -> float:
        return float(self.figures("confusion")["accuracy"])

    @property
    def checkpoint(self) -> bytes:
        file = self.result("head").files["checkpoint"]
        assert isinstance(file, Attachment)
        return file.content

    @property
    def finished(self) -> Finished:
        last = self.events[-1]
        assert isinstance(last, Finished)
        return last


def trained(
    networks: engine.NetworkCache,
    photos: Sequence[Image.Image] = (),
    *,
    network: str = DEFAULT_NETWORK,
    cancelled: Callable[[], bool] = never,
    **options: Any,
) -> Run:
    events: list[Event] = []
    request = RunRequest(RunKind.TRAINING, network, options)
    engine.perform(request, Material(photos=tuple(photos)), networks=networks, emit=events.append, cancelled=cancelled)
    for event in events:
        if isinstance(event, Result):
            json.dumps(event.figures, allow_nan=False)
    return Run(tuple(events))


@pytest.fixture(scope="session")
def networks() -> engine.NetworkCache:
    return engine.NetworkCache()


@pytest.fixture(scope="session")
def tissue(networks: engine.NetworkCache) -> Run:
    return trained(networks, data="tissue")


@pytest.fixture(scope="session")
def own_photos() -> tuple[list[Image.Image], list[int]]:
    """Six pieces of a cat and six of a cup of coffee, of several sizes."""
    pictures = [Image.fromarray(data.chelsea()), Image.fromarray(data.coffee())]
    photos = [
        picture.crop((left, 20, left + 170 + 10 * number, 260))
        for picture in pictures
        for number, left in enumerate((0, 40, 80, 120, 160, 200))
    ]
    return photos, [0] * 6 + [1] * 6
