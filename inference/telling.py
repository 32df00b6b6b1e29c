"""Traces and networks in JSON, for events and the API, and as the pieces of a page that an event changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.template.loader import render_to_string

from accounts.models import User
from inference import documents, facts, wording
from inference.contracts import PHOTO_KINDS
from inference.models import Job, Trace
from inference.presenting import (
    Frame,
    PictureView,
    PredictionView,
    ResultView,
    Status,
    TraceView,
    frame_of,
    late_sentence,
    loading_sentence,
    present,
    result_of,
    seen_photo,
    stage_sentence,
    told_so_far,
    top_k_of,
    verdict,
)

LATE = "late"
"""The event that says why a run's events come late."""


class Tells(Protocol):
    """Says a run's events to one reader."""

    def describe(self, trace: Trace, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """An event's data as this reader is told it."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Says events to one reader: who it is, by which link they came, and whether they want pieces of the page as well."""

    person: User | None
    share_token: str
    html: bool
    csrf_token: str = ""
    _photos: dict[UUID, str] = field(default_factory=dict, compare=False)  # of runs, by their traces, once known

    @property
    def audience(self) -> tuple[str, bool]:
        """What makes the words about a run's stages and results the same for several readers."""
        return self.share_token, self.html

    def describe(self, trace: Trace, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """An event's data as this reader is told it."""
        if name == documents.STAGE:
            return self._stage(trace, data)
        if name == documents.PREDICTION:
            return self._prediction(trace, top_k_of(data))
        if name == documents.RESULT:
            return self._result(trace, data)
        if name == documents.LOADING:
            return {"status": name, "sentence": loading_sentence(trace.job.kind, tries=data.get("tries", 1))}
        view = present(trace, person=self.person, share_token=self.share_token)
        if name == LATE:
            return {"status": str(view.status), "sentence": late_sentence()}
        return {"status": name, "sentence": view.sentence} | self._place_or_end(view, name)

    def _place_or_end(self, view: TraceView, name: str) -> dict[str, Any]:
        if name == Status.QUEUED:
            return {"place": view.place}
        told: dict[str, Any] = {}
        if view.error:
            told |= {"error": error_json(view)}
        if view.made_by:
            told |= {"made_by": dict(view.made_by), "milliseconds": view.milliseconds}
        return told | {"url": view.url} | self._piece("inference/_end.html", view)

    def _stage(self, trace: Trace, data: Mapping[str, Any]) -> dict[str, Any]:
        frame = frame_of(trace, data, share_token=self.share_token)
        told = stage_json(frame) | {"total": data["total"], "sentence": stage_sentence(frame, total=data["total"])}
        if self.html:
            told["html"] = render_to_string("inference/_frame.html", {"frame": frame})
        return told

    def _prediction(self, trace: Trace, top_k: tuple[PredictionView, ...]) -> dict[str, Any]:
        told: dict[str, Any] = {"top_k": [prediction_json(row) for row in top_k]}
        result = {"id": trace.pk, "top_k": top_k, "verdict": verdict(trace.prediction, top_k)}
        return told | self._piece("inference/_result.html", result)

    def _result(self, trace: Trace, data: Mapping[str, Any]) -> dict[str, Any]:
        told = result_json(result_of(trace, data, share_token=self.share_token))
        if self.html:
            result = result_of(trace, data, share_token=self.share_token, photo=self._photo(trace))
            told["html"] = render_to_string(result.templates, {"trace": {"id": trace.pk}, "result": result})
        return told

    def _photo(self, trace: Trace) -> str:
        """The address of what of the photo the network saw; empty before it is told, and for runs of no photo.

        Found out once: a run's results may be many, and all that it told is read for this.
        """
        if trace.job.kind not in PHOTO_KINDS:
            return ""
        if not self._photos.get(trace.pk):
            running = Job.objects.get(pk=trace.job_id)  # the reader's own may be from before it began
            self._photos[trace.pk] = seen_photo(trace, told_so_far(running), share_token=self.share_token)
        return self._photos[trace.pk]

    def _piece(self, template: str, view: TraceView | Mapping[str, Any]) -> dict[str, Any]:
        context = {"trace": view, "csrf_token": self.csrf_token}
        return {"html": render_to_string(template, context)} if self.html else {}


def trace_json(view: TraceView) -> dict[str, Any]:
    """A trace as the API answers with it."""
    return {
        "id": view.id,
        "status": str(view.status),
        "sentence": view.sentence,
        "place": view.place,
        "kind": view.kind,
        "network": view.network,
        "prediction": view.prediction,
        "stages": [stage_json(frame) for frame in view.frames if frame.ran],
        "total": view.total,
        "results": [result_json(result) for result in view.results],
        "top_k": [prediction_json(row) for row in view.top_k],
        "pictures": view.pictures,
        "made_by": dict(view.made_by) or None,
        "milliseconds": view.milliseconds,
        "error": error_json(view) if view.error else None,
        "url": view.url,
        "events_url": view.events_url,
        "cancel_url": view.cancel_url or None,
    }


def stage_json(frame: Frame) -> dict[str, Any]:
    """A stage that ran, in figures."""
    return {
        "index": frame.index,
        "name": frame.name,
        "title": frame.title,
        "operation": frame.operation_code,
        "kind": frame.kind,
        "input_shape": list(frame.input_shape),
        "output_shape": list(frame.output_shape),
        "parameters": frame.parameters,
        "macs": frame.macs,
        "flops": frame.flops,
        "milliseconds": frame.milliseconds,
        "statistics": dict(frame.statistics) if frame.statistics else None,
        "picture": picture_json(frame.picture) if frame.picture else None,
    }


def picture_json(picture: PictureView) -> dict[str, Any]:
    """Where a stage's picture is and how to read it."""
    return asdict(picture)


def result_json(result: ResultView) -> dict[str, Any]:
    """What a run found out besides its stages."""
    return {
        "name": result.name,
        "figures": dict(result.figures),
        "files": {key: asdict(file) for key, file in result.files.items()},
    }


def prediction_json(prediction: PredictionView) -> dict[str, Any]:
    """One of the classes of highest probability."""
    return asdict(prediction)


def error_json(view: TraceView) -> dict[str, Any]:
    """Why a run failed, as a code and in sentences."""
    return {"code": view.error_code, "detail": view.error, "next_action": view.next_action}


def network_row(network: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """A network's figures, and the weights that a run of it would use."""
    weights = facts.usable_weights(network, dict(known))
    return {
        "id": network,
        "title": str(known.get("title") or network),
        "family": str(known.get("family") or ""),
        "year": known.get("year"),
        "is_computed": known.get("parameters") is not None,
        "parameters": known.get("parameters"),
        "macs": known.get("macs"),
        "flops": known.get("flops"),
        "feature_dim": known.get("feature_dim"),
        "input_size": known.get("input_size"),
        "classes": known.get("classes"),
        "depth": known.get("depth"),
        "weights": weights_row(weights) if weights else None,
        "no_weights": "" if weights and weights["available"] else no_weights_sentence(network, known),
    }


def weights_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """A set of weights: what it is called, whether it is here, whose it is, how often it is right (ImageNet, per cent)."""
    return {
        "name": record["name"],
        "available": bool(record["available"]),
        "licence": str(record.get("licence") or ""),
        "licence_url": str(record.get("licence_url") or ""),
        "top1": record.get("acc1"),
        "top5": record.get("acc5"),
        "file": str(record.get("file") or ""),
        "size_mb": record.get("size_mb"),
        "recipe": str(record.get("recipe") or ""),
        "said": str(record.get("said") or ""),
        "url": str(record.get("url") or ""),
    }


def weights_rows(network: str, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every set of weights that a network has, the one that runs use marked as such."""
    return [
        weights_row({**record, "name": name, "available": facts.weights_are_here(network, str(record.get("file") or ""))})
        | {"is_default": name == known.get("default_weights")}
        for name, record in (known.get("weights") or {}).items()
    ]


def stage_rows(known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A network's stages in order, computed without weights."""
    return [
        {
            "name": name,
            "title": str(stage.get("title") or name),
            "operation": str(stage.get("operation") or ""),
            "does": wording.stage_title(str(stage.get("operation") or ""), ""),
            "kind": str(stage.get("kind") or ""),
            "input_shape": list(stage.get("input_shape") or ()),
            "output_shape": list(stage.get("output_shape") or ()),
            "shape_in": wording.shape(stage.get("input_shape") or ()),
            "shape_out": wording.shape(stage.get("output_shape") or ()),
            "blocks": stage.get("blocks", 0),
            "sentence": wording.stage_sentence(
                str(stage.get("operation") or ""), blocks=stage.get("blocks", 0), details=stage.get("details")
            ),
            "parameters": stage.get("parameters", 0),
            "macs": stage.get("macs", 0),
        }
        for name, stage in (known.get("stages") or {}).items()
    ]


def card_row(known: Mapping[str, Any]) -> dict[str, Any]:
    """Where a network comes from, and in what it differs from its paper."""
    notes = [wording.note(str(code)) for code in known.get("notes") or ()]
    return {
        "family": str(known.get("family") or ""),
        "year": known.get("year"),
        "paper": str(known.get("paper") or ""),
        "authors": str(known.get("authors") or ""),
        "paper_url": str(known.get("paper_url") or ""),
        "notes": [note for note in notes if note],
        "auxiliary_parameters": known.get("auxiliary_parameters") or 0,
    }


def no_weights_sentence(network: str, known: Mapping[str, Any]) -> str:
    """That a network can't predict here, and how it could."""
    record = facts.usable_weights(network, dict(known)) or {}
    return wording.no_weights(
        network,
        title=str(known.get("title") or network),
        file=str(record.get("file") or ""),
        url=str(record.get("url") or ""),
        folder=facts.WEIGHTS_SUBFOLDER,
    )
