"""What moves a Job from state to state. Each function is one transaction; a worker's are guarded by its attempt's number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q

from accounts.models import User
from inference import fairness, heartbeat, queueing, streams
from inference.connections import Unreachable
from inference.contracts import Failure, RunKind
from inference.fairness import Person, Wish
from inference.models import Job, JobState, Trace
from inference.queueing import Line, line_of

log = logging.getLogger(__name__)

LOOKED_AT = 100
"""How far down the line a worker looks for runs that may begin now."""
NEWEST = 20
"""How many finished runs tell how long the next ones take."""
FIRST_GUESS = {
    "trace": timedelta(seconds=1),
    "train": timedelta(minutes=1),
    "checks": timedelta(minutes=1),
    "proofs": timedelta(seconds=30),
}
"""How long a run of each line takes as long as none has finished."""


# --- taking ---------------------------------------------------------------------------------------------------------------


def take_next(*, line: Line, network: str, holder: str, most: int, now: datetime) -> list[Job]:
    """The runs whose turn it is, leased to `holder`: up to `most` traces that can run together, or one run of any other kind.

    None when nothing waits for this network, or nobody who waits may have another run going. A run whose worker died runs
    alone from then on: whatever killed it takes nobody else along a second time.
    """
    with transaction.atomic():
        waiting = _waiting(line)
        order = [job for job in fairness.in_turn(waiting.wishes, running=_running(line)) if waiting.is_for(job, line, network)]
        order = order[:LOOKED_AT]
        people = {job: waiting.people[job] for job in order}
        _lock(people.values())  # two workers count what one person has running one after the other
        running = _running(line)
        if line.at_once is not None and sum(running.values()) >= line.at_once:
            return []
        locked = Job.objects.select_for_update(skip_locked=True, of=("self",)).select_related("upload")
        rows = {job.pk: job for job in locked.filter(pk__in=order, state=JobState.WAITING)}
        ready = [job for job in order if job in rows and not _is_given_up(rows[job], now=now)]
        together = _together([rows[job] for job in fairness.allowed(ready, people=people, running=running, limit=_limit(line))])
        return _lease(together[:most], holder=holder, now=now)


def take(*, job_id: UUID, holder: str, now: datetime) -> Job | None:
    """This job, leased to `holder` out of turn; None when it doesn't wait, or nobody who wants it may have another going."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id, state=JobState.WAITING).first()
        if job is None or _is_given_up(job, now=now):
            return None
        people: dict[UUID, set[Person]] = {job.pk: set(job.traces.filter(cancelled_at=None).values_list("owner_id", flat=True))}
        line = line_of(job.kind)
        if not fairness.allowed([job.pk], people=people, running=_running(line), limit=_limit(line)):
            return None
        return _lease([job], holder=holder, now=now)[0]


class _Waiting:
    """What waits in a line, and who wants it."""

    def __init__(self, rows: Iterable[tuple[datetime, UUID, Person, str]]) -> None:
        self.wishes: list[Wish] = []
        self.people: dict[UUID, set[Person]] = {}
        self._networks: dict[UUID, str] = {}
        for queued_at, job, person, network in rows:
            self.wishes.append(Wish(queued_at, job, person))
            self.people.setdefault(job, set()).add(person)
            self._networks[job] = network

    def is_for(self, job: UUID, line: Line, network: str) -> bool:
        return not line.has_turns or self._networks[job] == network


def _waiting(line: Line) -> _Waiting:
    wanted = Trace.objects.filter(cancelled_at=None, job__state=JobState.WAITING, job__kind__in=line.kinds)
    return _Waiting(wanted.values_list("job__queued_at", "job_id", "owner_id", "job__network"))


def _running(line: Line) -> dict[Person, int]:
    """How many runs of this line each person has going."""
    wanted = Trace.objects.filter(cancelled_at=None, job__state=JobState.RUNNING, job__kind__in=line.kinds)
    return dict(wanted.values_list("owner_id").annotate(Count("job", distinct=True)).order_by())


def _limit(line: Line) -> int:
    return int(settings.TRACE_RUNNING_LIMIT) if line.has_limit_of_traces else 1


