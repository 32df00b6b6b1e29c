"""Grades over HTTP: one's own, and a course's for those who teach it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema

from accounts import people
from accounts.auth import cookie_or_bearer
from lessons.models import Course
from lessons.services import may_edit
from quizzes.api import never_kept
from quizzes.gradebook import Cell, GradebookRow, counting_of, gradebook_of
from quizzes.grades import CourseGrades, OwnGrade, grades_of
from web.problems import REFUSALS, not_found

router = Router(tags=["grades"], auth=cookie_or_bearer)


class CellOut(Schema):
    lesson: str
    mode: str = Field(description="“test” or “exam”.")
    score: float | None = Field(description="What counts, 0 to 1: the override, else what was computed.")
    computed: float | None
    override: float | None
    reason: str = Field(description="Of the override.")
    attempts: int


class OwnCellOut(CellOut):
    withheld: str = Field(description="When it is told; empty where it is.")


class CourseGradesOut(Schema):
    course: str
    counting: str = Field(description="Which attempt counts: “best”, “last”, “first” or “mean”.")
    grade: float | None = Field(description="The mean of what counts and is told, 0 to 1.")
    grades: list[OwnCellOut]


class OwnGrades(Schema):
    items: list[CourseGradesOut]
    next: str | None = None


class RowOut(Schema):
    person: int
    name: str
    grade: float | None
    grades: list[CellOut]


class GradebookOut(Schema):
    course: str
    counting: str
    items: list[RowOut]
    next: str | None = None


@router.get("/me/grades", response={200: OwnGrades, **REFUSALS}, summary="Your grades, course by course")
@never_kept
def list_own_grades(request: HttpRequest, response: HttpResponse) -> Any:
    return {"items": [_course(one) for one in grades_of(people.current(request))], "next": None}


@router.get("/courses/{slug}/gradebook", response={200: GradebookOut, **REFUSALS}, summary="A course's gradebook (its authors)")
@never_kept
def get_gradebook(request: HttpRequest, response: HttpResponse, slug: str) -> Any:
    course = Course.objects.filter(slug=slug).first()
    if course is None or not may_edit(people.current(request), course):
        raise not_found()
    counting = counting_of(course)
    book = gradebook_of(course, counting)
    return {"course": slug, "counting": counting.value, "items": [_row(row) for row in book.rows], "next": None}


def _row(row: GradebookRow) -> dict[str, Any]:
    return {"person": row.user.pk, "name": row.who, "grade": row.grade, "grades": [_cell(cell) for cell in row.cells]}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "lesson": cell.column.version.lesson.slug,
        "mode": cell.column.quiz.mode,
        "score": cell.score,
        "computed": cell.computed,
        "override": cell.override.score if cell.override else None,
        "reason": cell.override.reason if cell.override else "",
        "attempts": cell.attempts,
    }


def _course(course: CourseGrades) -> dict[str, Any]:
    return {
        "course": course.course.slug,
        "counting": course.counting.value,
        "grade": course.grade,
        "grades": [_own(own) for own in course.grades],
    }


def _own(own: OwnGrade) -> dict[str, Any]:
    cell = own.cell or Cell(own.column, None, 0)
    return {**_cell(cell), "withheld": own.announcement}
