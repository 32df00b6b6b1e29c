"""What a person's latest run in a mode came to, in a sentence: what a prediction is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from inference.contracts import RunKind
from inference.grids import side_of
from inference.models import JobState, Trace
from inference.presenting import top_k_of, verdict
from inference.training.presenting import present_training
from lessons import cases
from lessons.models import LessonVersion
from lessons.pages.break_ import FATES


def happened_since(mode: str, *, version: LessonVersion, person: User, since: datetime) -> str:
    """What the latest run of this mode came to that the person asked for or saw finished since then; empty without one."""
    return _TOLD[mode](version, person, since)


def _ran(version: LessonVersion, person: User, since: datetime) -> str:
    network = (version.meta.get("run") or {}).get("network", "")
    trace = _finished(person, RunKind.TRACE, since=since).filter(job__network=network).first()
    document = (trace.job.document if trace else None) or {}
    return " ".join(filter(None, (_last_grid(document), verdict("", top_k_of(document)))))


def _last_grid(document: Mapping[str, Any]) -> str:
    """What the last stage gave that still knew where things are."""
    sides = [(stage, side_of(stage)) for stage in document.get("stages", ())]
    grids = [(stage, side) for stage, side in sides if side is not None and side > 1 and stage["layout"] in ("NCHW", "NHWC")]
    if not grids:
        return ""
    stage, side = grids[-1]
    channels = stage["output_shape"][stage["layout"].index("C")]
    told = {"channels": f"{channels:,}", "side": side}
    return _("Its last grid had %(side)s × %(side)s cells in %(channels)s channels.") % told


def _trained(version: LessonVersion, person: User, since: datetime) -> str:
    trace = _finished(person, RunKind.TRAINING, since=since).first()
    told = present_training(trace, person=person) if trace else None
    return f"{told.title}: {told.summary[0]}" if told and told.summary else ""


def _broke(version: LessonVersion, person: User, since: datetime) -> str:
    offered = {case.id: case for case in cases.cases_of(version)}
    answers = cases.answers_of(person, version.lesson, list(offered.values()))
    for answer in sorted(answers.values(), key=lambda one: one.updated_at, reverse=True):
        if answer.updated_at < since:
            break
        case = offered[answer.case]
        fate = cases.view_of(case, answer, picture_url=lambda _key: "").fate
        if fate is not None:
            told = {"number": case.number, "fate": FATES[fate]}
            return _("The network’s first choice in run %(number)s, compared with the correct run: %(fate)s") % told
    return ""


def _finished(person: User, kind: RunKind, *, since: datetime) -> QuerySet[Trace]:
    """The person's runs of a kind that came to an end, asked for or ended since then, the latest first."""
    done = Trace.objects.select_related("job").filter(owner=person, cancelled_at=None, job__kind=kind, job__state=JobState.DONE)
    return done.filter(Q(created_at__gte=since) | Q(job__finished_at__gte=since)).order_by("-created_at")


_TOLD: Mapping[str, Callable[[LessonVersion, User, datetime], str]] = {"run": _ran, "break": _broke, "train": _trained}
