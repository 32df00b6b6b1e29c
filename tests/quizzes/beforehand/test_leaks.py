"""What is asked before a lesson or a run tells nothing too early, at any address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from quizzes.models import Attempt, KeyRevision, QuizVersion
from quizzes.services import finish_attempt, save_answer, show_outcome, start_attempt, submit_response
from tests.quizzes.beforehand.test_predictions import ran
from tests.quizzes.conftest import chose
from tests.quizzes.test_leaks import ABOUT_CLASSES, NOTHING, assert_walk_tells_only, token, told


@dataclass(frozen=True)
class State:
    """How an attempt got where it stands, and a pattern of what may be told there."""

    name: str
    reach: Callable[[Attempt], object]
    told: str


def draft(attempt: Attempt) -> None:
    for position in (1, 2):
        save_answer(attempt=attempt, position=position, answer=chose("b"), confidence="certain", now=timezone.now())


def finish(attempt: Attempt) -> None:
    draft(attempt)
    finish_attempt(attempt=attempt, now=timezone.now())


def predict(attempt: Attempt) -> None:
    submit_response(
        attempt=attempt, position=1, answer=chose("b"), confidence="certain", idempotency_key="k", now=timezone.now()
    )


def run(attempt: Attempt) -> None:
    predict(attempt)
    if attempt.user:
        ran(attempt.user, at=timezone.now() + timedelta(seconds=1))


def ask(attempt: Attempt) -> None:
    predict(attempt)
    show_outcome(attempt=attempt, position=1, now=timezone.now())


ABOUT_RUN = rf"(?!HINT).*-B-RUN\b.*|{ABOUT_CLASSES}|The answer is .*"
PRETEST_STATES = (
    State("drafted", draft, NOTHING),
    State("finished", finish, rf"(?!HINT).*-B-(?:ONE|TWO)\b.*|{ABOUT_CLASSES}|The answer is .*"),
)
PREDICTION_STATES = (
    State("predicted", predict, NOTHING),
    State("ran", run, ABOUT_RUN),
    State("asked to be told", ask, ABOUT_RUN),
)


@pytest.mark.parametrize("state", PRETEST_STATES, ids=lambda state: state.name)
def test_no_address_tells_of_the_pretest_before_both_are_answered(
    visitor: Client, learner: User, pretest_quiz: QuizVersion, state: State
) -> None:
    attempt = start_attempt(user=learner, quiz_version=pretest_quiz, now=timezone.now())
    state.reach(attempt)
    everything = assert_walk_tells_only(visitor, attempt, state.told)
    assert bool(everything) == (state.told != NOTHING), "the walk missed where it is told"


@pytest.mark.parametrize("state", PREDICTION_STATES, ids=lambda state: state.name)
def test_no_address_tells_of_a_prediction_before_the_run(
    visitor: Client, learner: User, prediction_quiz: QuizVersion, state: State
) -> None:
    attempt = start_attempt(user=learner, quiz_version=prediction_quiz, now=timezone.now())
    state.reach(attempt)
    everything = assert_walk_tells_only(visitor, attempt, state.told)
    assert bool(everything) == (state.told != NOTHING), "the walk missed where it is told"


def test_no_write_before_the_answer_gets_at_the_key(visitor: Client, learner: User, prediction_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=prediction_quiz, now=timezone.now())
    page = f"/quizzes/{prediction_quiz.quiz_id}/predictions/run/"
    api = f"/api/v1/attempts/{attempt.pk}"
    with CaptureQueriesContext(connection) as queries:
        answers = [
            visitor.post(f"{page}outcome/"),
            visitor.post(f"{page}outcome/", headers={"HX-Request": "true"}),
            visitor.post(page, {"version": str(prediction_quiz.pk), "choice": "Z", "idempotency_key": "k"}),
            visitor.post(page, {"version": str(prediction_quiz.pk)}, headers={"HX-Request": "true"}),
            visitor.post(f"{api}/questions/1/outcome", headers=token(visitor)),
            visitor.post(f"{api}/questions/1/hint", headers=token(visitor)),
            visitor.post(f"{api}/questions/1/steps/1", headers=token(visitor)),
            visitor.post(f"{api}/finish", headers=token(visitor)),
            visitor.post(f"/attempts/{attempt.pk}/finish/"),
            visitor.get("/courses/vision/lessons/one/run/"),
        ]
    assert not [response for response in answers if told(response) or response.status_code >= 500]
    assert not [query["sql"] for query in queries if KeyRevision._meta.db_table in query["sql"]]


def test_how_sure_one_says_one_is_is_answered_alike_for_right_and_wrong(
    visitor: Client, learner: User, prediction_quiz: QuizVersion
) -> None:
    """What comes back of a prediction depends on what was said, and on nothing that the key knows."""
    shown = set()
    for option in ("a", "b"):
        attempt = start_attempt(user=learner, quiz_version=prediction_quiz, now=timezone.now())
        submit_response(
            attempt=attempt, position=1, answer=chose(option), confidence="certain", idempotency_key="k", now=timezone.now()
        )
        html = visitor.get("/courses/vision/lessons/one/run/").content.decode()
        section = html[
            html.index('<section id="prediction"') : html.index("</section>", html.index('<section id="prediction"'))
        ]
        shown.add(re.sub(r'(?:Right|Wrong) of b-run|name="csrfmiddlewaretoken" value="\w+"', "", section))
        attempt.delete()
    assert len(shown) == 1
