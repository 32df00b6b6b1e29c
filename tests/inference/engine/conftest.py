"""The engine's cast: a cat, the embedded network warm, and one trace of the cat for all who only look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from inference import engine
from inference.contracts import DEFAULT_NETWORK, Event, Finished, Predicted, StageRan


@dataclass(frozen=True)
class Recording:
    """What one trace emitted, by kind."""

    stages: tuple[StageRan, ...]
    predicted: Predicted
    finished: Finished
    events: tuple[Event, ...]

    def stage(self, name: str) -> StageRan:
        return next(ran for ran in self.stages if ran.stage.name == name)


def recorded(loaded: engine.LoadedNetwork, image: Image.Image, *, draw: bool = True) -> Recording:
    events: list[Event] = []
    loaded.trace(image, emit=events.append, draw=draw)
    *stages, predicted, finished = events
    assert isinstance(predicted, Predicted)
    assert isinstance(finished, Finished)
    ran = tuple(event for event in stages if isinstance(event, StageRan))
    assert len(ran) == len(stages)
    return Recording(ran, predicted, finished, tuple(events))


@pytest.fixture(scope="session")
def cat() -> Image.Image:
    return Image.fromarray(data.chelsea())  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def lite0() -> engine.LoadedNetwork:
    return engine.load(DEFAULT_NETWORK)


@pytest.fixture(scope="session")
def cat_trace(lite0: engine.LoadedNetwork, cat: Image.Image) -> Recording:
    return recorded(lite0, cat)


@pytest.fixture
def empty_weights_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "weights"
