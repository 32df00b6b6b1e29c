"""Runs a snippet in a fresh, limited process and says what it printed, raised and warned about.

Each run: a Python of its own in isolated mode, an empty temporary folder, an environment of a few names, limits on CPU,
memory, file size and open files, a wall-clock limit, a cap on what it prints, and the end of its whole process group.
Where bubblewrap works, the run also has no network interface, a read-only file system, its own process table, and does not
see the site's data. Without it a determined author could break out, so only `check_content`, started by a person, runs
snippets there; the site never does.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from inference.sandbox.snippets import (
    WEIGHTS_PREFIX,
    Snippet,
    SnippetResult,
    Stopped,
    canonical_code,
    installed_versions,
    missing_here,
    public_version,
    snippet_sha256,
)

DEFAULT_TIMEOUT = 60.0  # seconds; importing torch takes about three of them on a slow core
_RUNNER = Path(__file__).with_name("runner.py")
_SHIM = Path(__file__).parents[1] / "engine" / "shim.py"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. The wall clock is `run_snippet`'s own argument."""

    cpu_seconds: int = 120
    memory_bytes: int = 4 * 1024**3
    file_bytes: int = 64 * 1024**2
    open_files: int = 256
    output_bytes: int = 64 * 1024


def run_snippet(
    snippet: Snippet, *, timeout: float = DEFAULT_TIMEOUT, limits: Limits | None = None, weights_dir: Path | None = None
) -> SnippetResult:
    """What the snippet printed, raised and warned about; `missing` when it needs weights that are not in `weights_dir`."""
    weights = weights_dir or settings.WEIGHTS_DIR
    if snippet.requires and not _is_here(snippet.requires, weights):
        return missing_here(snippet.requires)
    with tempfile.TemporaryDirectory(prefix="snippet-") as folder:
        return _run(snippet, Path(folder).resolve(), timeout=timeout, limits=limits or Limits(), weights=weights)


def run_snippets(
    snippets: Iterable[Snippet], *, timeout: float = DEFAULT_TIMEOUT, done: Callable[[Snippet], None] = lambda _snippet: None
) -> dict[str, SnippetResult]:
    """The results of these snippets by hash, each run once, in a process of its own, as many at a time as there are cores.

    `done` is called, from the calling thread, as each one ends.
    """
    distinct = {snippet_sha256(snippet): snippet for snippet in snippets}
    results: dict[str, SnippetResult] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        running = {pool.submit(run_snippet, snippet, timeout=timeout): sha256 for sha256, snippet in distinct.items()}
        try:
            for ended in as_completed(running):
                results[running[ended]] = ended.result()
                done(distinct[running[ended]])
        except BaseException:  # Ctrl-C as well: what has not begun does not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {sha256: results[sha256] for sha256 in distinct}


