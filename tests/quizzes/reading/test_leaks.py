"""What is right about a question that was read out of a run stays on the server, and so does whose run it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes.models import Attempt, KeyRevision, QuizMode
from quizzes.personal import erase, export
from quizzes.questions import Answer
from quizzes.reading import Recording
from quizzes.services import (
    finish_attempt,
    quiz_version_of,
    save_answer,
    show_hint,
    show_step,
    start_attempt,
    submit_response,
)
from tests.quizzes.conftest import Publish, chose
from tests.quizzes.reading.test_documents import FACTS, LATEST, META, READING
from tests.quizzes.reading.test_recordings import photo_of, ran
from tests.quizzes.test_leaks import MISCONCEPTIONS, answers_about, words_of
from tests.quizzes.walk import walk

pytestmark = [pytest.mark.torch, pytest.mark.django_db]

SignIn = Callable[[Client, User], Client]
TESTED = READING.replace("[q-features, q-head, q-printed]", "[p-read]").replace("[p-hard, p-easy, p-read]", "[p-hard]")
PRACTISED = READING.replace("[p-hard, p-easy, p-read]", "[p-read]")


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: SignIn) -> Client:
    return sign_in(client, learner)


def sit(publish: Publish, learner: User, text: str, mode: QuizMode) -> Attempt:
    quiz = quiz_version_of(publish(text, facts=FACTS, meta=META), mode)
    if quiz is None:
        pytest.fail("nothing is asked")
    return start_attempt(user=learner, quiz_version=quiz, now=timezone.now())


def key_of(attempt: Attempt) -> KeyRevision:
    (question,) = attempt.questions.all()
    return question.question_version.key_revisions.get()


def wrong_at(attempt: Attempt) -> str:
    key = key_of(attempt)
    return min(set(key.feedback) - set(key.correct))


def commit(attempt: Attempt, option: str) -> None:
    submit_response(attempt=attempt, position=1, answer=chose(option), idempotency_key="k", now=timezone.now())


def plain(words: str) -> str:
    """Words as they are read: without tags, entities and Markdown's marks."""
    return " ".join(re.sub(r"[`*\\]", "", unescape(re.sub(r"<[^>]*>", "", words))).split())


def secrets_of(key: KeyRevision) -> Mapping[str, str]:
    """Words that only the key has → what of it they are: "hint", "step 1", "feedback a", "belief a"."""
    beliefs = {
        plain(belief[field]): f"belief {option}"
        for option, belief in key.misconceptions.items()
        for field in ("title", "belief", "why", "slug")
    }
    feedback = {plain(words): f"feedback {option}" for option, words in key.feedback.items()}
    steps = {plain(words): f"step {number}" for number, words in enumerate(key.solution, start=1)}
    return {plain(key.hint): "hint"} | feedback | steps | beliefs


def told(response: Any, secrets: Mapping[str, str]) -> set[str]:
    """What of the key an answer gives away."""
    whole = plain(str(response.headers) + words_of(response))
    found = {what for words, what in secrets.items() if words in whole}
    return found | ({"answer"} if re.search("The answer is [A-F]", whole) else set())


def draft(attempt: Attempt) -> None:
    save_answer(attempt=attempt, position=1, answer=Answer(frozenset({wrong_at(attempt)})), now=timezone.now())


def hint(attempt: Attempt) -> None:
    show_hint(attempt=attempt, position=1, now=timezone.now())


def step(attempt: Attempt) -> None:
    show_step(attempt=attempt, position=1, step=1, now=timezone.now())


@dataclass(frozen=True)
class State:
    name: str
    mode: QuizMode
    reveal: str
    reach: Callable[[Attempt], object]
    allowed: Callable[[Attempt], str]  # a pattern of what may be told


