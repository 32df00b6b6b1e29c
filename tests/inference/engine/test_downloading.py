"""Weights come over HTTP: whole and right, or not at all. A server on this machine plays the publisher."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import http.client
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inference.contracts import Cancelled, EngineError, Failure
from inference.engine import downloading
from inference.engine.downloading import Fetched, Progress

pytestmark = pytest.mark.torch

CONTENT = hashlib.shake_256(b"weights").digest(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = f"net-{SHA256[:8]}.pth"
QUICKLY = (0.01, 0.01, 0.01)


@dataclasses.dataclass(frozen=True)
class Wanted:
    url: str
    network: str = "net"
    name: str = "V1"
    file: str = FILE
    size_mb: float | None = None
    expected_hash: str = SHA256[:8]


class Publisher:
    """Serves CONTENT; what it does wrong is set by each test."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.status = 0
        self.breaks_after: list[int] = []  # for each answer, how many bytes it sends before it hangs up
        self.knows_ranges = True
        self.stall: threading.Event | None = None
        self.asked: list[str] = []  # the Range headers
        self.paths: list[str] = []
        self.moved_to = ""
        self.length = ""  # what it says of its length in place of the truth
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.answer(self)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range", "")
        self.asked.append(asked)
        self.paths.append(handler.path)
        if self.moved_to and handler.path != "/elsewhere":
            handler.send_response(302)
            handler.send_header("Location", self.moved_to)
            handler.end_headers()
            return
        if self.status:
            handler.send_error(self.status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.knows_ranges else 0
        if start >= len(self.content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.content)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", self.length or str(len(body)))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.end_headers()
        if self.breaks_after:
            handler.wfile.write(body[: self.breaks_after.pop(0)])
            return
        if self.stall is not None:
            handler.wfile.write(body[:500_000])
            self.stall.wait(60)
            body = body[500_000:]
        handler.wfile.write(body)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "checkpoints"


class Got(NamedTuple):
    fetched: Fetched
    told: list[Progress]


def fetch(publisher: Publisher, folder: Path, **wanted: Any) -> Got:
    told: list[Progress] = []
    record = Wanted(url=f"{publisher.url}/models/{FILE}", **wanted)
    fetched = downloading.fetch(record, folder, told=told.append, cancelled=lambda: False, pauses=QUICKLY)
    return Got(fetched, told)


def refused(publisher: Publisher, folder: Path, **wanted: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        fetch(publisher, folder, **wanted)
    return caught.value


def begun(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True)
    part = folder / f"{FILE}.part"
    part.write_bytes(content)
    return part


def test_a_file_comes_whole_and_nothing_else_is_left(publisher: Publisher, folder: Path) -> None:
    fetched, told = fetch(publisher, folder)
    assert fetched == Fetched(folder / FILE, len(CONTENT), SHA256)
    assert (folder / FILE).read_bytes() == CONTENT
    assert list(folder.iterdir()) == [folder / FILE]
    assert [progress.total for progress in told] == [len(CONTENT)] * len(told)
    assert told[-1].bytes == len(CONTENT)
    assert told[-1].bytes_per_second > 0


def test_what_came_before_is_not_asked_for_again(publisher: Publisher, folder: Path) -> None:
    begun(folder, CONTENT[:1_234_567])
    fetched, told = fetch(publisher, folder)
    assert fetched.resumed_from == 1_234_567
    assert publisher.asked == ["bytes=1234567-"]
    assert told[0].bytes > 1_234_567
    assert fetched.path.read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(publisher: Publisher, folder: Path) -> None:
    begun(folder, CONTENT[:1_000_000])
    publisher.knows_ranges = False
    assert fetch(publisher, folder).fetched.path.read_bytes() == CONTENT


def test_what_came_whole_before_is_only_checked(publisher: Publisher, folder: Path) -> None:
    begun(folder, CONTENT)
    assert fetch(publisher, folder).fetched.sha256 == SHA256
    assert publisher.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * (len(CONTENT) + 5), b"x" * len(CONTENT)])
def test_the_beginning_of_another_file_is_thrown_away(left: bytes, publisher: Publisher, folder: Path) -> None:
    begun(folder, left)
    fetched = fetch(publisher, folder).fetched
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.resumed_from == 0


def test_a_broken_line_is_taken_up_where_it_broke(publisher: Publisher, folder: Path) -> None:
    publisher.breaks_after = [400_000, 0, 700_000, 0, 0]
    assert fetch(publisher, folder).fetched.path.read_bytes() == CONTENT
    assert publisher.asked == ["", *["bytes=400000-"] * 2, *["bytes=1100000-"] * 3]


