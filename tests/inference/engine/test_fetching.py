"""The command that downloads weights: from a real server, a real state dict, which can then be traced."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from inference import engine
from inference.contracts import EngineError, Failure, Finished, Material, Result, RunKind, RunRequest
from inference.engine import __main__ as command_line
from inference.engine import fetching, networks, work
from inference.engine.cache import NetworkCache
from inference.engine.downloading import Progress, Steps
from inference.engine.weights import WeightsRecord
from tests.inference.engine.publisher import Publisher, published, publishing, use
from tests.inference.engine.test_downloading import Publisher as Slow

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with publishing(tmp_path_factory.mktemp("published")) as publisher:
        yield publisher


@pytest.fixture(scope="module")
def resnet18(publisher: Publisher) -> WeightsRecord:
    record = published("resnet18", publisher.folder)
    return dataclasses.replace(record, url=f"{publisher.url}/models/{record.file}")


@pytest.fixture
def wanted(resnet18: WeightsRecord, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> WeightsRecord:
    use(resnet18, monkeypatch)
    monkeypatch.setattr(fetching, "record", networks.record)
    monkeypatch.setattr(work, "record", networks.record)
    publisher.asked.clear()
    return resnet18


def fetch(folder: Path, *arguments: str) -> int:
    return command_line.main(["fetch", *arguments, "--weights-dir", str(folder)])


def test_weights_that_were_fetched_can_be_traced(
    wanted: WeightsRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str], cat: Image.Image
) -> None:
    with pytest.raises(EngineError):
        engine.load("resnet18", weights_dir=tmp_path)
    assert fetch(tmp_path, "resnet18") == 0
    said = capsys.readouterr().out
    assert f"its sha256 begins with {wanted.expected_hash}, as it should" in said
    assert "100%" in said
    events: list[object] = []
    engine.load("resnet18", weights_dir=tmp_path).trace(cat, emit=events.append)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.made_by.weights_sha256.startswith(wanted.expected_hash)


def test_the_second_time_nothing_is_fetched(
    wanted: WeightsRecord, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(tmp_path, "resnet18") == fetch(tmp_path, "resnet18", "--weights", wanted.name) == 0
    assert "is there already, and whole" in capsys.readouterr().out
    assert len(publisher.asked) == 1


def test_what_came_before_is_taken_up(
    wanted: WeightsRecord, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = engine.checkpoints(tmp_path)
    folder.mkdir(parents=True)
    content = (publisher.folder / wanted.file).read_bytes()
    (folder / f"{wanted.file}.part").write_bytes(content[: 20 * 1024**2])
    assert fetch(tmp_path, "resnet18") == 0
    assert "of which 20.0 MiB were there before" in capsys.readouterr().out
    assert publisher.asked == [(f"/models/{wanted.file}", f"bytes={20 * 1024**2}-")]


def test_one_that_is_not_there_does_not_stop_the_others(
    wanted: WeightsRecord,
    publisher: Publisher,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEIGHTS_MIRROR", publisher.url)
    assert fetch(tmp_path, "squeezenet1_1", "resnet18") == 1
    told = capsys.readouterr()
    assert "answers 404" in told.err
    assert "WEIGHTS_MIRROR" in told.err
    assert "[2/2] resnet18" in told.out


def test_unknown_names_are_told_before_anything_is_fetched(
    wanted: WeightsRecord, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(tmp_path, "resnet18", "resnet19") == 1
    assert fetch(tmp_path, "resnet18", "--weights", "V9") == 1
    told = capsys.readouterr().err
    assert "no network called resnet19" in told
    assert "no weights called V9" in told
    assert not publisher.asked


def test_what_comes_with_a_package_needs_no_fetching(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(tmp_path, "efficientnet_lite0") == 0
    assert "came with its package" in capsys.readouterr().out


def test_without_a_network_a_sentence_says_what_to_do(
    wanted: WeightsRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHTS_MIRROR", "http://127.0.0.1:9")
    assert fetch(tmp_path, "resnet18") == 1
    assert "127.0.0.1:9 cannot be reached" in capsys.readouterr().err


def test_interrupted_from_the_keyboard_it_keeps_what_came(publisher: Publisher, tmp_path: Path) -> None:
    """The site's command, in a process of its own, against a publisher that is slow to answer."""
    slow = Slow()
    slow.content = bytes(60_000_000)
    slow.stall = threading.Event()
    environment = {**os.environ, "WEIGHTS_DIR": str(tmp_path), "WEIGHTS_MIRROR": slow.url, "PYTHONPATH": "platform:."}
    command = [sys.executable, "manage.py", "fetch_weights", "resnet18"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = engine.checkpoints(tmp_path) / "resnet18-f37072fd.pth.part"
    try:
        until = time.monotonic() + 40
        while time.monotonic() < until and not (part.exists() and slow.asked):
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _out, said = process.communicate(timeout=20)
    finally:
        process.kill()
        slow.stall.set()
        slow.server.shutdown()
        slow.server.server_close()
    assert process.returncode == 130
    assert "What has come so far is kept" in said
    assert "Traceback" not in said
    assert part.exists()


# --- as a run of the site's --------------------------------------------------------------------------------------------------


def test_a_run_tells_its_progress_and_what_came(wanted: WeightsRecord, tmp_path: Path) -> None:
    request = RunRequest(RunKind.DOWNLOAD, "resnet18", {"weights": wanted.name})
    events: list[object] = []
    cache = NetworkCache(weights_dir=tmp_path)
    work.perform(request, Material(), networks=cache, emit=events.append, cancelled=lambda: False)
    *progress, came, finished = events
    assert all(isinstance(event, Result) and event.name.startswith("progress:") for event in progress)
    assert progress
    assert isinstance(came, Result)
    assert came.figures["sha256"].startswith(wanted.expected_hash)
    assert came.figures["file"] == wanted.file
    assert isinstance(finished, Finished)
    assert wanted.available(tmp_path)


def test_steps_are_few_and_have_names_of_their_own() -> None:
    told: list[Result] = []
    steps = Steps(told.append, seconds=0)
    steps(Progress(0, 0, 0.0, waits=True))
    steps(Progress(1, 0, 0.0, waits=True))
    for size in range(0, 5001, 7):
        steps(Progress(size, 5000, 10.0))
    names = [result.name for result in told]
    assert names[0] == "progress:waits"
    assert len(names) == len(set(names)) == 101
    told.clear()
    for size in range(0, 35_000_000, 1_000_000):
        steps(Progress(size, 0, 1.0))
    assert [result.name for result in told] == ["progress:0x10", "progress:1x10", "progress:2x10", "progress:3x10"]


def test_a_run_for_weights_that_do_not_exist_fails_by_name(wanted: WeightsRecord, tmp_path: Path) -> None:
    request = RunRequest(RunKind.DOWNLOAD, "resnet18", {"weights": "IMAGENET22K"})
    with pytest.raises(EngineError) as caught:
        work.perform(
            request, Material(), networks=NetworkCache(weights_dir=tmp_path), emit=lambda _event: None, cancelled=lambda: False
        )
    assert caught.value.failure is Failure.UNKNOWN_WEIGHTS
