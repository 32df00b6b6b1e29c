"""Mistakes as the site shows them, made by the real engine with real weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image

from inference import engine
from inference.contracts import MISTAKES, Event, Result
from inference.engine import mistakes
from inference.presenting import ResultView
from tests.inference.engine.conftest import cat, lite0

__all__ = ["cat", "lite0"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: the same number of threads gives the same bits, and several fight for the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def broken(lite0: engine.LoadedNetwork, cat: Image.Image) -> dict[str, ResultView]:
    """Every mistake on the cat, by name, without pictures' addresses."""
    events: list[Event] = []
    mistakes.make(lite0, cat, MISTAKES, emit=events.append)
    results = [event for event in events if isinstance(event, Result)]
    return {str(result.figures["slug"]): ResultView(result.name, result.figures, {}) for result in results}


def changed(result: ResultView, **figures: Any) -> ResultView:
    """The same result with other figures."""
    return ResultView(result.name, {**result.figures, **figures}, result.files)
