"""Who reached what in a course's tests and exams: learners × quizzes, each cell by one rule over finished attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.models import Course, Lesson, LessonVersion
from quizzes.models import (
    GRADED,
    Attempt,
    AttemptQuestion,
    Counting,
    CourseGrading,
    Grade,
    GradeOverride,
    Quiz,
    QuizMode,
    QuizVersion,
)
from quizzes.records import name_of
from quizzes.services import hand_in_overdue

__all__ = [
    "Cell",
    "Column",
    "Counting",
    "Gradebook",
    "GradebookRow",
    "counted",
    "counting_of",
    "course_grade",
    "gradebook_of",
    "store_counting",
]


@dataclass(frozen=True, slots=True)
class Column:
    """A lesson's test or its exam, in the words of the newest version that has it."""

    quiz: Quiz
    version: LessonVersion

    @property
    def title(self) -> str:
        if self.quiz.mode == QuizMode.EXAM:
            return _("%(lesson)s: exam") % {"lesson": self.version.title}
        return self.version.title


@dataclass(frozen=True, slots=True)
class Cell:
    """One person's standing in one test or exam."""

    column: Column
    computed: float | None  # 0..1, from the attempts; none without a finished one
    attempts: int
    override: GradeOverride | None = None  # the one that holds
    newest: int = 0  # number of the newest override, taken back or not; 0 for none

    @property
    def score(self) -> float | None:
        """What counts, 0..1: the override, else what was computed."""
        return self.override.score if self.override else self.computed


@dataclass(frozen=True, slots=True)
class GradebookRow:
    """One person and their cells, in the order of the columns."""

    user: User
    who: str
    cells: tuple[Cell, ...]

    @property
    def grade(self) -> float | None:
        return course_grade(self.cells)


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A course's tests and exams, and everybody who has a grade in one of them, in the order of names."""

    columns: tuple[Column, ...]
    rows: tuple[GradebookRow, ...]

    def row_of(self, person: int) -> GradebookRow | None:
        """The row of the person with this id."""
        return next((row for row in self.rows if row.user.pk == person), None)


def counted(scores: Sequence[float], counting: Counting) -> float | None:
    """What counts of scores (0..1) that stand in the order in which their attempts began; none without any."""
    if not scores:
        return None
    match counting:
        case Counting.BEST:
            return max(scores)
        case Counting.LAST:
            return scores[-1]
        case Counting.FIRST:
            return scores[0]
    return sum(scores) / len(scores)


def course_grade(cells: Iterable[Cell]) -> float | None:
    """The mean (0..1) of what counts in each test and exam; what was not taken is left out. None without any."""
    scores = [cell.score for cell in cells if cell.score is not None]
    return sum(scores) / len(scores) if scores else None


def counting_of(course: Course) -> Counting:
    """Which attempt counts in this course."""
    row = CourseGrading.objects.filter(course=course).first()
    return Counting(row.counting) if row else Counting.BEST


def store_counting(*, course: Course, counting: Counting, author: User, now: datetime) -> None:
    """Makes another attempt count from now on, in every table, file and answer."""
    CourseGrading.objects.update_or_create(
        course=course, defaults={"counting": counting, "changed_by": author, "changed_at": now}
    )


def gradebook_of(course: Course, counting: Counting, *, person: User | None = None, now: datetime | None = None) -> Gradebook:
    """The course's gradebook, or the one row of a person; in a number of queries that grows neither with people nor attempts.

    The newest grade of each answer counts, so a regrade shows at once. Practice, redos and open attempts count nothing, and
    who erased their account has no row.
    """
    hand_in_overdue(now=now or timezone.now(), course=course)
    columns = _columns(course)
    scores = _scores(course, person)
    overrides = _overrides(course, person)
    people = User.objects.in_bulk({user for user, _quiz in [*scores, *overrides]})
    rows = [
        GradebookRow(
            user=user,
            who=name_of(user),
            cells=tuple(_cell(column, user, scores, overrides, counting) for column in columns),
        )
        for user in people.values()
    ]
    ordered = sorted(rows, key=lambda row: (row.user.is_guest, row.who.casefold(), row.user.pk))
    return Gradebook(tuple(columns), tuple(ordered))


Place = tuple[int, int]
"""A person's id and a quiz's."""


def _cell(
    column: Column,
    user: User,
    scores: Mapping[Place, Sequence[float]],
    overrides: Mapping[Place, GradeOverride],
    counting: Counting,
) -> Cell:
    place = (user.pk, column.quiz.pk)
    reached = scores.get(place, [])
    newest = overrides.get(place)
    return Cell(
        column=column,
        computed=counted(reached, counting),
        attempts=len(reached),
        override=newest if newest and newest.score is not None else None,
        newest=newest.number if newest else 0,
    )


def _columns(course: Course) -> list[Column]:
    """Every test and exam that the course ever had: in the order of its lessons, a lesson's test before its exam."""
    rows = QuizVersion.objects.filter(quiz__lesson__course=course, quiz__mode__in=GRADED)
    related = rows.select_related("quiz", "lesson_version__lesson").defer("lesson_version__body", "lesson_version__files")
    newest = {row.quiz_id: Column(row.quiz, row.lesson_version) for row in related.order_by("lesson_version__number")}
    order = {lesson: place for place, lesson in enumerate(Lesson.objects.filter(course=course).values_list("pk", flat=True))}
    return sorted(newest.values(), key=lambda column: (order[column.quiz.lesson_id], GRADED.index(QuizMode(column.quiz.mode))))


def _overrides(course: Course, person: User | None) -> dict[Place, GradeOverride]:
    """The newest override of each cell, taken back or not."""
    rows = GradeOverride.objects.filter(quiz__lesson__course=course).select_related("created_by")
    if person is not None:
        rows = rows.filter(user=person)
    return {(row.user_id, row.quiz_id): row for row in rows.order_by("number")}


def _scores(course: Course, person: User | None) -> dict[Place, list[float]]:
    """The scores of everybody's finished tests and exams, in the order in which those began."""
    attempts = Attempt.objects.filter(
        quiz_version__quiz__lesson__course=course,
        quiz_version__quiz__mode__in=GRADED,
        is_redo=False,
        finished_at__isnull=False,
        user__isnull=False,
    )
    if person is not None:
        attempts = attempts.filter(user=person)
    points: defaultdict[object, float] = defaultdict(float)
    for attempt, worth in AttemptQuestion.objects.filter(attempt__in=attempts).values_list("attempt_id", "points"):
        points[attempt] += worth
    rows = Grade.objects.filter(response__attempt_question__attempt__in=attempts, response__number=1).order_by("pk")
    newest = {
        response: (attempt, reached)
        for response, attempt, reached in rows.values_list("response_id", "response__attempt_question__attempt_id", "points")
    }
    reached_in: defaultdict[object, float] = defaultdict(float)
    for attempt, reached in newest.values():
        reached_in[attempt] += reached
    found: defaultdict[Place, list[float]] = defaultdict(list)
    began = attempts.order_by("started_at", "pk").values_list("pk", "user_id", "quiz_version__quiz_id")
    for attempt, user, quiz in began:
        if user is not None and points[attempt]:
            found[user, quiz].append(reached_in[attempt] / points[attempt])
    return dict(found)
