"""Training in JSON, for events and the API, and as the pieces of a page that an event changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from accounts.models import User
from inference import documents, samples
from inference.contracts import RunKind
from inference.models import Trace
from inference.presenting import Status
from inference.training import loading, services
from inference.training.presenting import TrainingView, present_training, rows_of
from inference.training.trials import TrialView, present_trial

OWN_PHOTO = "own"
"""What the form sends instead of a sample's id where a file comes along."""

SETUP, CURVES, OUTCOME, END, HEAD = "setup", "curves", "outcome", "end", "head"
"""The pieces of a run's page."""

_PIECES_OF = {
    "data": (SETUP,),
    "baseline": (SETUP,),
    "features": (SETUP,),
    "epoch": (CURVES,),
    "confusion": (),  # comes with the end, when there is a head to it
    "head": (),
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Says a training run's, or a trial's, events to one reader: in figures or, for a page, as the pieces that change."""

    person: User | None
    share_token: str
    html: bool
    csrf_token: str = ""

    def describe(self, trace: Trace, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """An event's data as this reader is told it. What a page shows is drawn anew from everything told so far."""
        now = Trace.objects.select_related("job", "job__upload").filter(pk=trace.pk).first() or trace
        if trace.job.kind == RunKind.TRIAL:
            return self._trial(present_trial(now, person=self.person, share_token=self.share_token), name)
        view = present_training(now, person=self.person, share_token=self.share_token)
        told: dict[str, Any] = {"status": _status(name), "sentence": view.sentence}
        if name == documents.RESULT:
            told |= {"name": data["name"], "figures": dict(data["figures"])}
        elif name == Status.QUEUED:
            told |= {"place": view.place}
        elif name != documents.LOADING:
            told |= {"url": view.url, "error": error_json(view)}
        if self.html:
            told |= {"progress": [view.ran, view.of], "pieces": self._pieces(view, name, data)}
        return told

    def _pieces(self, view: TrainingView, name: str, data: Mapping[str, Any]) -> dict[str, str]:
        if name == documents.RESULT:
            wanted = _PIECES_OF.get(str(data["name"]).partition(":")[0], ())
        elif name == documents.LOADING:
            wanted = (SETUP, CURVES)  # nothing yet, also where a dead worker's attempt had drawn something
        else:
            wanted = () if name == Status.QUEUED else (SETUP, CURVES, OUTCOME, END, HEAD)
        context: dict[str, Any] = {"run": view, "csrf_token": self.csrf_token}
        if HEAD in wanted:
            context |= head_context(view, person=self.person)
        return {piece: render_to_string(f"inference/training/_{piece}.html", context) for piece in wanted}

    def _trial(self, view: TrialView, name: str) -> dict[str, Any]:
        told: dict[str, Any] = {"status": _status(name), "sentence": view.sentence}
        if name in (documents.PREDICTION, documents.RESULT):
            told |= {"top_k": [{"label": one.label, "probability": one.probability} for one in view.top_k]}
        elif name not in (documents.LOADING, Status.QUEUED):
            told |= {"url": view.run.url}
        if self.html and name not in (documents.LOADING, Status.QUEUED):
            context = {"trial": view, "csrf_token": self.csrf_token}
            told |= {"pieces": {OUTCOME: render_to_string("inference/training/_trial_outcome.html", context)}}
        return told


def _status(name: str) -> str:
    """Where a run stands by this event. The rows may be ahead of it: a run is over when its last event says so."""
    return "running" if name in (documents.RESULT, documents.PREDICTION) else name


def head_context(view: TrainingView, *, person: User | None) -> dict[str, Any]:
    """What `inference/training/_head.html` shows: the run, how its head is loaded, what to try it on and compare it with."""
    return {
        "run": view,
        "code": loading.code_of(view.head, network=view.network) if view.head is not None else "",
        "samples": samples.all_samples() if view.head is not None else [],
        "own": OWN_PHOTO,
        "others": [row for row in rows_of(services.runs_of(person)) if row.outcome and row.id != view.id],
    }


def error_json(view: TrainingView) -> dict[str, Any] | None:
    """Why a run failed, as a code and in sentences; None for one that didn't."""
    return {"code": view.error_code, "detail": view.error, "next_action": view.next_action} if view.error else None


def training_json(view: TrainingView) -> dict[str, Any]:
    """A training run as the API answers with it."""
    by_what: dict[str, list[dict[str, Any]]] = {}
    for result in view.results:
        by_what.setdefault(result.what, []).append(dict(result.figures))
    sentences = {one.epoch: one.observation for one in view.epochs}
    return {
        "id": view.id,
        "status": str(view.status),
        "sentence": view.sentence,
        "place": view.place,
        "network": view.network,
        "dataset": view.data,
        "strategy": view.strategy,
        "options": {name: value for name, value in view.options.items() if name not in ("photos", "labels", "photo_set")},
        "prediction": view.prediction,
        "data": by_what.get("data", [None])[-1],
        "baselines": by_what.get("baseline", []),
        "epochs": [one | {"sentence": sentences.get(one["epoch"], "")} for one in by_what.get("epoch", [])],
        "confusion": by_what.get("confusion", [None])[-1],
        "head": (by_what.get("head", [{}])[-1] | {"url": view.head.url}) if view.head else None,
        "summary": list(view.summary),
        "made_by": dict(view.made_by) or None,
        "milliseconds": view.milliseconds,
        "error": error_json(view),
        "url": view.url,
        "events_url": view.events_url,
        "cancel_url": view.cancel_url or None,
    }
