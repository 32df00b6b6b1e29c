"""One job from the line to its end: leases, attempts, deadlines, cancellation, and what a dead worker leaves behind."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings as site
from django.core.files.storage import default_storage
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from inference import holders, jobs, queueing, services
from inference.contracts import EngineError, Failure
from inference.documents import events_of
from inference.models import Job, JobState, Trace
from inference.runs import Hold, run_job, run_line
from inference.streams import BEFORE_ALL, EventId, Publisher
from tests.inference.conftest import NETWORK, NOW, STAGES, ImitationNetwork

pytestmark = pytest.mark.usefixtures("bell")

LATER = NOW + timedelta(seconds=site.TRACE_LEASE_SECONDS + 1)


@pytest.fixture
def trace(lite0_facts: None, learner: User) -> Trace:
    return services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)


def take(trace: Trace, *, holder: str = "elsewhere:1", now=NOW) -> Job | None:
    return jobs.take(job_id=trace.job_id, holder=holder, now=now)


def ring_and_run(network: ImitationNetwork, *, most: int = 8, now=NOW, turn_seconds: float = 60.0) -> None:
    run_line(line=queueing.TRACES, network=NETWORK, engine=network, most=most, turn_seconds=turn_seconds, clock=lambda: now)


def dead_process() -> int:
    """The id of a process that ran and ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(20)
    return ended.pid


def run(trace: Trace, network: ImitationNetwork, *, now=NOW, perform=None, **options: object) -> Trace:
    run_job(
        job_id=trace.job_id,
        perform=perform or network.perform,
        clock=lambda: now,
        **options,
    )
    return Trace.objects.select_related("job").get(pk=trace.pk)


# --- the lease ------------------------------------------------------------------------------------------------------------


def test_a_job_is_taken_once(trace: Trace) -> None:
    job = take(trace, holder="first")
    assert job is not None
    assert (job.state, job.attempts, job.holder) == (JobState.RUNNING, 1, "first")
    assert take(trace, holder="second") is None


def test_a_bell_heard_twice_runs_nothing_twice(trace: Trace, imitation: ImitationNetwork) -> None:
    ring_and_run(imitation)
    ring_and_run(imitation)
    assert imitation.runs == 1


def test_what_a_dead_process_held_is_taken_back_at_once(trace: Trace, imitation: ImitationNetwork) -> None:
    take(trace, holder=f"{holders.machine()}:{dead_process()}")
    ring_and_run(imitation)
    trace.job.refresh_from_db()
    assert (trace.job.state, trace.job.attempts) == (JobState.DONE, 2)


@pytest.mark.parametrize("holder", [holders.me(), "another-machine:1"])
def test_what_a_living_process_holds_or_another_machine_is_left_to_it(
    trace: Trace, imitation: ImitationNetwork, holder: str
) -> None:
    take(trace, holder=holder)
    ring_and_run(imitation)
    trace.job.refresh_from_db()
    assert (trace.job.state, trace.job.attempts, imitation.runs) == (JobState.RUNNING, 1, 0)


def test_a_lease_is_renewed_by_its_holder_alone(trace: Trace) -> None:
    take(trace)
    assert jobs.renew({trace.job_id: 1}, now=LATER)
    assert not jobs.renew({trace.job_id: 2}, now=LATER)
    assert jobs.reap(now=LATER) == 0


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_held_for_as_long_as_its_worker_lives(trace: Trace, settings) -> None:
    settings.TRACE_LEASE_SECONDS = 0.4
    job = take(trace)
    assert job is not None
    with Hold([job], clock=lambda: LATER):
        time.sleep(0.5)
    job.refresh_from_db()
    assert job.lease_until == LATER + timedelta(seconds=0.4)


def test_an_expired_lease_waits_again_and_is_rung_for(trace: Trace, bell: list[str]) -> None:
    take(trace)
    bell.clear()
    assert jobs.reap(now=NOW + timedelta(seconds=1)) == 0
    jobs.reap(now=LATER)
    trace.job.refresh_from_db()
    assert trace.job.state == JobState.WAITING
    assert bell == [NETWORK]


