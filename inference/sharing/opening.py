"""A trace document kept as one person's trace: shown like a run, never taken for one.

The kept job has a kind of its own, so that no list of runs, no stored answer and no estimate of time counts it; its key
holds its owner, so that it is nobody else's; and no worker has anything to do with it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from inference import samples
from inference.contracts import RunKind
from inference.models import Job, JobState, Trace
from inference.runs import SUFFIXES, files_folder
from inference.sharing.reading import MAXIMUM_BYTES, NotReadable, ReadTrace, read_trace
from inference.sharing.schema import PhotoPart, PictureFile
from web.problems import Problem

log = logging.getLogger(__name__)

OPENED_KEPT = 30
"""How many opened traces one person may keep at a time."""

ATTEMPT = 1


def read_file(file: UploadedFile[Any]) -> tuple[ReadTrace, str]:
    """What an uploaded file holds, and its hash. Raises Problem 413 or 422, before anything of anybody is written."""
    content = _content_of(file)
    try:
        read = read_trace(content)
    except NotReadable as error:
        raise Problem(422, _("This file can’t be opened"), str(error), field="file", sentences=list(error.sentences)) from error
    return read, hashlib.sha256(content).hexdigest()


def _content_of(file: UploadedFile[Any]) -> bytes:
    if (file.size or 0) > MAXIMUM_BYTES:
        sentence = _("The file is larger than %(megabytes)d MB; a trace has about a tenth of one.") % {"megabytes": 2}
        raise Problem(413, _("This file can’t be opened"), sentence, field="file")
    return bytes(file.read())


def keep_trace(*, owner: User, read: ReadTrace, sha256: str, now: datetime) -> Trace:
    """The document kept for its owner, with its pictures in storage. Raises Problem 429 or 507."""
    key = hashlib.sha256(f"{RunKind.OPENED}:{owner.pk}:{sha256}".encode()).hexdigest()
    if (same := _same(key, owner, now=now)) is not None:
        return same
    if Trace.objects.filter(owner=owner, job__kind=RunKind.OPENED).count() >= OPENED_KEPT:
        sentence = _("You keep %(count)d opened files here. Delete one of them under “Your runs”, then open this one.")
        raise Problem(429, _("Enough for now"), sentence % {"count": OPENED_KEPT})
    job = Job(
        id=uuid4(),
        key=key,
        kind=RunKind.OPENED,
        state=JobState.DONE,
        network=read.document.network,
        sample=_sample_of(read.document.photo),
        created_at=now,
        finished_at=now,
        rung_at=now,
        deadline=now,
        attempts=ATTEMPT,
        attempts_allowed=ATTEMPT,
    )
    pictures = _Kept(job)
    try:
        job.document = _document(read, pictures)
        with transaction.atomic():
            job.save(force_insert=True)
            return Trace.objects.create(
                owner=owner,
                job=job,
                prediction=read.document.prediction,
                created_at=now,
                expires_at=_expiry(now),
            )
    except IntegrityError:  # the same file came in a second request at the same moment
        pictures.forget()
        kept = _same(key, owner, now=now)
        if kept is None:
            raise
        return kept
    except OSError as error:
        pictures.forget()
        log.exception("the pictures of an opened trace can’t be kept in MEDIA_DIR")
        raise Problem(
            507,
            _("No room for the pictures"),
            _(
                "The pictures of this trace could not be kept: the site’s folder for them is full or can’t be written to."
                " Whoever runs this site has to make room in MEDIA_DIR or allow writing there; then open the file again."
            ),
        ) from error


def _sample_of(photo: PhotoPart) -> str:
    """The sample of this site that the photo is; empty where it is none, whatever the file calls it."""
    try:
        is_same = bool(photo.sample) and samples.sample_sha256(photo.sample) == photo.sha256
    except KeyError:
        return ""
    return photo.sample if is_same else ""


def _expiry(now: datetime) -> datetime:
    """Like that of every other trace."""
    return now + timedelta(days=settings.TRACE_DAYS)


def _same(key: str, owner: User, *, now: datetime) -> Trace | None:
    """What this person opened before from the same file."""
    trace = Trace.objects.filter(owner=owner, job__key=key).select_related("job").order_by("-created_at").first()
    if trace is not None:
        trace.expires_at = _expiry(now)
        trace.save(update_fields=["expires_at"])
    return trace


class _Kept:
    """The pictures of one opened document on their way into storage."""

    def __init__(self, job: Job) -> None:
        self._folder = files_folder(job.pk)
        self._names: list[str] = []

    def __call__(self, name: str, picture: PictureFile, content: bytes) -> dict[str, Any]:
        """Keeps a picture; returns its entry in the job's document."""
        path = f"{self._folder}/{ATTEMPT}-{name}.{SUFFIXES[picture.media_type]}"
        self._names.append(path)
        kept = default_storage.save(path, ContentFile(content))
        return {**picture.model_dump(exclude={"content"}), "name": kept}

    def forget(self) -> None:
        """Removes what was kept."""
        with suppress(OSError):  # a full disk takes the beginning of a file
            for name in [*self._names, self._folder]:
                default_storage.delete(name)


def _document(read: ReadTrace, keep: _Kept) -> dict[str, Any]:
    """The job's document, as a run of this site would have left it, with what only the file knows beside it."""
    told = read.document
    stages = []
    for stage in told.stages:
        picture = keep(str(stage.index), stage.picture, read.stages[stage.index]) if stage.picture else None
        stages.append(stage.model_dump() | {"total": len(told.stages), "picture": picture})
    results = []
    for number, result in enumerate(told.results):
        files: Mapping[str, Any] = {
            key: keep(f"{number}-{key}", getattr(result.files, key), content)
            for (name, key), content in read.results.items()
            if name == result.name
        }
        place = len(stages) + 1 + number  # among all events: after the stages and the classes
        results.append(
            {"name": result.name, "place": place, "figures": result.figures.model_dump(exclude_none=True), "files": files}
        )
    photo = told.photo
    picture = keep("photo", photo.picture, read.photo) if photo.picture and read.photo else None
    return {
        "attempt": ATTEMPT,
        "total": len(stages),
        "stages": stages,
        "top_k": [row.model_dump() for row in told.top_k],
        "results": results,
        "made_by": told.made_by.model_dump(),
        "milliseconds": told.milliseconds,
        "network_title": told.network_title,
        "written_by": told.written_by,
        "ran_at": told.ran_at,
        "photo": photo.model_dump(exclude={"picture"}) | {"picture": picture},
    }
