"""Downloading weights: resumed where it broke off, held to the hash in the file's name, and whole or not there at all.

What has come so far lies beside the file as `<file>.part`, and is locked while somebody writes to it: two who want the same
file fetch it once. Only what has the right hash is renamed to the file's name, at once.

WEIGHTS_MIRROR names another place for all files (`http://mirror.school/weights`): they are asked for there by their name.
The usual HTTPS_PROXY, HTTP_PROXY and NO_PROXY are heeded.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from inference.contracts import Asked, Cancelled, EngineError, Failure, Result

CHUNK = 1024**2
SILENCE_SECONDS = 30.0
"""How long a server may say nothing."""
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further attempt after a connection that broke; one that brought something begins anew."""
LOOK_SECONDS = 0.25
"""How often to ask whether the download is still wanted."""
MOST_OVER_STATED = 2
"""A server that sends more than twice what the record states is not sending the file."""
MIRROR = "WEIGHTS_MIRROR"

_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d{1,18})")
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)


class Wanted(Protocol):
    """A file to fetch, as a weights' record has it."""

    @property
    def network(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def size_mb(self) -> float | None: ...
    @property
    def expected_hash(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download has come. `total` is 0 while the server has not said how much there is."""

    bytes: int
    total: int
    bytes_per_second: float
    waits: bool = False  # somebody else is fetching the same file


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is there and has the right hash. `resumed_from` bytes were there before; `was_there`: all of them."""

    path: Path
    bytes: int
    sha256: str
    resumed_from: int = 0
    was_there: bool = False


Told = Callable[[Progress], None]


def fetch(wanted: Wanted, folder: Path, *, told: Told, cancelled: Asked, pauses: Sequence[float] = PAUSES) -> Fetched:
    """Brings the file into the folder. Cancelled keeps what came so far, and so does EngineError unless it was wrong:
    DOWNLOAD_UNREACHABLE, DOWNLOAD_REFUSED, DOWNLOAD_INTERRUPTED, DISK_FULL, FOLDER_UNWRITABLE, DOWNLOAD_WRONG.
    """
    path = folder / wanted.file
    with _folder_usable(wanted, folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with _alone(part, told=told, cancelled=cancelled) as file:
            there = already_there(wanted, path, cancelled=cancelled)
            if there is not None:
                part.unlink(missing_ok=True)
                return there
            download = _Download(wanted, file, part, told=told, cancelled=cancelled, pauses=pauses)
            resumed_from, sha256 = download.run()
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
            return Fetched(path, path.stat().st_size, sha256, resumed_from)


class Steps:
    """Tells a download's progress as results, `progress:37`: at most one a second, and one for each per cent of the whole."""

    def __init__(self, emit: Callable[[Result], object], *, seconds: float = 1.0) -> None:
        self._emit, self._seconds = emit, seconds
        self._next, self._told = 0.0, ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        name = self._name(progress)
        if name == self._told or now < self._next:
            return
        self._next, self._told = now + self._seconds, name
        figures = {"bytes": progress.bytes, "total": progress.total, "bytes_per_second": round(progress.bytes_per_second)}
        self._emit(Result(f"progress:{name}", {**figures, "waits": progress.waits}))

    def _name(self, progress: Progress) -> str:
        if progress.waits:
            return "waits"
        if not progress.total:  # the server has not said how much there is: one for each ten megabytes
            return f"{progress.bytes // 10_000_000}x10"
        return str(100 * progress.bytes // progress.total)


def address(wanted: Wanted) -> str:
    """Where the file is asked for: at the address of its record, or at the mirror."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    return f"{mirror}/{wanted.file}" if mirror else wanted.url


class _Broke(Exception):
    """The connection ended before the file did."""


class _Download:
    """One file on its way into its part, which this process alone writes to."""

    def __init__(
        self, wanted: Wanted, file: BinaryIO, part: Path, *, told: Told, cancelled: Asked, pauses: Sequence[float]
    ) -> None:
        self._wanted, self._file, self._part = wanted, file, part
        self._url = address(wanted)
        self._told, self._pauses = told, pauses
        self._stop = _Now(cancelled)
        self._resumed_from = self._size()
        self._total = 0
        self._began, self._came = time.monotonic(), 0

    def run(self) -> tuple[int, str]:
        """How much was there before, and the sha256 of the whole, which is the right one."""
        sha256 = self._whole()
        if not sha256.startswith(self._wanted.expected_hash) and self._resumed_from:
            # What was there from before may have been of another file: once more, from the beginning.
            self._begin_anew()
            sha256 = self._whole()
        if not sha256.startswith(self._wanted.expected_hash):
            self._part.unlink(missing_ok=True)
            raise self._error(Failure.DOWNLOAD_WRONG, expected=self._wanted.expected_hash, found=sha256[:16])
        return self._resumed_from, sha256

    def _begin_anew(self) -> None:
        self._file.truncate(0)
        self._resumed_from = 0

    def _whole(self) -> str:
        """Fetches until nothing is missing; the sha256 of all that came."""
        attempt = 0
        while True:
            before = self._size()
            try:
                self._rest()
            except _Broke as error:
                attempt = 0 if self._size() > before else attempt + 1
                if attempt >= len(self._pauses):
                    raise self._given_up(error.__cause__) from error
                self._wait(self._pauses[attempt])
            else:
                return _sha256_of(self._file, self._stop)

    def _rest(self) -> None:
        """Asks for what is missing and writes it. _Broke when it did not come whole."""
        size = self._size()
        request = self._request()
        if size:
            request.add_header("Range", f"bytes={size}-")
        try:
            with _opener().open(request, timeout=SILENCE_SECONDS) as response:
                self._take(response, size)
        except urllib.error.HTTPError as error:
            self._refused(error, size)
        except (urllib.error.URLError, http.client.InvalidURL) as error:
            if self._came:  # it was reached before: the line is down, not the address wrong
                raise _Broke from error
            raise self._unreachable(str(getattr(error, "reason", error))) from error
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:  # before the first byte
            raise _Broke from error
        finally:
            self._file.flush()

    def _request(self) -> urllib.request.Request:
        headers = {"User-Agent": "forward-pass", "Accept-Encoding": "identity"}
        try:
            return urllib.request.Request(self._url, headers=headers)  # noqa: S310 - the opener knows HTTP and HTTPS alone
        except ValueError as error:  # a mirror without http:// before it
            raise self._unreachable(str(error)) from error

    def _take(self, response: Any, size: int) -> None:
        goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT and _starts_at(response, size)
        if not goes_on:
            size = 0
            self._begin_anew()
        length = _length_of(response)
        self._total = size + length if length else 0
        self._room_for(length)
        self._file.seek(size)
        while chunk := _next_of(response):
            self._file.write(chunk)
            size += len(chunk)
            self._came += len(chunk)
            self._stop()
            if size > self._most():
                raise self._error(Failure.DOWNLOAD_REFUSED, status=response.status, reason="too long")
            self._told(Progress(size, self._total, self._came / max(time.monotonic() - self._began, 1e-3)))
        if self._total and size < self._total:
            raise _Broke

    def _refused(self, error: urllib.error.HTTPError, size: int) -> None:
        """What an answer other than the file means; returns when nothing was missing after all."""
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and size:
            found = _TOTAL.match(error.headers.get("Content-Range") or "")
            if found and int(found[1]) == size:
                return
            self._begin_anew()
            raise _Broke from error
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
            raise _Broke from error
        raise self._error(Failure.DOWNLOAD_REFUSED, status=error.code, reason=str(error.reason)) from error

    def _room_for(self, missing: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if missing > free:
            raise self._error(Failure.DISK_FULL, folder=str(self._part.parent), missing=missing, free=free)

    def _most(self) -> float:
        """More bytes than this are not the file. A record without a size trusts the server's word."""
        if self._wanted.size_mb:
            return MOST_OVER_STATED * self._wanted.size_mb * 1024**2
        return self._total or float("inf")

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._stop()
            time.sleep(min(LOOK_SECONDS, left))

    def _given_up(self, cause: BaseException | None) -> EngineError:
        if isinstance(cause, urllib.error.HTTPError):
            return self._error(Failure.DOWNLOAD_REFUSED, status=cause.code, reason=str(cause.reason))
        return self._error(Failure.DOWNLOAD_INTERRUPTED, came=self._size(), total=self._total)

    def _unreachable(self, reason: str) -> EngineError:
        return self._error(Failure.DOWNLOAD_UNREACHABLE, host=_host(self._url), reason=reason)

    def _error(self, failure: Failure, **details: str | int | float) -> EngineError:
        known = {"network": self._wanted.network, "weights": self._wanted.name, "file": self._wanted.file, "url": self._url}
        return EngineError(failure, **{**known, **details})


class _Now:
    """Raises Cancelled once the download is not wanted any more; asks a few times a second, for asking may cost something."""

    def __init__(self, cancelled: Asked) -> None:
        self._cancelled = cancelled
        self._next = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOOK_SECONDS
            if self._cancelled():
                raise Cancelled


def _opener() -> urllib.request.OpenerDirector:
    """Speaks HTTP and HTTPS, also through proxies, and nothing else: a redirect can't lead to a file of this machine."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def _next_of(response: Any) -> bytes:
    """What has come meanwhile: on a slow line a whole chunk may take minutes. _Broke where the line fails.

    A lost route or a broken cipher is a plain OSError, as a full disk is: here it can only be the line's.
    """
    try:
        return bytes(response.read1(CHUNK))
    except (OSError, http.client.HTTPException) as error:
        raise _Broke from error


def _length_of(response: Any) -> int:
    """How many bytes the server says it sends; 0 where it does not say so in a number, and its word is not needed."""
    stated = str(response.headers.get("Content-Length", "")).strip()
    return int(stated) if _LENGTH.fullmatch(stated) else 0


def _starts_at(response: Any, size: int) -> bool:
    """Whether a partial answer begins where it was asked to."""
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {size}-")


def _sha256_of(file: BinaryIO, stop: Callable[[], None]) -> str:
    file.seek(0)
    found = hashlib.sha256()
    while chunk := file.read(CHUNK):
        stop()
        found.update(chunk)
    return found.hexdigest()


def already_there(wanted: Wanted, path: Path, *, cancelled: Asked) -> Fetched | None:
    """The file, when it is there with the right hash. A damaged one is fetched anew, and stays until the new one is whole."""
    try:
        with path.open("rb") as file:
            sha256 = _sha256_of(file, _Now(cancelled))
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return None
    return Fetched(path, size, sha256, was_there=True) if size and sha256.startswith(wanted.expected_hash) else None


@contextmanager
def _alone(part: Path, *, told: Told, cancelled: Asked) -> Iterator[BinaryIO]:
    """The part, open and locked. Waits while somebody else has it; they may have renamed it by then, so it is opened again."""
    while True:
        with part.open("a+b") as opened:  # appending: nothing that is there is lost
            stop = _Now(cancelled)
            while not _locked(opened):
                stop()
                told(Progress(os.fstat(opened.fileno()).st_size, 0, 0.0, waits=True))
                time.sleep(LOOK_SECONDS)
            if _is_still(part, opened):
                with part.open("r+b") as file:
                    yield file
                return


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(part: Path, opened: BinaryIO) -> bool:
    try:
        return part.stat().st_ino == os.fstat(opened.fileno()).st_ino
    except FileNotFoundError:
        return False


@contextmanager
def _folder_usable(wanted: Wanted, folder: Path) -> Iterator[None]:
    """Says what a full disk and a folder that can't be written to are, and lets every other OSError pass."""
    details = {"network": wanted.network, "weights": wanted.name, "file": wanted.file, "folder": str(folder)}
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise EngineError(Failure.DISK_FULL, **details, missing=0, free=0) from error
        if isinstance(error, PermissionError) or error.errno in (errno.EROFS, errno.ENOTDIR):
            raise EngineError(Failure.FOLDER_UNWRITABLE, **details, reason=error.strerror or "") from error
        raise
