"""The way into an exam: its terms for this person, whether it can be begun, and what was handed in before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from quizzes.announcing import announcement_of, promise_of
from quizzes.exams import extra_of, sittings_left
from quizzes.models import Attempt, QuizVersion
from quizzes.results import result_of
from quizzes.reveal import tells_questions, tells_total
from quizzes.services import attempts_at, standing_of
from quizzes.timing import Window, extra_time, window_at


@dataclass(frozen=True, slots=True)
class ExamDoor:
    """What stands at the way into an exam."""

    quiz_version: QuizVersion
    questions: int
    window: Window
    extra: timedelta
    left: int | None  # how many times it can be begun; none: any number
    promise: str
    open_attempt: Attempt | None
    previous: Sequence[dict[str, Any]]

    @property
    def is_early(self) -> bool:
        return self.window is Window.EARLY

    @property
    def is_over(self) -> bool:
        return self.window is Window.OVER

    @property
    def ends_at(self) -> datetime | None:
        """When it ends for this person, however late they began."""
        closes_at = self.quiz_version.closes_at
        return closes_at + self.extra if closes_at else None

    @property
    def minutes(self) -> int:
        """All minutes this person has, extra time included; rounded down."""
        whole = timedelta(minutes=self.quiz_version.minutes or 0) + self.extra
        return int(whole.total_seconds() // 60)

    @property
    def extra_minutes(self) -> int:
        return self.minutes - (self.quiz_version.minutes or 0)


def exam_door(quiz_version: QuizVersion, *, person: User | None, now: datetime) -> ExamDoor:
    """The way into this exam for this person at this moment."""
    attempts = attempts_at(quiz=quiz_version.quiz, person=person, now=now)
    return ExamDoor(
        quiz_version=quiz_version,
        questions=quiz_version.quiz_questions.count(),
        window=window_at(now, opens_at=quiz_version.opens_at, closes_at=quiz_version.closes_at),
        extra=extra_time(quiz_version.minutes, extra_of(person, quiz_version.quiz.lesson.course)),
        left=sittings_left(quiz_version, user=person),
        promise=promise_of(quiz_version),
        open_attempt=next((attempt for attempt in attempts if not attempt.is_finished), None),
        previous=[earlier(attempt) for attempt in attempts if attempt.is_finished],
    )


def earlier(attempt: Attempt) -> dict[str, Any]:
    """An attempt as the list of earlier ones shows it: with what may be told of its result, and what stands in its place."""
    standing = standing_of(attempt)
    return {
        "attempt": attempt,
        "result": result_of(attempt) if tells_total(standing) else None,
        "total_only": not tells_questions(standing),
        "announcement": announcement_of(attempt),
    }
