"""What a test of the pattern ends with: a verdict, why, what to do next; on its page and over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes.models import Attempt, QuizVersion
from quizzes.services import finish_attempt, start_attempt
from tests.quizzes.patterns.conftest import give, taken

QUERIES_AT_MOST = 30


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def results(visitor: Client, attempt: Attempt) -> Any:
    response = visitor.get(reverse("quizzes:results", args=[attempt.pk]))
    assert response.status_code == 200
    return response


def result(visitor: Client, attempt: Attempt) -> dict[str, Any]:
    return dict(visitor.get(f"/api/v1/attempts/{attempt.pk}").json()["result"])


@pytest.mark.parametrize(("wrong", "level"), [(0, "strong"), (4, "growing"), (10, "weak")])
def test_it_ends_with_a_verdict_its_bounds_and_why(
    visitor: Client, learner: User, pattern_quiz: QuizVersion, wrong: int, level: str
) -> None:
    attempt = taken(learner, pattern_quiz, wrong=wrong)
    verdict = result(visitor, attempt)["verdict"]
    assert (verdict["level"], verdict["answers"]) == (level, 10)
    assert 0 < verdict["low"] < verdict["chance"] < verdict["high"] < 1
    said = text_of(results(visitor, attempt))
    assert f"Your strength in this, by this test {level}" in said
    for sentence in verdict["why"]:
        assert sentence in said
    assert f"from {round(100 * verdict['low'])} to {round(100 * verdict['high'])}%" in said
    assert ("Not right: question" in said) is (wrong > 0)


def test_too_few_answers_are_not_enough_to_say(visitor: Client, learner: User, pattern_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=pattern_quiz, now=timezone.now())
    for position in (1, 2):
        give(attempt, position, right=True)
    finish_attempt(attempt=attempt, now=timezone.now())
    verdict = result(visitor, attempt)["verdict"]
    assert (verdict["level"], verdict["answers"]) == ("unknown", 2)
    said = text_of(results(visitor, attempt))
    assert "not enough answers yet" in said
    assert "8 questions were left open. Each counts like a blind guess" in said


def test_who_answers_only_the_easier_questions_is_not_called_strong(
    visitor: Client, learner: User, pattern_quiz: QuizVersion
) -> None:
    attempt = start_attempt(user=learner, quiz_version=pattern_quiz, now=timezone.now())
    for position in range(1, 8):  # from easy to hard
        give(attempt, position, right=True)
    finish_attempt(attempt=attempt, now=timezone.now())
    verdict = result(visitor, attempt)["verdict"]
    assert (verdict["level"], verdict["answers"], verdict["left_open"]) == ("growing", 7, 3)
    assert "3 questions were left open." in " ".join(verdict["why"])
    door = visitor.get("/courses/vision/lessons/one/test/")
    assert "growing" in text_of(door)
    assert "A question left open counts like a blind guess: try every one." in text_of(door)


def test_what_is_left_open_is_said_where_strengths_are(visitor: Client, learner: User, pattern_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=pattern_quiz, now=timezone.now())
    assert "counts like a blind guess" in text_of(visitor.get(reverse("quizzes:finish", args=[attempt.pk])))
    for position in range(1, 8):
        give(attempt, position, right=True)
    finish_attempt(attempt=attempt, now=timezone.now())
    items = visitor.get("/api/v1/me/strengths").json()["items"]
    assert (sum(item["answers"] for item in items), sum(item["left_open"] for item in items)) == (7, 3)
    assert "left open" in text_of(visitor.get(reverse("quizzes:progress")))


def test_nothing_is_told_before_it_is_finished(visitor: Client, pattern: Attempt) -> None:
    for position in (1, 2, 3):
        give(pattern, position, right=False)
    body = visitor.get(f"/api/v1/attempts/{pattern.pk}").json()
    assert body["mode"] == "pattern"
    assert body["result"] is None
    assert all(question["verdict"] is None and question["answer"] is None for question in body["questions"])
    assert "not right" not in text_of(visitor.get(reverse("quizzes:question", args=[pattern.pk, 1]))).lower()
    assert visitor.get("/api/v1/me/strengths").json()["items"] == []


def test_what_to_do_next_follows_from_what_was_missed(visitor: Client, learner: User, pattern_quiz: QuizVersion) -> None:
    html = results(visitor, taken(learner, pattern_quiz, wrong=3)).content.decode()
    steps = re.findall(r'<li><a class="btn[^"]*" href="([^"]*)">([^<]*)</a> <span>(.*?)</span></li>', html)
    assert ("/courses/vision/lessons/one/practise/", "Practise") in [step[:2] for step in steps]
    reasons = [step for step in steps if step[0] == "/courses/vision/misconceptions/features-are-classes/"]
    assert reasons
    assert "Features are classes" in reasons[0][2]
    clean = results(visitor, taken(learner, pattern_quiz)).content.decode()
    assert "What to do next" not in clean


def test_the_quiz_is_listed_and_no_hint_is_to_be_had(visitor: Client, pattern_quiz: QuizVersion, pattern: Attempt) -> None:
    listed = {quiz["mode"]: quiz for quiz in visitor.get("/api/v1/quizzes?lesson=one").json()["items"]}
    assert (listed["pattern"]["reveal"], listed["pattern"]["questions"]) == ("finish", 10)
    for name in ("hint", "step"):
        assert visitor.post(reverse(f"quizzes:{name}", args=[pattern.pk, 1])).status_code == 409


def test_results_take_few_queries(visitor: Client, learner: User, pattern_quiz: QuizVersion) -> None:
    attempt = taken(learner, pattern_quiz, wrong=5)
    with CaptureQueriesContext(connection) as queries:
        results(visitor, attempt)
    assert len(queries) <= QUERIES_AT_MOST
