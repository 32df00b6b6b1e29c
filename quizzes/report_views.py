"""The page on which a learner reports a wrong key, and reads the answer."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import people
from quizzes.reports import LONGEST, may_report, own_reports, report_key
from quizzes.services import attempt_for, attempt_question
from quizzes.views import framed, never_kept
from web.problems import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@never_kept
def report(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """The form, and what the person reported before; 409 with a sentence as long as the key hasn't been told."""
    person = people.current(request)
    attempt = attempt_for(attempt_id=attempt_id, person=person)
    question = attempt_question(attempt, position)
    written, problem, status = "", "", 200
    if request.method == "POST":
        written = request.POST.get("text", "")
        try:
            report_key(attempt=attempt, position=position, text=written, now=timezone.now())
        except Problem as refused:
            problem, status = refused.detail, refused.status
        else:
            messages.success(request, _("Your instructor has your report. The answer will stand here."))
            return redirect("quizzes:report", attempt.pk, position)
    reports = own_reports(user=person, question=question) if person else []
    told = may_report(attempt, question)
    context = {
        "position": position,
        "reports": reports,
        "told": told,
        "offers": told and not any(one.answered_at is None for one in reports),
        "written": written,
        "problem": problem,
        "longest": LONGEST,
    }
    if not told and not problem:
        status = 409
    return framed(request, attempt, "quizzes/report.html", context, status=status)
