"""The two questions before a lesson: taken once, or put away for good. One put away is a finished attempt without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from accounts.models import User
from lessons.models import Lesson
from quizzes.grading import Tally
from quizzes.models import Attempt, Quiz, QuizMode, QuizVersion, Response
from quizzes.results import result_of
from quizzes.services import attempts_at, finish_attempt, start_attempt


def taken_by(person: User | None, quiz: Quiz) -> Attempt | None:
    """This person's attempt at the lesson's pretest, in whichever version; a finished one before an open one."""
    attempts = attempts_at(quiz=quiz, person=person)
    return next((attempt for attempt in attempts if attempt.is_finished), attempts[0] if attempts else None)


def was_put_away(attempt: Attempt) -> bool:
    """Whether it was finished without a single answer."""
    return attempt.is_finished and not Response.objects.filter(attempt_question__attempt=attempt).exists()


def put_away(*, user: User, quiz_version: QuizVersion, now: datetime) -> Attempt:
    """Never asks this person again; what was answered already is handed in."""
    taken = taken_by(user, quiz_version.quiz) or start_attempt(user=user, quiz_version=quiz_version, now=now)
    return finish_attempt(attempt=taken, now=now)


def before_the_lesson(person: User | None, lesson: Lesson) -> Mapping[str, Tally]:
    """Objective → what was reached of it before the lesson; empty for somebody who was not asked or put it away."""
    quiz = Quiz.objects.filter(lesson=lesson, mode=QuizMode.PRETEST).first()
    taken = taken_by(person, quiz) if quiz else None
    if taken is None or not taken.is_finished or was_put_away(taken):
        return {}
    return result_of(taken).by_objective
