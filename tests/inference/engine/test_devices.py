"""A worker runs where its settings say, and by itself on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from inference import engine, tasks
from inference.contracts import EngineError, Failure
from inference.engine import chosen_device

pytestmark = pytest.mark.torch


@pytest.fixture(params=[True, False], ids=["GPU", "no GPU"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    return bool(request.param)


def test_auto_is_the_gpu_where_there_is_one(gpu: bool) -> None:
    assert chosen_device("auto") == ("cuda" if gpu else "cpu")


def test_the_processor_is_always_to_be_had(gpu: bool) -> None:
    assert chosen_device("cpu") == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_a_failure_with_a_name(gpu: bool, wanted: str) -> None:
    if gpu:
        assert chosen_device(wanted) == wanted
        return
    with pytest.raises(EngineError) as caught:
        chosen_device(wanted)
    assert caught.value.failure == Failure.NO_GPU


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a worker asks of the cache of its networks."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(engine, "NetworkCache", lambda **asked: options.update(asked))
    tasks.networks.cache_clear()
    yield options
    tasks.networks.cache_clear()


def test_a_worker_loads_its_networks_as_set(gpu: bool, made: dict[str, Any], settings: Any) -> None:
    settings.TRACE_DEVICE, settings.TRACE_THREADS = "auto", 3
    tasks.networks()
    assert (made["device"], made["threads"]) == ("cuda" if gpu else "cpu", 3)
