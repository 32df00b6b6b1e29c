"""Quizzes over HTTP, as a script and as a page's script use them; garbage is answered, never a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from quizzes.grading import letter_of
from quizzes.models import Attempt, QuizVersion, Response
from quizzes.services import attempt_question
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at


class Caller:
    """A cookie client that sends its CSRF token with every write."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1{path}")

    def send(self, method: str, path: str, body: Any = None) -> Any:
        token = self.client.get("/api/v1/me").json()["csrf_token"]
        text = body if isinstance(body, str) else json.dumps(body)
        return self.client.generic(
            method, f"/api/v1{path}", text.encode("utf-8", "surrogatepass"), "application/json", headers={"X-CSRFToken": token}
        )


@pytest.fixture
def caller() -> Caller:
    """Somebody without an account; CSRF is checked as in real life."""
    return Caller(Client(enforce_csrf_checks=True))


def letters(attempt_id: str, position: int, keys: dict[str, str]) -> list[str]:
    attempt = Attempt.objects.get(pk=attempt_id)
    return [letter_of(keys[uid_at(attempt, position)], attempt_question(attempt, position).option_order)]


def test_a_guest_can_do_all_of_it(caller: Caller, graded_quiz: QuizVersion) -> None:
    listed = caller.get("/quizzes?lesson=one").json()
    assert listed["next"] is None
    test = next(quiz for quiz in listed["items"] if quiz["mode"] == "test")
    assert (test["questions"], test["reveal"], test["lesson_version"]) == (3, "each", 1)

    attempt = caller.send("POST", f"/quizzes/{test['id']}/attempts").json()
    assert [question["number"] for question in attempt["questions"]] == [1, 2, 3]
    assert all(question["verdict"] is None and question["answer"] is None for question in attempt["questions"])
    assert caller.send("POST", f"/quizzes/{test['id']}/attempts").json()["id"] == attempt["id"]

    here = f"/attempts/{attempt['id']}/questions"
    assert caller.send("PUT", f"{here}/1", {"options": ["B"]}).json()["status"] == "saved"
    right: dict[str, Any] = {"options": letters(attempt["id"], 1, RIGHT), "final": True, "idempotency_key": "one"}
    graded = caller.send("PUT", f"{here}/1", right).json()
    assert graded["status"] == "graded"
    assert graded["question"]["verdict"]["right"]
    assert graded["question"]["answer"]["quick_check"].startswith(f"The answer is {right['options'][0]}:")
    assert caller.send("PUT", f"{here}/1", right).json() == graded
    wrong = {"options": letters(attempt["id"], 2, WRONG), "final": True, "idempotency_key": "two"}
    assert caller.send("PUT", f"{here}/2", wrong).json()["question"]["verdict"]["said"][0]["misconception"]["title"]

    result = caller.send("POST", f"/attempts/{attempt['id']}/finish").json()
    assert result["result"]["right"] == 1
    assert result["result"]["score"] == pytest.approx(1 / 3)
    assert caller.send("POST", f"/attempts/{attempt['id']}/finish").json() == result
    assert caller.get(f"/attempts/{attempt['id']}").json() == result


def test_a_sealed_test_says_only_that_it_has_the_answer(caller: Caller, quiz_at_finish: QuizVersion) -> None:
    attempt = caller.send("POST", f"/quizzes/{quiz_at_finish.quiz_id}/attempts").json()
    body = {"options": letters(attempt["id"], 1, RIGHT), "final": True, "idempotency_key": "k"}
    answered = caller.send("PUT", f"/attempts/{attempt['id']}/questions/1", body).json()
    assert answered["status"] == "answered"
    assert answered["question"]["verdict"] is None


