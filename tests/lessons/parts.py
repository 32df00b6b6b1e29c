"""A part, a mode and a block as a room above would offer them."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.html import format_html

from inference.proofs import Snippet
from lessons.models import LessonVersion
from lessons.parts import Finding


class NotesPart:
    """Keeps notes.yaml: one word a line; the word "wrong" is wrong, "snippet" needs a proof."""

    filename = "notes.yaml"
    published: list[tuple[str, int]] = []

    def check(self, text, context):
        return [
            Finding(self.filename, number, "This word is wrong.")
            for number, line in enumerate(text.splitlines(), start=1)
            if line == "wrong"
        ]

    def publish(self, text, context, version: LessonVersion):
        if "explode" in text:
            raise RuntimeError("a part that fails")
        NotesPart.published.append((text, version.number))

    def snippets(self, text):
        return [Snippet(code="print('notes')")] if "snippet" in text else []


class KeepMode:
    """A mode of another room."""

    slug = "review"
    title = "Review"
    group = "keep"
    order = 50

    def offered(self, version):
        return True

    def respond(self, request, page):
        return HttpResponse(f"review of {page.version.title}, {request.method}")


class ShoutBlock:
    """`::: shout word`."""

    name = "shout"

    def check(self, arguments):
        return "" if len(arguments) == 1 else "Shout one word."

    def render(self, arguments, *, version):
        return format_html("<strong class='shout'>{}</strong>", arguments[0].upper())
