"""What learners reported about keys, and the sentence that answers each."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lessons.models import Lesson
from quizzes.models import KeyReport
from quizzes.records import answer_texts, name_of
from quizzes.reports import LONGEST, answer_report, reports_of
from studio.access import author_of, for_lesson
from studio.documents import excerpt
from studio.frame import lesson_frame
from web.problems import Problem, not_found


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def reports(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Every report about the lesson's questions, open ones first; posting answers one of them."""
    problem, status, written = "", 200, {}
    if request.method == "POST":
        report = _report(lesson, request.POST.get("report", ""))
        text = request.POST.get("answer", "")
        try:
            answer_report(report=report, text=text, author=author_of(request), now=timezone.now())
        except Problem as refused:
            problem, status, written = refused.detail, refused.status, {report.pk: text}
        else:
            messages.success(request, _("Your answer is sent: the learner finds it where they sent the report."))
            return redirect("studio:reports", lesson.course.slug, lesson.slug)
    context = {
        **lesson_frame(request, lesson, "answers"),
        "rows": [_row(report, written.get(report.pk, "")) for report in reports_of(lesson)],
        "problem": problem,
        "longest": LONGEST,
    }
    return render(request, "studio/reports.html", context, status=status)


def _report(lesson: Lesson, given: str) -> KeyReport:
    """The report of that number about a question of this lesson; 404 when there is none."""
    number = int(given) if given.isdecimal() and len(given) < 12 else 0
    found = KeyReport.objects.filter(pk=number, question__lesson=lesson).first()
    if found is None:
        raise not_found()
    return found


def _row(report: KeyReport, written: str) -> dict[str, Any]:
    """A report with what its learner was asked, answered and told."""
    asked = report.attempt_question
    responses = list(asked.responses.all())
    return {
        "report": report,
        "who": name_of(report.user),
        "stem": excerpt(asked.question_version.stem, 400 if asked.question_version.template_id else 200),
        "computed": excerpt(report.key_revision.answer, 200) if asked.question_version.template_id else "",
        "answered": " / ".join(answer_texts(responses[-1])) if responses else "",
        "uid": report.question.uid,
        "question_version": asked.question_version.number,
        "lesson_version": asked.attempt.quiz_version.lesson_version.number,
        "written": written,
    }
