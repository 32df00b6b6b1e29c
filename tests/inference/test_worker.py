"""A real worker process on a real Redis with the real network: killed, stopped and cancelled in the middle of a trace."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from celery import Celery
from django.conf import settings as site
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from inference import documents, events, heartbeat, jobs, queueing, services, streams
from inference.connections import Unreachable, client
from inference.contracts import Failure
from inference.holders import machine
from inference.models import Job, JobState, Trace
from inference.streams import BEFORE_ALL
from inference.telling import Teller
from inference.training.services import request_training
from operations.redis import server_binary, server_command
from tests.inference.conftest import NETWORK
from tests.inference.workers import LEASE_SECONDS, WARM_SECONDS, Worker, eventually, parent_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.redis,
    pytest.mark.worker,
    pytest.mark.torch,
    pytest.mark.weights,
]


@pytest.fixture(autouse=True)
def lite0(real_lite0: None, settings: Any) -> None:
    settings.TRACE_LEASE_SECONDS = LEASE_SECONDS


def ask(owner: User, sample: str = "chelsea") -> Trace:
    return services.request_trace(owner=owner, network=NETWORK, sample=sample, now=timezone.now())


def state_of(trace: Trace) -> str:
    trace.job.refresh_from_db()
    return trace.job.state


def names_told(trace: Trace) -> list[str]:
    return [event.name for event in streams.stored_events(trace.job_id)]


def stages_told(trace: Trace) -> int:
    return names_told(trace).count("stage")


def done(trace: Trace, worker: Worker, *, seconds: float = 60) -> None:
    eventually(lambda: state_of(trace) == JobState.DONE, seconds=seconds, why=worker.told)


def test_a_real_cat_is_recognised_and_the_worker_says_that_it_is_warm(start: Callable[..., Worker], learner: User) -> None:
    worker = start()
    worker.child()
    trace = ask(learner)
    done(trace, worker)
    view = services.present(trace, person=learner)
    assert [row.label for row in view.top_k[:3]] == ["tiger cat", "Egyptian cat", "tabby"]
    assert view.ran == view.total > 10
    assert len(view.pictures) == view.total
    eventually(lambda: names_told(trace)[-1:] == ["done"], seconds=10, why=worker.told)  # after it is kept
    assert "prediction" in names_told(trace)
    assert 0 < client().ttl(streams.key_of(trace.job_id)) <= streams.EXPIRY_SECONDS
    worker.stop()
    assert heartbeat.warm_workers() == []


def test_a_child_killed_in_the_middle_loses_nothing(start: Callable[..., Worker], learner: User) -> None:
    worker = start(stage_seconds=0.3)
    child = worker.child()
    trace = ask(learner)
    eventually(lambda: stages_told(trace) >= 3, seconds=30, why=worker.told)
    os.kill(child, signal.SIGKILL)
    done(trace, worker, seconds=WARM_SECONDS)
    assert trace.job.attempts == 2
    assert services.present(trace).ran == services.present(trace).total
    ids = [event.id for event in streams.stored_events(trace.job_id)]
    assert ids == sorted(ids)
    assert {event_id.attempt for event_id in ids} == {1, 2}


def test_a_whole_worker_killed_in_the_middle_loses_nothing(start: Callable[..., Worker], learner: User) -> None:
    first = start(stage_seconds=0.3)
    first.child()
    trace = ask(learner)
    waiting = ask(learner, "coffee")
    eventually(lambda: stages_told(trace) >= 3, seconds=30, why=first.told)
    first.process.kill()
    first.process.wait(5)
    second = start()

    def reaped_and_done() -> bool:
        jobs.reap(now=timezone.now())
        return state_of(trace) == state_of(waiting) == JobState.DONE

    eventually(reaped_and_done, seconds=WARM_SECONDS, why=second.told)
    assert trace.job.attempts == 2


def test_a_worker_that_is_asked_to_stop_loses_nothing(start: Callable[..., Worker], learner: User) -> None:
    first = start(stage_seconds=0.2)
    first.child()
    trace = ask(learner)
    waiting = ask(learner, "coffee")
    eventually(lambda: stages_told(trace) >= 2, seconds=30, why=first.told)
    first.stop()
    second = start()

    def all_done() -> bool:
        jobs.reap(now=timezone.now())
        return state_of(trace) == state_of(waiting) == JobState.DONE

    eventually(all_done, seconds=WARM_SECONDS, why=second.told)


def test_a_trace_stopped_in_the_middle_keeps_what_ran(start: Callable[..., Worker], learner: User) -> None:
    worker = start(stage_seconds=0.3)
    worker.child()
    trace = ask(learner)
    eventually(lambda: stages_told(trace) >= 3, seconds=30, why=worker.told)
    services.cancel_trace(trace=trace, now=timezone.now())

    def kept() -> bool:
        trace.job.refresh_from_db()
        return trace.job.document is not None

    eventually(kept, seconds=10, why=worker.told)
    view = services.present(trace, person=learner)
    assert view.status == "cancelled"
    assert 3 <= view.ran < 15
    other = ask(learner, "coffee")
    done(other, worker)


def test_a_frozen_worker_is_replaced_and_changes_nothing_when_it_thaws(start: Callable[..., Worker], learner: User) -> None:
    frozen = start(stage_seconds=0.3)
    child = frozen.child()
    trace = ask(learner)
    eventually(lambda: stages_told(trace) >= 3, seconds=30, why=frozen.told)
    os.kill(frozen.process.pid, signal.SIGSTOP)
    os.kill(child, signal.SIGSTOP)
    try:
        second = start()

        def reaped_and_done() -> bool:
            jobs.reap(now=timezone.now())
            return state_of(trace) == JobState.DONE

        eventually(reaped_and_done, seconds=WARM_SECONDS, why=second.told)
        finished_at = trace.job.finished_at
    finally:
        os.kill(child, signal.SIGCONT)
        os.kill(frozen.process.pid, signal.SIGCONT)
    time.sleep(3)
    assert state_of(trace) == JobState.DONE
    assert trace.job.finished_at == finished_at
    assert trace.job.document["attempt"] == 2
    assert "made_by" in trace.job.document


def test_bells_that_redis_forgot_are_rung_again(start: Callable[..., Worker], learner: User) -> None:
    trace = ask(learner)
    assert client().llen("trace") == 1
    client().flushall()
    worker = start()
    worker.child()
    assert state_of(trace) == JobState.WAITING
    jobs.reap(now=timezone.now())
    done(trace, worker)
    assert trace.job.attempts == 1


# --- several at once ------------------------------------------------------------------------------------------------------

EVERYBODYS = ("chelsea", "coffee", "rocket", "astronaut")


def everybody_asks() -> list[Trace]:
    """Four people, each with a photo of their own choice."""
    return [ask(User.objects.create_guest(), sample) for sample in EVERYBODYS]


def ran_together(trace: Trace) -> int:
    return int(trace.job.document["made_by"]["batch"])


def test_what_waits_for_one_network_runs_in_one_pass(start: Callable[..., Worker]) -> None:
    traces = everybody_asks()
    assert client().llen("trace") == 1, "one bell, however many wait"
    worker = start()
    for trace in traces:
        done(trace, worker, seconds=WARM_SECONDS)
    assert [ran_together(trace) for trace in traces] == [4, 4, 4, 4]
    assert [trace.job.document["top_k"][0]["label"] for trace in traces][:2] == ["tiger cat", "espresso"]
    assert client().keys("bell:*") == []


def test_a_child_killed_in_the_middle_of_a_pass_loses_nothing_and_shows_nothing_twice(start: Callable[..., Worker]) -> None:
    worker = start(stage_seconds=0.05)
    child = worker.child()
    with patch("inference.queueing.ring", return_value=True):
        traces = everybody_asks()
    queueing.ring(queueing.TRACES, NETWORK)
    eventually(lambda: all(stages_told(trace) >= 3 for trace in traces), seconds=60, why=worker.told)
    before = [state_of(trace) for trace in traces]
    os.kill(child, signal.SIGKILL)
    for trace in traces:
        done(trace, worker, seconds=WARM_SECONDS)
        view = services.present(trace)
        assert view.ran == view.total
        assert [frame.index for frame in view.frames] == list(range(view.total))
    assert before == [JobState.RUNNING] * 4
    assert [trace.job.attempts for trace in traces] == [2] * 4
    assert [ran_together(trace) for trace in traces] == [1] * 4, "whose worker died runs alone"
    assert "died" in render_to_string("inference/_end.html", {"trace": services.present(traces[0])})


def test_a_run_that_kills_its_worker_takes_nobody_down_for_good(start: Callable[..., Worker]) -> None:
    traces = everybody_asks()
    worker = start(deadly="coffee")
    for trace in traces:
        if trace.job.sample != "coffee":
            done(trace, worker, seconds=WARM_SECONDS)

    def given_up() -> bool:
        jobs.reap(now=timezone.now())
        return state_of(traces[1]) == JobState.FAILED

    eventually(given_up, seconds=WARM_SECONDS, why=worker.told)
    assert traces[1].job.failure == Failure.TOO_MANY_ATTEMPTS


def test_two_hosts_work_off_one_line(start: Callable[..., Worker]) -> None:
    hosts = [start(stage_seconds=0.02, batch=2), start(stage_seconds=0.02, batch=2)]
    for host in hosts:
        host.child()
    traces = [ask(User.objects.create_guest(), sample) for sample in (*EVERYBODYS, "flower", "china")]
    for trace in traces:
        done(trace, hosts[0])
    holders = {trace.job.holder for trace in traces}
    assert holders == {f"{machine()}:{host.child()}" for host in hosts}
    for host in hosts:
        assert pictures_read_on(host, traces) == sum(services.present(trace).total for trace in traces)


def pictures_read_on(host: Worker, traces: list[Trace]) -> int:
    """How many pictures of these traces a process with this host's folders reads."""
    script = (
        "import sys, django; django.setup(); from inference.models import Trace\n"
        "from inference.services import picture_of; from django.core.files.storage import default_storage as kept\n"
        "from PIL import Image\n"
        "traces = [Trace.objects.get(pk=pk) for pk in sys.argv[1:]]\n"
        "names = [picture_of(trace, index=stage['index']).name for trace in traces for stage in trace.job.document['stages']]\n"
        "print(sum(Image.open(kept.open(name)).size > (1, 1) for name in names))"
    )
    command = [sys.executable, "-c", script, *(str(trace.pk) for trace in traces)]
    said = subprocess.run(command, env=host.environment, cwd=site.ROOT, capture_output=True, text=True, check=True).stdout
    return int(said)


