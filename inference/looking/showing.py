"""The page of closer looks at one run's photo: what can be asked, what was asked, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from accounts.models import User
from inference import services
from inference.contracts import RunKind
from inference.looking.asking import LOOKABLE, StagePlace, attention_layers, stages_of
from inference.models import JobState, Trace
from inference.presenting import PredictionView, ResultView, TraceView, address, present
from web.problems import Problem

FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    "maps": ("stage", "channels", "shared_scale"),
    "unit": ("stage", "layer", "channel", "y", "x"),
    "grad_cam": ("class_index",),
    "attention": ("layer", "head", "query"),
    "neighbours": (),
}
"""The kinds of looks, in the order of the page, and the fields of the form of each."""

FIELDS = frozenset(name for names in FIELDS_OF.values() for name in names)


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of look: the run of it that is shown, and what its form says."""

    run: TraceView | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookView:
    """Everything that the page needs to know."""

    trace: TraceView
    action: str
    next_url: str
    stages: list[StagePlace]
    layers: int  # of attention
    classes: tuple[PredictionView, ...]
    evidence: ResultView | None  # of the run itself
    may_look: bool
    sections: Mapping[str, Section]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The looks on the page, which the next one should not push away."""
        return [(name, section.run.id) for name, section in self.sections.items() if section.run is not None]


def look_view(
    request: HttpRequest, found: Trace, *, person: User | None, share_token: str = "", next_url: str = ""
) -> LookView:
    """The looks at a run's photo, as the address names them."""
    view = present(found, person=person, share_token=share_token)
    traced = traced_beside(found, person=person)
    first = present(traced, person=person, share_token=share_token) if traced is not None else view
    evidence = first.results_by_what.get("grad_cam", [])
    return LookView(
        trace=view,
        action=address("look", found),
        next_url=next_url,
        stages=stages_of(found.job.network),
        layers=attention_layers(found.job.network),
        classes=first.top_k,
        evidence=evidence[0] if evidence else None,
        may_look=bool(view.photo.url),
        sections={name: _section(request, name, found, person=person) for name in FIELDS_OF},
    )


def traced_beside(found: Trace, *, person: User | None) -> Trace | None:
    """The finished trace of the same photo in the same network: the run itself, or one of this person's or the house's."""
    job = found.job
    if job.kind == RunKind.TRACE:
        return found
    same = Trace.objects.select_related("job", "job__upload").filter(
        job__kind=RunKind.TRACE,
        job__state=JobState.DONE,
        job__network=job.network,
        job__sample=job.sample,
        job__upload=job.upload_id,
    )
    own = same.filter(owner=person) if person is not None else same.none()
    return own.order_by("-created_at").first() or same.filter(owner=None).order_by("-created_at").first()


def _section(request: HttpRequest, name: str, found: Trace, *, person: User | None) -> Section:
    """The look that the address names, when the person may see it and it is one at this photo; and its form's values."""
    asked = _filled_in(request, name)
    run = _named(request.GET.get(name, ""), person=person)
    if run is None or (run.job.network, run.job.sample, run.job.upload_id) != (
        found.job.network,
        found.job.sample,
        found.job.upload_id,
    ):
        return Section(fields=asked)
    if run.job.options.get("look") != name:
        return Section(fields=asked)
    return Section(present(run, person=person), {**_as_fields(run.job.options), **asked})


def _filled_in(request: HttpRequest, name: str) -> dict[str, str]:
    """The values that the address gives to this look's form. Beside a stage, a layer is a unit's; by itself, attention's."""
    has_stage = "stage" in request.GET
    return {
        key: request.GET[key][:120]
        for key in FIELDS_OF[name]
        if key in request.GET and (key != "layer" or has_stage == ("stage" in FIELDS_OF[name]))
    }


def _named(text: str, *, person: User | None) -> Trace | None:
    try:
        run = services.trace_for(trace_id=UUID(text), person=person)
    except (ValueError, Problem):
        return None
    return run if run.job.kind in LOOKABLE else None


def _as_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the form writes them."""
    fields = {key: value for key, value in options.items() if key in FIELDS}
    if isinstance(fields.get("channels"), list):
        fields["channels"] = ", ".join(str(channel) for channel in fields["channels"])
    if isinstance(fields.get("query"), list):
        fields["query"] = ", ".join(str(place) for place in fields["query"])
    # An address says all of them as text, and to a template the number 0 is nothing: the last layer, the mean of all heads.
    return fields | {key: str(fields[key]) for key in ("layer", "head", "class_index") if key in fields}
