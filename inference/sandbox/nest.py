"""A process that stands ready to run snippets, one after the other, each in a fork of its own.

Starting Python and importing torch and torchvision takes seconds; forking a process that has done so takes milliseconds, and
what one snippet does to its copy no other one sees.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from inference.contracts import Cancelled
from inference.sandbox import syscalls
from inference.sandbox.snippets import (
    Snippet,
    SnippetResult,
    Stopped,
    canonical_code,
    installed_versions,
    missing_here,
    weights_are_here,
)

HERE = Path(__file__).parent
RUNNER = HERE / "runner.py"
SHIM = HERE.parent / "engine" / "shim.py"
NOBODY = "65534"
FOLDER_BYTES = 256 * 1024**2  # what all files of a snippet together may take, where bubblewrap works
LONGEST_NAME = 120  # characters of an exception's class, as its row keeps
LONGEST_REPORT = 256 * 1024  # bytes; the runner's own bounds keep an honest one far below
START_SECONDS = 120.0  # to import what is preloaded, on a machine that is busy
END_SECONDS = 10.0
LOOK_SECONDS = 0.5  # how often to ask whether a run is still wanted


class NoWall(RuntimeError):
    """Bubblewrap or the kernel's filter is missing where nothing may run without them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. The wall clock is `run_snippet`'s own argument."""

    cpu_seconds: int = 120
    memory_bytes: int = 4 * 1024**3
    file_bytes: int = 64 * 1024**2
    open_files: int = 256
    output_bytes: int = 64 * 1024


class Nest:
    """A context manager that runs snippets in forks of one prepared process; a run that was stopped costs it that process.

    `only_walled`: where a fence is missing it raises NoWall, and nothing runs.
    """

    def __init__(self, *, weights_dir: Path | None = None, preload: Sequence[str] = (), only_walled: bool = False) -> None:
        self.weights: Path = weights_dir or settings.WEIGHTS_DIR
        self.preload = tuple(preload)
        self.only_walled = only_walled
        self.folder: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.walled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def run(
        self, snippet: Snippet, *, timeout: float, limits: Limits, cancelled: Callable[[], bool] = lambda: False
    ) -> SnippetResult:
        """What the snippet printed, raised and warned about; `missing` when it needs weights that are not here.

        Raises Cancelled, the snippet ended, soon after `cancelled` says so.
        """
        if snippet.requires and not weights_are_here(snippet.requires, self.weights):
            return missing_here(snippet.requires)
        control, base = self._ready()
        folder = base / f"run-{secrets.token_hex(8)}"
        request = {
            "code": canonical_code(snippet.code),
            "folder": str(folder),
            "limits": asdict(limits),
            "seconds": timeout,
            "only_filtered": self.only_walled,
        }
        stdout, stdout_in = os.pipe()
        report, report_in = os.pipe()
        child = 0
        run = _Run("", None, Stopped.DIED)
        try:
            with suppress(OSError):  # the process is gone before it could answer: the run stays DIED
                try:
                    child = self._ask(control, request, (stdout_in, report_in))
                finally:
                    os.close(stdout_in)
                    os.close(report_in)
                run = _follow(stdout, report, timeout=timeout, cap=limits.output_bytes, cancelled=cancelled)
        finally:
            os.close(stdout)
            os.close(report)
            if run.stopped or not self._is_idle(control):
                self.close(child)
        return _result(snippet, run)

    def close(self, child: int = 0) -> None:
        """Kills the process with everything it started, the running fork `child` included."""
        if self.process is not None:
            # Inside bubblewrap the child's number means another process out here, and its whole table dies with it.
            for group in (self.process.pid, 0 if self.walled else child):
                if group:
                    with suppress(ProcessLookupError):
                        os.killpg(group, signal.SIGKILL)
            self.process.wait()
        if self.control is not None:
            self.control.close()
        if self.folder is not None:
            _remove(self.folder)
        self.process = self.control = self.folder = None

    def _ready(self) -> tuple[socket.socket, Path]:
        """The control socket and folder of the process, which is started when there is none."""
        if self.control is None or self.folder is None:
            if self.only_walled and not is_full():
                raise NoWall
            self.folder = Path(tempfile.mkdtemp(prefix="sandbox-")).resolve()
            self.control, theirs = socket.socketpair()
            wall = _wall(self.folder, self.weights)
            self.walled = bool(wall)
            with theirs:
                self.process = subprocess.Popen(
                    [*wall, sys.executable, "-I", "-B", "-u", "-X", "utf8", str(RUNNER)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=self.folder,
                    env=_environment(self.weights),
                    start_new_session=True,
                )
            self.control.sendall(_line({"shim": str(SHIM), "preload": self.preload}))
        return self.control, self.folder

    def _ask(self, control: socket.socket, request: dict[str, Any], descriptors: tuple[int, int]) -> int:
        """Hands the request and the two pipes over; returns the fork's process id, in its own process table."""
        socket.send_fds(control, [b"?"], descriptors)
        control.sendall(_line(request))
        control.settimeout(START_SECONDS)
        packed = control.recv(4, socket.MSG_WAITALL)
        return int.from_bytes(packed, "big")

    def _is_idle(self, control: socket.socket) -> bool:
        """Whether the fork is gone and the process waits for the next one."""
        control.settimeout(END_SECONDS)
        try:
            return control.recv(1) == b"."
        except OSError:
            return False


