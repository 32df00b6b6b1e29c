"""Practice that adapts, as its pages show it: what comes next, why, and that one may go anywhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes.models import Attempt, QuizVersion
from quizzes.services import finish_attempt, start_attempt
from tests.quizzes.test_attempts import answer
from tests.quizzes.test_evidence import at_uid, finished

UNSURE = "You were unsure about this"


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


@pytest.fixture
def practice_after_a_miss(learner: User, graded_quiz: QuizVersion, practice_quiz: QuizVersion) -> Attempt:
    """Practice of someone who missed the test's question about features and knew those about heads."""
    test = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    answer(test, 1, right=False)
    answer(test, 2)
    answer(test, 3)
    finish_attempt(attempt=test, now=timezone.now())
    return start_attempt(user=learner, quiz_version=practice_quiz, now=timezone.now())


def page(attempt: Attempt, position: int) -> str:
    return reverse("quizzes:question", args=[attempt.pk, position])


def why(response: Any) -> str:
    found = re.search(r'<p class="why-this[^>]*>(.*?)</p>', response.content.decode())
    return unescape(re.sub(r"<[^>]+>", "", found[1])) if found else ""


def next_of(response: Any) -> str:
    found = re.search(r'href="([^"]*)">Next question<', response.content.decode())
    return found[1] if found else ""


def test_practice_begins_with_what_was_missed_and_says_why(visitor: Client, practice_after_a_miss: Attempt) -> None:
    practice = practice_after_a_miss
    hard = at_uid(practice, "p-hard")
    response = visitor.get(reverse("quizzes:attempt", args=[practice.pk]), follow=True)
    assert response.redirect_chain[-1][0] == page(practice, hard)
    assert why(response) == f"{UNSURE}: Say what a backbone gives"


def test_nobody_is_kept_from_another_question(visitor: Client, practice_after_a_miss: Attempt) -> None:
    practice = practice_after_a_miss
    easy, hard = at_uid(practice, "p-easy"), at_uid(practice, "p-hard")
    here = visitor.get(page(practice, easy))
    assert here.status_code == 200
    assert why(here) == "", "nobody chose this but the learner"
    assert next_of(here) == page(practice, hard)
    assert next_of(visitor.get(page(practice, hard))) == page(practice, easy)


def test_the_reason_is_not_told_again_beside_the_verdict(visitor: Client, practice_after_a_miss: Attempt) -> None:
    practice = practice_after_a_miss
    hard = at_uid(practice, "p-hard")
    answer(practice, hard, right=False)
    assert why(visitor.get(page(practice, hard))) == ""


def test_reading_changes_nothing_for_another_tab(visitor: Client, practice_after_a_miss: Attempt) -> None:
    addresses = [page(practice_after_a_miss, position) for position in (1, 2)]
    told = [[(why(visitor.get(address)), next_of(visitor.get(address))) for address in addresses] for _tab in range(2)]
    assert told[0] == told[1]


def test_what_a_sealed_test_hides_leads_nowhere(visitor: Client, learner: User, quiz_at_finish: QuizVersion) -> None:
    """The question that comes next must not tell which answers of an open test were wrong."""
    test = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    practice_quiz = QuizVersion.objects.get(lesson_version=quiz_at_finish.lesson_version, quiz__mode="practice")
    practice = start_attempt(user=learner, quiz_version=practice_quiz, now=timezone.now())

    def shown() -> list[tuple[str, str]]:
        pages = [visitor.get(page(practice, position)) for position in (1, 2)]
        return [(why(response), next_of(response)) for response in pages]

    before = shown()
    for position in (1, 2, 3):
        answer(test, position, right=position != 1)
    assert shown() == before
    finish_attempt(attempt=test, now=timezone.now())
    assert shown() != before


def test_results_say_how_strong_one_is_and_why(
    visitor: Client, learner: User, graded_quiz: QuizVersion, practice_quiz: QuizVersion
) -> None:
    finished(learner, practice_quiz, right=False)
    test = finished(learner, graded_quiz, right=False)
    html = visitor.get(reverse("quizzes:results", args=[test.pk])).content.decode()
    said = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
    assert re.search(r"Find the head From 2 answers in tests: you probably know from \d+ to \d+% of medium questions\.", said)
    assert re.findall(r'class="badge strength (\w+)"', html) == ["unknown", "unknown"], "practice is no part of it"
