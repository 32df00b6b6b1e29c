"""What the queue adds to traces: throughput of a full line, waiting of 1 and of 20 learners, processor time, memory.

`python -m tests.benchmarks.queue` starts a Redis and workers of its own in a temporary folder. What the engine does alone is
measured in the very process that works off the line, between its lines, with passes of the same sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Row, Section, at_least, at_most, say

ROOT = Path(__file__).resolve().parents[2]
WARM_SECONDS = 180
LEARNERS = 20
EACH = 6  # photos of each learner in the full line: as many as there are samples
PATIENCE = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    with tempfile.TemporaryDirectory(prefix="fp-") as folder:
        os.environ |= {
            "DATA_DIR": folder,
            "MEDIA_DIR": f"{folder}/media",
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.queue_settings",
            "LOG_LEVEL": "ERROR",
        }
        for name in ("REDIS_URL", "DATABASE_URL"):
            os.environ.pop(name, None)
        section = measure(rounds=options.rounds)
    say(section, as_json=options.json)


def measure(*, rounds: int) -> Section:
    """Everything, medians over `rounds`."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import close_old_connections

    call_command("migrate", verbosity=0)
    know_the_network()
    with redis(), worker("train") as train, worker("trace") as trace:
        idle, warm = memory(train), memory(trace)
        nothing = [empty_round() for _ in range(20)]
        alone = [Waited.of(crowd(1)) for _ in range(3 * rounds)]
        twenty = [Waited.of(crowd(LEARNERS)) for _ in range(rounds)]
        full = [full_line(trace) for _ in range(rounds)]
        stored = [stored_round() for _ in range(50)]
        after, beside = memory(trace), memory(courier_of(trace))
        close_old_connections()
    rows = [
        Row("a full line: photos a second", middle(line.per_second for line in full), "per second"),
        Row(
            "a full line beside the engine alone",
            middle(line.share_of_engine for line in full),
            "×",
            ratio_to="the engine alone: the same files opened, traced and drawn in this process, in passes of the same sizes",
            goal=at_least(0.90),
        ),
        Row(
            "the engine's share of the worker's processor time",
            middle(line.engine_processor_ms / (line.engine_processor_ms + line.processor_ms) for line in full),
            "×",
            ratio_to="all that the worker's process takes of the processor, which a busy machine changes less than its time",
        ),
        Row(
            "a full line beside the plain pass",
            middle(line.share_of_pass for line in full),
            "×",
            ratio_to="the plain forward pass, without looking, explaining or drawing",
        ),
        Row("photos in a pass, on average", middle(line.batch for line in full)),
        Row("what the queue takes of the worker's processor", middle(line.processor_ms for line in full), "ms a photo"),
        Row("what its courier takes of the processor", middle(line.courier_ms for line in full), "ms a photo"),
        Row("what asking takes of the web's processor", middle(line.asking_ms for line in full), "ms a photo"),
        Row("an empty task, there and back", middle(nothing), "ms"),
        *waiting_rows("1 learner", alone),
        *waiting_rows(f"{LEARNERS} learners at once", twenty),
        Row("a stored trace, p95", percentile(stored, 95), "ms", goal=at_most(10)),
        Row("memory of a worker that has not trained yet", idle, "MiB"),
        Row("memory of a warm worker", warm, "MiB"),
        Row("memory of that worker after all this", after, "MiB"),
        Row("memory of its courier", beside, "MiB"),
    ]
    conditions = {
        "rounds": rounds,
        "network": "efficientnet_lite0",
        "device": settings.TRACE_DEVICE,
        "threads": settings.TRACE_THREADS,
        "photos in the full line": LEARNERS * EACH,
        "largest pass": settings.TRACE_BATCH,
    }
    note = "A line is full when every photo waits before the first one runs. Memory is that of the child that runs networks."
    return Section("The queue", command="python -m tests.benchmarks.queue", rows=rows, conditions=conditions, note=note)


def waiting_rows(who: str, waited: Sequence[Waited]) -> list[Row]:
    return [
        Row(f"{who}: from the click to the first frame", middle(one.first for one in waited), "ms"),
        Row(f"{who}: to the first frame, the slowest", middle(one.slowest_first for one in waited), "ms"),
        Row(f"{who}: from the click to the last frame", middle(one.last for one in waited), "ms"),
        Row(f"{who}: to the last frame, the slowest", middle(one.slowest_last for one in waited), "ms"),
    ]


# --- the line -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FullLine:
    """One line that was full before its first photo ran."""

    per_second: float
    share_of_engine: float
    share_of_pass: float
    batch: float
    processor_ms: float
    engine_processor_ms: float
    courier_ms: float
    asking_ms: float


