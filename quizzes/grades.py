"""A learner's own grades, course by course: by the functions of the gradebook, and no more than the policies allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from lessons.models import Course
from quizzes.announcing import announcement_of
from quizzes.gradebook import Cell, Column, counting_of, course_grade, gradebook_of
from quizzes.models import GRADED, Attempt, Counting, GradeOverride
from quizzes.reveal import tells_total
from quizzes.services import standing_of


@dataclass(frozen=True, slots=True)
class OwnGrade:
    """One test or exam as its learner may know it."""

    column: Column
    cell: Cell | None  # none: withheld
    announcement: str = ""  # when it comes


@dataclass(frozen=True, slots=True)
class CourseGrades:
    """One course as its learner may know it."""

    course: Course
    counting: Counting
    grades: Sequence[OwnGrade]

    @property
    def grade(self) -> float | None:
        """The course's grade from what is told so far, 0..1."""
        return course_grade(own.cell for own in self.grades if own.cell)

    @property
    def is_partial(self) -> bool:
        """Whether something counts that is not told yet."""
        return any(own.cell is None for own in self.grades)


def grades_of(person: User | None, *, now: datetime | None = None) -> list[CourseGrades]:
    """Every course in which this person finished a test or an exam, or was given a grade."""
    if person is None:
        return []
    at = now or timezone.now()
    graded = Attempt.objects.filter(user=person, quiz_version__quiz__mode__in=GRADED, is_redo=False)
    given = GradeOverride.objects.filter(user=person).values("quiz__lesson__course")
    began = graded.values("quiz_version__quiz__lesson__course")
    courses = Course.objects.filter(pk__in=began) | Course.objects.filter(pk__in=given)
    found = [_in_course(course, person, at) for course in courses.distinct()]
    return [one for one in found if one.grades]


def _in_course(course: Course, person: User, now: datetime) -> CourseGrades:
    counting = counting_of(course)
    book = gradebook_of(course, counting, person=person, now=now)
    row = book.row_of(person.pk)
    held = _withheld(course, person, now)
    own = [
        OwnGrade(cell.column, None if cell.column.quiz.pk in held else cell, held.get(cell.column.quiz.pk, ""))
        for cell in (row.cells if row else ())
        if cell.attempts or cell.override
    ]
    return CourseGrades(course, counting, own)


def _withheld(course: Course, person: User, now: datetime) -> dict[int, str]:
    """Quiz's id → when it is told, for those of which an attempt is not told yet: one of several would tell the rest."""
    attempts = Attempt.objects.filter(
        user=person,
        quiz_version__quiz__lesson__course=course,
        quiz_version__quiz__mode__in=GRADED,
        is_redo=False,
        finished_at__isnull=False,
    ).select_related("quiz_version__quiz")
    return {
        attempt.quiz_version.quiz_id: announcement_of(attempt)
        for attempt in attempts
        if not tells_total(standing_of(attempt, now=now))
    }
