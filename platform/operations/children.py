"""A child process of the supervisor: started in a session of its own, seen to its end with everything that it started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from operations.guard import signal_group

PR_SET_PDEATHSIG = 1
LOG_BYTES = 10 * 1024 * 1024
LAST_LINES = 15

GIVE_UP_FAILURES = 5
GIVE_UP_SECONDS = 60.0
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""How long to wait before the first, second, … restart within GIVE_UP_SECONDS."""

# Loaded here: between fork and exec a child may do almost nothing safely.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Guard:
    """The process that stops what is left when the supervisor is killed (operations.guard)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("guard.py"))], stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self, group: int) -> None:
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        self._tell(f"- {group}\n")

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is None or self._process.poll() is not None:
            return  # somebody killed the guard; on Linux the parent-death signal is still there
        pipe.write(line.encode())
        pipe.flush()


@dataclass
class Restarts:
    """When to start a child again: at growing pauses, and no more after five failures within a minute."""

    failures: deque[float] = field(default_factory=lambda: deque(maxlen=GIVE_UP_FAILURES))

    def failed(self, now: float) -> float | None:
        """Seconds to wait before the next start; None to give up."""
        self.failures.append(now)
        recent = sum(1 for moment in self.failures if now - moment < GIVE_UP_SECONDS)
        return None if recent >= GIVE_UP_FAILURES else PAUSES[recent - 1]


class Child:
    """One child process and how to start it again.

    stopped → running (start) → stopped (it ended, or stop); a caller that polls learns of the end once.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        guard: Guard,
        environment: Mapping[str, str],
        log: Path,
        console: IO[str] | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.restarts = Restarts()
        self._command = list(command)
        self._guard = guard
        self._environment = dict(environment)
        self._log = log
        self._console = console
        self._inherited = tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at: float | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts it, in a session and process group of its own: Ctrl-C in the terminal reaches the supervisor alone."""
        self._start_at = None
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._console or log,
                stderr=log,
                env=self._environment,
                pass_fds=self._inherited,
                start_new_session=True,
                preexec_fn=partial(_die_with, os.getpid()) if _libc else None,  # noqa: PLW1509 (the supervisor has no threads)
            )
        self._guard.watch(self._process.pid)

    def start_later(self, seconds: float) -> None:
        self._start_at = time.monotonic() + seconds

    def start_if_due(self) -> None:
        if self._start_at is not None and time.monotonic() >= self._start_at:
            self.start()

    def poll(self) -> int | None:
        """Its exit status when it has ended since the last call (negative: a signal), else None."""
        if self._process is None:
            return None
        status = self._process.poll()
        if status is not None:
            self._clean_up()
        return status

    def ask_to_stop(self) -> None:
        self._start_at = None
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float, *, hurried: Callable[[], bool] = lambda: False) -> None:
        """Waits for its end; kills it and all it started after so many seconds, or as soon as somebody is in a hurry."""
        if self._process is None:
            return
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < deadline and not hurried():
            time.sleep(0.02)
        self._clean_up()

    def kill(self) -> None:
        self._start_at = None
        if self._process is not None:
            self._clean_up()

    def last_lines(self) -> list[str]:
        """The end of its log."""
        return last_lines(self._log)

    def _clean_up(self) -> None:
        # The group outlives its leader: a pool's child would keep its memory, and a GPU, for ever.
        process, self._process = self._process, None
        if process is None:
            return
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
        self._guard.forget(process.pid)


def rotate(log: Path) -> None:
    """Starts a new log file when this one has grown; the one before is kept beside it."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))


def last_lines(log: Path) -> list[str]:
    """The last lines of a file, few enough to read."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 8192))
        return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]


def _die_with(parent: int) -> None:
    """Runs in the child before its program: asks the kernel for a SIGTERM when the supervisor dies."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)
