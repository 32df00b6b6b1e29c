"""The key never travels before the answer is committed: every page, partial and API answer is searched in every state."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.models import Attempt, KeyRevision, QuizVersion
from quizzes.reviewing.cards import add_insight
from quizzes.services import (
    attempt_question,
    finish_attempt,
    quiz_version_of,
    save_answer,
    show_hint,
    show_step,
    start_attempt,
    start_redo,
    submit_response,
)
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from tests.quizzes.walk import EXEMPT, WRITES, addresses, routes, walk

NOTHING = "(?!)"  # a pattern that nothing matches

WORDS = r"(?:FEEDBACK|HINT|STEP|FINAL|BELIEF|WHY)-[A-Z0-9-]+"
NAMES = "features-are-classes|head-is-fc|Features are classes|Every head is called fc|The answer is [A-F]"
SECRETS = re.compile(f"{WORDS}|{NAMES}")
PROBES = re.compile(r"question=[\w-]+")  # a link to a question, from the page of what it probes; this lesson has no card

READ_BY_ALL = re.compile("BELIEF|WHY|features-are-classes|head-is-fc|Features are classes|Every head is called fc")
"""What a course says of its misconceptions to everybody, on these addresses alone:"""
MISCONCEPTIONS = re.compile(r"(?:api/v1/)?courses/<(?:slug:course|slug)>/misconceptions\b")

SignIn = Callable[[Client, User], Client]


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: SignIn) -> Client:
    return sign_in(client, learner)


@pytest.fixture(params=["each", "finish"])
def quiz(request: pytest.FixtureRequest, publish: Publish) -> QuizVersion:
    """The test under either policy."""
    found = quiz_version_of(publish(QUESTIONS.replace("reveal: each", f"reveal: {request.param}")), "test")
    if found is None:
        pytest.fail("the lesson has no test")
    return found


def answers_about(visitor: Client, attempt: Attempt) -> Iterator[tuple[str, Any]]:
    """Everything that the site says about an attempt without committing anything."""
    mode = attempt.quiz_version.quiz.mode
    lesson = "/courses/vision/lessons/one"
    for url in (
        f"{lesson}/read/",
        f"{lesson}/{'test' if mode == 'test' else 'practise'}/",
        reverse("quizzes:finish", args=[attempt.pk]),
        reverse("quizzes:results", args=[attempt.pk]),
        reverse("quizzes:attempt", args=[attempt.pk]),
        "/api/v1/quizzes?lesson=one",
        "/api/v1/lessons/one",
        f"/api/v1/attempts/{attempt.pk}",
        "/me/progress/",
        "/api/v1/me/strengths",
    ):
        yield url, visitor.get(url)
    yield "start", visitor.post(f"/api/v1/quizzes/{attempt.quiz_version.quiz_id}/attempts", headers=token(visitor))
    for question in attempt.questions.all():
        here = reverse("quizzes:question", args=[attempt.pk, question.position])
        yield here, visitor.get(here)
        # What cannot be committed says no more than the page.
        for data in (
            {},
            {"choice": "Z", "idempotency_key": "k"},
            {"choice": "A"},
            {"choice": "A", "idempotency_key": "no key"},
        ):
            if attempt.quiz_version.reveal == "each" or "A" not in data.values():
                yield f"{here} {data}", visitor.post(here, data)
                yield f"{here} {data} partial", visitor.post(here, data, headers={"HX-Request": "true"})
        api = f"/api/v1/attempts/{attempt.pk}/questions/{question.position}"
        bodies: list[dict[str, Any]] = [
            {"options": ["A"]},
            {"options": []},
            {"options": ["A"], "final": True},
            {"options": ["Z"], "final": True, "idempotency_key": "k"},
        ]
        for body in bodies:
            yield f"{api} {body}", visitor.put(api, body, content_type="application/json", headers=token(visitor))
        draft = reverse("quizzes:draft", args=[attempt.pk, question.position])
        yield draft, visitor.post(draft, {"choice": "A"}, headers={"X-Requested-With": "fetch"})
        more = reverse("quizzes:another", args=[attempt.pk, question.position])
        yield more, visitor.post(more)
        yield f"{more} partial", visitor.post(more, headers={"HX-Request": "true"})
        yield f"{api}/another", visitor.post(f"{api}/another", headers=token(visitor))
        if not attempt.is_practice:
            for name in ("hint", "step"):
                url = reverse(f"quizzes:{name}", args=[attempt.pk, question.position])
                yield url, visitor.post(url)
                yield f"{url} partial", visitor.post(url, headers={"HX-Request": "true"})
            yield f"{api}/hint", visitor.post(f"{api}/hint", headers=token(visitor))
            yield f"{api}/steps/1", visitor.post(f"{api}/steps/1", headers=token(visitor))


def token(visitor: Client) -> dict[str, str]:
    return {"X-CSRFToken": visitor.get("/api/v1/me").json()["csrf_token"]}


def told(response: Any) -> set[str]:
    """The secrets that an answer gives away, headers included."""
    whole = str(response.headers) + unescape(words_of(response))
    return {*SECRETS.findall(whole), *PROBES.findall(whole)}


def words_of(response: Any) -> str:
    """What an answer says; of an archive, what every file in it says."""
    if not zipfile.is_zipfile(io.BytesIO(response.content)):
        return str(response.content.decode())
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        return "\n".join(archive.read(name).decode(errors="replace") for name in archive.namelist())


def commit(attempt: Attempt, position: int, *, right: bool, key: str = "") -> None:
    chosen = (RIGHT if right else WRONG)[uid_at(attempt, position)]
    submit_response(
        attempt=attempt, position=position, answer=chose(chosen), idempotency_key=key or f"k{position}", now=timezone.now()
    )


def test_a_fresh_test_gives_nothing_away(visitor: Client, learner: User, quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        for where, response in answers_about(visitor, attempt):
            assert response.status_code < 500, where
            assert not told(response), where
    touched = [query["sql"] for query in queries if KeyRevision._meta.db_table in query["sql"]]
    assert not touched, "a key was loaded before any answer was committed"


def test_a_saved_choice_gives_nothing_away(visitor: Client, learner: User, quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    for position in (1, 2, 3):
        save_answer(attempt=attempt, position=position, answer=chose(WRONG[uid_at(attempt, position)]), now=timezone.now())
    for where, response in answers_about(visitor, attempt):
        assert not told(response), where


def test_one_committed_answer_tells_about_that_question_alone(visitor: Client, learner: User, quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    commit(attempt, 1, right=False)
    for where, response in answers_about(visitor, attempt):
        others = {secret for secret in told(response) if re.search("HEAD|PRINTED|-FC|head-is-fc", secret)}
        assert not others, where


def test_a_sealed_test_tells_nothing_of_committed_answers(visitor: Client, learner: User, quiz_at_finish: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    for position in (1, 2, 3):
        commit(attempt, position, right=position == 1)
    for where, response in answers_about(visitor, attempt):
        assert not told(response), where
        assert not re.search(r'class="[^"]*\b(?:right|wrong)\b', response.content.decode()), where
    body = visitor.get(f"/api/v1/attempts/{attempt.pk}").json()
    assert [question["answered"] for question in body["questions"]] == [True] * 3
    assert not any(option["mark"] for question in body["questions"] for option in question["options"])
    assert body["result"] is None
    finish_attempt(attempt=attempt, now=timezone.now())
    assert told(visitor.get(f"/api/v1/attempts/{attempt.pk}"))


def test_fresh_practice_gives_nothing_away(visitor: Client, practice: Attempt) -> None:
    with CaptureQueriesContext(connection) as queries:
        for where, response in answers_about(visitor, practice):
            assert not told(response), where
    assert not [query["sql"] for query in queries if KeyRevision._meta.db_table in query["sql"]]


def test_a_hint_that_was_asked_for_is_all_that_is_told(visitor: Client, practice: Attempt) -> None:
    show_hint(attempt=practice, position=2, now=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        for where, response in answers_about(visitor, practice):
            assert told(response) <= {"HINT-HARD"}, where
    keys = [query["sql"] for query in queries if KeyRevision._meta.db_table in query["sql"]]
    assert keys
    assert not any("feedback" in sql or "correct" in sql or "solution" in sql for sql in keys)


def test_a_wrong_try_tells_about_the_chosen_option_alone(visitor: Client, practice: Attempt) -> None:
    commit(practice, 2, right=False)
    allowed = {"FEEDBACK-HARD-B", "BELIEF-FC", "WHY-FC", "Every head is called fc", "head-is-fc"}
    for where, response in answers_about(visitor, practice):
        assert told(response) <= allowed, where


def test_a_step_tells_no_more_than_itself(visitor: Client, practice: Attempt) -> None:
    show_step(attempt=practice, position=2, step=1, now=timezone.now())
    for where, response in answers_about(visitor, practice):
        assert told(response) <= {"STEP-HARD-1"}, where


def test_the_search_would_find_a_leak(visitor: Client, learner: User, graded_quiz: QuizVersion) -> None:
    """The other tests prove nothing unless a settled question is full of what they look for."""
    attempt = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    commit(attempt, 2, right=False)
    for response in (
        visitor.get(reverse("quizzes:question", args=[attempt.pk, 2])),
        visitor.get(f"/api/v1/attempts/{attempt.pk}"),
    ):
        found = told(response)
        assert {"FEEDBACK-HEAD-A", "FEEDBACK-HEAD-B", "STEP-HEAD-1", "FINAL-HEAD", "BELIEF-FC", "WHY-FC"} <= found
        assert any(secret.startswith("The answer is") for secret in found)


def test_options_differ_in_nothing_but_their_letter_and_words(visitor: Client, attempt: Attempt) -> None:
    for position in (1, 2, 3):
        html = visitor.get(reverse("quizzes:question", args=[attempt.pk, position])).content.decode()
        labels = re.findall(r"<label class=\"option.*?</label>", html, re.DOTALL)
        assert len(labels) == len(attempt_question(attempt, position).option_order)
        bare = {
            re.sub(r'<span class="option-text">.*</span>', "", re.sub(r'value="[A-F]"|>[A-F]<', "", label), flags=re.DOTALL)
            for label in labels
        }
        assert len(bare) == 1, bare


def test_no_authors_id_reaches_the_browser(visitor: Client, learner: User, publish: Publish) -> None:
    """Authors call the right option "right", or begin with it."""
    text = QUESTIONS.replace("{id: a, text: In the head", "{id: the-right-one, text: In the head")
    quiz = quiz_version_of(publish(text), "practice")
    if quiz is None:
        pytest.fail("the lesson has no practice")
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    save_answer(attempt=attempt, position=1, answer=chose("the-right-one"), now=timezone.now())
    for where, response in answers_about(visitor, attempt):
        assert "the-right-one" not in response.content.decode(), where
        assert "p-easy" not in response.content.decode(), where


def test_nothing_about_an_attempt_may_be_cached(visitor: Client, attempt: Attempt) -> None:
    for where, response in answers_about(visitor, attempt):
        if str(attempt.pk) in where or where == "start":
            assert "no-store" in response.headers["Cache-Control"], where
            assert "ETag" not in response.headers
            assert "Last-Modified" not in response.headers


def test_an_export_is_no_way_around_the_policy(learner: User, quiz_at_finish: QuizVersion) -> None:
    from quizzes.personal import export

    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    commit(attempt, 1, right=True)
    assert export(learner)["attempts"][0]["questions"][0]["answers"][0]["right"] is None
    finish_attempt(attempt=attempt, now=timezone.now())
    assert export(learner)["attempts"][0]["questions"][0]["answers"][0]["right"] is True


# --- every address, in every state -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """Where an attempt stands: how it got there, and what of the key may be told then under each policy."""

    name: str
    reach: Callable[[Attempt], object]
    told: str  # a pattern of what may be told where each answer is told at once, and in practice
    told_at_finish: str = NOTHING  # the same where nothing is told before the end


def draft_all(attempt: Attempt) -> None:
    for question in attempt.questions.all():
        uid = uid_at(attempt, question.position)
        save_answer(attempt=attempt, position=question.position, answer=chose(WRONG[uid]), now=timezone.now())


def finish(attempt: Attempt) -> None:
    commit(attempt, 1, right=False)
    finish_attempt(attempt=attempt, now=timezone.now())


ABOUT_CLASSES = "BELIEF-CLASSES|WHY-CLASSES|features-are-classes|Features are classes"
ABOUT_FC = "BELIEF-FC|WHY-FC|head-is-fc|Every head is called fc"
TEST_STATES = (
    State("fresh", lambda attempt: None, NOTHING),
    State("drafted", draft_all, NOTHING),
    State("answered", lambda attempt: commit(attempt, 1, right=False), rf".*-FEATURES\b.*|{ABOUT_CLASSES}|The answer is .*"),
    State(
        "finished",
        finish,
        rf".*-(?:FEATURES|HEAD|PRINTED)\b.*|{ABOUT_CLASSES}|{ABOUT_FC}|The answer is .*",
        rf".*-(?:FEATURES|HEAD|PRINTED)\b.*|{ABOUT_CLASSES}|{ABOUT_FC}|The answer is .*",
    ),
)
PRACTICE_STATES = (
    State("fresh", lambda attempt: None, NOTHING),
    State("drafted", draft_all, NOTHING),
    State("hint", lambda attempt: show_hint(attempt=attempt, position=2, now=timezone.now()), "HINT-HARD"),
    State("step", lambda attempt: show_step(attempt=attempt, position=2, step=1, now=timezone.now()), "STEP-HARD-1"),
    State("answered wrong", lambda attempt: commit(attempt, 2, right=False), f"FEEDBACK-HARD-B|{ABOUT_FC}|question=p-hard"),
    State(
        "answered right",
        lambda attempt: commit(attempt, 2, right=True),
        rf"(?!HINT).*-HARD\b.*|{ABOUT_CLASSES}|{ABOUT_FC}|The answer is .*|question=p-hard",
    ),
    State(
        "finished",
        finish,
        rf"(?!HINT).*-(?:HARD|EASY)\b.*|{ABOUT_CLASSES}|{ABOUT_FC}|The answer is .*|question=p-(?:hard|easy)",
    ),
)
REDO_STATES = (
    State("fresh", lambda attempt: None, NOTHING),
    State("drafted", draft_all, NOTHING),
    State("answered", lambda attempt: commit(attempt, 1, right=False), f"FEEDBACK-FEATURES-B|{ABOUT_CLASSES}"),
)


PROBED = "question=p-hard"
"""What a page of a misconception tells whoever missed that question, which is how it became a card."""
REVIEW_STATES = (
    State("fresh", lambda attempt: None, PROBED),
    State("drafted", draft_all, PROBED),
    State("hint", lambda attempt: show_hint(attempt=attempt, position=1, now=timezone.now()), f"HINT-HARD|{PROBED}"),
    State("step", lambda attempt: show_step(attempt=attempt, position=1, step=1, now=timezone.now()), f"STEP-HARD-1|{PROBED}"),
    State("answered wrong", lambda attempt: commit(attempt, 1, right=False), f"FEEDBACK-HARD-B|{ABOUT_FC}|{PROBED}"),
    State(
        "answered right",
        lambda attempt: commit(attempt, 1, right=True),
        rf"(?!HINT).*-HARD\b.*|{ABOUT_CLASSES}|{ABOUT_FC}|The answer is .*|{PROBED}",
    ),
)


def assert_walk_tells_only(visitor: Client, attempt: Attempt, allowed: str) -> set[str]:
    """Everything that was told on the walk, none of it beyond `allowed`."""
    everything: set[str] = set()
    for route, address, response in walk(visitor, attempt):
        assert response.status_code < 500, address
        secrets = told(response)
        if MISCONCEPTIONS.match(route):
            secrets = {secret for secret in secrets if not READ_BY_ALL.match(secret)}
        elif route == "courses/<slug:course>/":
            assert "/misconceptions/" in response.content.decode()
        beyond = {secret for secret in secrets if not re.fullmatch(allowed, secret)}
        assert not beyond, (address, beyond)
        everything |= secrets
    return everything


@pytest.mark.parametrize("state", TEST_STATES, ids=lambda state: state.name)
def test_no_address_tells_more_of_a_test_than_its_policy_allows(
    visitor: Client, learner: User, quiz: QuizVersion, state: State
) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    state.reach(attempt)
    allowed = state.told if quiz.reveal == "each" else state.told_at_finish
    everything = assert_walk_tells_only(visitor, attempt, allowed)
    assert bool(everything) == (allowed != NOTHING), "the walk missed where it is told"


@pytest.mark.parametrize("state", PRACTICE_STATES, ids=lambda state: state.name)
def test_no_address_tells_more_of_practice_than_was_asked_for(visitor: Client, practice: Attempt, state: State) -> None:
    state.reach(practice)
    everything = assert_walk_tells_only(visitor, practice, state.told)
    assert bool(everything) == (state.told != NOTHING), "the walk missed where it is told"


@pytest.mark.parametrize("state", REDO_STATES, ids=lambda state: state.name)
def test_no_address_of_a_redo_tells_more_than_the_redo_has(
    visitor: Client, learner: User, quiz: QuizVersion, state: State
) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    commit(attempt, 2, right=True)
    redo = start_redo(attempt=finish_attempt(attempt=attempt, now=timezone.now()), now=timezone.now())
    state.reach(redo)
    assert_walk_tells_only(visitor, redo, state.told)


def a_review_by_script(visitor: Client, learner: User, version: LessonVersion) -> Attempt:
    """The attempt in which a review asks the question that was missed three days ago, beside the lesson's key insight."""
    long_ago = timezone.now() - timedelta(days=3)
    quiz = quiz_version_of(version, "practice")
    if quiz is None:
        pytest.fail("the lesson has no practice")
    missed = start_attempt(user=learner, quiz_version=quiz, now=long_ago)
    submit_response(attempt=missed, position=2, answer=chose("b"), idempotency_key="long-ago", now=long_ago)
    add_insight(learner, version.lesson, now=long_ago)
    begun = visitor.post("/api/v1/me/reviews", {}, content_type="application/json", headers=token(visitor))
    again = visitor.post(f"/api/v1/me/reviews/{begun.json()['id']}/next", headers=token(visitor))
    assert begun.json() == again.json()
    assert not told(begun)
    return Attempt.objects.get(pk=begun.json()["card"]["attempt"])


@pytest.mark.parametrize("state", REVIEW_STATES, ids=lambda state: state.name)
def test_no_address_of_a_review_tells_more_than_was_asked_for_in_it(
    visitor: Client, learner: User, publish: Publish, state: State
) -> None:
    attempt = a_review_by_script(visitor, learner, publish(meta={"modes": ["read", "practise", "test", "review"]}))
    state.reach(attempt)
    assert_walk_tells_only(visitor, attempt, state.told)


def test_no_route_escapes_the_walk(visitor: Client, attempt: Attempt) -> None:
    """A new address is walked, or named with a reason; and no reason outlives its address."""
    refused = {route for route, _address, response in walk(visitor, attempt) if response.status_code == 405}
    assert refused == set(WRITES), "say in tests/quizzes/walk.py where the answers of these writes are searched"
    everything = routes()
    assert not [beginning for beginning in EXEMPT if not any(route.startswith(beginning) for route in everything)]


def test_the_studio_answers_no_learner(visitor: Client, attempt: Attempt) -> None:
    opened = [address for _route, address in addresses(attempt, studio=True) if visitor.get(address).status_code == 200]
    assert not opened
