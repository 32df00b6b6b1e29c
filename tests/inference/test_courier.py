"""The courier of a worker: what it is handed is kept and told, in order; what it dies with is run again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage

from accounts.models import User
from inference import queueing, services
from inference.contracts import Attachment
from inference.courier import Courier, CourierLost
from inference.delivering import NotDelivered
from inference.models import Job, JobState, Trace
from inference.runs import run_line
from inference.streams import stored_events
from tests.inference.conftest import NETWORK, NOW, STAGES, ImitationNetwork


@pytest.fixture
def courier(redis_server: str, settings, monkeypatch) -> Iterator[Courier]:
    """One of a real process, which finds this test's Redis and storage by its environment."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    monkeypatch.setenv("REDIS_URL", redis_server)
    monkeypatch.setenv("MEDIA_DIR", str(settings.MEDIA_ROOT))
    settings.TRACE_LEASE_SECONDS = 600  # a lease is renewed in a thread, which this test's transaction keeps from writing
    courier = Courier()
    yield courier
    courier.stop()


@pytest.fixture
def traces(lite0_facts: None, learner: User) -> list[Trace]:
    return [services.request_trace(owner=learner, network=NETWORK, sample=sample, now=NOW) for sample in ("chelsea", "rocket")]


def run(network: ImitationNetwork, courier: Courier) -> None:
    run_line(
        line=queueing.TRACES,
        network=NETWORK,
        engine=network,
        most=8,
        turn_seconds=60,
        clock=lambda: NOW,
        delivery=lambda: courier,
    )


def soon(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("bell")]


def test_files_are_kept_and_events_told_in_order(traces: list[Trace], courier: Courier) -> None:
    run(ImitationNetwork(), courier)
    for job in Job.objects.all():
        assert job.state == JobState.DONE
        pictures = [stage["picture"]["name"] for stage in job.document["stages"] if stage["picture"]]
        assert len(pictures) == 2
        assert all(default_storage.exists(name) for name in pictures)
        wanted = ["loading", *["stage"] * len(STAGES), "prediction", "done"]
        assert soon(lambda job=job, wanted=wanted: [event.name for event in stored_events(job.pk)] == wanted)


def test_one_that_dies_with_runs_has_them_run_again_by_the_next(traces: list[Trace], courier: Courier) -> None:
    killed: list[int] = []

    def kill(index: int) -> None:
        if index == 1 and not killed and courier.pid is not None:
            killed.append(courier.pid)
            os.kill(courier.pid, signal.SIGKILL)
            assert soon(lambda: not Path(f"/proc/{killed[0]}/fd/0").exists())

    run(ImitationNetwork(kill), courier)
    assert killed
    assert courier.pid not in killed
    assert set(Job.objects.values_list("state", "attempts")) == {(JobState.DONE, 2)}


def test_one_that_always_dies_fails_the_runs_after_their_attempts(traces: list[Trace], courier: Courier, settings) -> None:
    def kill(_index: int) -> None:
        if courier.pid is not None:
            os.kill(courier.pid, signal.SIGKILL)

    run(ImitationNetwork(kill), courier)
    assert set(Job.objects.values_list("state", "attempts")) == {(JobState.FAILED, settings.TRACE_ATTEMPTS)}


def test_a_picture_that_cannot_be_kept_fails_its_run_alone(traces: list[Trace], courier: Courier, settings) -> None:
    first, second = traces
    in_the_way = Path(settings.MEDIA_ROOT) / "traces" / str(first.job_id)
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("a file where a folder belongs")
    run(ImitationNetwork(), courier)
    states = dict(Job.objects.values_list("pk", "state"))
    assert states == {first.job_id: JobState.FAILED, second.job_id: JobState.DONE}


def test_it_says_what_was_wrong_and_that_it_was_lost(courier: Courier, settings) -> None:
    blocked = Path(settings.MEDIA_ROOT) / "blocked"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder belongs")
    with courier:
        parcels = courier.parcels(job_id=uuid4(), attempt=1)
        parcels.tell("stage", {}, {"blocked/1.jpg": Attachment(b"x", "image/jpeg")})
        assert isinstance(parcels.settle(), NotDelivered)
        assert courier.pid is not None
        os.kill(courier.pid, signal.SIGKILL)
        assert isinstance(parcels.settle(), CourierLost)
        with pytest.raises(CourierLost):
            parcels.tell("stage", {}, {})


def test_it_delivers_what_it_has_and_ends_with_its_worker(courier: Courier) -> None:
    job = uuid4()
    with courier:
        parcels = courier.parcels(job_id=job, attempt=1)
        assert parcels.settle() is None
        parcels.tell("stage", {"index": 0}, {})
        pid = courier.pid
        assert pid is not None
        for deaf_to in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, deaf_to)
    courier.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert [event.data for event in stored_events(job)] == [{"index": 0}]


def test_without_redis_it_says_so_and_what_ran_is_kept_in_the_database_meanwhile(
    traces: list[Trace], courier: Courier, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setattr("inference.courier.ENDS_SECONDS", 0.5)
    stages_kept: list[int] = []

    def look(index: int) -> None:
        time.sleep(0.4)
        job = Job.objects.get(pk=traces[0].job_id)
        if index and job.document:
            stages_kept.append(len(job.document["stages"]))

    run(ImitationNetwork(look), courier)
    assert stages_kept
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.DONE}
