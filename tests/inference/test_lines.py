"""Whose run comes next, what runs together, what rings, and when a line is full."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from inference import fairness, gpus, heartbeat, holders, jobs, queueing, runs, services
from inference.connections import client
from inference.contracts import EngineError, Failure, RunKind
from inference.fairness import Wish
from inference.models import Job, JobState, Trace
from inference.queueing import DOWNLOADS, PROOFS, TRACES, TRAININGS
from inference.samples import all_samples
from tests.inference.conftest import NETWORK, NOW, ImitationNetwork
from web.problems import Problem

SAMPLES = [sample.id for sample in all_samples()]


@pytest.fixture
def person(lite0_facts: None) -> Callable[[], User]:
    return User.objects.create_guest


def ask(
    owner: User | None, sample: str = "chelsea", *, after: float = 0, kind: RunKind = RunKind.TRACE, **options: object
) -> Trace:
    """A person's request, so many seconds after the first."""
    is_of_photo = kind not in (RunKind.TRAINING, RunKind.DOWNLOAD, RunKind.PROOF)
    return services.request_run(
        kind=kind,
        owner=owner,
        network=NETWORK,
        options=options,
        sample=sample if is_of_photo else "",
        is_private=not is_of_photo,
        now=NOW + timedelta(seconds=after),
    )


def next_up(*, most: int = 1, line: queueing.Line = TRACES) -> list[UUID]:
    taken = jobs.take_next(line=line, network=NETWORK, holder="elsewhere:1", most=most, now=NOW + timedelta(seconds=60))
    return [job.pk for job in taken]


def end(*job_ids: UUID) -> None:
    Job.objects.filter(pk__in=job_ids).update(state=JobState.DONE)


# --- the order ------------------------------------------------------------------------------------------------------------

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine says nothing about a rule
moments = st.integers(0, 50).map(lambda seconds: NOW + timedelta(seconds=seconds))
lines = st.lists(st.tuples(moments, st.integers(0, 30), st.sampled_from([None, 1, 2, 3, 4])), max_size=40)


def wishes_of(drawn: list[tuple[datetime, int, int | None]]) -> list[Wish]:
    """Wishes of whose runs each has one moment: that of its first."""
    when: dict[int, datetime] = {}
    wishes = [Wish(when.setdefault(number, moment), UUID(int=number), person) for moment, number, person in drawn]
    return list(dict.fromkeys(wishes))


@unhurried
@given(lines)
def test_every_run_comes_up_once(drawn) -> None:
    wishes = wishes_of(drawn)
    order = fairness.in_turn(wishes, running={})
    assert sorted(order) == sorted({wish.job for wish in wishes})


@unhurried
@given(lines)
def test_nobody_waits_for_more_runs_of_another_than_they_have_themselves(drawn) -> None:
    """Before somebody's nth run at most n runs come up that are another person's alone."""
    wishes = wishes_of(drawn)
    order = fairness.in_turn(wishes, running={})
    people: defaultdict[UUID, set[int | None]] = defaultdict(set)
    for wish in wishes:
        people[wish.job].add(wish.person)
    for person in {wish.person for wish in wishes}:
        mine = sorted({(wish.queued_at, wish.job) for wish in wishes if wish.person == person})
        for number, (_when, job) in enumerate(mine, start=1):
            before = order[: order.index(job)]
            alone: defaultdict[int | None, int] = defaultdict(int)
            for other in before:
                if len(people[other]) == 1:
                    alone[next(iter(people[other]))] += 1
            assert all(count <= number for count in alone.values())


@unhurried
@given(lines)
def test_a_persons_own_runs_keep_their_order_where_nobody_else_wants_them(drawn) -> None:
    wishes = wishes_of(drawn)
    order = fairness.in_turn(wishes, running={})
    shared = {one.job for one in wishes for other in wishes if one.job == other.job and one.person != other.person}
    for person in {wish.person for wish in wishes}:
        mine = [(wish.queued_at, wish.job) for wish in wishes if wish.person == person and wish.job not in shared]
        assert [job for job in order if job in {job for _when, job in mine}] == [job for _when, job in sorted(set(mine))]


def test_a_person_with_eight_waiting_makes_another_wait_for_one(person, bell) -> None:
    first, second = person(), person()
    many = [ask(first, SAMPLES[0], after=number, number=number) for number in range(8)]
    one = ask(second, SAMPLES[1], after=30)
    assert jobs.place_in_line(one.job) == 2
    assert [jobs.place_in_line(trace.job) for trace in many] == [1, 3, 4, 5, 6, 7, 8, 9]
    assert next_up() == [many[0].job_id]
    assert next_up() == [one.job_id]


