"""Who answered what."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from lessons.models import Lesson
from quizzes.measuring import measured_in
from quizzes.reports import open_reports
from quizzes.services import hand_in_overdue, responses_of
from quizzes.statistics import FEWEST
from studio.access import for_lesson
from studio.answers import as_csv, by_person, by_question, versions_in
from studio.frame import lesson_frame

ON_A_PAGE, IN_A_FILE = 2_000, 50_000
"""How many answers are shown, or written: the newest."""


@require_GET
@for_lesson
def answers(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """The answers by question or by person, of all versions or of one."""
    hand_in_overdue(now=timezone.now(), lesson=lesson)
    records = responses_of(lesson, limit=ON_A_PAGE)
    version = _version(request)
    chosen = [record for record in records if version in (0, record.lesson_version)]
    group = "person" if request.GET.get("by") == "person" else "question"
    context: dict[str, Any] = {
        **lesson_frame(request, lesson),
        "versions": versions_in(records),
        "version_chosen": version,
        "by": group,
        "total": len(chosen),
        "cut": len(records) >= ON_A_PAGE,
        "most": ON_A_PAGE,
        "fewest": FEWEST,
        "open_reports": open_reports([lesson]).get(lesson.pk, 0),
    }
    context["groups"] = by_person(chosen) if group == "person" else by_question(chosen, measured_in(lesson))
    return render(request, "studio/answers.html", context)


def _version(request: HttpRequest) -> int:
    given = request.GET.get("version", "")
    return int(given) if given.isdecimal() and len(given) < 10 else 0


@require_GET
@for_lesson
def download(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """The same answers as a table for a spreadsheet."""
    version = _version(request)
    hand_in_overdue(now=timezone.now(), lesson=lesson)
    records = [record for record in responses_of(lesson, limit=IN_A_FILE) if version in (0, record.lesson_version)]
    name = slugify(lesson.slug) or "lesson"
    return HttpResponse(
        as_csv(records),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}-answers.csv"',
        },
    )