def test_after_its_last_attempt_a_job_fails_and_says_so(trace: Trace) -> None:
    for attempt in range(site.TRACE_ATTEMPTS):
        assert take(trace) is not None, attempt
        jobs.reap(now=LATER)
    trace.job.refresh_from_db()
    assert (trace.job.state, trace.job.failure) == (JobState.FAILED, Failure.TOO_MANY_ATTEMPTS)
    view = services.present(trace)
    assert "died" in view.error
    assert view.next_action


def test_a_poison_job_stops_although_its_worker_is_replaced_each_time(trace: Trace) -> None:
    for _attempt in range(site.TRACE_ATTEMPTS):
        dead = f"{holders.machine()}:{dead_process()}"
        assert take(trace, holder=dead) is not None
        jobs.take_back(is_dead=holders.is_dead, now=NOW)
    assert take(trace) is None
    trace.job.refresh_from_db()
    assert trace.job.failure == Failure.TOO_MANY_ATTEMPTS


def test_what_waited_past_its_deadline_fails(trace: Trace) -> None:
    late = NOW + timedelta(seconds=site.TRACE_DEADLINE_SECONDS)
    jobs.reap(now=late)
    trace.job.refresh_from_db()
    assert (trace.job.state, trace.job.failure) == (JobState.FAILED, Failure.DEADLINE)


def test_what_comes_to_a_worker_past_its_deadline_is_not_run(trace: Trace, imitation: ImitationNetwork) -> None:
    late = run(trace, imitation, now=NOW + timedelta(seconds=site.TRACE_DEADLINE_SECONDS))
    assert imitation.runs == 0
    assert late.job.failure == Failure.DEADLINE


def test_a_run_that_passes_its_deadline_is_given_up_with_what_ran(trace: Trace) -> None:
    times = iter([NOW] * 3 + [NOW + timedelta(days=1)] * 20)
    run_job(
        job_id=trace.job_id,
        perform=ImitationNetwork().perform,
        clock=lambda: next(times),
    )
    trace.job.refresh_from_db()
    assert trace.job.failure == Failure.DEADLINE
    assert 0 < len(trace.job.document["stages"]) < len(STAGES)


def test_a_worker_that_lost_its_lease_changes_nothing(trace: Trace) -> None:
    """It was stopped for longer than its lease; meanwhile another ran the job."""

    def another_runs_it(index: int) -> None:
        if index == 2:
            jobs.reap(now=LATER)
            run(trace, ImitationNetwork(), now=LATER)

    finished = run(trace, ImitationNetwork(another_runs_it))
    assert finished.job.state == JobState.DONE
    assert finished.job.document["attempt"] == 2
    kept = set(default_storage.listdir(f"traces/{trace.job_id}")[1])
    assert kept == {"2-0.webp", "2-1.webp"}


# --- the end --------------------------------------------------------------------------------------------------------------


def test_a_finished_run_keeps_everything_that_made_it(trace: Trace, imitation: ImitationNetwork) -> None:
    view = services.present(run(trace, imitation))
    assert view.status == "done"
    assert [frame.name for frame in view.frames] == [stage.name for stage in STAGES]
    assert [row.label for row in view.top_k] == ["tiger cat", "Egyptian cat"]
    assert view.made_by["weights"] == "DEFAULT"
    assert len(view.pictures) == 2


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_has_a_cause_and_a_next_action(trace: Trace, failure: Failure) -> None:
    def refuse(*_request: object, **_told: object) -> None:
        raise EngineError(failure, network=NETWORK)

    view = services.present(run(trace, ImitationNetwork(), perform=refuse))
    assert view.status == "failed"
    assert view.error_code == failure
    assert view.error.endswith(".")
    assert view.next_action.endswith(".")


