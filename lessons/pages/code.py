"""Code: every sample of the lesson with what it printed when it ran."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from lessons.words import samples_html


class CodeMode:
    """The code samples, copyable, with recorded output; see lessons.modes.Mode."""

    slug = "code"
    title: str | Promise = _("Code")
    group = Group.DO.value
    order = 10
    template = "lessons/code.html"
    partial = "lessons/_code_mode.html"

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson has any code sample."""
        return bool(version.outputs)

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """All samples on one page."""
        return page.render(self.template, self.context(page))

    def context(self, page: LessonPage) -> dict[str, Any]:
        outputs = page.version.outputs.values()
        return {
            "samples": samples_html(page.version),
            "count": len(outputs),
            "recorded": sum(bool(output) and not output.get("missing") for output in outputs),
        }
