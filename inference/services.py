"""What may be asked of runs: request, stop, show, share, forget. Pages, the API and other rooms call these alone."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from inference import facts, jobs, samples, streams, wording
from inference.contracts import DEFAULT_NETWORK, ENGINE_VERSION, INSPECTED_NETWORKS, PHOTO_KINDS, UNSEEN_KINDS, RunKind
from inference.images import CheckedImage, ImageRefused, Refusal, check_image
from inference.models import Job, JobState, Trace, Upload
from inference.presenting import TraceView, present, told_so_far
from inference.queueing import line_of
from inference.runs import files_folder
from inference.telling import no_weights_sentence
from web.problems import Problem, not_found

__all__ = [
    "TraceView",
    "cancel_trace",
    "delete_trace",
    "ensure_house_traces",
    "expire",
    "latest_traces",
    "present",
    "request_photo_run",
    "request_photo_trace",
    "request_run",
    "request_trace",
    "share_trace",
    "store_upload",
    "stored_trace",
    "trace_for",
    "unshare_trace",
    "upload_for",
]

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10
UPLOADS_KEPT = 200
"""How many photos one person may keep at a time."""


# --- asking -------------------------------------------------------------------------------------------------------------


def request_trace(
    *, owner: User | None, network: str, sample: str = "", upload: Upload | None = None, prediction: str = "", now: datetime
) -> Trace:
    """One person's trace of a network on a sample or their own upload; no owner is the house itself.

    Raises Problem as `request_run` does.
    """
    return request_run(
        kind=RunKind.TRACE, owner=owner, network=network, sample=sample, upload=upload, prediction=prediction, now=now
    )


def request_run(
    *,
    kind: RunKind,
    owner: User | None,
    network: str,
    options: Mapping[str, Any] | None = None,
    sample: str = "",
    upload: Upload | None = None,
    needs_weights: bool = True,
    is_private: bool = False,
    prediction: str = "",
    now: datetime,
) -> Trace:
    """One person's run of any kind. The same request is the same job: a finished one answers at once, an unfinished is joined.

    `options` are JSON's values, checked by whoever asks: they and the photo decide what comes out. A run on a person's own
    photo, and one that `is_private`, is nobody else's. Raises Problem: 404 for an unknown network or sample, 409 without
    weights, 422 without a photo, 429 for too many that wait.
    """
    image_sha256 = _image_of(owner=owner, sample=sample, upload=upload) if kind in PHOTO_KINDS else ""
    options, file = dict(options or {}), ""
    if needs_weights:
        options["weights"], file = _weights_for(network)
    told: dict[str, Any] = {
        "kind": kind,
        "network": network,
        "image_sha256": image_sha256,
        "owner": owner if upload is not None or is_private else None,
    }
    key = job_key(**told, weights=file, options=options)
    with transaction.atomic():
        _lock(owner)  # before the job, as whoever merges or erases a person does
        job = _locked_job(key)
        if job is None:
            if options.get("weights") and network in INSPECTED_NETWORKS:
                early = job_key(**told, weights="", options=options | {"weights": ""})
                _find_run_from_before_figures(early, key=key, options=options)
            job = _made_job(key, kind=kind, network=network, sample=sample, upload=upload, options=options, now=now)
        is_new = job.attempts_allowed == 0 or job.state in (JobState.FAILED, JobState.CANCELLED)
        trace = _same_trace(job, owner=owner, prediction=prediction)
        if trace is None:
            if job.state != JobState.DONE:
                _refuse_above_limit(owner)
            trace = Trace(owner=owner, job=job, prediction=prediction, created_at=now, expires_at=_expiry(now))
            trace.pinned = owner is None
            trace.save(force_insert=True)
        if is_new:
            _refuse_a_full_line(owner, kind=kind)
            jobs.ask_again(job, now=now)
            transaction.on_commit(lambda: jobs.ring(job))
        elif job.state == JobState.WAITING:
            Job.objects.filter(pk=job.pk).update(deadline=now + jobs.time_allowed(kind), rung_at=job.rung_at or now)
            if job.rung_at is None:  # the queue could not be reached when it was first asked for
                transaction.on_commit(lambda: jobs.ring(job))
        if upload is not None:
            Upload.objects.filter(pk=upload.pk).update(expires_at=_expiry(now))
    return trace


def request_photo_trace(*, owner: User, network: str, file: UploadedFile[Any], prediction: str = "", now: datetime) -> Trace:
    """One person's trace of a network on the photo in `file`. Raises Problem as `request_photo_run` does."""
    return request_photo_run(kind=RunKind.TRACE, owner=owner, network=network, file=file, prediction=prediction, now=now)