@pytest.mark.parametrize(
    ("error", "failure"), [(MemoryError(), Failure.OUT_OF_MEMORY), (ZeroDivisionError(), Failure.INTERNAL)]
)
def test_what_nobody_expected_fails_with_what_ran_before(trace: Trace, error: Exception, failure: Failure) -> None:
    def breaks(index: int) -> None:
        if index == 2:
            raise error

    failed = run(trace, ImitationNetwork(breaks))
    assert failed.job.failure == failure
    assert len(failed.job.document["stages"]) == 2


def test_a_photo_that_is_gone_fails_with_a_sentence(trace: Trace, imitation: ImitationNetwork) -> None:
    Job.objects.filter(pk=trace.job_id).update(sample="gone")
    assert run(trace, imitation).job.failure == Failure.IMAGE_UNREADABLE


def test_a_job_that_is_gone_is_nothing_to_run(db: None, imitation: ImitationNetwork) -> None:
    run_job(job_id=uuid4(), perform=imitation.perform)
    assert imitation.runs == 0


# --- cancelling -----------------------------------------------------------------------------------------------------------


def test_a_running_trace_stops_between_stages_and_keeps_what_ran(trace: Trace) -> None:
    def stops(index: int) -> None:
        if index == 2:
            services.cancel_trace(trace=Trace.objects.get(pk=trace.pk), now=NOW)

    stopped = run(trace, ImitationNetwork(stops))
    view = services.present(stopped)
    assert stopped.job.state == JobState.CANCELLED
    assert view.status == "cancelled"
    assert view.ran == 2
    assert len(view.pictures) == 2
    assert [frame.ran for frame in view.frames] == [True, True, False, False]


def test_a_cancelled_job_in_line_never_runs(trace: Trace, imitation: ImitationNetwork) -> None:
    services.cancel_trace(trace=trace, now=NOW)
    run(trace, imitation)
    assert imitation.runs == 0


def test_a_picture_is_in_storage_before_it_is_told_of(trace: Trace, monkeypatch) -> None:
    happened: list[str] = []
    save, publish = default_storage.save, Publisher.publish

    def slow_save(name, content):
        time.sleep(0.02)
        happened.append("kept")
        return save(name, content)

    def noted_publish(self, name, data):
        happened.append(f"told with a picture: {bool(data.get('picture'))}")
        publish(self, name, data)

    monkeypatch.setattr(default_storage, "save", slow_save)
    monkeypatch.setattr(Publisher, "publish", noted_publish)
    run(trace, ImitationNetwork())
    told_at = [index for index, what in enumerate(happened) if what == "told with a picture: True"]
    assert len(told_at) == 2
    assert all(happened[index - 1] == "kept" for index in told_at)


def test_a_picture_that_cannot_be_kept_fails_the_run(trace: Trace, monkeypatch) -> None:
    def full_disk(_name, _content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full_disk)
    failed = run(trace, ImitationNetwork())
    assert (failed.job.state, failed.job.failure) == (JobState.FAILED, Failure.INTERNAL)


def test_a_run_deleted_while_it_ran_leaves_no_picture(trace: Trace) -> None:
    def deletes(index: int) -> None:
        if index == 1:
            services.delete_trace(trace=Trace.objects.get(pk=trace.pk), now=NOW)

    run_job(job_id=trace.job_id, perform=ImitationNetwork(deletes).perform, clock=lambda: NOW)
    assert not Job.objects.exists()
    with contextlib.suppress(FileNotFoundError):
        assert default_storage.listdir(f"traces/{trace.job_id}")[1] == []


# --- fairness -------------------------------------------------------------------------------------------------------------


