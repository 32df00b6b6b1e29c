"""The progress page and the strengths over HTTP: what to do next, how strong one is, and nothing that a test still hides."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from lessons.models import Lesson, Visit
from quizzes.models import Attempt, QuizVersion, ReviewCard
from quizzes.services import finish_attempt, start_attempt
from tests.quizzes.test_attempts import answer
from tests.quizzes.test_evidence import finished

PAGE, API = "/me/progress/", "/api/v1/me/strengths"
QUERIES_AT_MOST = 20  # however many cards, questions and attempts there are


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def action(response: Any) -> str:
    """The title and the address of what to do next."""
    found = re.search(r'<section class="panel next-action".*?</section>', response.content.decode(), re.DOTALL)
    if found is None:
        pytest.fail("nothing is said of what to do next")
    title, url = re.search(r"<h2[^>]*>(.*?)</h2>", found[0]), re.search(r'href="([^"]*)"', found[0])
    return f"{title[1] if title else ''} → {url[1] if url else ''}"


def test_a_new_learner_is_shown_where_to_begin(client: Client, graded_quiz: QuizVersion) -> None:
    response = client.get(PAGE)
    assert response.status_code == 200
    assert action(response) == "Begin a lesson → /courses/vision/lessons/one/read/"
    assert "Nothing answered yet" in text_of(response)
    assert client.get(API).json() == {"items": [], "next": None}


def test_a_site_without_lessons_has_nothing_to_begin(client: Client, db: None) -> None:
    response = client.get(PAGE)
    assert response.status_code == 200
    assert "next-action" not in response.content.decode()


def test_an_open_attempt_comes_first(visitor: Client, practice: Attempt) -> None:
    answer(practice, 1, right=False)
    assert action(visitor.get(PAGE)) == f"Go on with your practice → /attempts/{practice.pk}/"


def test_then_what_was_missed(visitor: Client, learner: User, graded_quiz: QuizVersion) -> None:
    test = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    assert action(visitor.get(PAGE)) == f"Go on with your test → /attempts/{test.pk}/"
    answer(test, 1, right=False)
    answer(test, 2, right=True)
    finish_attempt(attempt=test, now=timezone.now())
    response = visitor.get(PAGE)
    assert action(response) == "Practise what you are least sure of → /courses/vision/lessons/one/practise/"
    assert "Say what a backbone gives" in re.split("Your strengths", text_of(response))[0]


def test_then_the_mode_after_the_last_one(visitor: Client, learner: User, graded_quiz: QuizVersion, lesson: Lesson) -> None:
    Visit.objects.create(user=learner, lesson=lesson, mode="read")
    assert action(visitor.get(PAGE)) == "Go on with the lesson → /courses/vision/lessons/one/practise/"
    Visit.objects.update(mode="test")
    assert "next-action" not in visitor.get(PAGE).content.decode()


def test_every_objective_has_its_strength_and_what_that_rests_on(
    visitor: Client, learner: User, graded_quiz: QuizVersion, practice_quiz: QuizVersion
) -> None:
    for quiz in (graded_quiz, practice_quiz):
        finished(learner, quiz, right=False)
    said = text_of(visitor.get(PAGE))
    items = {item["objective"]: item for item in visitor.get(API).json()["items"]}
    assert set(items) == {"features", "heads"}
    assert (items["heads"]["level"], items["heads"]["answers"], items["heads"]["lesson"]) == ("unknown", 2, "one")
    assert (items["features"]["level"], items["features"]["answers"]) == ("unknown", 1)
    assert items["heads"]["low"] < items["heads"]["chance"] < items["heads"]["high"]
    bounds = r"you probably know from \d+ to \d+% of medium questions\."
    assert re.search(rf"One weak From 3 answers in tests: {bounds}", said), "the lesson as a whole"
    more = r"A few more answers will tell\. In practice: 0 of 1 question right at the first try\. not enough answers yet"
    assert re.search(rf"Find the head From 2 answers in tests: {bounds} {more}", said)
    assert re.search(rf"Say what a backbone gives From 1 answer in a test: {bounds} {more}", said)


@pytest.mark.parametrize("right", [True, False])
def test_practice_alone_has_no_verdict_but_says_how_it_goes(
    visitor: Client, learner: User, practice_quiz: QuizVersion, right: bool
) -> None:
    finished(learner, practice_quiz, right=right)
    response = visitor.get(PAGE)
    said = text_of(response)
    assert "practice doesn’t count towards a verdict" in said
    assert f"Find the head In practice: {int(right)} of 1 question right at the first try." in said
    assert "badge strength" not in response.content.decode()
    assert {(item["level"], item["answers"]) for item in visitor.get(API).json()["items"]} == {("unknown", 0)}


def test_what_a_sealed_test_hides_moves_nothing(visitor: Client, learner: User, quiz_at_finish: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    before = [visitor.get(address).content for address in (API,)], text_of(visitor.get(PAGE))
    for position in (1, 2, 3):
        answer(attempt, position, right=position == 1)
    assert ([visitor.get(address).content for address in (API,)], text_of(visitor.get(PAGE))) == before
    finish_attempt(attempt=attempt, now=timezone.now())
    assert visitor.get(API).json()["items"]


def test_nobody_sees_someone_elses(
    client: Client, learner: User, outsider: User, practice_quiz: QuizVersion, sign_in: Callable[[Client, User], Client]
) -> None:
    finished(learner, practice_quiz, right=False)
    assert sign_in(client, outsider).get(API).json()["items"] == []


def test_no_cache_keeps_it(visitor: Client, practice: Attempt) -> None:
    for address in (PAGE, API):
        assert "no-store" in visitor.get(address).headers["Cache-Control"]


@pytest.mark.parametrize("missed", [True, False])
def test_the_page_takes_few_queries(
    visitor: Client,
    learner: User,
    graded_quiz: QuizVersion,
    practice_quiz: QuizVersion,
    lesson: Lesson,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    missed: bool,
) -> None:
    for quiz in (graded_quiz, practice_quiz):
        finished(learner, quiz, right=not missed)
    Visit.objects.create(user=learner, lesson=lesson, mode="read")
    visitor.get(PAGE)  # the first look makes the cards of what was missed since
    with django_assert_max_num_queries(QUERIES_AT_MOST):
        visitor.get(PAGE)


def due_card(person: User, lesson: Lesson) -> ReviewCard:
    """A card of the lesson's key insight that can be reviewed now."""
    return ReviewCard.objects.create(user=person, lesson=lesson, due_at=timezone.now() - timedelta(days=1))


def test_a_test_to_hand_in_comes_before_cards_and_cards_before_practice(
    visitor: Client, learner: User, lesson: Lesson, practice: Attempt, graded_quiz: QuizVersion
) -> None:
    due_card(learner, lesson)
    assert action(visitor.get(PAGE)) == "Review before you forget → /me/review/"
    assert "1 card is due." in text_of(visitor.get(PAGE))
    test = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    assert action(visitor.get(PAGE)) == f"Go on with your test → /attempts/{test.pk}/"
    assert "1 card due" in text_of(visitor.get(PAGE))


def test_the_home_page_says_what_is_due_to_who_is_signed_in(
    visitor: Client, learner: User, lesson: Lesson, graded_quiz: QuizVersion
) -> None:
    assert "due" not in text_of(visitor.get("/")).split()
    due_card(learner, lesson)
    assert '<a class="btn" href="/me/review/">1 due</a>' in visitor.get("/").content.decode()
    assert "1 due" not in text_of(Client().get("/"))
