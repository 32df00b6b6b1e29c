"""What learners would see of a draft that is not published: by their own templates, with nothing stored and nothing run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from pydantic import ValidationError

from lessons.drafts import Pictures
from lessons.facts import Facts, live_facts
from lessons.markdown import render
from lessons.models import Lesson
from lessons.preview import preview, unsaved_version
from quizzes.grading import letter_at
from quizzes.models import QuestionVersion
from quizzes.presenting import quick_check
from quizzes.questions import KINDS, Asks, kind_named
from quizzes.schema import TemplateDocument, shape_of
from quizzes.variants import NotDrawable, Variant, samples_of
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


def samples_preview(lesson: Lesson, files: Files, pictures: Pictures, question: Mapping[str, Any]) -> SafeString:
    """Five samples of a question that is drawn each time, with their keys; or what is missing to draw one."""
    words = _Words(lesson, files, pictures)
    try:
        document = shape_of(question.get("kind")).model_validate(question)
        if not isinstance(document, TemplateDocument):
            return SafeString("")
        recipe = document.recipe(words.version.meta)
        samples = samples_of(document.kind, recipe, language=lesson.course.language)
    except (ValidationError, NotDrawable):
        return render_to_string("studio/_samples.html", {"samples": ()})
    return render_to_string("studio/_samples.html", {"samples": [_sample(words, sample) for sample in samples]})


def drawn_samples(template: QuestionVersion) -> SafeString:
    """Five samples of a published template with their keys, as it draws them today."""
    lesson = template.question.lesson
    words = _Words(lesson, {}, {})
    try:
        samples = samples_of(template.kind, template.recipe, language=lesson.course.language)
    except NotDrawable:
        samples = []
    return render_to_string("studio/_samples.html", {"samples": [_sample(words, sample) for sample in samples]})


def _sample(words: _Words, sample: Variant) -> dict[str, Any]:
    """One drawn question as the preview of a question shows it."""
    options: list[dict[str, Any]] = [
        {
            "letter": letter_at(index),
            "html": words.option(option.text),
            "chosen": False,
            "mark": "",
            "right": option.key in sample.right,
            "feedback": words.block(option.feedback),
            "belief": words.belief(asdict(option.belief) if option.belief else None),
        }
        for index, option in enumerate(sample.options)
    ]
    right = [option for option in options if option["right"]]
    asks = kind_named(sample.kind).asks
    return {
        "question": {"options": options, "is_open": False, "asks": asks},
        "stem": words.block(sample.stem),
        "options": options,
        "right": right,
        "quick_check": quick_check([] if asks is Asks.NUMBER else [option["letter"] for option in right]),
        "hint": words.block(sample.hint),
        "steps": [words.block(step) for step in sample.solution],
        "answer": words.block(sample.answer),
    }


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
