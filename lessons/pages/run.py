"""Run: predict first, then watch the network work on a photo."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
        predict = dict(told["predict"]) if told.get("predict") else None
        if predict and predict["why"]:
            predict["why"] = words_html(page.version, predict["why"], level="full")
        run = run_context(
            page.request,
            network=told["network"],
            samples=told["samples"] or None,
            predict=predict,
            next_url=page.url(),
        )
        return {"run": run}