def _lock(people: Iterable[set[Person]]) -> None:
    """Before the jobs, and in order, as whoever asks, merges or erases a person does."""
    known = {person for wanting in people for person in wanting if person is not None}
    list(User.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk").values_list("pk", flat=True))


def _together(jobs: list[Job]) -> list[Job]:
    """The first and, when it is a trace that never killed a worker, what can share its pass through the network."""
    if not jobs or not _may_share(jobs[0]):
        return jobs[:1]
    return [job for job in jobs if _may_share(job) and (job.network, job.options) == (jobs[0].network, jobs[0].options)]


def _may_share(job: Job) -> bool:
    return job.kind == RunKind.TRACE and job.tries == 0


def _lease(taken: list[Job], *, holder: str, now: datetime) -> list[Job]:
    for job in taken:
        job.state = JobState.RUNNING
        job.attempts += 1
        job.holder, job.lease_until, job.started_at, job.document = holder, now + lease_time(), now, None
    Job.objects.filter(pk__in=[job.pk for job in taken]).update(
        state=JobState.RUNNING,
        attempts=F("attempts") + 1,
        holder=holder,
        lease_until=now + lease_time(),
        started_at=now,
        document=None,
    )
    return taken


def _is_given_up(job: Job, *, now: datetime) -> bool:
    """Whether a waiting job's time or attempts have run out, in which case it has failed by now."""
    if not _give_up(job, now=now):
        return False
    transaction.on_commit(lambda: streams.note(job.pk))
    return True


def time_allowed(kind: str) -> timedelta:
    """How long after it was asked for a run must have ended."""
    seconds = {
        RunKind.TRAINING: settings.TRAINING_DEADLINE_SECONDS,
        RunKind.DOWNLOAD: settings.DOWNLOAD_DEADLINE_SECONDS,
        RunKind.PROOF: settings.PROOF_DEADLINE_SECONDS,
    }
    return timedelta(seconds=seconds.get(RunKind(kind), settings.TRACE_DEADLINE_SECONDS))


def lease_time() -> timedelta:
    """How long a worker may be silent before its job is given to another."""
    return timedelta(seconds=settings.TRACE_LEASE_SECONDS)


def _give_up(job: Job, *, now: datetime) -> bool:
    """Fail a job whose deadline or attempts have run out; False when it may still run."""
    if now >= job.deadline:
        failure, details = Failure.DEADLINE, {}
    elif not job.has_attempts_left:
        failure, details = Failure.TOO_MANY_ATTEMPTS, {"attempts": job.attempts}
    else:
        return False
    job.state = JobState.FAILED
    job.failure, job.failure_details = failure, details
    job.finished_at, job.lease_until = now, None
    job.save(update_fields=["state", "failure", "failure_details", "finished_at", "lease_until"])
    return True


# --- while it runs --------------------------------------------------------------------------------------------------------


def _held(job_id: UUID, attempt: int) -> Any:
    """The job's row as long as this attempt is the running one."""
    return Job.objects.filter(pk=job_id, attempts=attempt, state=JobState.RUNNING)


def held(attempts: Mapping[UUID, int]) -> set[UUID]:
    """Of these jobs those that these attempts still run: nobody cancelled them and no other worker took them over."""
    # Asked between stages, so without a condition on each row: putting those together takes as long as a photo's stage.
    running = Job.objects.filter(pk__in=list(attempts), state=JobState.RUNNING).values_list("pk", "attempts")
    return {job_id for job_id, attempt in running if attempts[job_id] == attempt}


def renew(attempts: Mapping[UUID, int], *, now: datetime) -> bool:
    """Hold on to these jobs for another lease; False when none of them is these attempts' any more."""
    mine = Q()
    for job_id, attempt in attempts.items():
        mine |= Q(pk=job_id, attempts=attempt)
    return bool(attempts) and bool(Job.objects.filter(mine, state=JobState.RUNNING).update(lease_until=now + lease_time()))


def checkpoint(*, job_id: UUID, attempt: int, document: dict[str, Any]) -> bool:
    """Keep what has run so far, for when the stream of events can't be reached; False when it is no longer this attempt's."""
    return bool(_held(job_id, attempt).update(document=document))


def finish(*, job_id: UUID, attempt: int, document: dict[str, Any], now: datetime) -> bool:
    """Keep the whole result; False, and nothing kept, when the job is no longer this attempt's."""
    return bool(_held(job_id, attempt).update(state=JobState.DONE, document=document, finished_at=now, lease_until=None))


def fail(
    *, job_id: UUID, attempt: int, failure: Failure, details: dict[str, Any], document: dict[str, Any], now: datetime
) -> bool:
    """Keep why it failed and what ran before; False when the job is no longer this attempt's."""
    return bool(
        _held(job_id, attempt).update(
            state=JobState.FAILED,
            failure=failure,
            failure_details=details,
            document=document,
            finished_at=now,
            lease_until=None,
        )
    )


def keep_what_ran(*, job_id: UUID, attempt: int, document: dict[str, Any]) -> bool:
    """Add to a cancelled job what its last attempt had done; False when somebody has asked for it again since."""
    cancelled = Job.objects.filter(pk=job_id, attempts=attempt, state=JobState.CANCELLED)
    return bool(cancelled.update(document=document))


def cancel(*, job: Job, now: datetime) -> bool:
    """Stop a job that nobody wants any more; False when it had finished. Its worker looks between stages."""
    cancelled = Job.objects.filter(pk=job.pk, state__in=[JobState.WAITING, JobState.RUNNING]).update(
        state=JobState.CANCELLED, finished_at=now, lease_until=None
    )
    return bool(cancelled)


def ask_again(job: Job, *, now: datetime) -> None:
    """Put a failed or cancelled job, locked by the caller, back in line with a full number of attempts."""
    job.state = JobState.WAITING
    job.queued_at = job.rung_at = now
    job.deadline = now + time_allowed(job.kind)
    job.attempts_allowed = job.attempts + settings.TRACE_ATTEMPTS
    job.failure, job.failure_details, job.document = "", {}, None
    job.started_at = job.finished_at = job.lease_until = None
    job.holder = ""
    job.save()


# --- the line -------------------------------------------------------------------------------------------------------------


def ring(job: Job) -> None:
    """Call a worker to a job whose row says that one was called; when the queue can't be reached the row says so."""
    if not queueing.ring(line_of(job.kind), job.network):
        Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(rung_at=None)


def place_in_line(job: Job) -> int:
    """How many runs begin before this one, itself included: 1 is next. 0 when it doesn't wait."""
    if job.state != JobState.WAITING:
        return 0
    line = line_of(job.kind)
    order = fairness.in_turn(_waiting(line).wishes, running=_running(line))
    return order.index(job.pk) + 1 if job.pk in order else len(order) + 1


def expected_wait(line: Line) -> timedelta:
    """How long it takes until all that waits in the line has run, as far as the newest runs and the ready workers tell."""
    waiting = Job.objects.filter(state=JobState.WAITING, kind__in=line.kinds, attempts_allowed__gt=0).count()
    if waiting == 0:
        return timedelta(0)
    return waiting * _usual_time(line) / max(1, _ready_workers(line))


def _usual_time(line: Line) -> timedelta:
    """What one run of this line takes of a worker's time: runs that went through a network together share it."""
    finished = Job.objects.filter(state=JobState.DONE, kind__in=line.kinds).order_by("-finished_at")
    newest = finished.values_list("document__milliseconds", "document__made_by__batch")[:NEWEST]
    shares = [milliseconds / (batch or 1) for milliseconds, batch in newest if milliseconds is not None]
    return timedelta(milliseconds=fmean(shares)) if shares else FIRST_GUESS[line.queue]


def _ready_workers(line: Line) -> int:
    try:
        return sum(worker["queue"] == line.queue for worker in heartbeat.workers())
    except Unreachable:
        return 0


def is_waited_for(*, line: Line, network: str) -> bool:
    """Whether anything waits in the line for this network, or, where networks have no turns, for any."""
    waiting = Job.objects.filter(state=JobState.WAITING, kind__in=line.kinds)
    return bool((waiting.filter(network=network) if line.has_turns else waiting).exists())


def ring_for_those_who_waited(*, line: Line, ended: Iterable[UUID], network: str) -> None:
    """Call workers to the other networks for which the same people wait: their runs may have been passed over till now."""
    people = Trace.objects.filter(job_id__in=list(ended)).values_list("owner_id", flat=True)
    waiting = Job.objects.filter(state=JobState.WAITING, kind__in=line.kinds, traces__owner__in=people)
    for other in waiting.exclude(network=network).values_list("network", flat=True).distinct():
        queueing.ring(line, other)


def take_back(*, is_dead: Callable[[str], bool], now: datetime) -> int:
    """Put what a dead process held back in line at once; returns how many jobs changed."""
    running = Job.objects.filter(state=JobState.RUNNING).values_list("pk", "holder")
    return sum(_put_right(job_id, holder=holder, now=now) for job_id, holder in running if is_dead(holder))


def give_back(*, job_id: UUID, holder: str, now: datetime) -> bool:
    """Put one job that its holder can't run to its end back in line; False when it isn't the holder's any more."""
    return _put_right(job_id, holder=holder, now=now)


def reap(*, now: datetime) -> int:
    """Set right what a dead worker or a lost queue left behind; returns how many jobs changed or were rung for at last.

    Leases that ran out go back to the line, or fail when their attempts are used up; deadlines are kept; wherever something
    waits a bell rings.
    """
    expired = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now).values_list("pk", flat=True)
    overdue = Job.objects.filter(state=JobState.WAITING, deadline__lte=now).values_list("pk", flat=True)
    changed = sum(_put_right(job_id, now=now) for job_id in [*expired, *overdue])
    return changed + _ring_everywhere(now=now)


