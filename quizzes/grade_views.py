"""A learner's own grades, as a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import people
from quizzes.grades import grades_of
from quizzes.views import never_kept


@require_safe
@never_kept
def grades(request: HttpRequest) -> HttpResponse:
    """Each course's tests and exams, what counts of them, and why where somebody set it by hand."""
    return render(request, "quizzes/grades.html", {"courses": grades_of(people.current(request))})