def request_photo_run(
    *,
    kind: RunKind,
    owner: User,
    network: str,
    options: Mapping[str, Any] | None = None,
    file: UploadedFile[Any],
    prediction: str = "",
    now: datetime,
) -> Trace:
    """One person's run on the photo in `file`, which is theirs alone. Whoever has to wait is told before a new photo is kept.

    Raises Problem as `request_run` and `store_upload` do.
    """
    _weights_for(network)
    checked = _checked(file)
    if not Upload.objects.filter(owner=owner, sha256=checked.sha256).exists():
        _refuse_above_limit(owner)  # a new photo is a new run; one that was here before may have run, which request_run sees
    upload = _kept(owner=owner, checked=checked, now=now)
    return request_run(kind=kind, owner=owner, network=network, options=options, upload=upload, prediction=prediction, now=now)


def job_key(
    *, kind: RunKind, network: str, weights: str, image_sha256: str, options: dict[str, Any], owner: User | None
) -> str:
    """The hash of everything that decides what comes out; for an upload its owner too, so that nobody learns of another's."""
    told = [kind, network, weights, image_sha256, options, ENGINE_VERSION, owner.pk if owner else None]
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _image_of(*, owner: User | None, sample: str, upload: Upload | None) -> str:
    if bool(sample) == (upload is not None):
        raise Problem(422, _("No photo"), _("Choose one of the sample photos, or one of your own."), field="image")
    if upload is not None:
        if owner is None or upload.owner_id != owner.pk:
            raise not_found()
        return upload.sha256
    try:
        return samples.sample_sha256(sample)
    except KeyError as error:
        raise Problem(404, _("No such sample"), _("There is no sample photo of this name. Choose another one.")) from error


def _weights_for(network: str) -> tuple[str, str]:
    """Name and file of the weights that a run would use; raises Problem when there can be no run."""
    known = facts.figures_of(network, "title", "weights", "default_weights") or facts.record_of(network)
    if known is None:
        if network in INSPECTED_NETWORKS:
            return "", ""  # its facts are still being computed: the worker will tell
        raise no_such_network()
    record = facts.usable_weights(network, known)
    if record is None or not record["available"]:
        raise Problem(409, _("No weights for this network"), no_weights_sentence(network, known), network=network)
    return str(record["name"]), str(record.get("file") or "")


def no_such_network() -> Problem:
    """404 for a network that the site doesn't know."""
    return Problem(
        404, _("No such network"), _("This site knows no network of this name. The networks page lists those it knows.")
    )


def _lock(owner: User | None) -> None:
    """Lets this person's requests pass one after the other: each counts what waits, and only then adds to it."""
    if owner is not None:
        User.objects.select_for_update(no_key=True).filter(pk=owner.pk).first()


def _locked_job(key: str) -> Job | None:
    """The one job of this key, locked; None where there is none."""
    return Job.objects.select_for_update().filter(key=key).first()


def _made_job(
    key: str, *, kind: RunKind, network: str, sample: str, upload: Upload | None, options: dict[str, Any], now: datetime
) -> Job:
    """The one job of this key, locked; just made, unless somebody else made it at this moment. Nobody was told of it yet."""
    fields = {"kind": kind, "network": network, "options": options, "sample": sample, "upload": upload}
    deadline = now + jobs.time_allowed(kind)
    job, _created = Job.objects.get_or_create(key=key, defaults={**fields, "created_at": now, "deadline": deadline})
    return Job.objects.select_for_update().get(pk=job.pk)