def _put_right(job_id: UUID, *, now: datetime, holder: str | None = None) -> bool:
    """Back in line, or failed, with a job whose lease ran out, whose holder died or whose time is up."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.is_finished:
            return False
        is_abandoned = job.holder == holder or (job.lease_until is not None and job.lease_until < now)
        if job.state == JobState.RUNNING and not is_abandoned:
            return False
        transaction.on_commit(lambda: streams.note(job_id))
        if _give_up(job, now=now):
            return True
        if job.state == JobState.WAITING:
            return False
        job.state = JobState.WAITING
        job.lease_until, job.document = None, None
        job.save(update_fields=["state", "lease_until", "document"])
        log.warning("job %s: its worker fell silent in attempt %d; it waits again", job_id, job.attempts)
        transaction.on_commit(lambda: ring(job))
        return True


def _ring_everywhere(*, now: datetime) -> int:
    """A bell wherever something waits, unless it rings already; returns how many jobs no worker had been told of till now."""
    told = 0
    waiting = Job.objects.filter(state=JobState.WAITING)
    for kind, network in waiting.values_list("kind", "network").distinct():
        if not queueing.ring(line_of(kind), network):
            break
        told += waiting.filter(kind=kind, network=network, rung_at=None).update(rung_at=now)
    return told