def test_each_child_of_a_worker_has_its_own_gpu_and_its_replacement_the_same(start: Callable[..., Worker]) -> None:
    worker = start(processes=2, WARM_NETWORKS="", CUDA_VISIBLE_DEVICES="4,5")

    def by_gpu() -> dict[str, int]:
        ready = heartbeat.workers()
        return {one["gpu"]: one["pid"] for one in ready if parent_of(one["pid"]) == worker.process.pid}

    eventually(lambda: len(by_gpu()) == 2, seconds=WARM_SECONDS, why=worker.told)
    before = by_gpu()
    assert set(before) == {"4", "5"}
    os.kill(before["5"], signal.SIGKILL)
    eventually(lambda: by_gpu().get("5") not in (None, before["5"]), seconds=WARM_SECONDS, why=worker.told)
    assert by_gpu()["4"] == before["4"]


# --- training -------------------------------------------------------------------------------------------------------------


def test_a_training_whose_worker_is_killed_begins_again_from_its_seed_and_says_so(
    start: Callable[..., Worker], learner: User
) -> None:
    quiet = start(queue="train")
    quiet.child()
    undisturbed = train(User.objects.create_guest(), seed=7)
    done(undisturbed, quiet, seconds=WARM_SECONDS)
    quiet.kill()
    Job.objects.filter(pk=undisturbed.job_id).update(key="kept aside")
    worker = start(queue="train", stage_seconds=0.3)
    child = worker.child()
    trace = train(learner, seed=7)
    assert trace.job_id != undisturbed.job_id
    eventually(lambda: "epoch:1" in results_told(trace), seconds=WARM_SECONDS, why=worker.told)
    os.kill(child, signal.SIGKILL)

    def begun_again() -> bool:
        jobs.reap(now=timezone.now())
        return "begins again from its seed" in services.present(trace_again(trace)).sentence or state_of(trace) == JobState.DONE

    eventually(begun_again, seconds=WARM_SECONDS, why=worker.told)
    done(trace, worker, seconds=WARM_SECONDS)
    assert trace.job.attempts == 2
    assert "died" in render_to_string("inference/_end.html", {"trace": services.present(trace)})
    assert losses(trace) == losses(undisturbed)
    assert len(losses(trace)) == EPOCHS


