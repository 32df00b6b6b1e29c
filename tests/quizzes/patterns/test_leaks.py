"""A test of the pattern gives nothing away before it is finished, and then nothing of what it did not ask."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes.models import KeyRevision, QuizMode, QuizVersion
from quizzes.services import finish_attempt, quiz_version_of, save_answer, start_attempt
from tests.quizzes.conftest import Publish, chose
from tests.quizzes.patterns.conftest import give, taken, with_pool
from tests.quizzes.test_leaks import NOTHING, answers_about, assert_walk_tells_only, told

ASKED = "HARD|EASY|X[0-9]"
TOLD = (
    rf"(?:FEEDBACK|STEP|FINAL)-(?:{ASKED})\b.*|BELIEF-.*|WHY-.*|The answer is .*|question=.*"
    "|features-are-classes|Features are classes|head-is-fc|Every head is called fc"
)


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


@pytest.fixture
def small_quiz(publish: Publish) -> QuizVersion:
    """A pool of five, which every attempt asks whole."""
    found = quiz_version_of(publish(with_pool(3)), QuizMode.PATTERN)
    if found is None:
        pytest.fail("the lesson has no test of the pattern")
    return found


def test_an_unfinished_one_gives_nothing_away_at_any_address(visitor: Client, learner: User, small_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=small_quiz, now=timezone.now())
    save_answer(attempt=attempt, position=1, answer=chose("b"), now=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        for where, response in answers_about(visitor, attempt):
            assert response.status_code < 500, where
            assert not told(response), where
    touched = [query["sql"] for query in queries if KeyRevision._meta.db_table in query["sql"]]
    assert not touched, "a key was loaded before any answer was committed"
    for position in (4, 5):
        give(attempt, position, right=False)
    assert_walk_tells_only(visitor, attempt, NOTHING)


def test_a_finished_one_tells_what_it_asked(visitor: Client, learner: User, small_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=small_quiz, now=timezone.now())
    give(attempt, 1, right=False)
    finish_attempt(attempt=attempt, now=timezone.now())
    assert assert_walk_tells_only(visitor, attempt, TOLD)


def test_a_finished_one_tells_nothing_of_the_questions_it_did_not_draw(
    visitor: Client, learner: User, pattern_quiz: QuizVersion
) -> None:
    attempt = taken(learner, pattern_quiz, wrong=10)
    asked = set(attempt.questions.values_list("question_version__question__uid", flat=True))
    pool = set(pattern_quiz.quiz_questions.values_list("question_version__question__uid", flat=True))
    left = {uid.replace("x-", "X").replace("p-", "").upper() for uid in pool - asked}
    assert left
    for address in (reverse("quizzes:results", args=[attempt.pk]), f"/api/v1/attempts/{attempt.pk}"):
        secrets = " ".join(told(visitor.get(address)))
        assert re.search(r"FEEDBACK-X\d-A", secrets)
        assert not [name for name in left if re.search(rf"-{name}\b", secrets)]
