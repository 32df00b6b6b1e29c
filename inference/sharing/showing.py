"""A trace document, or a stored trace, as the film that a page replays; and in one line where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from inference.contracts import ENGINE_VERSION
from inference.models import Trace
from inference.presenting import Frame, PhotoView, PredictionView, present, told_frame, top_k_of, verdict
from inference.proofs import installed_versions
from inference.sharing.reading import ReadTrace, read_trace
from inference.sharing.schema import DrawnPicture, StagePart, TraceDocument


@dataclass(frozen=True, slots=True)
class Film:
    """What `inference/_replay.html` shows."""

    network_title: str
    photo: PhotoView
    frames: tuple[Frame, ...]
    top_k: tuple[PredictionView, ...]
    verdict: str
    provenance: str


@lru_cache(maxsize=16)
def read_once(text: str) -> ReadTrace:
    """The document in a text that is read again and again; raises NotReadable."""
    return read_trace(text)


def film_of(document: TraceDocument, *, picture_url: Callable[[StagePart, DrawnPicture], str]) -> Film:
    """The film that a document holds; `picture_url` says where a stage's picture is had from."""
    told = document.model_dump()
    frames = tuple(
        told_frame(entry, picture_url=picture_url(stage, stage.picture) if stage.picture else "")
        for stage, entry in zip(document.stages, told["stages"], strict=True)
    )
    photo = document.photo
    title = photo.title or _("A photo")
    top_k = top_k_of(told)
    return Film(
        network_title=document.network_title,
        photo=PhotoView(title, title, "", photo.credit, photo.width, photo.height),
        frames=frames,
        top_k=top_k,
        verdict=verdict("", top_k),
        provenance=provenance(told["made_by"], ran_at=datetime.fromisoformat(document.ran_at)),
    )


def film_of_trace(trace: Trace) -> Film:
    """The film of one of the house's own finished traces."""
    view = present(trace)
    ran_at = trace.job.finished_at or trace.created_at
    return Film(
        network_title=view.network_title,
        photo=view.photo,
        frames=view.frames,
        top_k=view.top_k,
        verdict=view.verdict,
        provenance=provenance(view.made_by, ran_at=ran_at),
    )


def provenance(made_by: Mapping[str, Any], *, ran_at: datetime) -> str:
    """When a film was recorded and what made it, in a line."""
    return _("Recorded on %(day)s: weights %(weights)s, torch %(torch)s, torchvision %(torchvision)s, on %(device)s.") % {
        "day": date_format(ran_at, _("j F Y")),
        "weights": made_by["weights"] or "–",
        "torch": made_by["torch"],
        "torchvision": made_by["torchvision"],
        "device": made_by["device"],
    }


def staleness(document: TraceDocument) -> str:
    """On which other versions a document was made than are installed here, in a sentence; empty when on the same."""
    here = installed_versions()
    made_by = document.made_by
    pairs = [
        ("torch", made_by.torch, here.torch),
        ("torchvision", made_by.torchvision, here.torchvision),
        (_("engine"), made_by.engine, ENGINE_VERSION),
    ]
    others = [f"{name} {then}" for name, then, now in pairs if then.partition("+")[0] != now.partition("+")[0]]
    if not others:
        return ""
    return _("It was recorded with %(then)s, which are not what is installed here. Run it again and replace the file.") % {
        "then": ", ".join(others)
    }