@cache
def bubblewrap() -> str:
    """The path of a bubblewrap that works on this machine, or nothing: some hosts have it and forbid it."""
    path = shutil.which("bwrap")
    if not path:
        return ""
    command = [path, "--ro-bind", "/", "/", "--unshare-net", "--unshare-pid", "--proc", "/proc", "true"]
    try:
        tried = subprocess.run(command, check=False, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return path if tried.returncode == 0 else ""


def _is_here(requires: str, weights: Path) -> bool:
    """Whether a weights file of the named network lies in the weights folder (TORCH_HOME layout)."""
    network = requires.removeprefix(WEIGHTS_PREFIX)
    return any((weights / "hub" / "checkpoints").glob(f"{network}[-_]*.pth"))


def _run(snippet: Snippet, folder: Path, *, timeout: float, limits: Limits, weights: Path) -> SnippetResult:
    report_out, report_in = os.pipe()
    request = {
        "code": canonical_code(snippet.code),
        "folder": str(folder),
        "limits": asdict(limits),
        "shim": str(_SHIM),
        "report_to": report_in,
    }
    with os.fdopen(report_out, "rb", buffering=0) as report, tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        try:
            process = subprocess.Popen(
                [*_wall(folder, weights), sys.executable, "-I", "-B", "-u", "-X", "utf8", str(_RUNNER)],
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=_environment(folder, weights),
                pass_fds=(report_in,),
                start_new_session=True,
            )
        finally:
            os.close(report_in)
        try:
            run = _follow(process.stdout, report, timeout=timeout, cap=limits.output_bytes)
        finally:
            _end(process)
    return _result(snippet, run)


def _environment(folder: Path, weights: Path) -> dict[str, str]:
    """All that a snippet learns of the machine it runs on."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "WEIGHTS_DIR": str(weights),
        "TORCH_HOME": str(weights),
    }


def _wall(folder: Path, weights: Path) -> list[str]:
    """The bubblewrap command in front of the run; empty where it does not work."""
    path = bubblewrap()
    if not path:
        return []
    data = str(settings.DATA_DIR)
    return [
        *(path, "--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL"),
        *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"),
        # The site's secret key, database and uploads lie in its data folder, and perhaps the weights as well.
        *(("--tmpfs", data) if settings.DATA_DIR.exists() else ()),
        *(("--ro-bind", str(weights), str(weights)) if weights.exists() else ()),
        *("--bind", str(folder), str(folder), "--chdir", str(folder)),
    ]


@dataclass(frozen=True, slots=True)
class _Followed:
    """What came out of a run, and why reading ended. `report` is None unless the runner reached its own end."""

    printed: str
    report: dict[str, Any] | None
    stopped: Stopped


def _follow(stdout: IO[bytes] | None, report: IO[bytes], *, timeout: float, cap: int) -> _Followed:
    """Reads both pipes until the report's line is whole, the runner is gone, the clock runs out or the cap is passed.

    The end of standard output says nothing: a snippet may close it, and a child left over may hold it open.
    """
    if stdout is None:
        raise RuntimeError("the sandbox process was started without its pipes")
    deadline = time.monotonic() + timeout
    received = {stdout.fileno(): bytearray(), report.fileno(): bytearray()}
    printed, said = received.values()
    stopped = Stopped.TIME
    with selectors.DefaultSelector() as selector:
        for descriptor in received:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            # Standard output first: what was printed before the report was written is already in its pipe.
            for key, _events in sorted(selector.select(left), key=lambda ready: ready[0].fd == report.fileno()):
                chunk = os.read(key.fd, 65536)
                received[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
            if len(printed) > cap:
                stopped = Stopped.OUTPUT
                break
            if said.endswith(b"\n"):
                printed += _rest(stdout, cap)
                stopped = Stopped.OUTPUT if len(printed) > cap else Stopped.NO
                break
            if report.fileno() not in selector.get_map():
                stopped = Stopped.DIED
                break
    document = json.loads(said) if stopped is Stopped.NO else None
    return _Followed(printed=bytes(printed[:cap]).decode(errors="replace"), report=document, stopped=stopped)


def _rest(stdout: IO[bytes], cap: int) -> bytes:
    """What still lies in the pipe, up to a little more than the cap."""
    rest = bytearray()
    try:
        while len(rest) <= cap and (chunk := os.read(stdout.fileno(), 65536)):
            rest += chunk
    except BlockingIOError:
        pass
    return bytes(rest)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills the run with everything in its process group; bubblewrap's process table dies with bubblewrap."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _result(snippet: Snippet, run: _Followed) -> SnippetResult:
    if run.report is None:
        versions = installed_versions()
        return SnippetResult(output=run.printed, torch=versions.torch, torchvision=versions.torchvision, stopped=run.stopped)
    if snippet.requires and run.report["network_refused"]:
        return missing_here(snippet.requires)  # another file of the same network is here, and this one would be fetched
    return SnippetResult(
        output=run.printed,
        raised=run.report["raised"],
        message=run.report["message"],
        warnings=tuple(run.report["warnings"]),
        torch=public_version(run.report["torch"]),
        torchvision=public_version(run.report["torchvision"]),
        python=run.report["python"],
    )
