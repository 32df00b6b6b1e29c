"""What a worker needs for training, read from where the site keeps it: a set's photos, a head's file. No torch, no pages."""

from __future__ import annotations

from django.core.files.storage import default_storage
from PIL import Image

from inference.contracts import EngineError, Failure, RunKind
from inference.models import Job, SetPhoto
from inference.training_contracts import CHECKPOINT_BYTES, DataName


def photos_of(job: Job) -> tuple[Image.Image, ...]:
    """The photos of a training run on somebody's own, in the order of its labels; EngineError when one can't be read."""
    if job.options.get("data") != DataName.OWN:
        return ()
    wanted: list[str] = job.options["photos"]
    found = SetPhoto.objects.filter(photo_set=job.options["photo_set"], sha256__in=wanted)
    by_hash = {photo.sha256: photo for photo in found}
    try:
        return tuple(_read(by_hash[sha256]) for sha256 in wanted)
    except (KeyError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise EngineError(Failure.IMAGE_UNREADABLE) from error


def _read(photo: SetPhoto) -> Image.Image:
    with photo.file.open("rb") as file, Image.open(file) as image:
        image.load()
        return image


def head_of(job: Job) -> dict[str, bytes]:
    """The checkpoint that a trial tries, as `head`; EngineError when it is gone."""
    name = checkpoint_name(Job.objects.filter(pk=job.options.get("head_of"), kind=RunKind.TRAINING).first())
    try:
        with default_storage.open(name) as file:
            if file.size > CHECKPOINT_BYTES:
                raise EngineError(Failure.HEAD_DAMAGED, reason="larger than any head")
            return {"head": file.read()}
    except (OSError, ValueError) as error:
        raise EngineError(Failure.HEAD_DAMAGED, reason="its file is gone") from error


def checkpoint_name(job: Job | None) -> str:
    """Where a training run's checkpoint lies in storage; empty where there is none."""
    results = (job.document or {}).get("results", ()) if job is not None else ()
    files = [result["files"].get("checkpoint") for result in results if result["name"] == "head"]
    return str(files[-1]["name"]) if files and files[-1] else ""
