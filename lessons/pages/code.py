"""Code: every sample of the lesson with what it printed when it ran."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lessons.markdown import sample_html, samples_of
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage


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
        outputs = page.version.outputs
        samples = samples_of(page.version.body)
        whole = [sample for sample in samples if outputs.get(sample.id) and not outputs[sample.id].get("missing")]
        return {
            "samples": [sample_html(sample, outputs.get(sample.id)) for sample in samples],
            "count": len(samples),
            "recorded": len(whole),
        }
