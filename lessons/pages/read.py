"""Read: objectives, prose, insight, sources."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lessons.doors import doors_of
from lessons.films import is_shown_in
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from lessons.words import body_html, words_html


class ReadMode:
    """The lesson's own words, with every figure computed; see lessons.modes.Mode."""

    slug = "read"
    title: str | Promise = _("Read")
    group = Group.UNDERSTAND.value
    order = 10
    template = "lessons/read.html"
    partial = "lessons/_read.html"

    def offered(self, version: LessonVersion) -> bool:
        return True

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The lesson to read."""
        return page.render(self.template, self.context(page))

    def context(self, page: LessonPage) -> dict[str, Any]:
        version = page.version
        body = body_html(version)
        return {
            "body": body,
            "films": is_shown_in(body),
            "doors": doors_of([version]).get(version.pk, []),
            "objectives": [words_html(version, objective["text"]) for objective in version.meta.get("objectives", [])],
            "insight": words_html(version, version.meta["insight"], level="full") if version.meta.get("insight") else "",
            "sources": version.meta.get("sources", []),
        }
