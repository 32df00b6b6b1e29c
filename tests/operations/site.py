"""A site started with `manage.py run` in a data folder of its own, as an operator would, and what can be seen of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    state: str
    command: str


def processes() -> list[Process]:
    listed = subprocess.run(["ps", "-axwwo", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 3) for line in listed.splitlines())
    return [Process(int(row[0]), int(row[1]), row[2], row[3] if len(row) > 3 else "") for row in rows]


def running(pids: set[int]) -> list[Process]:
    """Which of these still run; a zombie only waits for its parent, here often the container's first process."""
    return [process for process in processes() if process.pid in pids and not process.state.startswith("Z")]


def eventually(holds: Callable[[], object], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def environment(data: Path, **changes: str) -> dict[str, str]:
    theirs = {key: value for key, value in os.environ.items() if key != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return {**theirs, "DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(data), "PORT": "0", **changes}


def refused_start(data: Path, **changes: str) -> str:
    """What a start that is refused says: one line on standard error, exit status 1."""
    done = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=settings.ROOT,
        env=environment(data, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


class Site:
    """A running `manage.py run`."""

    def __init__(self, data: Path, **changes: str) -> None:
        self.data = data
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=settings.ROOT,
            env=environment(data, **changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._said.append(line)

    @property
    def said(self) -> str:
        return "".join(self._said)

    @property
    def url(self) -> str:
        found = re.search(r"The site answers at (\S+)", self.said)
        assert found, self.said
        return found[1]

    def hear(self, words: str, *, seconds: float = 60) -> None:
        """Waits until it has said these words."""
        eventually(
            lambda: words in self.said or self.process.poll() is not None,
            seconds=seconds,
            what=f"{words!r} after {self.said!r}",
        )
        assert words in self.said, self.said

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def child(self, words: str) -> Process:
        """The direct child whose command holds these words."""
        return next(process for process in self.children() if words in process.command)

    def children(self) -> list[Process]:
        return [process for process in processes() if process.parent == self.process.pid]

    def family(self) -> set[int]:
        """Every process below it, at any depth."""
        found, listed = {self.process.pid}, processes()
        while more := {process.pid for process in listed if process.parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def end(self) -> None:
        """Ends it, whatever state a failed test has left it in."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