def test_what_somebody_has_running_counts_as_a_turn(person, bell) -> None:
    first, second = person(), person()
    running, waiting = (ask(first, after=number, number=number) for number in range(2))
    assert next_up() == [running.job_id]
    one = ask(second, SAMPLES[1], after=30)
    assert jobs.place_in_line(one.job) == 1
    assert next_up() == [one.job_id]
    assert next_up() == [waiting.job_id]


def test_places_are_counted_in_a_runs_own_line(person, bell) -> None:
    traces = [ask(person(), sample, after=number) for number, sample in enumerate(SAMPLES[:3])]
    training = ask(person(), kind=RunKind.TRAINING)
    assert jobs.place_in_line(training.job) == 1
    assert jobs.place_in_line(traces[2].job) == 3


# --- together -------------------------------------------------------------------------------------------------------------


def test_up_to_so_many_traces_run_together_in_the_order_of_the_line(person, bell) -> None:
    traces = [ask(person(), sample, after=number) for number, sample in enumerate(SAMPLES[:5])]
    assert next_up(most=3) == [trace.job_id for trace in traces[:3]]
    assert next_up(most=3) == [trace.job_id for trace in traces[3:]]
    assert next_up(most=3) == []


def test_nobody_has_more_than_two_in_a_pass(person, bell) -> None:
    many, other = person(), person()
    mine = [ask(many, sample, after=number) for number, sample in enumerate(SAMPLES[:5])]
    theirs = ask(other, SAMPLES[5], after=9)
    assert next_up(most=8) == [mine[0].job_id, theirs.job_id, mine[1].job_id]
    assert next_up(most=8) == []


def test_only_traces_of_the_same_weights_and_options_share_a_pass(person, bell) -> None:
    one, other, look = (
        ask(person(), SAMPLES[0]),
        ask(person(), SAMPLES[1], after=1, other=True),
        ask(person(), SAMPLES[2], after=2, kind=RunKind.LOOK, look="maps"),
    )
    same = ask(person(), SAMPLES[3], after=3)
    assert next_up(most=8) == [one.job_id, same.job_id]
    assert next_up(most=8) == [other.job_id]
    assert next_up(most=8) == [look.job_id]


def test_whose_worker_died_runs_alone(person, bell) -> None:
    suspects = [ask(person(), sample) for sample in SAMPLES[:3]]
    assert len(next_up(most=8)) == 3
    jobs.take_back(is_dead=lambda _holder: True, now=NOW)
    fresh = [ask(person(), sample, after=10 + number) for number, sample in enumerate(SAMPLES[3:5])]
    alone = [next_up(most=8) for _suspect in suspects]
    assert sorted(alone) == sorted([trace.job_id] for trace in suspects)
    assert next_up(most=8) == [trace.job_id for trace in fresh]


def test_one_that_fails_in_a_pass_leaves_the_others_as_they_are(person, bell, imitation: ImitationNetwork) -> None:
    traces = [ask(person(), sample, after=number) for number, sample in enumerate(SAMPLES[:3])]
    Job.objects.filter(pk=traces[0].job_id).update(sample="gone")
    failing = iter([None] * 5 + [EngineError(Failure.OUT_OF_MEMORY)])

    def fails_once(_index: int) -> None:
        if error := next(failing, None):
            raise error

    imitation.between = fails_once
    run_all(imitation)
    assert [state(trace) for trace in traces] == ["failed", "done", "failed"]
    assert [trace.job.failure for trace in traces] == [Failure.IMAGE_UNREADABLE, "", Failure.OUT_OF_MEMORY]
    assert imitation.together == [2], "the unreadable photo was none of the engine's business"


def test_a_network_that_cannot_be_had_fails_every_run_of_the_pass(person, bell, imitation: ImitationNetwork) -> None:
    traces = [ask(person(), sample) for sample in SAMPLES[:2]]

    def refuses(*_asked: object) -> list[object]:
        raise EngineError(Failure.WEIGHTS_MISSING, network=NETWORK)

    imitation.perform_together = refuses  # type: ignore[method-assign]
    run_all(imitation)
    assert {(state(trace), trace.job.failure) for trace in traces} == {("failed", Failure.WEIGHTS_MISSING)}


