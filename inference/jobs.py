"""What moves a Job from state to state. Each function is one transaction; a worker's are guarded by its attempt's number."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from inference import queueing, streams
from inference.contracts import Failure, RunKind
from inference.models import Job, JobState, Trace

log = logging.getLogger(__name__)

RING_AGAIN_AFTER = timedelta(seconds=15)
RINGS_AT_ONCE = 100


def take(*, job_id: UUID, holder: str, redelivered: bool, now: datetime) -> Job | None:
    """The job, leased to the task `holder`; None when there is nothing to run: finished, leased, cancelled or not its turn.

    A redelivered message whose own earlier delivery holds the lease takes the job over at once: the queue gives a message
    out again only when whoever had it is dead.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or not _may_be_taken(job, holder=holder, redelivered=redelivered):
            return None
        if _give_up(job, now=now):
            transaction.on_commit(lambda: streams.note(job.pk))
            return None
        if everybody_is_at_their_limit(job):
            job.rung_at = None  # the bell was heard and nothing came of it: whoever finishes next rings again
            job.save(update_fields=["rung_at"])
            return None
        job.state = JobState.RUNNING
        job.attempts += 1
        job.holder = holder
        job.lease_until = now + lease_time()
        job.started_at = now
        job.document = None
        job.save(update_fields=["state", "attempts", "holder", "lease_until", "started_at", "document"])
        return job


def time_allowed(kind: str) -> timedelta:
    """How long after it was asked for a run must have ended."""
    seconds = {RunKind.TRAINING: settings.TRAINING_DEADLINE_SECONDS, RunKind.DOWNLOAD: settings.DOWNLOAD_DEADLINE_SECONDS}
    return timedelta(seconds=seconds.get(RunKind(kind), settings.TRACE_DEADLINE_SECONDS))


def lease_time() -> timedelta:
    """How long a worker may be silent before its job is given to another."""
    return timedelta(seconds=settings.TRACE_LEASE_SECONDS)


def _may_be_taken(job: Job, *, holder: str, redelivered: bool) -> bool:
    if job.state == JobState.RUNNING:
        return redelivered and job.holder == holder
    return job.state == JobState.WAITING


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


def everybody_is_at_their_limit(job: Job) -> bool:
    """Whether each person who wants this job has as many running as one may have. The house has no limit."""
    owners = set(job.traces.filter(cancelled_at=None).values_list("owner_id", flat=True))
    if not owners or None in owners:
        return False
    running = dict(
        Trace.objects.filter(owner_id__in=owners, cancelled_at=None, job__state=JobState.RUNNING)
        .values_list("owner_id")
        .annotate(Count("job", distinct=True))
        .order_by()
    )
    return all(running.get(owner, 0) >= settings.TRACE_RUNNING_LIMIT for owner in owners)


def _held(job_id: UUID, attempt: int) -> Any:
    """The job's row as long as this attempt is the running one."""
    return Job.objects.filter(pk=job_id, attempts=attempt, state=JobState.RUNNING)


def is_held(*, job_id: UUID, attempt: int) -> bool:
    """Whether this attempt still runs the job: nobody cancelled it and no other worker took it over."""
    return bool(_held(job_id, attempt).exists())


def renew(*, job_id: UUID, attempt: int, now: datetime) -> bool:
    """Hold on to the job for another lease; False when it is no longer this attempt's."""
    return bool(_held(job_id, attempt).update(lease_until=now + lease_time()))


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
    cancelled = Job.objects.filter(pk=job_id, attempts=attempt, state=JobState.CANCELLED, document__isnull=True)
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


def ring(job_id: UUID) -> None:
    """Ring for a job whose row says that it was rung; when the queue can't be reached the row says so, for the reaper."""
    if not queueing.ring(job_id):
        Job.objects.filter(pk=job_id, state=JobState.WAITING).update(rung_at=None)


def place_in_line(job: Job) -> int:
    """How many runs begin before this one, itself included: 1 is next. 0 when it doesn't wait."""
    if job.state != JobState.WAITING:
        return 0
    earlier = Q(queued_at__lt=job.queued_at) | Q(queued_at=job.queued_at, pk__lt=job.pk)
    return Job.objects.filter(earlier, state=JobState.WAITING).count() + 1


def ring_for_the_unrung(*, now: datetime) -> int:
    """Ring for waiting jobs that no worker has been told of; returns how many bells were heard."""
    ids = Job.objects.filter(state=JobState.WAITING, rung_at=None).order_by("queued_at").values_list("pk", flat=True)
    return _ring_all(list(ids[:RINGS_AT_ONCE]), now=now)


def reap(*, now: datetime) -> int:
    """Set right what a dead worker or a lost queue left behind; returns how many jobs changed or were rung for.

    Leases that ran out go back to the line, or fail when their attempts are used up; deadlines are kept; waiting jobs whose
    bell went missing are rung for again.
    """
    changed = 0
    expired = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now).values_list("pk", flat=True)
    overdue = Job.objects.filter(state=JobState.WAITING, deadline__lte=now).values_list("pk", flat=True)
    for job_id in [*expired, *overdue]:
        changed += _put_right(job_id, now=now)
    return changed + ring_for_the_unrung(now=now) + _ring_for_the_lost(now=now)


def _put_right(job_id: UUID, *, now: datetime) -> bool:
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.is_finished:
            return False
        if job.state == JobState.RUNNING and (job.lease_until is None or job.lease_until >= now):
            return False
        transaction.on_commit(lambda: streams.note(job_id))
        if _give_up(job, now=now):
            return True
        job.state = JobState.WAITING
        job.lease_until = job.rung_at = None
        job.save(update_fields=["state", "lease_until", "rung_at"])
        log.warning("job %s: its worker fell silent in attempt %d; it waits again", job_id, job.attempts)
        return True


def _ring_for_the_lost(*, now: datetime) -> int:
    """Ring again where more jobs wait than bells: Redis came back without its data, or a worker died with a bell in hand."""
    waiting = Job.objects.filter(state=JobState.WAITING)
    bells = queueing.unanswered()
    missing = waiting.count() - bells if bells is not None else 0
    if missing <= 0:
        return 0
    ids = waiting.filter(rung_at__lt=now - RING_AGAIN_AFTER).order_by("queued_at").values_list("pk", flat=True)
    return _ring_all(list(ids[: min(missing, RINGS_AT_ONCE)]), now=now)


def _ring_all(job_ids: Iterable[UUID], *, now: datetime) -> int:
    heard = 0
    for job_id in job_ids:
        if not queueing.ring(job_id):
            break
        heard += Job.objects.filter(pk=job_id, state=JobState.WAITING).update(rung_at=now)
    return heard