NOTHING = "(?!)"
STATES = (
    State("fresh test", QuizMode.TEST, "each", lambda attempt: None, lambda attempt: NOTHING),
    State("drafted test", QuizMode.TEST, "finish", draft, lambda attempt: NOTHING),
    State("sealed test", QuizMode.TEST, "finish", lambda attempt: commit(attempt, wrong_at(attempt)), lambda attempt: NOTHING),
    State("fresh practice", QuizMode.PRACTICE, "each", lambda attempt: None, lambda attempt: NOTHING),
    State("drafted practice", QuizMode.PRACTICE, "each", draft, lambda attempt: NOTHING),
    State("hint", QuizMode.PRACTICE, "each", hint, lambda attempt: "hint"),
    State("step", QuizMode.PRACTICE, "each", step, lambda attempt: "step 1"),
    State(
        "wrong practice",
        QuizMode.PRACTICE,
        "each",
        lambda attempt: commit(attempt, wrong_at(attempt)),
        lambda attempt: f"(feedback|belief) {wrong_at(attempt)}",
    ),
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_every_address_keeps_to_what_may_be_told(
    publish: Publish, visitor: Client, learner: User, cat: Recording, state: State
) -> None:
    ran(cat, sample="chelsea")
    text = TESTED if state.mode is QuizMode.TEST else PRACTISED
    attempt = sit(publish, learner, text.replace("reveal: each", f"reveal: {state.reveal}"), state.mode)
    state.reach(attempt)
    secrets, allowed = secrets_of(key_of(attempt)), state.allowed(attempt)
    for route, address, response in walk(visitor, attempt):
        may = rf"{allowed}|belief \w" if MISCONCEPTIONS.match(route) else allowed  # which all readers of a course may read
        over = {what for what in told(response, secrets) if not re.fullmatch(may, what)}
        assert not over, (route, address, over)


def test_the_search_would_find_a_leak(publish: Publish, visitor: Client, learner: User, cat: Recording) -> None:
    ran(cat, sample="chelsea")
    attempt = sit(publish, learner, TESTED, QuizMode.TEST)
    commit(attempt, wrong_at(attempt))
    found = told(visitor.get(reverse("quizzes:question", args=[attempt.pk, 1])), secrets_of(key_of(attempt)))
    spoken_to = {wrong_at(attempt), *key_of(attempt).correct}
    assert found >= {"answer", "step 1", "step 2", *(f"feedback {option}" for option in spoken_to)}


def test_no_key_is_loaded_before_an_answer(publish: Publish, visitor: Client, learner: User, cat: Recording) -> None:
    ran(cat, sample="chelsea")
    attempt = sit(publish, learner, PRACTISED, QuizMode.PRACTICE)
    with CaptureQueriesContext(connection) as queries:
        for where, response in answers_about(visitor, attempt):
            assert response.status_code < 500, where
    assert not [query["sql"] for query in queries if KeyRevision._meta.db_table in query["sql"]]


def test_the_api_has_the_table_as_html_in_the_stem_and_nothing_of_the_recipe(
    publish: Publish, visitor: Client, learner: User, cat: Recording
) -> None:
    ran(cat, sample="chelsea")
    attempt = sit(publish, learner, PRACTISED, QuizMode.PRACTICE)
    body = visitor.get(f"/api/v1/attempts/{attempt.pk}").json()
    (question,) = body["questions"]
    assert question["stem"].count("<tr>") == 10
    assert "<caption" in question["stem"]
    assert not re.search(r"recipe|template|seed|numbers_out", str(body))


def test_whose_run_it_was_stays_on_the_server(
    publish: Publish, visitor: Client, learner: User, outsider: User, cat: Recording, sign_in: SignIn
) -> None:
    run = ran(cat, owner=learner, upload=photo_of(learner))
    attempt = sit(publish, learner, LATEST.replace("[p-hard, p-easy, p-read]", "[p-read]"), QuizMode.PRACTICE)
    (question,) = attempt.questions.all()
    assert question.question_version.recipe == {"run": str(run.pk)}
    for _route, address, response in walk(visitor, attempt):
        if "/me/" not in address:  # where the run's owner is told of their runs
            assert str(run.pk) not in words_of(response), address
    stranger = sign_in(Client(), outsider)
    assert stranger.get(reverse("quizzes:question", args=[attempt.pk, 1])).status_code == 404
    assert stranger.get(f"/api/v1/attempts/{attempt.pk}").status_code == 404


def test_whoever_leaves_takes_their_name_along_and_leaves_figures_alone(
    publish: Publish, learner: User, cat: Recording
) -> None:
    ran(cat, owner=learner, upload=photo_of(learner))
    attempt = sit(publish, learner, LATEST.replace("[p-hard, p-easy, p-read]", "[p-read]"), QuizMode.PRACTICE)
    assert "your own" in str(export(learner)["attempts"])
    finish_attempt(attempt=attempt, now=timezone.now())
    erase(learner)
    (question,) = Attempt.objects.get(pk=attempt.pk).questions.all()
    version = question.question_version
    kept = version.stem + " ".join(option.text for option in version.options.all()) + str(key_of(attempt).feedback)
    assert not [row["label"] for row in cat.told["top_k"] if row["label"] in kept]
    assert Attempt.objects.get(pk=attempt.pk).user is None