@pytest.mark.parametrize("reason", [OSError(errno.EHOSTUNREACH, "No route to host"), ssl.SSLError("bad record mac")])
def test_a_machine_that_loses_its_network_takes_the_file_up_again(
    reason: OSError, publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read1, failures = http.client.HTTPResponse.read1, [reason]

    def lost(response: http.client.HTTPResponse, size: int) -> bytes:
        if failures and (folder / f"{FILE}.part").stat().st_size:
            raise failures.pop()
        return read1(response, min(size, 300_000))

    monkeypatch.setattr(http.client.HTTPResponse, "read1", lost)
    assert fetch(publisher, folder).fetched.path.read_bytes() == CONTENT
    assert not failures
    assert len(publisher.asked) == 2


def test_a_line_that_stays_broken_keeps_what_came(publisher: Publisher, folder: Path) -> None:
    publisher.breaks_after = [400_000, *[0] * 9]
    error = refused(publisher, folder)
    assert error.failure is Failure.DOWNLOAD_INTERRUPTED
    assert (error.details["came"], error.details["total"]) == (400_000, len(CONTENT))
    assert not (folder / FILE).exists()
    assert (folder / f"{FILE}.part").read_bytes() == CONTENT[:400_000]
    publisher.breaks_after = []
    assert fetch(publisher, folder).fetched.resumed_from == 400_000


def test_a_wrong_file_is_not_kept(publisher: Publisher, folder: Path) -> None:
    publisher.content = b"something else" * 1000
    error = refused(publisher, folder)
    assert error.failure is Failure.DOWNLOAD_WRONG
    assert error.details["expected"] == SHA256[:8]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 410, 500])
def test_a_server_without_the_file_says_so(status: int, publisher: Publisher, folder: Path) -> None:
    publisher.status = status
    error = refused(publisher, folder)
    assert error.failure is Failure.DOWNLOAD_REFUSED
    assert error.details["status"] == status
    assert len(publisher.asked) == (1 if status < 500 else len(QUICKLY))


@pytest.mark.parametrize("length", ["many", "-1", "1e6", "12, 12", "9" * 5000])
def test_a_length_that_is_no_number_is_not_believed(length: str, publisher: Publisher, folder: Path) -> None:
    publisher.length = length
    fetched, told = fetch(publisher, folder)
    assert fetched.path.read_bytes() == CONTENT
    assert {progress.total for progress in told} == {0}


def test_a_server_that_never_ends_is_stopped(publisher: Publisher, folder: Path) -> None:
    error = refused(publisher, folder, size_mb=1.0)
    assert error.failure is Failure.DOWNLOAD_REFUSED
    assert (folder / f"{FILE}.part").stat().st_size <= 2 * 1024**2 + 2 * downloading.CHUNK


def test_without_a_network_the_reason_is_told(folder: Path) -> None:
    with pytest.raises(EngineError) as caught:
        downloading.fetch(
            Wanted("http://127.0.0.1:9/x"), folder, told=lambda _progress: None, cancelled=lambda: False, pauses=QUICKLY
        )
    assert caught.value.failure is Failure.DOWNLOAD_UNREACHABLE
    assert caught.value.details["host"] == "127.0.0.1:9"
    assert "refused" in str(caught.value.details["reason"])


@pytest.mark.parametrize("mirror", ["mirror.example", "file:///etc", "ftp://127.0.0.1/", "http://[::1"])
def test_only_http_is_spoken(mirror: str, folder: Path, monkeypatch: pytest.MonkeyPatch, publisher: Publisher) -> None:
    monkeypatch.setenv("WEIGHTS_MIRROR", mirror)
    assert refused(publisher, folder).failure is Failure.DOWNLOAD_UNREACHABLE


