"""A real worker process on a real Redis with the real network: killed, stopped and cancelled in the middle of a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection
from django.utils import timezone

from accounts.models import User
from inference import facts, heartbeat, jobs, queueing, services, streams
from inference.connections import client
from inference.models import JobState, Trace
from tests.inference.conftest import NETWORK, network_facts

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.redis,
    pytest.mark.worker,
    pytest.mark.torch,
    pytest.mark.weights,
]

WARM_SECONDS = 120
LEASE_SECONDS = 4
COMMAND = ["-m", "celery", "-A", "config.celery", "worker", "-Q", "trace", "-P", "prefork", "-c", "1"]
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
    """A worker process of the test's own."""

    def __init__(self, log: Path, *, stage_seconds: float) -> None:
        self.log = log
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.inference.worker_settings",
            "PYTHONPATH": os.pathsep.join([str(site.ROOT), str(site.ROOT / "platform")]),
            "TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "TEST_MEDIA_DIR": str(site.MEDIA_ROOT),
            "TEST_STAGE_SECONDS": str(stage_seconds),
            "TEST_LEASE_SECONDS": str(LEASE_SECONDS),
            "REMAP_SIGTERM": "SIGQUIT",
            "OMP_NUM_THREADS": "1",
        }
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *COMMAND, *QUIET], cwd=site.ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def told(self) -> str:
        return self.log.read_text()[-4000:]

    def child(self) -> int:
        """The process id of the child that runs the traces, once it is warm."""
        return int(eventually(heartbeat.warm_workers, seconds=WARM_SECONDS, why=self.told)[0]["pid"])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)


@pytest.fixture
def start(redis_server: str, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    client().flushall()
    workers: list[Worker] = []

    def start(stage_seconds: float = 0.0) -> Worker:
        workers.append(Worker(tmp_path / f"worker-{len(workers)}.log", stage_seconds=stage_seconds))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


@pytest.fixture(autouse=True)
def lite0(db: None, settings: Any) -> None:
    settings.TRACE_LEASE_SECONDS = LEASE_SECONDS
    weights = {"IMAGENET1K_V1": {"available": True, "file": "efficientnet-lite0-57934424.pth"}}
    told = network_facts(weights=weights, default_weights="IMAGENET1K_V1")
    facts.store_facts(NETWORK, told, now=timezone.now())


def ask(owner: User, sample: str = "chelsea") -> Trace:
    return services.request_trace(owner=owner, network=NETWORK, sample=sample, now=timezone.now())


def state_of(trace: Trace) -> str:
    trace.job.refresh_from_db()
    return trace.job.state


def stages_told(trace: Trace) -> int:
    return sum(event.name == "stage" for event in streams.stored_events(trace.job_id))


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
    assert [event.name for event in streams.stored_events(trace.job_id)][-2:] == ["prediction", "done"]
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
    assert queueing.unanswered() == 1
    client().flushall()
    worker = start()
    worker.child()
    assert state_of(trace) == JobState.WAITING
    jobs.reap(now=timezone.now() + timedelta(seconds=20))
    done(trace, worker)
    assert trace.job.attempts == 1
