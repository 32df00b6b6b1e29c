"""The engine in a process of its own: its events arrive, its failures keep their names, and it can be ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inference.apart import EngineApart
from inference.contracts import Cancelled, EngineError, Failure, Finished, Material, Result, RunKind, RunRequest
from inference.runs import Part
from tests.inference.engine.test_downloading import Publisher

pytestmark = pytest.mark.torch

WANTED = RunRequest(RunKind.DOWNLOAD, "squeezenet1_1", {"weights": "IMAGENET1K_V1"})


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    publisher = Publisher()
    monkeypatch.setenv("WEIGHTS_MIRROR", publisher.url)
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()


def perform(request: RunRequest, cancelled: Any = lambda: False) -> list[object]:
    events: list[object] = []
    EngineApart().perform(request, Material(), emit=events.append, cancelled=cancelled)
    return events


def test_events_arrive_as_they_were_told() -> None:
    result, finished = perform(RunRequest(RunKind.MEASUREMENT, "squeezenet1_1"))
    assert isinstance(result, Result)
    assert (result.name, result.figures["random_weights"]) == ("measurement", True)
    assert isinstance(finished, Finished)
    assert finished.made_by.network == "squeezenet1_1"


def test_a_wrong_file_is_a_failure_by_name_after_its_progress(publisher: Publisher) -> None:
    events: list[object] = []
    with pytest.raises(EngineError) as caught:
        EngineApart().perform(WANTED, Material(), emit=events.append, cancelled=lambda: False)
    assert caught.value.failure is Failure.DOWNLOAD_WRONG
    assert caught.value.details["file"] == "squeezenet1_1-b8a52dc0.pth"
    assert any(isinstance(event, Result) and event.name.startswith("progress:") for event in events)


def test_a_run_that_is_not_wanted_any_more_ends_and_keeps_what_came(publisher: Publisher, settings: Any) -> None:
    publisher.stall = threading.Event()
    began: list[float] = []

    def cancelled() -> bool:
        return bool(publisher.asked) and (began.append(time.monotonic()) or time.monotonic() - began[0] > 1)

    with pytest.raises(Cancelled):
        perform(WANTED, cancelled)
    publisher.stall.set()
    part = settings.WEIGHTS_DIR / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth.part"
    assert part.stat().st_size > 0


def test_an_engine_that_breaks_is_an_internal_failure_with_its_last_word() -> None:
    with pytest.raises(EngineError) as caught:
        perform(RunRequest(RunKind.DOWNLOAD, "squeezenet1_1", {}))
    assert caught.value.failure is Failure.INTERNAL
    assert "KeyError" in str(caught.value.details["reason"])


def test_several_runs_end_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(
        _engine: EngineApart, _request: object, _material: object, *, emit: object, cancelled: Callable[[], bool]
    ) -> None:
        if cancelled():
            raise Cancelled

    monkeypatch.setattr(EngineApart, "perform", perform)
    parts = [Part(Material(), [].append, lambda: False), Part(Material(), [].append, lambda: True)]
    first, second = EngineApart().perform_together(WANTED, parts)
    assert first is None
    assert isinstance(second, Cancelled)
