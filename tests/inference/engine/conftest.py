"""The engine's cast: a cat, the embedded network warm, and one trace of the cat for all who only look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from inference import engine
from inference.contracts import DEFAULT_NETWORK, Event, Finished, Predicted, Result, StageRan


@dataclass(frozen=True)
class Recording:
    """What one trace emitted, by kind."""

    stages: tuple[StageRan, ...]
    predicted: Predicted
    results: tuple[Result, ...]
    finished: Finished
    events: tuple[Event, ...]

    def stage(self, name: str) -> StageRan:
        return next(ran for ran in self.stages if ran.stage.name == name)


def recorded(loaded: engine.LoadedNetwork, image: Image.Image, *, draw: bool = True, explain: bool = True) -> Recording:
    events: list[Event] = []
    loaded.trace(image, emit=events.append, draw=draw, explain=explain)
    ran = tuple(event for event in events if isinstance(event, StageRan))
    predicted, *results, finished = events[len(ran) :]
    assert isinstance(predicted, Predicted)
    assert isinstance(finished, Finished)
    found = tuple(event for event in results if isinstance(event, Result))
    assert events == [*ran, predicted, *found, finished]
    return Recording(ran, predicted, found, finished, tuple(events))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As in a worker. Threads that wait for each other on a busy machine take ten times as long."""
    torch.set_num_threads(1)


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