EPOCHS = 6


def train(owner: User, *, seed: int) -> Trace:
    wish = {"data": "textures", "strategy": "frozen", "epochs": EPOCHS, "seed": seed}
    return request_training(owner=owner, wish=wish, now=timezone.now())


def trace_again(trace: Trace) -> Trace:
    return Trace.objects.select_related("job").get(pk=trace.pk)


def results_told(trace: Trace) -> list[str]:
    return [event.data["name"] for event in streams.stored_events(trace.job_id) if event.name == "result"]


def losses(trace: Trace) -> list[float]:
    results = trace.job.document["results"]
    return [result["figures"]["train_loss"] for result in results if result["name"].startswith("epoch:")]


def test_a_worker_for_training_loads_nothing_before_it_trains(start: Callable[..., Worker]) -> None:
    worker = start(queue="train")
    child = worker.child()
    assert "libtorch" not in Path(f"/proc/{child}/maps").read_text()


# --- Redis killed ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_redis(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a Redis of the test's own on one append-only file, as often as it is called."""
    folder = tmp_path / "redis"
    folder.mkdir()
    address = tempfile.mkdtemp(prefix="fp-")
    settings.REDIS_URL = f"unix://{address}/redis.sock"
    broker = settings.REDIS_URL.replace("unix://", "redis+socket://", 1)
    monkeypatch.setattr(queueing, "current_app", Celery("bells", broker=broker, set_as_current=False))
    servers: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        binary = server_binary()
        assert binary is not None
        command = server_command(binary, folder=folder, socket=Path(address) / "redis.sock")
        servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        eventually(answers, seconds=10)
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.wait(5)
    shutil.rmtree(address)


