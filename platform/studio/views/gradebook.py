"""A course's gradebook, on a page and as a file; which attempt counts, and one cell set by hand."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from lessons.models import Course
from quizzes.gradebook import Counting, counting_of, gradebook_of, store_counting
from quizzes.models import GRADED, Attempt, GradeOverride, Quiz
from quizzes.overriding import cell_of, override_grade, overrides_of
from quizzes.records import name_of
from studio.access import author_of, for_course, owns
from studio.answers import gradebook_csv
from studio.forms import OverrideForm
from studio.frame import course_frame
from web.problems import Problem, not_found

ON_A_PAGE = 300
"""How many people a page shows; the file has all."""

UNUSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@for_course
def gradebook(request: HttpRequest, course: Course) -> HttpResponse:
    """Learners and what they reached in each test and exam; its owner says which attempt counts."""
    if request.method == "POST":
        return _store(request, course)
    stored = counting_of(course)
    counting = _counting(request, stored)
    book = gradebook_of(course, counting)
    context = {
        **course_frame(request, course),
        "book": book,
        "rows": book.rows[:ON_A_PAGE],
        "cut": len(book.rows) > ON_A_PAGE,
        "most": ON_A_PAGE,
        "counting": counting,
        "stored": stored,
        "countings": Counting.choices,
    }
    return render(request, "studio/gradebook.html", context)


def _store(request: HttpRequest, course: Course) -> HttpResponse:
    author = author_of(request)
    if not owns(author, course):
        raise Problem(403, _("For the owner"), _("Only the course’s owner can change which attempt counts."))
    given = request.POST.get("counting", "")
    if given not in Counting.values:
        raise Problem(422, _("Not a rule"), _("Choose one of the rules offered."))
    store_counting(course=course, counting=Counting(given), author=author, now=timezone.now())
    messages.success(request, _("From now on this counts: %(rule)s.") % {"rule": Counting(given).label})
    return redirect("studio:gradebook", course.slug)


@require_safe
@for_course
def download(request: HttpRequest, course: Course) -> HttpResponse:
    """The same as a table for a spreadsheet."""
    name = slugify(course.slug) or "course"
    return HttpResponse(
        gradebook_csv(gradebook_of(course, _counting(request, counting_of(course)))),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}-gradebook.csv"',
        },
    )


def _counting(request: HttpRequest, stored: Counting) -> Counting:
    """The rule to look by: another one than the course's to try it out."""
    given = request.GET.get("counting", "")
    return Counting(given) if given in Counting.values else stored


@require_http_methods(["GET", "HEAD", "POST"])
@for_course
def override(request: HttpRequest, course: Course, quiz_id: int, person_id: int) -> HttpResponse:
    """One grade: what was computed, what was set by hand and why, and a form to set it or take that back."""
    quiz = Quiz.objects.select_related("lesson__course").filter(pk=quiz_id, lesson__course=course, mode__in=GRADED).first()
    person = _learner(course, person_id)
    if quiz is None or person is None:
        raise not_found()
    form = OverrideForm(request.POST or None)
    if form.is_valid():
        try:
            score = form.cleaned_data["percent"]
            override_grade(
                quiz=quiz,
                person=person,
                score=None if "take_back" in request.POST else score / 100,
                reason=form.cleaned_data["reason"],
                known=form.cleaned_data["known"],
                author=author_of(request),
                now=timezone.now(),
            )
        except Problem as problem:
            form.add_error(None, problem.detail)
        else:
            messages.success(request, _("The grade is changed, with your reason. The learner sees both."))
            return redirect("studio:gradebook", course.slug)
    cell = cell_of(quiz, person)
    context = {
        **course_frame(request, course),
        "form": form if form.is_bound else OverrideForm(initial={"known": cell.newest}),
        "cell": cell,
        "who": name_of(person),
        "history": overrides_of(quiz, person),
    }
    return render(request, "studio/override.html", context, status=UNUSABLE if form.errors else 200)


def _learner(course: Course, person_id: int) -> User | None:
    """Somebody who began something in this course or was graded in it; to everybody else it is nobody."""
    began = Attempt.objects.filter(quiz_version__quiz__lesson__course=course, user=person_id).exists()
    if began or GradeOverride.objects.filter(quiz__lesson__course=course, user=person_id).exists():
        return User.objects.filter(pk=person_id).first()
    return None
