"""How long an event of a run takes from the worker to browsers that follow it: to 1, and to 200 on one web process.

`python -m tests.benchmarks.streams` starts a Redis and a web process of its own in a temporary folder, and tells the events of
one shared run as a worker does. Every reader is an HTTP connection that asks for pieces of the page, as a browser does.
"""

from __future__ import annotations

import argparse
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    with redis(), web() as (port, _process):
        one = told(port, *running_job(), readers=1, events=events)
        many = told(port, *running_job(), readers=READERS, events=events)
    rows = [
        Row("an event to 1 browser, in the middle", middle(one), "ms"),
        Row("an event to 1 browser, p95", percentile(one, 95), "ms"),
        Row(f"an event to {READERS} browsers, in the middle", middle(many), "ms"),
        Row(f"an event to {READERS} browsers, p95", percentile(many, 95), "ms", goal=at_most(10)),
    ]
    conditions = {"events": events, "milliseconds between events": 1000 * PAUSE_SECONDS, "web processes": 1}
    return Section("Events to browsers", command="python -m tests.benchmarks.streams", rows=rows, conditions=conditions)


def told(port: int, job: Any, address: str, *, readers: int, events: int) -> list[float]:
    """Each reader's milliseconds of each event."""
    from inference.streams import Post

    said: dict[str, float] = {}
    with ExitStack() as stack:
        browsers = Browsers([stack.enter_context(browser(port, address)) for _reader in range(readers)])
        browsers.read_until(lambda: browsers.listening == readers)
        reading = threading.Thread(target=browsers.read_until, args=[lambda: browsers.heard == readers * events])
        reading.start()
        time.sleep(1)
        with Post() as post:
            publisher = post.publisher(job_id=job.pk, attempt=1)
            for number in range(events):
                said[f"1-{number + 1}"] = time.perf_counter()
                publisher.publish("stage", stage(number, events))
                time.sleep(PAUSE_SECONDS)
        reading.join(PATIENCE)
    if browsers.heard != readers * events:
        raise SystemExit("Some of the events did not come.")
    return [1000 * (when - said[event]) for event, when in browsers.came]


class Browsers:
    """Connections that are read as fast as one process can: browsers are on other machines, and take nothing from the site."""

    def __init__(self, connections: Sequence[socket.socket]) -> None:
        self.listening = self.heard = 0
        self.came: list[tuple[str, float]] = []
        self._selector = selectors.DefaultSelector()
        for connection in connections:
            self._selector.register(connection, selectors.EVENT_READ)

    def read_until(self, is_enough: Callable[[], bool]) -> None:
        """Notes when each event came to each reader."""
        deadline = time.monotonic() + PATIENCE
        while not is_enough() and time.monotonic() < deadline:
            for key, _event in self._selector.select(timeout=1):
                came = key.fileobj.recv(65536)  # type: ignore[union-attr]
                now = time.perf_counter()
                self.listening += came.count(b"retry:")
                found = _ID.findall(came)
                self.heard += len(found)
                self.came += [(event.decode(), now) for event in found]


_ID = re.compile(rb"^id: ([0-9]+-[0-9]+)\r?$", re.MULTILINE)


@contextmanager
def browser(port: int, address: str) -> Iterator[socket.socket]:
    """A connection that asks for the events with pieces of the page."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        asking = f"GET {address}&html=1 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        connection.sendall(asking.encode())
        yield connection


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
def web() -> Iterator[tuple[int, int]]:
    """The site's web process; yields its port and its process id once it answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "operations.web", str(listener.fileno())]
        with (Path(os.environ["DATA_DIR"]) / "web.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()], stdout=log, stderr=log)
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as asking:
                asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                asking.recv(100)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