def test_practice_has_hints_and_steps(caller: Caller, practice_quiz: QuizVersion) -> None:
    attempt = caller.send("POST", f"/quizzes/{practice_quiz.quiz_id}/attempts").json()
    here = f"/attempts/{attempt['id']}/questions/2"
    assert "HINT-HARD" in caller.send("POST", f"{here}/hint").json()["hint"]
    shown = caller.send("POST", f"{here}/steps/1").json()
    assert len(shown["steps"]) == 1
    assert shown["verdict"]["gave_up"]
    assert shown["answer"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"options": ["A"], "final": True}, 422),
        ({"options": ["Z"]}, 422),
        ({"options": ["A", "B"]}, 422),
        ({"options": [], "final": True, "idempotency_key": "k"}, 422),
        ({"options": ["A"] * 99}, 422),
        ({"options": "A"}, 422),
        ({}, 422),
        ("{", 400),
        ('{"options": ["\\u0000"]}', 400),
    ],
)
def test_what_cannot_be_used_is_a_problem_with_a_sentence(
    caller: Caller, graded_quiz: QuizVersion, body: Any, status: int
) -> None:
    attempt = caller.send("POST", f"/quizzes/{graded_quiz.quiz_id}/attempts").json()
    response = caller.send("PUT", f"/attempts/{attempt['id']}/questions/1", body)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]


def test_a_second_answer_is_a_conflict(caller: Caller, graded_quiz: QuizVersion) -> None:
    attempt = caller.send("POST", f"/quizzes/{graded_quiz.quiz_id}/attempts").json()
    for key, status in (("one", 200), ("two", 409)):
        body = {"options": letters(attempt["id"], 1, WRONG), "final": True, "idempotency_key": key}
        assert caller.send("PUT", f"/attempts/{attempt['id']}/questions/1", body).status_code == status


def test_somebody_elses_attempt_is_not_there(caller: Caller, attempt: Attempt) -> None:
    for method, path in (
        ("GET", ""),
        ("PUT", "/questions/1"),
        ("POST", "/questions/1/hint"),
        ("POST", "/questions/1/steps/1"),
        ("POST", "/finish"),
    ):
        response = caller.send(method, f"/attempts/{attempt.pk}{path}", {"options": ["A"]})
        assert response.status_code == 404, path
        assert response.json() == caller.send(method, f"/attempts/{uuid4()}{path}", {"options": ["A"]}).json()


def test_a_cookie_call_without_its_token_writes_nothing(
    learner: User, attempt: Attempt, sign_in: Callable[[Client, User], Client]
) -> None:
    strict = sign_in(Client(enforce_csrf_checks=True), learner)
    response = strict.put(f"/api/v1/attempts/{attempt.pk}/questions/1", {"options": ["A"]}, content_type="application/json")
    assert response.status_code == 403
    assert attempt_question(attempt, 1).draft == []


@pytest.mark.parametrize("quiz_id", ["0", "-1", "x", str(2**63), "9" * 40, "999"])
def test_a_quiz_that_is_not_there_cannot_be_begun(caller: Caller, graded_quiz: QuizVersion, quiz_id: str) -> None:
    assert caller.send("POST", f"/quizzes/{quiz_id}/attempts").status_code in (404, 422)
    assert not Attempt.objects.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
BODIES = JSON | st.fixed_dictionaries(
    {"options": JSON | st.lists(st.sampled_from("ABCDEFGZ") | st.text(max_size=20), max_size=8)},
    optional={"final": JSON | st.booleans(), "idempotency_key": JSON | st.text(max_size=70)},
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, position=st.sampled_from(["1", "2", "0", "-1", "4", "1e3", "9" * 30, "²"]))
def test_no_body_breaks_it(visitor: Caller, attempt: Attempt, body: Any, position: str) -> None:
    response = visitor.send("PUT", f"/attempts/{attempt.pk}/questions/{position}", body)
    assert response.status_code in (200, 400, 404, 409, 422), response.content
    Response.objects.filter(attempt_question__attempt=attempt).delete()


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Caller:
    return Caller(sign_in(client, learner))
