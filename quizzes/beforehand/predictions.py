"""Predictions: the question before a run, the one answer to it, and what the run came to.

There is no attempt before the first answer, so that looking at a page writes nothing; all predictions of a lesson's version are
made in one attempt, which stays open.
"""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from lessons.models import LessonVersion
from lessons.services import lesson_url
from quizzes.models import Attempt, AttemptQuestion, QuizMode, QuizQuestion
from quizzes.questions import Answer
from quizzes.services import show_outcome, start_attempt, submit_response


def asked_before(version: LessonVersion, mode: str) -> QuizQuestion | None:
    """The prediction that this version asks before a mode; none where it asks nothing."""
    return (
        QuizQuestion.objects.select_related("quiz_version__quiz", "question_version")
        .prefetch_related("question_version__options")
        .filter(quiz_version__lesson_version=version, quiz_version__quiz__mode=QuizMode.PREDICTION, before=mode)
        .first()
    )


def made_of(asked: QuizQuestion, person: User | None) -> AttemptQuestion | None:
    """What this person predicted, in this version of the lesson or an older one that asked the same; none so far."""
    if person is None:
        return None
    return (
        AttemptQuestion.objects.select_related(
            "question_version", "attempt__quiz_version__quiz", "attempt__quiz_version__lesson_version__lesson__course"
        )
        .prefetch_related("question_version__options", "responses__grades")
        .filter(
            attempt__user=person,
            attempt__quiz_version__quiz=asked.quiz_version.quiz_id,
            question_version=asked.question_version_id,
            responses__isnull=False,
        )
        .order_by("-pk")
        .first()
    )


def predict(
    *, user: User, asked: QuizQuestion, answer: Answer, confidence: str, idempotency_key: str, now: datetime
) -> AttemptQuestion:
    """Commits the one answer to a prediction; nothing is told of it yet. Raises Problem as `submit_response` does."""
    made = made_of(asked, user)
    attempt = made.attempt if made else start_attempt(user=user, quiz_version=asked.quiz_version, now=now)
    question = attempt.questions.get(question_version=asked.question_version_id)
    submit_response(
        attempt=attempt,
        position=question.position,
        answer=answer,
        confidence=confidence,
        idempotency_key=idempotency_key,
        now=now,
    )
    return question


def tell(made: AttemptQuestion, *, now: datetime) -> None:
    """Tells what was right of a prediction; from then on its page shows it."""
    show_outcome(attempt=made.attempt, position=made.position, now=now)
    made.answer_shown_at = made.answer_shown_at or now


def page_of(attempt: Attempt, position: int = 1) -> str:
    """The address at which the prediction at this place (from 1) of an attempt is asked and told."""
    asked = attempt.quiz_version.quiz_questions.filter(
        question_version__in=attempt.questions.filter(position=position).values("question_version")
    )
    modes = asked.values_list("before", flat=True)
    return f"{lesson_url(attempt.quiz_version.lesson_version, modes.first() or 'read')}#prediction"
