"""Who reached what in a course's tests: learners × lessons, each cell by one rule over a person's finished attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User
from lessons.models import Course, Lesson, LessonVersion
from quizzes.models import GRADED, Attempt, AttemptQuestion, Counting, Grade, QuizVersion
from quizzes.records import name_of

__all__ = ["Cell", "Counting", "Gradebook", "GradebookRow", "counted", "gradebook_of"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One person's standing in one lesson's test."""

    score: float | None  # 0..1; none without a finished attempt
    attempts: int


@dataclass(frozen=True, slots=True)
class GradebookRow:
    """One person and their cells, in the order of the columns."""

    user: User
    who: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A course's tests, and everybody who finished one of them, in the order of names."""

    lessons: tuple[LessonVersion, ...]  # the newest version of each lesson that ever had a test
    rows: tuple[GradebookRow, ...]


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


def gradebook_of(course: Course, counting: Counting) -> Gradebook:
    """The course's gradebook, in a number of queries that grows neither with people nor with attempts.

    The newest grade of each answer counts, so a regrade shows at once. Practice, redos and open attempts count nothing, and
    who erased their account has no row.
    """
    lessons = _tested(course)
    scores = _scores(course)
    people = User.objects.in_bulk({user for user, _lesson in scores})
    rows = [
        GradebookRow(
            user=person,
            who=name_of(person),
            cells=tuple(_cell(scores.get((person.pk, version.lesson_id), []), counting) for version in lessons),
        )
        for person in people.values()
    ]
    return Gradebook(tuple(lessons), tuple(sorted(rows, key=lambda row: (row.user.is_guest, row.who.casefold(), row.user.pk))))


def _cell(scores: Sequence[float], counting: Counting) -> Cell:
    return Cell(counted(scores, counting), len(scores))


def _tested(course: Course) -> list[LessonVersion]:
    versions = QuizVersion.objects.filter(quiz__lesson__course=course, quiz__mode__in=GRADED).values("lesson_version")
    newest: dict[int, LessonVersion] = {}
    for version in LessonVersion.objects.filter(pk__in=versions).order_by("number").defer("body", "files"):
        newest[version.lesson_id] = version
    order = Lesson.objects.filter(course=course).values_list("pk", flat=True)
    return [newest[lesson] for lesson in order if lesson in newest]


def _scores(course: Course) -> dict[tuple[int, int], list[float]]:
    """Person and lesson → the scores of their finished tests, in the order in which those began."""
    attempts = Attempt.objects.filter(
        quiz_version__quiz__lesson__course=course,
        quiz_version__quiz__mode__in=GRADED,
        is_redo=False,
        finished_at__isnull=False,
        user__isnull=False,
    )
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
    found: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    began = attempts.order_by("started_at", "pk").values_list("pk", "user_id", "quiz_version__quiz__lesson_id")
    for attempt, user, lesson in began:
        if user is not None and points[attempt]:
            found[user, lesson].append(reached_in[attempt] / points[attempt])
    return dict(found)
