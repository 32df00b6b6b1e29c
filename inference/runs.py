"""One run of a job by a worker: lease, events, pictures, result. What runs is handed in, so that no torch is loaded here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from PIL import Image

from inference import documents, jobs, samples
from inference.contracts import (
    PHOTO_KINDS,
    Attachment,
    Cancelled,
    EngineError,
    Event,
    Failure,
    Finished,
    Material,
    Picture,
    Predicted,
    Result,
    RunKind,
    RunRequest,
    StageRan,
)
from inference.models import Job
from inference.streams import Publisher, note

log = logging.getLogger(__name__)

SUFFIXES = {"image/webp": "webp", "image/png": "png", "image/jpeg": "jpg"}


class Perform(Protocol):
    """What the engine does with a request."""

    def __call__(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> object:
        """Run it, emitting events as they happen; raises Cancelled and EngineError."""


def run_job(
    *,
    job_id: UUID,
    holder: str,
    redelivered: bool,
    perform: Perform,
    clock: Callable[[], datetime] = timezone.now,
) -> None:
    """Run a job if there is anything to run."""
    job = jobs.take(job_id=job_id, holder=holder, redelivered=redelivered, now=clock())
    if job is None:
        return
    recorder = Recorder(job, clock=clock)
    with Lease(job, clock=clock):
        _run(job, recorder, perform)
    jobs.ring_for_the_unrung(now=clock())


def _run(job: Job, recorder: Recorder, perform: Perform) -> None:
    try:
        recorder.begin()
        request = RunRequest(RunKind(job.kind), job.network, job.options)
        perform(request, material_of(job), emit=recorder, cancelled=recorder.is_unwanted)
    except Cancelled:
        recorder.cancelled()
    except EngineError as error:
        recorder.failed(error.failure, dict(error.details))
    except MemoryError:
        recorder.failed(Failure.OUT_OF_MEMORY, {})
    except Exception:
        log.exception("job %s failed", job.pk)
        recorder.failed(Failure.INTERNAL, {})
    else:
        recorder.finished()


def material_of(job: Job) -> Material:
    """The photos and files that a job needs, read; raises EngineError when they can't be."""
    return Material(photos=(photo_of(job),) if job.kind in PHOTO_KINDS else ())


def photo_of(job: Job) -> Image.Image:
    """The job's photo, decoded; raises EngineError when it can't be read."""
    try:
        if job.upload is not None:
            with job.upload.file.open("rb") as file, Image.open(file) as image:
                image.load()
                return image
        sample = samples.sample_of(job.sample)
        if sample is None:
            raise FileNotFoundError(job.sample)
        with Image.open(sample.path) as image:
            image.load()
            return image
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise EngineError(Failure.IMAGE_UNREADABLE) from error


class Lease(threading.Thread):
    """Holds on to a job while its worker lives: whatever one stage takes, only a dead worker's lease runs out."""

    def __init__(self, job: Job, *, clock: Callable[[], datetime]) -> None:
        super().__init__(name="lease", daemon=True)
        self._job_id, self._attempt, self._clock = job.pk, job.attempts, clock
        self._seconds = jobs.lease_time().total_seconds() / 4
        self._stopped = threading.Event()

    def __enter__(self) -> Lease:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        self.join()

    def run(self) -> None:
        try:
            while not self._stopped.wait(self._seconds):
                if not jobs.renew(job_id=self._job_id, attempt=self._attempt, now=self._clock()):
                    return
        except Exception:  # a thread's exception would end in nobody's hands; without renewals the lease runs out by itself
            log.exception("job %s: lease not renewed", self._job_id)
        finally:
            connection.close()  # this thread's own


class Recorder:
    """Takes the engine's events: pictures to storage, words to the document and to whoever watches."""

    def __init__(self, job: Job, *, clock: Callable[[], datetime]) -> None:
        self._job = job
        self._clock = clock
        self._document = documents.begun(job.attempts)
        self._publisher = Publisher(job_id=job.pk, attempt=job.attempts)
        self._end: dict[str, Any] = {}
        self._files: list[str] = []

    def begin(self) -> None:
        """Tell that the network is being loaded."""
        self._publisher.publish(documents.LOADING, {})

    def __call__(self, event: Event) -> None:
        """Keep one event of the engine; raises EngineError when the job's time is up."""
        if self._clock() >= self._job.deadline:
            raise EngineError(Failure.DEADLINE)
        match event:
            case StageRan():
                name = self._store(str(event.index), event.picture) if event.picture is not None else None
                self._publisher.publish(documents.STAGE, documents.add_stage(self._document, event, picture_name=name))
            case Predicted():
                self._publisher.publish(documents.PREDICTION, documents.add_prediction(self._document, event))
            case Result():
                names = {key: self._store(f"{len(self._files)}-{key}", file) for key, file in event.files.items()}
                self._publisher.publish(documents.RESULT, documents.add_result(self._document, event, file_names=names))
            case Finished():
                self._end = documents.add_end(self._document, event)

    def is_unwanted(self) -> bool:
        """Whether to stop: cancelled, or another worker has taken the job over."""
        return not jobs.is_held(job_id=self._job.pk, attempt=self._job.attempts)

    def finished(self) -> None:
        """Keep the whole document, then tell: whoever hears of the end finds it in the database."""
        if jobs.finish(job_id=self._job.pk, attempt=self._job.attempts, document=self._document, now=self._clock()):
            self._publisher.publish(documents.DONE, self._end)
        else:
            self.cancelled()

    def failed(self, failure: Failure, details: dict[str, Any]) -> None:
        """Keep why, and what ran before."""
        kept = jobs.fail(
            job_id=self._job.pk,
            attempt=self._job.attempts,
            failure=failure,
            details=details,
            document=self._document,
            now=self._clock(),
        )
        if kept:
            note(self._job.pk)
        else:
            self.cancelled()

    def cancelled(self) -> None:
        """Keep what ran in a cancelled job; when the job is another's by now, or gone, leave nothing behind."""
        kept = jobs.keep_what_ran(job_id=self._job.pk, attempt=self._job.attempts, document=self._document)
        if kept:
            note(self._job.pk)
            return
        for name in self._files:
            default_storage.delete(name)

    def _store(self, name: str, file: Picture | Attachment) -> str:
        path = file_name(self._job, name, media_type=file.media_type)
        kept = default_storage.save(path, ContentFile(file.content))
        self._files.append(kept)
        return str(kept)


def file_name(job: Job, name: str, *, media_type: str) -> str:
    """Where a file of a run is kept; each attempt has its own, so that none is written twice."""
    return f"{files_folder(job.pk)}/{job.attempts}-{name}.{SUFFIXES.get(media_type, 'bin')}"


def files_folder(job_id: UUID) -> str:
    """The folder in storage that holds all files of a job."""
    return f"traces/{job_id}"
