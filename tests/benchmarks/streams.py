"""How long an event of a run takes from the worker to browsers that follow it: to 1, and to 200 on one web process.

`python -m tests.benchmarks.streams` starts a Redis and a web process of its own in a temporary folder, and tells the events of
one shared run as a worker does. Every reader is an HTTP connection that asks for pieces of the page, as a browser does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.queue import ROOT, middle, percentile, redis
from tests.benchmarks.report import Row, Section, at_most, say

READERS = 200
PAUSE_SECONDS = 0.25
PATIENCE = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    with tempfile.TemporaryDirectory(prefix="fp-") as folder:
        os.environ |= {
            "DATA_DIR": folder,
            "MEDIA_DIR": f"{folder}/media",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "ERROR",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        }
        for name in ("REDIS_URL", "DATABASE_URL"):
            os.environ.pop(name, None)
        section = measure(events=options.events)
    say(section, as_json=options.json)


def measure(*, events: int) -> Section:
    """Milliseconds from a worker's word to its readers."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    with redis(), web() as port:
        one = asyncio.run(told(port, *running_job(), readers=1, events=events))
        many = asyncio.run(told(port, *running_job(), readers=READERS, events=events))
    rows = [
        Row("an event to 1 browser, in the middle", middle(one), "ms"),
        Row("an event to 1 browser, p95", percentile(one, 95), "ms"),
        Row(f"an event to {READERS} browsers, in the middle", middle(many), "ms"),
        Row(f"an event to {READERS} browsers, p95", percentile(many, 95), "ms", goal=at_most(10)),
    ]
    conditions = {"events": events, "milliseconds between events": 1000 * PAUSE_SECONDS, "web processes": 1}
    return Section("Events to browsers", command="python -m tests.benchmarks.streams", rows=rows, conditions=conditions)


async def told(port: int, job: Any, address: str, *, readers: int, events: int) -> list[float]:
    """Each reader's milliseconds of each event."""
    from inference.streams import Post

    heard: list[dict[str, float]] = [{} for _reader in range(readers)]
    listening = [asyncio.Event() for _reader in range(readers)]
    reading = [
        asyncio.create_task(read(port, address, into=into, ready=ready, events=events))
        for into, ready in zip(heard, listening, strict=True)
    ]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(ready.wait() for ready in listening))
    await asyncio.sleep(1)
    said: dict[str, float] = {}
    with Post() as post:
        publisher = post.publisher(job_id=job.pk, attempt=1)
        for number in range(events):
            said[f"1-{number + 1}"] = time.perf_counter()
            publisher.publish("stage", stage(number, events))
            await asyncio.sleep(PAUSE_SECONDS)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*reading)
    return [1000 * (into[event] - when) for into in heard for event, when in said.items()]


async def read(port: int, address: str, *, into: dict[str, float], ready: asyncio.Event, events: int) -> None:
    """One browser: notes when each event came, and leaves after the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {address}&html=1 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
    async for line in reader:
        if line.startswith(b"retry:"):
            ready.set()
        if line.startswith(b"id: "):
            into[line[4:].strip().decode()] = time.perf_counter()
            if len(into) == events:
                break
    writer.close()


def running_job() -> tuple[Any, str]:
    """A run that a worker says it holds, and the address of its events for whoever has the link."""
    from django.utils import timezone

    from accounts.models import User
    from inference.contracts import DEFAULT_NETWORK
    from inference.models import Job, JobState, Trace
    from inference.presenting import address
    from inference.services import share_trace

    now = timezone.now()
    job = Job.objects.create(
        key=os.urandom(8).hex(), state=JobState.RUNNING, network=DEFAULT_NETWORK, sample="chelsea", attempts=1, deadline=now
    )
    trace = Trace.objects.create(owner=User.objects.create_guest(), job=job)
    return job, address("events", trace, share_trace(trace=trace))


def stage(number: int, total: int) -> dict[str, Any]:
    """A stage with a picture, as a run of a small network has them."""
    from inference import documents
    from inference.contracts import Picture, Stage, StageKind, StageRan, Statistics

    shape = (1, 40, 28, 28)
    ran = Stage(f"features{number}", StageKind.FEATURES, "mbconv", shape, shape, 12_000, 9_000_000, 18_000_000, ("features.3",))
    picture = Picture(b"", "image/jpeg", 236, 236, "signed", 3.25, tuple(range(16)), (1.5,) * 16)
    event = StageRan(number, total, ran, 1.25, Statistics(0.1, 1.0, -3.25, 3.0, 2, 40), picture)
    return documents.add_stage(documents.begun(1), event, picture_name=f"traces/x/1-{number}.jpg")


@contextmanager
def web() -> Iterator[int]:
    """The site's web process; yields its port once it answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "operations.web", str(listener.fileno())]
        with (Path(os.environ["DATA_DIR"]) / "web.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()], stdout=log, stderr=log)
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as asking:
                asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                asking.recv(100)
            yield port
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
