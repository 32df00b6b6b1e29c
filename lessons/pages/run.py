"""Run: predict first, then watch the network work on a photo."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference.services import present, trace_for
from inference.views import run_context
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from lessons.words import words_html


class RunMode:
    """The prediction trace on a sample or the learner's own photo; see lessons.modes.Mode."""

    slug = "run"
    title: str | Promise = _("Run")
    group = Group.UNDERSTAND.value
    order = 20
    template = "lessons/run.html"
    partial = "lessons/_run.html"

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson names a network to run."""
        return bool(version.meta.get("run"))

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The form, or the trace that `?trace=` names."""
        return page.render(self.template, self.context(page))

    def context(self, page: LessonPage) -> dict[str, Any]:
        told = page.version.meta["run"]
        predict = told.get("predict")
        trace = _trace(page)
        why = words_html(page.version, predict["why"], level="full") if predict and predict.get("why") else ""
        return {
            "run": run_context(
                page.request, network=told["network"], samples=told.get("samples") or None, predict=predict, next_url=page.url()
            ),
            "trace": trace,
            "why": why,
        }


def _trace(page: LessonPage) -> Any:
    """The trace that the address names, as this person may see it; none when it names none."""
    try:
        trace_id = UUID(page.request.GET["trace"])
    except (KeyError, ValueError):
        return None
    share_token = page.request.GET.get("share", "")
    trace = trace_for(trace_id=trace_id, person=page.person, share_token=share_token)
    return present(trace, person=page.person, share_token=share_token)