def test_one_stopped_in_a_pass_leaves_the_others_as_they_are(person, bell, imitation: ImitationNetwork) -> None:
    traces = [ask(person(), sample, after=number) for number, sample in enumerate(SAMPLES[:2])]

    def stops(index: int) -> None:
        if index == 2 and imitation.runs == 1:
            services.cancel_trace(trace=Trace.objects.get(pk=traces[0].pk), now=NOW)

    imitation.between = stops
    run_all(imitation)
    assert [state(trace) for trace in traces] == ["cancelled", "done"]


@pytest.mark.django_db(transaction=True)
def test_every_lease_of_a_pass_is_renewed(lite0_facts: None, person, bell, settings) -> None:
    traces = [ask(person(), sample) for sample in SAMPLES[:3]]
    taken = jobs.take_next(line=TRACES, network=NETWORK, holder="elsewhere:1", most=8, now=NOW)
    later = NOW + timedelta(hours=1)
    assert jobs.renew({job.pk: job.attempts for job in taken}, now=later)
    assert set(Job.objects.values_list("lease_until", flat=True)) == {later + jobs.lease_time()}
    services.cancel_trace(trace=traces[0], now=NOW)
    assert jobs.held({job.pk: job.attempts for job in taken}) == {trace.job_id for trace in traces[1:]}


@pytest.mark.django_db(transaction=True)
def test_workers_that_look_at_the_same_moment_share_what_waits(person, bell) -> None:
    people = [person() for _person in range(3)]
    for number, sample in enumerate(SAMPLES):
        for owner in people:
            ask(owner, sample, after=number, whose=owner.pk)
    together = threading.Barrier(6)

    def look(_worker: int) -> list[UUID]:
        try:
            together.wait(10)
            return next_up(most=2)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        taken = [job for found in workers.map(look, range(6)) for job in found]
    assert len(taken) == len(set(taken)) == 6
    running = Trace.objects.filter(job__state=JobState.RUNNING).values_list("owner_id", flat=True)
    assert Counter(running) == {owner.pk: 2 for owner in people}


def run_all(network: ImitationNetwork, *, turn_seconds: float = 60.0, most: int = 8) -> None:
    runs.run_line(
        line=TRACES,
        network=NETWORK,
        engine=network,
        most=most,
        turn_seconds=turn_seconds,
        clock=lambda: NOW + timedelta(seconds=60),
    )


def state(trace: Trace) -> str:
    trace.job.refresh_from_db()
    return trace.job.state


# --- other lines ----------------------------------------------------------------------------------------------------------


def test_a_person_trains_once_at_a_time_and_may_trace_meanwhile(person, bell) -> None:
    somebody = person()
    first, second = (ask(somebody, after=seed, kind=RunKind.TRAINING, seed=seed) for seed in range(2))
    assert next_up(line=TRAININGS) == [first.job_id]
    assert next_up(line=TRAININGS) == []
    trace = ask(somebody)
    assert next_up() == [trace.job_id]
    end(first.job_id)
    assert next_up(line=TRAININGS) == [second.job_id]


@pytest.mark.parametrize(("kind", "line"), [(RunKind.DOWNLOAD, DOWNLOADS), (RunKind.PROOF, PROOFS)])
def test_one_file_is_downloaded_at_a_time_and_one_lesson_proved(kind: RunKind, line: queueing.Line, person, bell) -> None:
    first, second = (ask(person(), after=number, kind=kind, number=number) for number in range(2))
    assert next_up(line=line) == [first.job_id]
    assert next_up(line=line) == []
    end(first.job_id)
    assert next_up(line=line) == [second.job_id]


@pytest.mark.parametrize("kind", [kind for kind in RunKind if kind != RunKind.OPENED])
def test_runs_of_every_kind_wait_in_exactly_one_line(kind: RunKind) -> None:
    lines = [line for line in queueing.LINES if kind in line.kinds]
    assert lines == [queueing.line_of(kind)]


# --- turns ----------------------------------------------------------------------------------------------------------------


def test_at_the_end_of_its_turn_a_network_rings_for_what_still_waits(person, bell, imitation: ImitationNetwork) -> None:
    for sample in SAMPLES[:3]:
        ask(person(), sample)
    bell.clear()
    run_all(imitation, turn_seconds=0, most=2)
    assert (imitation.together, bell) == ([2], [NETWORK])


