"""Two questions before a lesson: asked once, told after both, put away for good, and held against what came later."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.beforehand.pretest import before_the_lesson
from quizzes.evidence import first_answers
from quizzes.models import Attempt, QuizVersion, Response
from quizzes.services import finish_attempt, save_answer, show_hint, start_attempt, start_redo
from tests.quizzes.beforehand.conftest import quiz_of
from tests.quizzes.conftest import chose
from tests.quizzes.test_evidence import finished
from web.problems import Problem

READ, RUN = "/courses/vision/lessons/one/read/", "/courses/vision/lessons/one/run/"


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def letter(attempt: Attempt, position: int, option: str) -> str:
    return "AB"[attempt.questions.get(position=position).option_order.index(option)]


def answered(person: User, quiz: QuizVersion, *options: str) -> Attempt:
    attempt = start_attempt(user=person, quiz_version=quiz, now=timezone.now())
    for position, option in enumerate(options, start=1):
        save_answer(attempt=attempt, position=position, answer=chose(option), now=timezone.now())
    return finish_attempt(attempt=attempt, now=timezone.now())


def test_it_stands_before_the_lesson_and_holds_nothing_up(client: Client, version: LessonVersion) -> None:
    for address in (READ, RUN):
        page = client.get(address)
        assert "Two questions before anything" in text_of(page)
        assert "no-store" in page.headers["Cache-Control"]
    assert "Read this." in text_of(client.get(READ))
    assert "Two questions" not in text_of(client.get("/courses/vision/lessons/one/practise/"))
    assert not Attempt.objects.exists()


def test_two_answers_lead_straight_to_what_was_right_and_where_it_is_taught(
    visitor: Client, learner: User, pretest_quiz: QuizVersion
) -> None:
    visitor.post(f"/quizzes/{pretest_quiz.quiz_id}/attempts/")
    attempt = Attempt.objects.get(user=learner)
    first = visitor.post(f"/attempts/{attempt.pk}/1/", {"choice": letter(attempt, 1, "a")}, follow=True)
    assert first.redirect_chain[-1][0] == f"/attempts/{attempt.pk}/2/"
    assert "FEEDBACK" not in first.content.decode()
    results = visitor.post(f"/attempts/{attempt.pk}/2/", {"choice": letter(attempt, 2, "b")}, follow=True)
    assert results.redirect_chain[-1][0] == f"/attempts/{attempt.pk}/results/"
    assert "1 of 2 right" in text_of(results)
    html = results.content.decode()
    assert f'href="{READ}#s-features"' in html  # the heading that the objective names
    assert f'href="{READ}"' in html
    assert "FEEDBACK-B-TWO-B" in html
    assert "Start over" not in text_of(results)
    assert "you knew" not in text_of(results)
    assert "you knew 1 of 2" in text_of(visitor.get(READ))
    assert "Two questions" not in text_of(visitor.get(RUN))


def test_with_one_left_open_the_way_leads_to_what_is_left(visitor: Client, learner: User, pretest_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=pretest_quiz, now=timezone.now())
    response = visitor.post(f"/attempts/{attempt.pk}/2/", {"choice": letter(attempt, 2, "b")})
    assert response.headers["Location"] == f"/attempts/{attempt.pk}/finish/"
    assert "Go on with the two questions" in text_of(visitor.get(READ))


def test_putting_it_away_is_for_good(visitor: Client, learner: User, pretest_quiz: QuizVersion) -> None:
    skip = f"/quizzes/{pretest_quiz.quiz_id}/skip/"
    assert visitor.post(skip, {"next": RUN}).headers["Location"] == RUN
    assert visitor.post(skip, {"next": "https://elsewhere.example/"}).headers["Location"] == READ
    for address in (READ, RUN):
        assert "Two questions" not in text_of(visitor.get(address))
    assert Attempt.objects.filter(user=learner).count() == 1
    assert before_the_lesson(learner, pretest_quiz.quiz.lesson) == {}
    assert visitor.get(skip).status_code == 405
    assert visitor.post("/quizzes/999/skip/").status_code == 404


def test_other_quizzes_cannot_be_put_away(visitor: Client, version: LessonVersion) -> None:
    assert visitor.post(f"/quizzes/{quiz_of(version, 'test').quiz_id}/skip/").status_code == 404


def test_it_is_asked_once_and_neither_hinted_nor_redone(learner: User, pretest_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=pretest_quiz, now=timezone.now())
    with pytest.raises(Problem):
        show_hint(attempt=attempt, position=1, now=timezone.now())
    done = answered(learner, pretest_quiz, "b", "b")
    assert start_attempt(user=learner, quiz_version=pretest_quiz, now=timezone.now()) == done == attempt
    with pytest.raises(Problem) as refused:
        start_redo(attempt=done, now=timezone.now())
    assert refused.value.status == 409


def test_nothing_of_it_counts(visitor: Client, learner: User, pretest_quiz: QuizVersion) -> None:
    answered(learner, pretest_quiz, "b", "b")
    assert [first.counts for first in first_answers(learner)] == [False, False]
    assert visitor.get("/api/v1/me/strengths").json()["items"] == []
    assert Response.objects.count() == 2


def test_later_results_show_what_was_known_before(visitor: Client, learner: User, version: LessonVersion) -> None:
    answered(learner, quiz_of(version, "pretest"), "a", "b")
    test = finished(learner, quiz_of(version, "test"), right=True)
    page = text_of(visitor.get(f"/attempts/{test.pk}/results/"))
    assert "Before the lesson, and now" in page
    assert "Say what a backbone gives 100% → 100%" in page
    assert "Find the head 0% → 100%" in page
