"""What learners would see of a draft that is not published: by their own templates, with nothing stored and nothing run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from lessons.drafts import Pictures
from lessons.facts import Facts, live_facts
from lessons.markdown import render
from lessons.models import Lesson
from lessons.preview import preview, unsaved_version
from quizzes.grading import letter_at
from quizzes.presenting import quick_check
from quizzes.questions import KINDS, Asks, kind_named
from studio.documents import Values
from studio.editing import Files


def lesson_preview(request: HttpRequest, lesson: Lesson, files: Files, pictures: Pictures, mode: str) -> SafeString:
    """One mode of the lesson as these files would show it, with what is wrong with its fields above it."""
    shown = preview(request, lesson=lesson, files=files, pictures=pictures, mode=mode)
    html = render_to_string(shown.partial, shown.context, request=request)
    problems = format_html_join("", "<li>{}</li>", ((finding.message,) for finding in shown.findings))
    if problems:
        problems = format_html(
            '<div class="notice hint"><p class="notice-title">{}</p><ul>{}</ul></div>', _("Shown without its fields:"), problems
        )
    return mark_safe(problems + html)  # noqa: S308 - both are templates' output, escaped there


def question_preview(
    lesson: Lesson, files: Files, pictures: Pictures, values: Values, beliefs: Mapping[str, Values]
) -> SafeString:
    """A question as it is asked, and all that is told after an answer."""
    words = _Words(lesson, files, pictures)
    options = [
        {
            "letter": letter_at(index),
            "html": words.option(row["text"]),
            "chosen": False,
            "mark": "",
            "right": row["right"],
            "feedback": words.block(row["feedback"]),
            "belief": words.belief(beliefs.get(row["misconception"])),
        }
        for index, row in enumerate(values["options"])
    ]
    right = [option for option in options if option["right"]]
    asks = kind_named(values["kind"]).asks if values["kind"] in KINDS else Asks.ONE
    context = {
        "question": {"options": options, "is_open": True, "asks": asks},
        "stem": words.block(values["stem"]),
        "options": options,
        "right": right,
        "quick_check": quick_check([] if asks is Asks.NUMBER else [option["letter"] for option in right]) if right else "",
        "hint": words.block(values["hint"]) if values["hint"] else "",
        "steps": [words.block(row["text"]) for row in values["solution"]],
        "answer": words.block(values["answer"]) if values["answer"] else "",
    }
    return render_to_string("studio/_question_preview.html", context)


class _Words:
    """Renders a question's texts as the quizzes do, with facts as they are known today."""

    def __init__(self, lesson: Lesson, files: Files, pictures: Pictures) -> None:
        self.version, _findings = unsaved_version(lesson, files, pictures)
        self.facts: Facts = live_facts()

    def block(self, text: str) -> SafeString:
        return render(text, facts=self.facts, lesson_version=self.version, prefix="q-")

    def option(self, text: str) -> SafeString:
        level: Any = "full" if "\n" in text.strip() else "inline"
        return render(text, facts=self.facts, lesson_version=self.version, level=level, prefix="q-")

    def belief(self, row: Values | None) -> dict[str, Any] | None:
        if row is None:
            return None
        return {"title": row["title"], "belief": self.block(row["belief"]), "why": self.block(row["why"])}
