"""A course's gradebook, on a page and as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from lessons.models import Course
from quizzes.gradebook import Counting, gradebook_of
from studio.access import for_course
from studio.answers import gradebook_csv
from studio.frame import course_frame

ON_A_PAGE = 300
"""How many people a page shows; the file has all."""


@require_safe
@for_course
def gradebook(request: HttpRequest, course: Course) -> HttpResponse:
    """Learners and what they reached in each lesson's test."""
    counting = _counting(request)
    book = gradebook_of(course, counting)
    context = {
        **course_frame(request, course),
        "book": book,
        "rows": book.rows[:ON_A_PAGE],
        "cut": len(book.rows) > ON_A_PAGE,
        "most": ON_A_PAGE,
        "counting": counting,
        "countings": Counting.choices,
    }
    return render(request, "studio/gradebook.html", context)


@require_safe
@for_course
def download(request: HttpRequest, course: Course) -> HttpResponse:
    """The same as a table for a spreadsheet."""
    name = slugify(course.slug) or "course"
    return HttpResponse(
        gradebook_csv(gradebook_of(course, _counting(request))),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}-gradebook.csv"',
        },
    )


def _counting(request: HttpRequest) -> Counting:
    given = request.GET.get("counting", "")
    return Counting(given) if given in Counting.values else Counting.BEST