def test_nobody_has_more_than_two_runs_at_once(lite0_facts: None, learner: User, guest: User, bell: list[str]) -> None:
    traces = [
        services.request_trace(owner=learner, network=NETWORK, sample=sample, now=NOW)
        for sample in ("chelsea", "coffee", "rocket")
    ]
    assert take(traces[0]) is not None
    assert take(traces[1]) is not None
    assert take(traces[2]) is None
    services.request_trace(owner=guest, network=NETWORK, sample="rocket", now=NOW)
    assert take(traces[2]) is not None, "somebody else, who has none running, wants it too"


def test_a_run_that_was_passed_over_for_another_network_is_rung_for_when_one_ends(
    lite0_facts: None, learner: User, bell: list[str], settings
) -> None:
    settings.TRACE_RUNNING_LIMIT = 1
    services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    second = services.request_trace(owner=learner, network=NETWORK, sample="coffee", now=NOW)
    Job.objects.filter(pk=second.job_id).update(network="resnet18")
    bell.clear()

    def second_is_tried(index: int) -> None:
        if index == 0:
            assert not jobs.take_next(line=queueing.TRACES, network="resnet18", holder="elsewhere:1", most=8, now=NOW)

    ring_and_run(ImitationNetwork(second_is_tried))
    assert bell == ["resnet18"]


def test_the_place_in_line_is_counted_by_who_came_first(lite0_facts: None, learner: User, guest: User) -> None:
    first = services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    second = services.request_trace(owner=guest, network=NETWORK, sample="coffee", now=NOW + timedelta(seconds=1))
    assert [jobs.place_in_line(trace.job) for trace in (first, second)] == [1, 2]
    assert services.present(second).place == 2
    take(first)
    second.job.refresh_from_db()
    assert jobs.place_in_line(second.job) == 1


# --- the queue gone -------------------------------------------------------------------------------------------------------


def test_a_queue_that_cannot_be_reached_keeps_the_row_and_the_page_says_so(
    lite0_facts: None, learner: User, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    rung: list[str] = []
    monkeypatch.setattr("inference.queueing.ring", lambda _line, _network: False)
    with django_capture_on_commit_callbacks(execute=True):
        trace = services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    trace.job.refresh_from_db()
    assert trace.job.rung_at is None
    assert "can’t be reached" in services.present(trace).sentence
    monkeypatch.setattr("inference.queueing.ring", lambda _line, network: rung.append(network) or True)
    jobs.reap(now=NOW + timedelta(seconds=10))
    assert rung == [NETWORK]
    trace.job.refresh_from_db()
    assert trace.job.rung_at is not None


def test_the_reaper_rings_wherever_something_waits(trace: Trace, learner: User, bell: list[str]) -> None:
    services.request_trace(owner=learner, network=NETWORK, sample="coffee", now=NOW)
    bell.clear()
    assert jobs.reap(now=NOW + timedelta(seconds=10)) == 0
    assert bell == [NETWORK], "one bell for one network, however much waits"


# --- ids and events -------------------------------------------------------------------------------------------------------

ids = st.builds(EventId, st.integers(0, 10**17), st.integers(0, 10**17))


@given(ids)
def test_an_id_reads_what_it_writes(event_id: EventId) -> None:
    assert EventId.parse(str(event_id)) == event_id


@given(st.text())
def test_whatever_a_browser_sends_as_an_id_is_read(text: str) -> None:
    assert EventId.parse(text) >= BEFORE_ALL


@given(st.lists(ids, min_size=2))
def test_ids_of_a_later_attempt_are_later(some: list[EventId]) -> None:
    assert sorted(some) == sorted(some, key=lambda one: (one.attempt, one.sequence))


def test_a_stored_document_tells_the_same_events_after_any_id(trace: Trace, imitation: ImitationNetwork) -> None:
    document = run(trace, imitation).job.document
    events = events_of(document)
    assert [event.name for event in events] == ["loading", "stage", "stage", "stage", "stage", "prediction", "done"]
    assert [str(event.id) for event in events] == [f"1-{number}" for number in range(1, 8)]
    for place, event in enumerate(events):
        assert events_of(document, after=event.id) == events[place + 1 :]