def _find_run_from_before_figures(early: str, *, key: str, options: dict[str, Any]) -> None:
    """Has a run that was asked for before the network's figures were known found by the key that it would have now.

    Nobody could say then which weights it would take, so that its options name none: the first runs of a site would all be
    run a second time.
    """
    found = Job.objects.filter(key=early).exclude(state__in=(JobState.FAILED, JobState.CANCELLED)).first()
    if found is None:
        return
    made_by = (found.document or {}).get("made_by") or {}
    if not found.is_finished or made_by.get("weights") == options["weights"]:
        with suppress(IntegrityError), transaction.atomic():  # somebody else asks for the same at this moment
            Job.objects.filter(pk=found.pk).update(key=key, options=options)


def _same_trace(job: Job, *, owner: User | None, prediction: str) -> Trace | None:
    """What this person asked for before, if it would be the same again."""
    traces = job.traces.filter(owner=owner, cancelled_at=None)
    if job.is_finished or owner is None:
        traces = traces.filter(prediction=prediction)
    trace = traces.order_by("-created_at").first()
    if trace is not None and prediction and trace.prediction != prediction:
        trace.prediction = prediction
        trace.save(update_fields=["prediction"])
    return trace


def _refuse_above_limit(owner: User | None) -> None:
    if owner is None:
        return
    unfinished = (JobState.WAITING, JobState.RUNNING)
    waiting = Trace.objects.filter(owner=owner, cancelled_at=None, job__state__in=unfinished).count()
    if waiting < settings.TRACE_WAITING_LIMIT:
        return
    raise Problem(
        429,
        _("Enough for now"),
        ngettext(
            "You have %(count)d run that waits. Let it finish or stop it, then ask again.",
            "You have %(count)d runs that wait. Let one finish or stop one, then ask again.",
            waiting,
        )
        % {"count": waiting},
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _refuse_a_full_line(owner: User | None, *, kind: RunKind) -> None:
    """Nobody is put in a line that is longer than a run may wait; newcomers without a cookie are one person each."""
    if owner is None:
        return
    allowed = jobs.time_allowed(kind)
    too_long = jobs.expected_wait(line_of(kind)) - allowed
    if too_long < timedelta(0):
        return
    retry_after = max(RETRY_AFTER_SECONDS, math.ceil((too_long + allowed / 10).total_seconds()))
    raise Problem(
        429,
        _("The line is full"),
        _("So many runs wait that yours would not come up in time. Try again in a few minutes."),
        headers={"Retry-After": str(retry_after)},
    )


def usual_seconds(network: str | None = None) -> float | None:
    """How long the newest finished run took, of one network or of any; None before there was one."""
    finished = Job.objects.filter(state=JobState.DONE, kind=RunKind.TRACE, **({"network": network} if network else {}))
    milliseconds = finished.order_by("-finished_at").values_list("document__milliseconds", flat=True).first()
    return None if milliseconds is None else float(milliseconds) / 1000


def _expiry(now: datetime) -> datetime:
    return now + timedelta(days=settings.TRACE_DAYS)


# --- uploads ------------------------------------------------------------------------------------------------------------


def store_upload(*, owner: User, file: UploadedFile[Any], now: datetime) -> Upload:
    """The photo in `file`, checked and kept for its owner; the same photo again is the same row.

    Raises Problem: 422 or 413 for the photo, 429 for too many of them, 507 when MEDIA_DIR can't take it.
    """
    return _kept(owner=owner, checked=_checked(file), now=now)


def _checked(file: UploadedFile[Any]) -> CheckedImage:
    """The photo in `file`, ready to be kept. Raises Problem 422 or 413."""
    try:
        if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
            raise ImageRefused(Refusal.TOO_MANY_BYTES, limit=settings.UPLOAD_MAX_BYTES)
        return check_image(file.read())
    except ImageRefused as error:
        status = 413 if error.refusal == Refusal.TOO_MANY_BYTES else 422
        sentence = wording.refusal(error.refusal, error.details)
        raise Problem(status, _("This photo can’t be used"), sentence, field="image") from error


def _kept(*, owner: User, checked: CheckedImage, now: datetime) -> Upload:
    """The photo kept for its owner, once. Raises Problem 429 or 507."""
    same = Upload.objects.filter(owner=owner, sha256=checked.sha256)
    if (upload := same.first()) is not None:
        same.update(expires_at=_expiry(now))
        return upload
    if Upload.objects.filter(owner=owner).count() >= UPLOADS_KEPT:
        sentence = _("You keep %(count)d photos here. Delete some of your runs, then choose this one again.")
        raise Problem(429, _("Enough photos for now"), sentence % {"count": UPLOADS_KEPT})
    upload = Upload(
        owner=owner,
        sha256=checked.sha256,
        width=checked.width,
        height=checked.height,
        original={**asdict(checked.original), "changes": list(checked.changes)},
        created_at=now,
        expires_at=_expiry(now),
    )
    _keep_file(upload, name=f"{upload.pk}{checked.suffix}", content=checked.content)
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:  # the same photo came in a second request at the same moment
        upload.file.delete(save=False)
        return same.get()
    return upload


def _keep_file(upload: Upload, *, name: str, content: bytes) -> None:
    """Writes an upload's file whole or not at all; Problem 507 when the storage can't take it."""
    try:
        upload.file.save(name, ContentFile(content), save=False)
    except OSError as error:
        log.exception("a photo can’t be kept in MEDIA_DIR")
        with suppress(OSError):  # a full disk takes the beginning of a file
            default_storage.delete(upload.file.field.generate_filename(upload, name))
        raise Problem(
            507,
            _("No room for the photo"),
            _(
                "The photo could not be kept: the site’s folder for photos is full or can’t be written to. Nothing else is"
                " lost. Whoever runs this site has to make room in MEDIA_DIR or allow writing there; then choose the photo"
                " again."
            ),
        ) from error


def upload_for(*, upload_id: UUID, person: User | None) -> Upload:
    """The upload, for its owner alone; Problem 404 for everybody else."""
    upload = Upload.objects.filter(pk=upload_id, owner=person).first() if person is not None else None
    if upload is None:
        raise not_found()
    return upload


# --- looking ------------------------------------------------------------------------------------------------------------


def trace_for(*, trace_id: UUID, person: User | None, share_token: str = "") -> Trace:
    """The trace, for its owner, for whoever has its share token, and for everybody when it is the house's; else Problem 404."""
    seen = Trace.objects.select_related("job", "job__upload").exclude(job__kind__in=UNSEEN_KINDS)
    trace = seen.filter(pk=trace_id).first()
    if trace is None or not may_see(trace, person=person, share_token=share_token):
        raise not_found()
    return trace


def may_see(trace: Trace, *, person: User | None, share_token: str = "") -> bool:
    """Whether this person may look at a trace."""
    if trace.owner_id is None or (person is not None and trace.owner_id == person.pk):
        return True
    return bool(trace.share_token and share_token) and secrets.compare_digest(
        str(trace.share_token).encode(), share_token.encode()
    )


def own_trace(*, trace_id: UUID, person: User | None) -> Trace:
    """The trace, for its owner alone: to stop, share or delete it. Problem 404 for everybody else."""
    trace = trace_for(trace_id=trace_id, person=person)
    if person is None or trace.owner_id != person.pk:
        raise not_found()
    return trace


class KeptFile(NamedTuple):
    """Where a run's picture or file lies in storage."""

    name: str
    media_type: str


def picture_of(trace: Trace, *, index: int) -> KeptFile | None:
    """The picture of the trace's stage `index`, also while it runs; None when that stage has none."""
    for stage in told_so_far(trace.job)["stages"]:
        if stage["index"] == index and stage["picture"]:
            return KeptFile(stage["picture"]["name"], stage["picture"]["media_type"])
    return None


def file_of(trace: Trace, *, result: str, key: str) -> KeptFile | None:
    """A file of one of the trace's results, also while it runs; None when there is no such file."""
    for told in told_so_far(trace.job).get("results", ()):
        if told["name"] == result and key in told["files"]:
            return KeptFile(told["files"][key]["name"], told["files"][key]["media_type"])
    return None


def stored_trace(*, network: str, sample: str) -> Trace | None:
    """The house's finished trace of a network on a sample, or None."""
    traces = Trace.objects.select_related("job").filter(
        owner=None, job__kind=RunKind.TRACE, job__network=network, job__sample=sample, job__state=JobState.DONE
    )
    return traces.order_by("-created_at").first()


def latest_traces(*, owner: User, networks: Iterable[str], limit: int) -> list[Trace]:
    """This person's newest finished traces of photos by these networks, the newest first; opened files are none."""
    traces = Trace.objects.select_related("job").filter(
        owner=owner, job__kind=RunKind.TRACE, job__network__in=list(networks), job__state=JobState.DONE, cancelled_at=None
    )
    return list(traces.order_by("-created_at")[:limit])


def ensure_house_traces(*, now: datetime) -> list[Trace]:
    """The house's own trace of every sample by the network that is always there; asks for those that are missing."""
    return [
        request_trace(owner=None, network=DEFAULT_NETWORK, sample=sample.id, now=now)
        for sample in samples.all_samples()
        if stored_trace(network=DEFAULT_NETWORK, sample=sample.id) is None
    ]


# --- stopping, sharing, forgetting ----------------------------------------------------------------------------------------


def cancel_trace(*, trace: Trace, now: datetime) -> None:
    """Stop one person's trace; the job goes on while somebody else wants it. Does nothing to what has finished."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=trace.job_id)
        if job.is_finished or trace.is_cancelled:
            return
        trace.cancelled_at = now
        trace.save(update_fields=["cancelled_at"])
        if not job.traces.filter(cancelled_at=None).exists():
            jobs.cancel(job=job, now=now)
        transaction.on_commit(lambda: streams.note(job.pk))
    trace.job.refresh_from_db()


def share_trace(*, trace: Trace) -> str:
    """The token that lets whoever has it look at the trace; it doesn't expire while it is shared."""
    if not trace.share_token:
        trace.share_token = secrets.token_urlsafe(32)
        trace.save(update_fields=["share_token"])
    return trace.share_token


def unshare_trace(*, trace: Trace, now: datetime) -> None:
    """Make every link to the trace open nothing; its time to expire begins anew."""
    trace.share_token = None
    trace.expires_at = _expiry(now)
    trace.save(update_fields=["share_token", "expires_at"])


def delete_trace(*, trace: Trace, now: datetime) -> None:
    """Remove a trace, and with it the run, its pictures and the uploaded photo that nobody else needs."""
    cancel_trace(trace=trace, now=now)
    job = trace.job
    uploads = Upload.objects.filter(pk__in=[job.upload_id] if job.upload_id else [])
    trace.delete()
    remove_unwanted(jobs_of=Job.objects.filter(pk=job.pk), uploads=uploads)


def expire(*, now: datetime) -> int:
    """Remove traces whose time is over, unless pinned or shared, and what only they needed; returns how many."""
    overdue = Trace.objects.filter(expires_at__lte=now, pinned=False, share_token=None)
    count = overdue.count()
    overdue.delete()
    remove_unwanted(
        jobs_of=Job.objects.exclude(state__in=[JobState.WAITING, JobState.RUNNING]),
        uploads=Upload.objects.filter(expires_at__lte=now),
    )
    return count


def remove_unwanted(*, jobs_of: QuerySet[Job], uploads: QuerySet[Upload]) -> None:
    """Remove, of these, the jobs without a trace and then the uploads without a job, with their files."""
    for job in jobs_of.filter(traces=None):
        _remove_job(job)
    for upload in uploads.filter(Q(jobs=None)):
        name = str(upload.file.name)
        upload.delete()
        default_storage.delete(name)


def _remove_job(job: Job) -> None:
    with transaction.atomic():
        gone, _kinds = Job.objects.filter(pk=job.pk, traces=None).delete()
    if not gone:
        return  # somebody asked for the same at this moment
    folder = files_folder(job.pk)
    try:
        names = default_storage.listdir(folder)[1]  # those of a killed attempt too, which no document names
    except FileNotFoundError:
        names = []
    for name in names:
        default_storage.delete(f"{folder}/{name}")
    default_storage.delete(folder)
    streams.forget(job.pk)
