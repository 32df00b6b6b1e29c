"""Follow: a network's pipeline and how the data flows through it, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference.facts import usable_weights
from inference.presenting import Frame, TraceView
from inference.services import present, stored_trace
from inference.telling import no_weights_sentence
from lessons.facts import FactMissing, Facts, frozen
from lessons.figures import BadFigure, billions, plain
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from lessons.tables import StageRow, stage_rows, title_of, version_of

PHOTO = "chelsea"
"""The sample whose stored trace lends Follow its pictures and times."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the pipeline: what is computed about it, and the frame of it that a stored trace has."""

    row: StageRow
    frame: Frame | None

    @property
    def milliseconds(self) -> str:
        if self.frame is None or self.frame.milliseconds is None:
            return ""
        return f"{self.frame.milliseconds:.1f}"


class FollowMode:
    """The pipeline table and the film of one network at a time; see lessons.modes.Mode."""

    slug = "follow"
    title: str | Promise = gettext_lazy("Follow")
    group = Group.UNDERSTAND.value
    order = 30
    template = "lessons/follow.html"
    partial = "lessons/_follow.html"

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson names a network to follow."""
        return bool(version.meta.get("networks"))

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The network that `?network=` names, or the lesson's first."""
        return page.render(self.template, self.context(page))

    def context(self, page: LessonPage) -> dict[str, Any]:
        networks: list[str] = page.version.meta["networks"]
        facts = frozen(page.version.facts)
        chosen = page.request.GET.get("network", "")
        network = chosen if chosen in networks else networks[0]
        links = [
            {"label": _title(name, facts), "url": f"{page.url('follow')}?network={name}", "current": name == network}
            for name in networks
        ]
        return {"networks": links, **_pipeline(network, facts)}


def _title(network: str, facts: Facts) -> str:
    try:
        return title_of(network, facts)
    except BadFigure:
        return network


def _pipeline(network: str, facts: Facts) -> dict[str, Any]:
    """What the page shows of one network; without facts a sentence that says so."""
    try:
        rows = stage_rows(network, facts, preprocessing=True)
        everything: Mapping[str, Any] = facts(network)
    except (BadFigure, FactMissing) as error:
        return {"title": network, "problem": str(error)}
    told = stored_trace(network=network, sample=PHOTO)
    trace = present(told) if told else None
    frames = {frame.name: frame for frame in trace.frames if frame.ran} if trace else {}
    return {
        "title": everything.get("title", network),
        "steps": [Step(row, frames.get(row.name)) for row in rows],
        "trace": trace,
        "parameters": plain(everything["parameters"]),
        "macs": billions(everything["macs"]),
        "input_size": everything.get("input_size"),
        "feature_dim": everything.get("feature_dim"),
        "torchvision": version_of(network, facts),
        "without_trace": "" if trace else _without_trace(network, everything),
        "total_milliseconds": _total(trace),
    }


def _total(trace: TraceView | None) -> str:
    return f"{trace.milliseconds:.0f}" if trace and trace.milliseconds else ""


def _without_trace(network: str, everything: Mapping[str, Any]) -> str:
    """Why there are no pictures and no times, and what there is all the same."""
    structure = _("This is the structure alone: shapes, parameters and multiply-adds are computed without running anything.")
    weights = usable_weights(network, dict(everything))
    if weights and weights["available"]:
        return structure + " " + _("Pictures and times appear once this site has run the network on its own photo.")
    return structure + " " + no_weights_sentence(network, everything)
