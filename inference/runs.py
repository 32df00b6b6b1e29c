"""One run of a job by a worker: lease, events, pictures, result. What runs is handed in, so that no torch is loaded here."""

from __future__ import annotations

import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from PIL import Image

from inference import documents, holders, jobs, proof_orders, queueing, samples
from inference.contracts import (
    PHOTO_KINDS,
    Asked,
    Attachment,
    Cancelled,
    Emit,
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
from inference.courier import CourierLost
from inference.delivering import Delivery, DeliveryHere
from inference.models import Job
from inference.queueing import Line
from inference.streams import note
from inference.training import material as training

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How old what a worker knows may be of who still wants its runs."""
KEEP_SECONDS = 1.0
"""How often what ran so far goes to the database while nobody can be told of it."""
READERS = min(8, os.cpu_count() or 1)
"""Photos of one pass that are decoded side by side: Pillow decodes without Python's lock."""
SUFFIXES = {"image/webp": "webp", "image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Part:
    """One run of several that go through a network together."""

    material: Material
    emit: Callable[[Event], None]
    cancelled: Callable[[], bool]


class Perform(Protocol):
    """What the engine does with a request."""

    def __call__(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> object:
        """Run it, emitting events as they happen; raises Cancelled and EngineError."""


class Engine(Protocol):
    """What a worker has runs made by."""

    @property
    def perform(self) -> Perform:
        """Makes one run."""

    def perform_together(self, request: RunRequest, parts: Sequence[Part]) -> Sequence[object]:
        """Makes the same traces of several photos in one pass; what each ended with, an exception where it did not end well."""


class OneByOne(ABC):
    """An engine whose runs share no pass through a network."""

    @abstractmethod
    def perform(self, request: RunRequest, material: Material, *, emit: Emit, cancelled: Asked) -> None:
        """Makes one run; raises Cancelled and EngineError."""

    def perform_together(self, request: RunRequest, parts: Sequence[Part]) -> Sequence[object]:
        """Makes several runs, one after the other. How each ended."""
        return [self._outcome(request, part) for part in parts]

    def _outcome(self, request: RunRequest, part: Part) -> Exception | None:
        try:
            self.perform(request, part.material, emit=part.emit, cancelled=part.cancelled)
        except Exception as error:
            return error
        return None


def run_line(
    *,
    line: Line,
    network: str,
    engine: Engine,
    most: int = 1,
    turn_seconds: float = 0.0,
    clock: Callable[[], datetime] = timezone.now,
    delivery: Callable[[], Delivery] = DeliveryHere,
) -> None:
    """Run what waits in a line for a network until nothing does or its turn is over, in which case a bell rings again.

    What waits together runs together: up to `most` in one pass. `delivery` takes the events of each pass.
    """
    queueing.heard(line, network)
    jobs.take_back(is_dead=holders.is_dead, now=clock())
    turn_ends = time.monotonic() + turn_seconds
    while taken := jobs.take_next(line=line, network=network, holder=holders.me(), most=most, now=clock()):
        _run_together(taken, engine, delivery(), clock)
        if line.has_turns:
            jobs.ring_for_those_who_waited(line=line, ended=[job.pk for job in taken], network=network)
        if time.monotonic() >= turn_ends:
            break
    else:
        return
    if jobs.is_waited_for(line=line, network=network):
        queueing.ring(line, network)


def run_job(*, job_id: UUID, perform: Perform, clock: Callable[[], datetime] = timezone.now) -> None:
    """Run one job out of its turn, if it waits."""
    job = jobs.take(job_id=job_id, holder=holders.me(), now=clock())
    if job is not None:
        with Hold([job], clock=clock) as hold, DeliveryHere() as delivery:
            _run(Recorder(job, hold=hold, delivery=delivery, clock=clock), perform)


def _run_together(taken: list[Job], engine: Engine, delivery: Delivery, clock: Callable[[], datetime]) -> None:
    with Hold(taken, clock=clock) as hold, delivery:
        recorders = [Recorder(job, hold=hold, delivery=delivery, clock=clock) for job in taken]
        if len(recorders) == 1:
            _run(recorders[0], engine.perform)
        else:
            _run_all(recorders, engine)


def _run(recorder: Recorder, perform: Perform) -> None:
    job = recorder.job
    try:
        recorder.begin()
        request = RunRequest(RunKind(job.kind), job.network, job.options)
        perform(request, material_of(job), emit=recorder, cancelled=recorder.is_unwanted)
    except Exception as error:
        recorder.ended(error)
    else:
        recorder.ended(None)
    recorder.tell_end()


def _run_all(recorders: list[Recorder], engine: Engine) -> None:
    """Runs of one kind, network and set of options, in one pass. What one of them can't be run for is its own affair."""
    for recorder in recorders:
        recorder.begin()
    materials = list(_readers().map(_material_or_error, recorders))
    parts: list[tuple[Recorder, Part]] = []
    for recorder, material in zip(recorders, materials, strict=True):
        if isinstance(material, Material):
            parts.append((recorder, Part(material, recorder, recorder.is_unwanted)))
        else:
            recorder.ended(material)
            recorder.tell_end()
    job = recorders[0].job
    request = RunRequest(RunKind(job.kind), job.network, job.options)
    try:
        outcomes = engine.perform_together(request, [part for _recorder, part in parts]) if parts else []
    except Exception as error:
        outcomes = [error] * len(parts)
    for recorder in recorders:
        recorder.settle()
    with transaction.atomic():  # one write to the disk for all of them
        for (recorder, _part), outcome in zip(parts, outcomes, strict=True):
            recorder.ended(outcome if isinstance(outcome, Exception) else None)
    for recorder, _part in parts:
        recorder.tell_end()


@lru_cache(maxsize=1)
def _readers() -> ThreadPoolExecutor:
    """This process' threads that decode: beginning them anew for every pass takes as long as decoding a photo."""
    return ThreadPoolExecutor(READERS, thread_name_prefix="photos")


def _material_or_error(recorder: Recorder) -> Material | Exception:
    try:
        return material_of(recorder.job)
    except Exception as error:
        return error


def material_of(job: Job) -> Material:
    """The photos and files that a job needs, read; raises EngineError when they can't be."""
    match job.kind:
        case RunKind.TRAINING:
            return Material(photos=training.photos_of(job))
        case RunKind.TRIAL:
            return Material(photos=(photo_of(job),), files=training.head_of(job))
        case RunKind.PROOF:
            proof_orders.require_still_allowed(job)
    return Material(photos=(photo_of(job),) if job.kind in PHOTO_KINDS else ())


def photo_of(job: Job) -> Image.Image:
    """The job's photo, decoded; raises EngineError when it can't be read."""
    try:
        if job.upload is not None:
            with job.upload.file.open("rb") as file, Image.open(file) as image:
                image.load()
                return image
        return _sample_photo(job.sample).copy()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise EngineError(Failure.IMAGE_UNREADABLE) from error


@lru_cache(maxsize=32)
def _sample_photo(sample_id: str) -> Image.Image:
    """A sample photo, decoded once for each worker: the most often run, and decoding takes as long as a stage."""
    sample = samples.sample_of(sample_id)
    if sample is None:
        raise FileNotFoundError(sample_id)
    with Image.open(sample.path) as image:
        image.load()
        return image


class Hold(threading.Thread):
    """Holds on to jobs while their worker lives: whatever one stage takes, only a dead worker's leases run out."""

    def __init__(self, taken: Sequence[Job], *, clock: Callable[[], datetime]) -> None:
        super().__init__(name="lease", daemon=True)
        self._attempts = {job.pk: job.attempts for job in taken}
        self._clock = clock
        self._seconds = jobs.lease_time().total_seconds() / 4
        self._stopped = threading.Event()
        self._held = set(self._attempts)
        self._looked_at = time.monotonic()

    def __enter__(self) -> Hold:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        self.join()

    def has(self, job_id: UUID) -> bool:
        """Whether the job is still this worker's to run, as it was LOOK_SECONDS ago at the earliest."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._held = jobs.held(self._attempts)
            self._looked_at = time.monotonic()
        return job_id in self._held

    def run(self) -> None:
        try:
            while not self._stopped.wait(self._seconds):
                if not jobs.renew(self._attempts, now=self._clock()):
                    return
        except Exception:  # a thread's exception would end in nobody's hands; without renewals the leases run out by themselves
            log.exception("leases not renewed")
        finally:
            connection.close()  # this thread's own


class Recorder:
    """Takes the engine's events: pictures to storage, words to the document and to whoever watches."""

    def __init__(self, job: Job, *, hold: Hold, delivery: Delivery, clock: Callable[[], datetime]) -> None:
        self.job = job
        self._hold = hold
        self._delivery = delivery
        self._clock = clock
        self._document = documents.begun(job.attempts, tries=job.tries)
        self._parcels = delivery.parcels(job_id=job.pk, attempt=job.attempts)
        self._kept_at = 0.0
        self._end: dict[str, Any] = {}
        self._is_whole = False
        self._files: list[str] = []

    def begin(self) -> None:
        """Tell that the network is being loaded."""
        with suppress(CourierLost):  # the first stage finds it out again, where the run can be given back
            self._tell(documents.LOADING, documents.beginning(self._document))

    def __call__(self, event: Event) -> None:
        """Keep one event of the engine; raises EngineError when the job's time is up."""
        if self._clock() >= self.job.deadline:
            raise EngineError(Failure.DEADLINE)
        match event:
            case StageRan():
                name = self._named(str(event.index), event.picture) if event.picture is not None else None
                entry = documents.add_stage(self._document, event, picture_name=name)
                self._tell(documents.STAGE, entry, files={name: event.picture} if name and event.picture else {})
            case Predicted():
                self._tell(documents.PREDICTION, documents.add_prediction(self._document, event))
            case Result():
                names = {key: self._named(f"{len(self._files)}-{key}", file) for key, file in event.files.items()}
                entry = documents.add_result(self._document, event, file_names=names)
                self._tell(documents.RESULT, entry, files={names[key]: file for key, file in event.files.items()})
            case Finished():
                self._end = documents.add_end(self._document, event)

    def is_unwanted(self) -> bool:
        """Whether to stop: cancelled, or another worker has taken the job over."""
        return not self._hold.has(self.job.pk)

    def ended(self, error: Exception | None) -> None:
        """Keep how the run ended: whole, when there is no error and its files are in storage."""
        reason = self.settle() or error
        match reason:
            case None:
                self._finished()
            case CourierLost():
                jobs.give_back(job_id=self.job.pk, holder=holders.me(), now=self._clock())
            case Cancelled():
                self._cancelled()
            case EngineError():
                self._failed(reason.failure, dict(reason.details))
            case MemoryError():
                self._failed(Failure.OUT_OF_MEMORY, {})
            case _:
                log.error("job %s failed", self.job.pk, exc_info=reason)
                self._failed(Failure.INTERNAL, {})

    def settle(self) -> Exception | None:
        """Wait until all files are in storage; what went wrong there."""
        return self._parcels.settle()

    def tell_end(self) -> None:
        """Tell of the end once it is kept: whoever hears of it finds it in the database."""
        if self._is_whole:
            with suppress(CourierLost):
                self._parcels.tell(documents.DONE, self._end, {})
                return
        note(self.job.pk)

    def _finished(self) -> None:
        self._is_whole = jobs.finish(job_id=self.job.pk, attempt=self.job.attempts, document=self._document, now=self._clock())
        if not self._is_whole:
            self._cancelled()

    def _failed(self, failure: Failure, details: dict[str, Any]) -> None:
        """Keep why, and what ran before."""
        kept = jobs.fail(
            job_id=self.job.pk,
            attempt=self.job.attempts,
            failure=failure,
            details=details,
            document=self._document,
            now=self._clock(),
        )
        if not kept:
            self._cancelled()

    def _cancelled(self) -> None:
        """Keep what ran in a cancelled job; when the job is another's by now, or gone, leave nothing behind."""
        if jobs.keep_what_ran(job_id=self.job.pk, attempt=self.job.attempts, document=self._document):
            return
        for name in self._files:
            default_storage.delete(name)

    def _tell(self, name: str, data: dict[str, Any], *, files: Mapping[str, Picture | Attachment] | None = None) -> None:
        """Publish an event once its files are in storage; while that can't be done, pages find what ran in the database."""
        self._parcels.tell(name, data, files or {})
        if self._delivery.is_reached or time.monotonic() - self._kept_at < KEEP_SECONDS:
            return
        self._kept_at = time.monotonic()
        jobs.checkpoint(job_id=self.job.pk, attempt=self.job.attempts, document=self._document)

    def _named(self, name: str, file: Picture | Attachment) -> str:
        """Where a file of the run is to be kept."""
        path = file_name(self.job, name, media_type=file.media_type)
        self._files.append(path)
        return path


def file_name(job: Job, name: str, *, media_type: str) -> str:
    """Where a file of a run is kept; each attempt has its own, so that none is written twice."""
    return f"{files_folder(job.pk)}/{job.attempts}-{name}.{SUFFIXES.get(media_type, 'bin')}"


def files_folder(job_id: UUID) -> str:
    """The folder in storage that holds all files of a job."""
    return f"traces/{job_id}"
