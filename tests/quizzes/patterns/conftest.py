"""A lesson with a pool of twelve questions, and its test of the pattern."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.models import Attempt, QuizMode, QuizVersion
from quizzes.services import finish_attempt, quiz_version_of, start_attempt, submit_response
from tests.quizzes.conftest import QUESTIONS, Publish, chose

LEVELS = ("easy", "medium", "hard")
OBJECTIVES = ("features", "heads")


def pooled(place: int) -> str:
    """One more practice question; its option a is right."""
    return f"""\
  - uid: x-{place}
    kind: single
    about: concept
    difficulty: {LEVELS[place % 3]}
    objective: {OBJECTIVES[place % 2]}
    stem: Which of these is number {place}?
    options:
      - {{id: a, text: The number {place}, right: true, feedback: FEEDBACK-X{place}-A it is.}}
      - {{id: b, text: Another number, feedback: FEEDBACK-X{place}-B it is not., misconception: features-are-classes}}
      - {{id: c, text: No number, feedback: FEEDBACK-X{place}-C it is one.}}
      - {{id: d, text: Every number, feedback: FEEDBACK-X{place}-D only one.}}
    hint: HINT-X{place} count.
    solution: [STEP-X{place}-1 count again.]
    answer: FINAL-X{place} that number.
"""


def with_pool(extra: int = 10, *, more: str = "") -> str:
    """QUESTIONS with two questions to practise and so many more; `more` stands before the questions."""
    uids = ["p-hard", "p-easy", *(f"x-{place}" for place in range(extra))]
    text = QUESTIONS.replace("[p-hard, p-easy]\n", f"[{', '.join(uids)}]\n{more}")
    return text + "".join(pooled(place) for place in range(extra))


@pytest.fixture
def pool(publish: Publish) -> LessonVersion:
    """The lesson with a pool of twelve."""
    return publish(with_pool())


@pytest.fixture
def pattern_quiz(pool: LessonVersion) -> QuizVersion:
    found = quiz_version_of(pool, QuizMode.PATTERN)
    if found is None:
        pytest.fail("the lesson has no test of the pattern")
    return found


@pytest.fixture
def pattern(learner: User, pattern_quiz: QuizVersion) -> Attempt:
    return start_attempt(user=learner, quiz_version=pattern_quiz, now=timezone.now())


def give(attempt: Attempt, position: int, *, right: bool) -> None:
    """Commits an answer to the question at this place: of the pool, option a is always the right one."""
    submit_response(
        attempt=attempt,
        position=position,
        answer=chose("a" if right else "b"),
        idempotency_key=f"given-{position}",
        now=timezone.now(),
    )


def taken(person: User, quiz: QuizVersion, *, wrong: int = 0) -> Attempt:
    """A finished test of the pattern: the last `wrong` answers, to the hardest questions, wrong, all others right."""
    attempt = start_attempt(user=person, quiz_version=quiz, now=timezone.now())
    asked = attempt.questions.count()
    for position in range(1, asked + 1):
        give(attempt, position, right=position <= asked - wrong)
    return finish_attempt(attempt=attempt, now=timezone.now())
