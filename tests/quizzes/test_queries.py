"""What is told of many questions takes no more queries than what is told of few."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes.models import Attempt
from quizzes.services import finish_attempt, quiz_version_of, show_hint, start_attempt
from tests.quizzes.conftest import QUESTIONS, Publish
from tests.quizzes.test_attempts import answer


def queries_of(visitor: Client, attempt: Attempt) -> dict[str, int]:
    """How many queries the results and the API's answer take."""
    taken = {}
    for address in (reverse("quizzes:results", args=[attempt.pk]), f"/api/v1/attempts/{attempt.pk}"):
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(address).status_code == 200
        taken[address.rsplit("/", 2)[1]] = len(queries)
    return taken


def practised(learner: User, publish: Publish, text: str) -> Attempt:
    """A finished practice attempt: one question after a hint and wrong, the others left open, all of them told."""
    quiz = quiz_version_of(publish(text), "practice")
    if quiz is None:
        raise LookupError("the lesson has no practice")
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    show_hint(attempt=attempt, position=1, now=timezone.now())
    answer(attempt, 1, right=False)
    return finish_attempt(attempt=attempt, now=timezone.now())


def test_results_take_as_many_queries_for_four_questions_as_for_two(client: Client, learner: User, publish: Publish) -> None:
    client.force_login(learner)
    longer = QUESTIONS.replace("[q-features, q-head, q-printed]", "[q-head]").replace(
        "[p-hard, p-easy]", "[p-hard, p-easy, q-features, q-printed]"
    )
    few = queries_of(client, practised(learner, publish, QUESTIONS))
    many = queries_of(client, practised(learner, publish, longer))
    assert few == many
