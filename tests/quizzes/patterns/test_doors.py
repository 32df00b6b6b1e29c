"""The two doors: where a lesson, its course and the catalogue lead to learning and to testing; and what stands at each."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.models import Attempt, QuizVersion
from quizzes.services import quiz_version_of
from tests.quizzes.conftest import Publish
from tests.quizzes.patterns.conftest import taken, with_pool

LESSON = "/courses/vision/lessons/one"
DOOR = f"{LESSON}/test/#pattern"


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.mark.parametrize("address", [f"{LESSON}/read/", "/courses/vision/", "/"])
def test_both_doors_stand_where_one_meets_the_lesson(client: Client, pool: LessonVersion, address: str) -> None:
    html = client.get(address).content.decode()
    assert re.search(rf'<a class="btn[^"]*" href="{LESSON}/read/">Start learning', html)
    assert re.search(rf'<a class="btn[^"]*" href="{DOOR}">Test this pattern', html)


@pytest.mark.parametrize("address", [f"{LESSON}/read/", "/courses/vision/", "/"])
def test_a_lesson_that_declines_has_no_such_door(client: Client, publish: Publish, address: str) -> None:
    publish(with_pool(more="pattern: false\n"))
    assert "Test this pattern" not in text_of(client.get(address))
    assert "Test this pattern" not in text_of(client.get(f"{LESSON}/test/"))


def test_the_page_of_tests_offers_both(client: Client, pool: LessonVersion) -> None:
    response = client.get(f"{LESSON}/test/")
    said = text_of(response)
    assert "How well do you know it? 3 questions, one a screen." in said
    assert "Test this pattern 10 questions from easy to hard, one a screen, without hints. They are drawn from 12" in said
    assert len(re.findall(r'<form class="bar" method="post" action="/quizzes/\d+/attempts/"', response.content.decode())) == 2


def test_an_open_one_is_gone_on_with(visitor: Client, pattern: Attempt) -> None:
    html = visitor.get(f"{LESSON}/test/").content.decode().split('id="pattern"')[1]
    assert f'href="/attempts/{pattern.pk}/"' in html
    assert "Start the test of the pattern" not in html


@pytest.mark.parametrize(("wrong", "level"), [(0, "strong"), (10, "weak")])
def test_earlier_ones_stand_with_their_verdict(
    visitor: Client, learner: User, pattern_quiz: QuizVersion, wrong: int, level: str
) -> None:
    taken(learner, pattern_quiz, wrong=wrong)
    said = text_of(visitor.get(f"{LESSON}/test/")).split("Test this pattern")[1]
    assert re.search(rf"{10 - wrong} of 10 right {level}", said)


def test_practice_alone_is_led_to_the_test(visitor: Client, learner: User, pool: LessonVersion) -> None:
    quiz = quiz_version_of(pool, "practice")
    assert quiz is not None
    taken(learner, quiz)
    html = visitor.get("/me/progress/").content.decode()
    assert "doesn’t count towards a verdict" in html
    assert f'href="{DOOR}"' in html
