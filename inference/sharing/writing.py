"""A finished trace as a document: everything that its page shows, and nothing about who made it or where it is kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from inference import facts, samples
from inference.contracts import RunKind, StageKind
from inference.models import Job, JobState, Trace
from inference.sharing import pictures
from inference.sharing.schema import (
    FORMAT,
    DrawnPicture,
    EvidencePart,
    MadeByPart,
    PhotoPart,
    PictureFile,
    PredictionPart,
    StagePart,
    StatisticsPart,
    TraceDocument,
)
from web.problems import Problem

log = logging.getLogger(__name__)
Shape = TypeVar("Shape", bound=BaseModel)

KINDS = (RunKind.TRACE, RunKind.OPENED)
MEDIA_TYPE = "application/json"


def is_film(trace: Trace) -> bool:
    """Whether there is a whole film to write or to compare: a run of one photo that has finished."""
    return trace.job.kind in KINDS and trace.job.state == JobState.DONE and not trace.is_cancelled


def write_trace(trace: Trace, *, with_photo: bool = False) -> bytes:
    """The trace as a document. A person's own photo, also as the first stages show it, is in it only `with_photo`.

    Raises Problem 409 for a run that has not finished, 422 for one of another kind.
    """
    if trace.job.kind not in KINDS:
        raise Problem(422, _("Not a film"), _("Only the run of one photo can be downloaded as a film; this is another kind."))
    if not is_film(trace):
        raise Problem(409, _("Not finished"), _("This run has not finished, so there is nothing whole to download yet."))
    return to_json(_document(trace, with_photo=with_photo))


def to_json(document: TraceDocument) -> bytes:
    """The bytes of a document: the same document is always the same bytes."""
    text = json.dumps(document.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace('{"index":', '\n{"index":').encode() + b"\n"  # a line for each stage: two files can be compared


def file_name(trace: Trace) -> str:
    """What the downloaded file is called: "efficientnet_lite0-chelsea.trace.json"."""
    about = trace.job.sample or ("opened" if trace.job.kind == RunKind.OPENED else "photo")
    return f"{trace.job.network}-{about}.trace.json"


def _document(trace: Trace, *, with_photo: bool) -> TraceDocument:
    job, told = trace.job, dict(trace.job.document or {})
    is_private = job.upload_id is not None and not with_photo
    return TraceDocument(
        format=FORMAT,
        written_by=str(told.get("written_by") or f"Forward Pass {settings.SITE_VERSION}"),
        ran_at=_ran_at(job, told),
        network=job.network,
        network_title=str(told.get("network_title") or (facts.facts_of(job.network) or {}).get("title") or job.network),
        prediction=trace.prediction,
        photo=_photo(job, told, with_photo=with_photo),
        stages=[_stage(stage, without_photo=is_private) for stage in told["stages"]],
        top_k=[PredictionPart(**row) for row in told["top_k"]],
        results=_evidence(told.get("results", ()), job),
        made_by=_part(MadeByPart, told["made_by"]),
        milliseconds=told["milliseconds"],
    )


def _ran_at(job: Job, told: Mapping[str, Any]) -> str:
    """When it ran; an opened file says so itself."""
    ran_at = datetime.fromisoformat(told["ran_at"]) if told.get("ran_at") else job.finished_at or job.created_at
    return ran_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _part(shape: type[Shape], told: Mapping[str, Any], **more: Any) -> Shape:
    """What the format has room for; a field that a newer engine tells beside it stays at home."""
    return shape(**{name: told[name] for name in shape.model_fields if name in told} | more)


def _stage(told: Mapping[str, Any], *, without_photo: bool) -> StagePart:
    shows_photo = told["kind"] == StageKind.PREPROCESSING
    statistics = told.get("statistics")
    return _part(
        StagePart,
        told,
        statistics=_part(StatisticsPart, statistics) if statistics else None,
        picture=None if without_photo and shows_photo else _drawn(told.get("picture")),
    )


def _drawn(told: Mapping[str, Any] | None) -> DrawnPicture | None:
    """A picture of the run, made small; None where there is none, or where its file is gone."""
    if not told or not default_storage.exists(told["name"]):
        return None
    with default_storage.open(told["name"]) as file:
        content, width, height = pictures.compact(file.read())
    shown = {"media_type": pictures.WEBP, "content": pictures.encoded(content), "width": width, "height": height}
    return _part(DrawnPicture, told, **shown)


def _evidence(results: Iterable[Mapping[str, Any]], job: Job) -> list[EvidencePart]:
    """What the format carries of a run's results: the evidence for its classes."""
    parts = []
    for told in results:
        if not told["name"].startswith("grad_cam:"):
            continue
        files = {key: drawn for key, file in told["files"].items() if (drawn := _drawn(file)) is not None}
        try:
            parts.append(EvidencePart.model_validate({"name": told["name"], "figures": told["figures"], "files": files}))
        except ValidationError:
            log.exception("job %s: its result %s does not fit the document and is left out", job.pk, told["name"])
    return parts


def _photo(job: Job, told: Mapping[str, Any], *, with_photo: bool) -> PhotoPart:
    if job.kind == RunKind.OPENED:
        return _photo_of_file(told["photo"])
    if job.upload is not None:
        upload = job.upload
        kept = _small_photo(str(upload.file.name)) if with_photo else None
        return PhotoPart(width=upload.width, height=upload.height, picture=kept)
    sample = samples.sample_of(job.sample)
    if sample is None:
        height, width, *_channels = told["stages"][0]["output_shape"]  # decoded: height × width × 3
        return PhotoPart(sample=job.sample, title=job.sample, width=width, height=height)
    return PhotoPart(
        title=str(sample.title),
        credit=f"{sample.credit}, {sample.licence}",
        sample=sample.id,
        sha256=samples.sample_sha256(sample.id),
        width=sample.width,
        height=sample.height,
    )


def _photo_of_file(told: Mapping[str, Any]) -> PhotoPart:
    kept = told.get("picture")
    return _part(PhotoPart, told, picture=_small_photo(kept["name"]) if kept else None)


def _small_photo(name: str) -> PictureFile | None:
    if not default_storage.exists(name):
        return None
    with default_storage.open(name) as file:
        content, width, height = pictures.compact(file.read(), side=pictures.PHOTO_SIDE, quality=pictures.PHOTO_QUALITY)
    return PictureFile(media_type=pictures.WEBP, content=pictures.encoded(content), width=width, height=height)