def test_a_redirect_does_not_lead_into_this_machine(publisher: Publisher, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(CONTENT)
    publisher.moved_to = f"file://{tmp_path}/secret"
    assert refused(publisher, folder).failure in (Failure.DOWNLOAD_UNREACHABLE, Failure.DOWNLOAD_REFUSED)
    assert not (folder / FILE).exists()


def test_a_redirect_elsewhere_is_followed(publisher: Publisher, folder: Path) -> None:
    publisher.moved_to = f"{publisher.url}/elsewhere"
    assert fetch(publisher, folder).fetched.sha256 == SHA256


def test_a_mirror_is_asked_in_place_of_the_publisher(
    publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHTS_MIRROR", f"{publisher.url}/mirror/")
    record = Wanted(url="http://127.0.0.1:9/models/elsewhere.pth")
    downloading.fetch(record, folder, told=lambda _progress: None, cancelled=lambda: False)
    assert publisher.paths == [f"/mirror/{FILE}"]


def test_a_proxy_of_the_environment_is_asked(publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", publisher.url)
    monkeypatch.setenv("no_proxy", "")
    record = Wanted(url=f"http://weights.invalid/{FILE}")
    assert downloading.fetch(record, folder, told=lambda _progress: None, cancelled=lambda: False).sha256 == SHA256
    assert publisher.paths == [f"http://weights.invalid/{FILE}"]


def test_a_file_that_is_there_is_not_fetched_again(publisher: Publisher, folder: Path) -> None:
    fetch(publisher, folder)
    again, told = fetch(publisher, folder)
    assert again.was_there
    assert told == []
    assert len(publisher.asked) == 1
    assert list(folder.iterdir()) == [folder / FILE]


def test_a_damaged_file_is_replaced(publisher: Publisher, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(b"damaged")
    assert not fetch(publisher, folder).fetched.was_there
    assert (folder / FILE).read_bytes() == CONTENT


def test_a_cancelled_download_stops_and_can_be_taken_up(publisher: Publisher, folder: Path) -> None:
    publisher.stall = threading.Event()
    told: list[Progress] = []
    record = Wanted(url=f"{publisher.url}/{FILE}")
    began = time.monotonic()
    threading.Timer(0.6, publisher.stall.set).start()
    with pytest.raises(Cancelled):
        downloading.fetch(record, folder, told=told.append, cancelled=lambda: time.monotonic() > began + 0.3)
    part = folder / f"{FILE}.part"
    assert 0 < part.stat().st_size < len(CONTENT)
    publisher.stall = None
    assert fetch(publisher, folder).fetched.resumed_from > 0


def test_two_who_want_the_same_file_fetch_it_once(publisher: Publisher, folder: Path) -> None:
    publisher.stall = threading.Event()
    results: list[Got] = []
    pair = [threading.Thread(target=lambda: results.append(fetch(publisher, folder))) for _ in range(2)]
    for thread in pair:
        thread.start()
    time.sleep(0.4)
    publisher.stall.set()
    for thread in pair:
        thread.join(10)
    assert sorted(got.fetched.was_there for got in results) == [False, True]
    assert len(publisher.asked) == 1
    assert any(progress.waits for got in results for progress in got.told)
    assert list(folder.iterdir()) == [folder / FILE]


def test_another_process_holds_the_lock_too(publisher: Publisher, folder: Path) -> None:
    part = begun(folder, CONTENT[:10])
    lock = "f = open(sys.argv[1], 'r+b'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(30)"
    holder = subprocess.Popen([sys.executable, "-c", f"import fcntl, sys, time; {lock}", str(part)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    told: list[Progress] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        if len(told) == 2:
            holder.kill()  # a dead process holds nothing

    downloading.fetch(Wanted(url=f"{publisher.url}/{FILE}"), folder, told=tell, cancelled=lambda: False)
    holder.wait()
    holder.stdout.close()
    assert told[0] == Progress(10, 0, 0.0, waits=True)
    assert (folder / FILE).read_bytes() == CONTENT


def test_a_disk_that_is_too_small_is_told_before_anything_comes(
    publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 5, 1000))  # type: ignore[attr-defined]
    error = refused(publisher, folder)
    assert error.failure is Failure.DISK_FULL
    assert (error.details["missing"], error.details["free"]) == (len(CONTENT), 1000)
    assert (folder / f"{FILE}.part").stat().st_size == 0


def test_a_disk_that_fills_up_meanwhile_keeps_what_came(
    publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_progress: Progress) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EngineError) as caught:
        downloading.fetch(Wanted(url=f"{publisher.url}/{FILE}"), folder, told=full, cancelled=lambda: False)
    assert caught.value.failure is Failure.DISK_FULL
    assert fetch(publisher, folder).fetched.resumed_from > 0


def test_a_folder_that_is_a_file_is_told(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("not a folder")
    error = refused(publisher, tmp_path / "hub" / "checkpoints")
    assert error.failure is Failure.FOLDER_UNWRITABLE
    assert error.details["folder"] == str(tmp_path / "hub" / "checkpoints")


def test_a_folder_without_permission_is_told(publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)  # root, which tests may be, is denied nothing
    assert refused(publisher, folder).failure is Failure.FOLDER_UNWRITABLE