def full_line(child: int) -> FullLine:
    """Works one off, then has the engine do the same alone."""
    from inference import queueing
    from inference.contracts import DEFAULT_NETWORK
    from inference.models import Job

    asks = learners(LEARNERS, photos=EACH)
    count = len(asks)
    used = time.process_time()
    with silence():
        asked = [request(owner, upload) for owner, upload in asks]
    asking = time.process_time() - used
    courier = courier_of(child)
    before, before_beside = processor_seconds(child), processor_seconds(courier)
    began = time.perf_counter()
    queueing.ring(queueing.TRACES, DEFAULT_NETWORK)
    wait_for_all(asked)
    took = time.perf_counter() - began
    processor, beside = processor_seconds(child) - before, processor_seconds(courier) - before_beside
    sizes = list(
        Job.objects.filter(pk__in=[trace.job_id for trace in asked]).values_list("document__made_by__batch", flat=True)
    )
    batches = passes_of(sizes)
    paths = iter([trace.job.upload.file.path for trace in asked])
    engine = alone("plain.traces", passes=[list(islice(paths, batch)) for batch in batches])
    plain = alone("plain.passes", batches=batches)
    forget()
    return FullLine(
        per_second=count / took,
        share_of_engine=engine["seconds"] / took,
        share_of_pass=plain["seconds"] / took,
        batch=count / len(batches),
        processor_ms=1000 * (processor - engine["processor"]) / count,
        engine_processor_ms=1000 * engine["processor"] / count,
        courier_ms=1000 * beside / count,
        asking_ms=1000 * asking / count,
    )


