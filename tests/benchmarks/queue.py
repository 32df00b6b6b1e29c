"""What the queue adds to a trace, as a ratio to an empty task's way there and back on the same worker in the same run.

`python -m tests.benchmarks.queue` starts a Redis and a worker of its own in a temporary folder and prints a table; `--json`
one JSON object. "overhead" is from the request until the result is stored and told, less the engine's own time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ("chelsea", "coffee", "rocket", "astronaut", "flower", "china")
WARM_SECONDS = 180


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    with tempfile.TemporaryDirectory(prefix="fp-") as folder:
        os.environ |= {
            "DATA_DIR": folder,
            "MEDIA_DIR": f"{folder}/media",
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.queue_settings",
            "LOG_LEVEL": "ERROR",
            "OMP_NUM_THREADS": "1",
        }
        for name in ("REDIS_URL", "DATABASE_URL"):
            os.environ.pop(name, None)
        measured = measure(rounds=options.rounds)
    say(measured, as_json=options.json)


def measure(*, rounds: int) -> dict[str, float]:
    """Milliseconds and ratios, medians over `rounds`."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import close_old_connections

    call_command("migrate", verbosity=0)
    with redis(), worker():
        empty = [empty_round() for _ in range(rounds)]
        traces = [trace_round(number) for number in range(rounds)]
        stored = [stored_round() for _ in range(rounds)]
        close_old_connections()
    overhead = statistics.median(whole - engine for whole, engine, _first in traces)
    return {
        "rounds": rounds,
        "empty_task_ms": statistics.median(empty),
        "trace_ms": statistics.median(whole for whole, _engine, _first in traces),
        "engine_ms": statistics.median(engine for _whole, engine, _first in traces),
        "overhead_ms": overhead,
        "first_event_ms": statistics.median(first for _whole, _engine, first in traces),
        "stored_trace_ms": statistics.median(stored),
        "overhead_ratio": overhead / statistics.median(empty),
    }


def empty_round() -> float:
    """Milliseconds from sending an empty task until it has said that it was here."""
    from celery import current_app
    from django.conf import settings
    from redis import Redis

    key = f"empty:{time.monotonic_ns()}"
    with Redis.from_url(settings.REDIS_URL, socket_timeout=60) as waiting:
        waiting.ping()
        began = time.perf_counter()
        current_app.send_task("empty.run", kwargs={"key": key}, queue="trace", ignore_result=True)
        waiting.blpop([key], timeout=30)
        return 1000 * (time.perf_counter() - began)


def trace_round(number: int) -> tuple[float, float, float]:
    """Milliseconds of a whole trace, of the engine in it, and until its first event."""
    from django.utils import timezone

    from inference.contracts import DEFAULT_NETWORK
    from inference.models import Job
    from inference.services import request_trace
    from inference.streams import CHANNEL

    Job.objects.all().delete()
    with channel(CHANNEL) as told:
        began = time.perf_counter()
        trace = request_trace(owner=None, network=DEFAULT_NETWORK, sample=SAMPLES[number % len(SAMPLES)], now=timezone.now())
        first = 0.0
        for event in told:
            first = first or 1000 * (time.perf_counter() - began)
            if event.get("event") == "done":
                break
        whole = 1000 * (time.perf_counter() - began)
    trace.job.refresh_from_db()
    return whole, trace.job.document["milliseconds"], first


def stored_round() -> float:
    """Milliseconds to ask for a trace that is stored already, and to present it."""
    from django.utils import timezone

    from inference.contracts import DEFAULT_NETWORK
    from inference.models import Job
    from inference.services import present, request_trace

    sample = Job.objects.get().sample
    began = time.perf_counter()
    view = present(request_trace(owner=None, network=DEFAULT_NETWORK, sample=sample, now=timezone.now()))
    if view.status != "done":
        raise RuntimeError(f"the trace is {view.status}")
    return 1000 * (time.perf_counter() - began)


@contextmanager
def channel(name: str) -> Iterator[Iterator[dict[str, Any]]]:
    """What is published on a channel from now on."""
    from django.conf import settings
    from redis import Redis

    with Redis.from_url(settings.REDIS_URL, socket_timeout=60, decode_responses=True).pubsub() as heard:
        heard.subscribe(name)
        heard.get_message(timeout=5)
        yield (json.loads(message["data"]) for message in heard.listen() if message["type"] == "message")


@contextmanager
def redis() -> Iterator[None]:
    """A Redis at the address that settings name."""
    from django.conf import settings

    from operations.redis import server_binary, server_command

    binary = server_binary()
    if binary is None:
        raise SystemExit("No redis-server: install requirements.txt, or the system's Redis.")
    socket = Path(settings.REDIS_URL.removeprefix("unix://"))
    command = server_command(binary, folder=Path(settings.DATA_DIR), socket=socket)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def worker() -> Iterator[None]:
    """A worker with one child, once it is warm."""
    from inference.connections import Unreachable
    from inference.heartbeat import warm_workers

    command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "-Q", "trace", "-P", "prefork", "-c", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")])}
    flags = ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    with (Path(environment["DATA_DIR"]) / "worker.log").open("wb") as log:
        process = subprocess.Popen([*command, *flags], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WARM_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(*Unreachable):
                if warm_workers():
                    break
            time.sleep(0.1)
        else:
            raise SystemExit("The worker did not become warm.")
        yield
    finally:
        process.terminate()
        process.wait(30)


def say(measured: dict[str, float], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(measured) + "\n")
        return
    rows = {
        "an empty task, there and back": f"{measured['empty_task_ms']:.1f} ms",
        "a trace, from request to result": f"{measured['trace_ms']:.1f} ms",
        "of it the engine": f"{measured['engine_ms']:.1f} ms",
        "of it everything else": f"{measured['overhead_ms']:.1f} ms = ×{measured['overhead_ratio']:.2f} an empty task",
        "until the first event": f"{measured['first_event_ms']:.1f} ms",
        "a stored trace": f"{measured['stored_trace_ms']:.1f} ms",
    }
    for name, value in rows.items():
        sys.stdout.write(f"{name:<34}{value}\n")


if __name__ == "__main__":
    main()