def test_with_nothing_left_nothing_rings(person, bell, imitation: ImitationNetwork) -> None:
    ask(person())
    bell.clear()
    run_all(imitation, turn_seconds=0)
    assert bell == []


# --- bells ----------------------------------------------------------------------------------------------------------------


@pytest.mark.redis
def test_one_bell_a_network_until_somebody_hears_it(redis_server: str) -> None:
    client().flushall()
    for _ring in range(3):
        assert queueing.ring(TRACES, "resnet50")
    assert queueing.ring(TRACES, "vgg16")
    assert client().llen("trace") == 2
    queueing.heard(TRACES, "resnet50")
    assert queueing.ring(TRACES, "resnet50")
    assert client().llen("trace") == 3


@pytest.mark.redis
def test_a_bell_that_nobody_heard_is_silent_for_seconds_alone(redis_server: str) -> None:
    client().flushall()
    queueing.ring(TRAININGS, NETWORK)
    (bell,) = client().scan_iter(match="bell:*")
    assert 0 < client().ttl(bell) <= queueing.BELL_SECONDS


def test_without_redis_ringing_says_so(settings) -> None:
    settings.REDIS_URL = f"unix://{settings.DATA_DIR}/nothing.sock"
    assert not queueing.ring(TRACES, NETWORK)


# --- a full line ----------------------------------------------------------------------------------------------------------


def finished(*, seconds: float, batch: int) -> None:
    for number in range(3):
        made = ask(None, SAMPLES[number], finished=True)
        document = {"milliseconds": seconds * 1000, "made_by": {"batch": batch}, "stages": [], "attempt": 1, "total": 0}
        Job.objects.filter(pk=made.job_id).update(state=JobState.DONE, document=document, finished_at=NOW)


@pytest.mark.parametrize(("batch", "is_full"), [(1, True), (8, False)])
def test_a_line_is_full_when_it_takes_longer_than_a_run_may_wait(person, bell, settings, batch: int, is_full: bool) -> None:
    settings.TRACE_DEADLINE_SECONDS = 100
    finished(seconds=40, batch=batch)
    for number in range(3):
        ask(person(), number=number)
    if not is_full:
        assert state(ask(person())) == JobState.WAITING
        return
    with pytest.raises(Problem) as refused:
        ask(person())
    assert refused.value.status == 429
    assert 20 <= int(refused.value.headers["Retry-After"]) <= 40
    assert "would not come up in time" in refused.value.detail


def test_more_workers_make_a_line_shorter(person, bell, monkeypatch, settings) -> None:
    settings.TRACE_DEADLINE_SECONDS = 100
    finished(seconds=40, batch=1)
    for number in range(3):
        ask(person(), number=number)
    monkeypatch.setattr(heartbeat, "workers", lambda: [{"queue": "trace"}, {"queue": "trace"}, {"queue": "train"}])
    assert jobs.expected_wait(TRACES) == timedelta(seconds=60)
    assert state(ask(person())) == JobState.WAITING


def test_what_trains_does_not_fill_the_line_of_traces(person, bell, settings) -> None:
    settings.TRACE_DEADLINE_SECONDS = 100
    for number in range(5):
        ask(person(), kind=RunKind.TRAINING, number=number)
    assert jobs.expected_wait(TRAININGS) == timedelta(minutes=5)
    assert jobs.expected_wait(TRACES) == timedelta(0)


# --- holders and GPUs -----------------------------------------------------------------------------------------------------


def test_this_process_is_alive() -> None:
    assert not holders.is_dead(holders.me())
    assert holders.me().endswith(f":{os.getpid()}")


@pytest.mark.parametrize("holder", ["", "elsewhere:1", "elsewhere", f"{holders.machine()}:", f"{holders.machine()}:x"])
def test_of_others_nothing_is_known(holder: str) -> None:
    assert not holders.is_dead(holder)


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, []),
        ("", []),
        ("-1", []),
        ("0", ["0"]),
        ("2, 3", ["2", "3"]),
        ("0,-1,1", ["0"]),
        ("GPU-8f2a,MIG-77", ["GPU-8f2a", "MIG-77"]),
    ],
)
def test_the_gpus_are_those_that_cuda_would_see(visible: str | None, names: list[str]) -> None:
    assert gpus.listed(visible) == names


def test_each_child_has_a_gpu_of_its_own_and_its_replacement_the_same() -> None:
    assert [gpus.of_child(index, visible="4,5") for index in range(4)] == ["4", "5", "4", "5"]
    assert gpus.of_child(0, visible=None) is None