def _remove(folder: Path) -> None:
    """Takes the folder away, however deep a snippet made it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["/bin/rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


_ROOM = (
    *("--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--disable-userns", "--cap-drop", "ALL"),
    *("--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"),
    "--as-pid-1",  # or bubblewrap itself would stand beside the snippet, and its memory would be open
)
"""A user, network, process table and host name of its own, and no way to make further ones."""


@cache
def bubblewrap() -> str:
    """The path of a bubblewrap (0.8 or newer) that works on this machine, or nothing: some hosts have it and forbid it."""
    path = shutil.which("bwrap")
    if not path:
        return ""
    sized = ("--size", "4096", "--tmpfs", "/dev/shm")  # noqa: S108 - of its own, in the sandbox
    command = [path, *_ROOM, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", *sized, "true"]
    try:
        tried = subprocess.run(command, check=False, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return path if tried.returncode == 0 else ""


def is_full() -> bool:
    """Whether all fences stand on this machine: bubblewrap works, and there is a filter of system calls for it."""
    return syscalls.is_known_here() and bool(bubblewrap())


def _environment(weights: Path) -> dict[str, str]:
    """All that a snippet learns of the machine it runs on; its own folder is added as HOME and TMPDIR."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "nobody",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "WEIGHTS_DIR": str(weights),
        "TORCH_HOME": str(weights),
    }


def _wall(folder: Path, weights: Path) -> list[str]:
    """The bubblewrap command in front of the run; empty where it does not work.

    Inside there are the system's libraries, this Python with its packages, the weights and an empty folder, and nothing else
    of the machine: no accounts, no settings, no data, no sockets of other programs.
    """
    path = bubblewrap()
    if not path:
        return []
    return [
        *(path, *_ROOM, "--ro-bind", "/usr", "/usr"),
        *(argument for name in ("bin", "sbin", "lib", "lib32", "lib64") for argument in _system(Path("/", name))),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"),
        *("--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"),  # by which torch chooses its kernels
        # Where the site is installed below /usr, its settings, secret key, database and uploads are there as well.
        *("--tmpfs", str(settings.ROOT), "--tmpfs", str(settings.DATA_DIR)),
        *(argument for place in _python() for argument in ("--ro-bind", place, place)),
        *(argument for file in (HERE, SHIM) for argument in ("--ro-bind", str(file), str(file))),
        *("--ro-bind-try", str(weights), str(weights)),
        *("--size", str(FOLDER_BYTES), "--tmpfs", str(folder)),
        *("--remount-ro", str(settings.ROOT), "--remount-ro", str(settings.DATA_DIR)),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(folder)),
    ]


