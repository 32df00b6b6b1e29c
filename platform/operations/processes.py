"""The site's processes besides Redis: their command lines and their environment, for the supervisor and for single hosts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.conf import settings

from inference import gpus, queueing
from inference.sandbox.engine import proves_here

CELERY = [sys.executable, "-m", "celery", "-A", "config.celery"]
QUEUES = ("trace", "train", "checks")

FOR_SPEED = {
    # One thread a process: threads of several workers on the same cores cost more than they bring.
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    # Large blocks are kept, not given back to the system and asked for again with every batch.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}


def worker_command(queue: str) -> list[str]:
    """The command line of the worker of a queue."""
    queues = [queue, queueing.PROOFS.queue] if queue == "checks" and proves_here() else [queue]
    flags = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return [*CELERY, "worker", "-Q", ",".join(queues), "-n", f"{queue}-{os.getpid()}@%h", *_pool(queue), *flags]


def _pool(queue: str) -> list[str]:
    """What runs a network does so in a spawned child that can be killed and replaced; what waits for others takes threads."""
    if queue == "checks":
        return ["-P", "threads", "-c", "3"]  # a download and an author's code at once leave one to the chores
    return ["-P", "prefork", "-c", str(trace_processes() if queue == "trace" else 1)]


def trace_processes() -> int:
    """How many children trace side by side: TRACE_PROCESSES, or one for each GPU that they may see, and at least one."""
    visible = [] if settings.TRACE_DEVICE == "cpu" else gpus.listed(os.environ.get(gpus.VISIBLE))
    return int(settings.TRACE_PROCESSES or len(visible) or 1)


def clock_command() -> list[str]:
    """The command line of the one process that sends the regular chores to the checks queue."""
    return [*CELERY, "beat", "--schedule", str(Path(settings.DATA_DIR) / "beat-schedule"), "--pidfile=", "--loglevel", "INFO"]


def environment() -> dict[str, str]:
    """This process's environment with what the others need; what the operator has set goes before what is set for speed."""
    path = [str(settings.ROOT / "platform"), str(settings.ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **FOR_SPEED,
        **os.environ,
        "DATA_DIR": str(settings.DATA_DIR),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONUNBUFFERED": "1",
        "REMAP_SIGTERM": "SIGQUIT",  # for Celery: SIGTERM lets a running task end, within its soft shutdown
    }