def answers() -> bool:
    try:
        return bool(client().ping())
    except Unreachable:
        return False


async def next_told(trace: Trace, person: User, *, name: str) -> dict[str, Any]:
    """What a reader is told by the next event of this name."""
    teller = Teller(person=person, share_token="", html=False)
    async with asyncio.timeout(10):
        async for text in events.follow(trace=trace, after=BEFORE_ALL, describe=teller.describe):
            if f"event: {name}\n" in text:
                return dict(json.loads(text.partition("data: ")[2]))
    raise AssertionError(f"never told: {name}")


def test_a_run_outlives_its_redis_and_its_page_says_what_happened(
    own_redis: Callable[[], subprocess.Popen[bytes]], tmp_path: Path, learner: User
) -> None:
    redis = own_redis()
    worker = Worker(tmp_path / "host", stage_seconds=0.5)
    try:
        worker.child()
        trace = ask(learner)
        eventually(lambda: stages_told(trace) >= 2, seconds=30, why=worker.told)
        redis.kill()
        redis.wait(5)
        seen = services.present(trace_again(trace)).ran

        def goes_on() -> bool:
            return services.present(trace_again(trace)).ran >= seen + 3

        eventually(goes_on, seconds=20, why=worker.told)
        said = asyncio.run(next_told(trace, learner, name="late"))
        assert "come a few seconds late" in said["sentence"]
        own_redis()
        eventually(lambda: stages_told(trace) >= 1, seconds=20, why=worker.told)
        done(trace, worker)
        all_told = len(documents.events_of(trace.job.document))
        eventually(lambda: len(names_told(trace)) == all_told, seconds=10, why=worker.told)  # what Redis missed was sent again
        ids = [event.id for event in streams.stored_events(trace.job_id)]
        assert ids == sorted(ids)
        assert {event_id.attempt for event_id in ids} == {1}
        assert trace.job.attempts == 1
        other = ask(learner, "coffee")
        jobs.reap(now=timezone.now())
        done(other, worker)
    finally:
        worker.kill()