def _system(path: Path) -> tuple[str, ...]:
    """A folder of the system as it is outside: a link into /usr on most systems, a folder on others."""
    if path.is_symlink():
        return ("--symlink", str(path.readlink()), str(path))
    return ("--ro-bind", str(path), str(path)) if path.exists() else ()


def _python() -> list[str]:
    """The folders of this Python and its packages, outer ones first; those of the system are there already."""
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}
    return [str(prefix) for prefix in sorted(prefixes) if prefix != Path("/usr")]


@dataclass(frozen=True, slots=True)
class _Run:
    """What came out of a run, and why reading ended. `report` is None unless the runner reached its own end."""

    printed: str
    report: dict[str, Any] | None
    stopped: Stopped


def _follow(stdout: int, report: int, *, timeout: float, cap: int, cancelled: Callable[[], bool]) -> _Run:
    """Reads both pipes until the report's line is whole, the runner is gone, the clock runs out or the cap is passed.

    The end of standard output says nothing: a snippet may close it, and a child left over may hold it open.
    """
    deadline = time.monotonic() + timeout
    received = {stdout: bytearray(), report: bytearray()}
    printed, said = received.values()
    stopped = Stopped.TIME
    with selectors.DefaultSelector() as selector:
        for descriptor in received:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            # Standard output first: what was printed before the report was written is already in its pipe.
            for key, _events in sorted(selector.select(min(left, LOOK_SECONDS)), key=lambda ready: ready[0].fd == report):
                chunk = os.read(key.fd, 65536)
                received[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
            if cancelled():
                raise Cancelled
            if len(printed) > cap:
                stopped = Stopped.OUTPUT
                break
            if len(said) > LONGEST_REPORT:
                stopped = Stopped.DIED
                break
            if said.endswith(b"\n"):
                printed += _rest(stdout, cap)
                stopped = Stopped.OUTPUT if len(printed) > cap else Stopped.NO
                break
            if report not in selector.get_map():
                stopped = Stopped.DIED
                break
    text = bytes(printed[:cap]).decode(errors="replace").replace("\0", "\ufffd")  # no database keeps a NUL in a text
    told = _report(bytes(said)) if stopped is Stopped.NO else None
    return _Run(printed=text, report=told, stopped=stopped if told or stopped else Stopped.DIED)


def _report(said: bytes) -> dict[str, Any] | None:
    """What the runner reported; None for anything else: the snippet can write into that pipe as well."""
    try:
        report = json.loads(said)
        texts = [report["raised"], report["message"], *report["warnings"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in texts) or len(report["raised"]) > LONGEST_NAME:
        return None
    return {
        "raised": _storable(report["raised"]),
        "message": _storable(report["message"]),
        "warnings": tuple(map(_storable, report["warnings"])),
        "network_refused": report.get("network_refused") is True,
    }


def _storable(text: str) -> str:
    """Text that every database and UTF-8 can keep: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _rest(stdout: int, cap: int) -> bytes:
    """What still lies in the pipe, up to a little more than the cap."""
    rest = bytearray()
    try:
        while len(rest) <= cap and (chunk := os.read(stdout, 65536)):
            rest += chunk
    except BlockingIOError:
        pass
    return bytes(rest)


def _result(snippet: Snippet, run: _Run) -> SnippetResult:
    """The run with the versions that were installed when it ran: of those the snippet's own word is not taken."""
    report = run.report or {}
    if snippet.requires and report.get("network_refused"):
        return missing_here(snippet.requires)  # another file of the same network is here, and this one would be fetched
    versions = installed_versions()
    return SnippetResult(
        output=run.printed,
        raised=report.get("raised", ""),
        message=report.get("message", ""),
        warnings=report.get("warnings", ()),
        torch=versions.torch,
        torchvision=versions.torchvision,
        python=platform.python_version(),
        stopped=run.stopped,
    )
