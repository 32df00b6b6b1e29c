"""Real worker processes for tests: each a host of its own, that can be asked to stop, and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection

from inference import heartbeat

WARM_SECONDS = 120
LEASE_SECONDS = 4
COMMAND = ["-m", "celery", "-A", "config.celery", "worker"]
QUIET = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]


def eventually(what: Callable[[], Any], *, seconds: float, why: Callable[[], str] = lambda: "") -> Any:
    """What `what` returns once it is true; fails with `why` when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s. {why()}")
        time.sleep(0.05)
    return found


class Worker:
    """A worker process of the test's own: a host of its own, with nothing but the database, Redis and pictures in common."""

    def __init__(
        self,
        host: Path,
        *,
        stage_seconds: float = 0.0,
        queue: str = "trace",
        deadly: str = "",
        batch: int = 8,
        processes: int = 1,
        pool: str = "prefork",
        **more: str,
    ) -> None:
        host.mkdir()
        self.log = host / "worker.log"
        (host / "tmp").mkdir()
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.inference.worker_settings",
            "PYTHONPATH": os.pathsep.join([str(site.ROOT), str(site.ROOT / "platform"), os.environ.get("PYTHONPATH", "")]),
            "TMPDIR": str(host / "tmp"),
            "TEST_DATA_DIR": str(host / "data"),
            "TEST_REDIS_URL": site.REDIS_URL,
            "TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "TEST_MEDIA_DIR": str(site.MEDIA_ROOT),
            "TEST_STAGE_SECONDS": str(stage_seconds),
            "TEST_LEASE_SECONDS": str(LEASE_SECONDS),
            "TEST_DEADLY_SAMPLE": deadly,
            "TRACE_BATCH": str(batch),
            "REMAP_SIGTERM": "SIGQUIT",
            "OMP_NUM_THREADS": "1",
            **more,
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *COMMAND, "-P", pool, "-c", str(processes), "-Q", queue, "-n", f"{host.name}@%h", *QUIET],
                cwd=site.ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def told(self) -> str:
        return self.log.read_text()[-4000:]

    def child(self) -> int:
        """The process id of the child that runs the traces, once it is warm."""

        def mine() -> list[int]:
            return [worker["pid"] for worker in heartbeat.workers() if parent_of(worker["pid"]) == self.process.pid]

        return int(eventually(mine, seconds=WARM_SECONDS, why=self.told)[0])

    def kill(self) -> None:
        """End it and its child at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)

    def stop(self) -> None:
        """Ask it to stop, as an operator does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)


def parent_of(pid: int) -> int:
    """The parent of a process; 0 when it has ended."""
    listed = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(listed.strip() or 0)