def passes_of(sizes: Sequence[int]) -> list[int]:
    """The passes in which each photo says how many were with it."""
    return [size for size in sorted(set(sizes)) for _pass in range(sizes.count(size) // size)]


def alone(task: str, **passes: Any) -> dict[str, float]:
    """What a task of the plain app says of these passes, in the worker that works off the lines."""
    return dict(json.loads(there_and_back(task, **passes)))


def there_and_back(task: str, **options: Any) -> str:
    from celery import current_app
    from django.conf import settings
    from redis import Redis

    key = f"{task}:{time.monotonic_ns()}"
    with Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, decode_responses=True) as waiting:
        current_app.send_task(task, kwargs={"key": key, **options}, queue="trace", ignore_result=True)
        said: Any = waiting.blpop([key], timeout=PATIENCE)
        return str(said[1])


def empty_round() -> float:
    """Milliseconds from sending an empty task until it has said that it was here."""
    began = time.perf_counter()
    there_and_back("plain.nothing")
    return 1000 * (time.perf_counter() - began)


# --- learners -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waited:
    """How long the learners of one crowd waited, in milliseconds: the one in the middle, and the last."""

    first: float
    slowest_first: float
    last: float
    slowest_last: float

    @classmethod
    def of(cls, waited: Sequence[tuple[float, float]]) -> Waited:
        firsts, lasts = zip(*waited, strict=True)
        return cls(middle(firsts), max(firsts), middle(lasts), max(lasts))


def crowd(count: int) -> list[tuple[float, float]]:
    """So many learners ask as fast as the site takes it; for each the milliseconds to the first frame and to the last."""
    from inference import streams

    asks = learners(count, photos=1)
    clicked: dict[str, float] = {}
    frames: defaultdict[str, list[float]] = defaultdict(list)
    ended: dict[str, float] = {}
    everybody = threading.Event()

    def hear(message: str) -> None:
        told = json.loads(message)
        if told.get("event") == "stage":
            frames[told["job"]].append(time.perf_counter())
        elif told.get("event") == "done":
            ended[told["job"]] = time.perf_counter()
            if len(ended) == count:
                everybody.set()

    with channel(streams.CHANNEL, hear):
        for owner, upload in asks:
            began = time.perf_counter()
            clicked[str(request(owner, upload).job_id)] = began
        if not everybody.wait(PATIENCE):
            raise SystemExit("Some of the runs did not end.")
    forget()
    return [(1000 * (frames[job][0] - when), 1000 * (ended[job] - when)) for job, when in clicked.items()]


def learners(count: int, *, photos: int) -> list[tuple[Any, Any]]:
    """So many new learners, each with some photos of their own; photo by photo, as people ask."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.utils import timezone

    from accounts.models import User
    from inference.samples import all_samples
    from inference.services import store_upload

    people = [User.objects.create_guest() for _learner in range(count)]
    files = [(sample.path.name, sample.path.read_bytes()) for sample in all_samples()]
    asks = []
    for number in range(photos):
        for place, person in enumerate(people):
            name, content = files[(number + place) % len(files)]
            file = SimpleUploadedFile(name, content, content_type="image/jpeg")
            asks.append((person, store_upload(owner=person, file=file, now=timezone.now())))
    return asks


def request(owner: Any, upload: Any) -> Any:
    """What a click on Run asks the site for."""
    from django.utils import timezone

    from inference.contracts import DEFAULT_NETWORK
    from inference.services import request_trace

    return request_trace(owner=owner, network=DEFAULT_NETWORK, upload=upload, now=timezone.now())


def stored_round() -> float:
    """Milliseconds to ask for a trace that is stored already, and to present it."""
    from django.utils import timezone

    from inference.contracts import DEFAULT_NETWORK
    from inference.services import present, request_trace

    def ask() -> float:
        began = time.perf_counter()
        view = present(request_trace(owner=None, network=DEFAULT_NETWORK, sample="chelsea", now=timezone.now()))
        return 1000 * (time.perf_counter() - began) if view.status == "done" else 0.0

    while not (took := ask()):
        time.sleep(0.1)
    return took


def know_the_network() -> None:
    """Learners can ask for networks whose facts are known."""
    from django.core.management import call_command

    call_command("compute_facts", "efficientnet_lite0", verbosity=0)


def forget() -> None:
    """What is stored would answer at once."""
    from accounts.models import User
    from inference.models import Job, Upload

    Job.objects.all().delete()
    Upload.objects.all().delete()
    User.objects.all().delete()


# --- what can be seen -----------------------------------------------------------------------------------------------------


@contextmanager
def silence() -> Iterator[None]:
    """Requests wait without a bell."""
    from unittest.mock import patch

    with patch("inference.queueing.ring", lambda _line, _network: True):
        yield


def wait_for_all(asked: Sequence[Any]) -> None:
    """Until all of these runs have ended. Nobody listens to them: a listener here would take from the worker's processor."""
    from inference.models import Job, JobState

    left = Job.objects.filter(pk__in=[trace.job_id for trace in asked]).exclude(state=JobState.DONE)
    deadline = time.monotonic() + PATIENCE
    while left.exists():
        if time.monotonic() > deadline:
            raise SystemExit("Some of the runs did not end.")
        time.sleep(0.05)


@contextmanager
def channel(name: str, hear: Callable[[str], None]) -> Iterator[None]:
    """Hands on what is published on a channel from now on."""
    from django.conf import settings
    from redis import Redis

    with Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, decode_responses=True).pubsub() as heard:
        heard.subscribe(**{name: lambda message: hear(message["data"])})
        heard.get_message(timeout=5)
        listener = heard.run_in_thread(sleep_time=0.01, daemon=True)
        try:
            yield
        finally:
            listener.stop()
            listener.join(5)


def courier_of(child: int) -> int:
    """The process that delivers what a worker's child runs."""
    return int(Path(f"/proc/{child}/task/{child}/children").read_text().split()[0])


def processor_seconds(pid: int) -> float:
    """What a process has taken of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """MiB of a process that are in memory."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def middle(values: Any) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


# --- processes ------------------------------------------------------------------------------------------------------------


@contextmanager
def redis() -> Iterator[None]:
    """A Redis at the address that settings name."""
    from django.conf import settings

    from operations.redis import server_binary, server_command

    binary = server_binary()
    if binary is None:
        raise SystemExit("No redis-server: install requirements.txt, or the system's Redis.")
    folder = Path(settings.DATA_DIR) / "redis"
    folder.mkdir()
    process = subprocess.Popen(server_command(binary, folder=folder, socket=settings.REDIS_SOCKET), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@contextmanager
def worker(queue: str) -> Iterator[int]:
    """A worker as the site starts it, once it is ready; yields the id of its child."""
    from inference.connections import Unreachable
    from inference.heartbeat import workers
    from operations.processes import environment, worker_command

    with (Path(os.environ["DATA_DIR"]) / f"{queue}.log").open("wb") as log:
        process = subprocess.Popen(worker_command(queue), cwd=ROOT, env=environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WARM_SECONDS
        ready: list[int] = []
        while not ready and time.monotonic() < deadline and process.poll() is None:
            with suppress(*Unreachable):
                ready = [worker["pid"] for worker in workers() if worker["queue"] == queue]
            time.sleep(0.1)
        if not ready:
            raise SystemExit(f"The worker for {queue} did not become ready.")
        yield ready[0]
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
