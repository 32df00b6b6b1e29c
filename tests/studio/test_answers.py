"""Who answered what: by question, by person, by version, and as a file that no spreadsheet runs."""

from __future__ import annotations

import csv
import io

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from quizzes.models import Attempt, Quiz
from quizzes.services import finish_attempt, start_attempt, submit_response
from studio.answers import harmless
from tests.quizzes.conftest import chose


@pytest.fixture
def answered(published, learner):
    """One wrong and one right answer to the test's question; the second by somebody with a name like a formula."""
    formula = User.objects.create_user("formula@example.org", "correct horse", name='=HYPERLINK("http://x")')
    version = Quiz.objects.get(lesson=published, mode="test").versions.get()
    for number, (user, option) in enumerate(((learner, "b"), (formula, "a"))):
        attempt = start_attempt(user=user, quiz_version=version, now=timezone.now())
        submit_response(attempt=attempt, position=1, answer=chose(option), idempotency_key=f"key-{number}", now=timezone.now())
    return published


def test_no_answers_yet(owner, base, published):
    assert "Learners’ answers will stand here" in owner.get(base + "answers/").content.decode()


def test_answers_by_question_and_by_person(owner, base, answered):
    page = owner.get(base + "answers/").content.decode()
    for words in ("What is an edge?", "1 of 2 right", "A bright spot of light", "Lena Learner"):
        assert words in page
    people = owner.get(base + "answers/?by=person").content.decode()
    assert people.index("=HYPERLINK") < people.index("Lena Learner")
    assert "0 of 1 right" in people


def test_answers_of_one_version(owner, base, answered):
    assert "2 answers" in owner.get(base + "answers/?version=1").content.decode()
    assert "0 answers" in owner.get(base + "answers/?version=7").content.decode()
    for nonsense in ("x", "-1", "9" * 40):
        assert owner.get(base + "answers/", {"version": nonsense}).status_code == 200


def test_the_file_holds_every_answer_and_no_formula(owner, base, answered):
    response = owner.get(base + "answers.csv")
    assert response["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [(row["person"], row["answer"], row["score"]) for row in rows] == [
        ('\'=HYPERLINK("http://x")', "A change of brightness", "1.0"),
        ("Lena Learner", "A bright spot of light", "0.0"),
    ]
    assert rows[0]["time"].endswith("+00:00")


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula(text):
    cell = harmless(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.removeprefix("'") == text.removeprefix("'")


def test_statistics_are_held_back_below_twenty_people(owner, base, answered):
    for attempt in Attempt.objects.all():
        finish_attempt(attempt=attempt, now=timezone.now())
    page = owner.get(base + "answers/").content.decode()
    assert "2 people have finished a test with it. Below 20" in page
    assert "Facility" not in page


def test_statistics_from_twenty_people_on(owner, base, published):
    version = Quiz.objects.get(lesson=published, mode="test").versions.get()
    for number in range(20):
        user = User.objects.create_user(f"learner{number}@example.org", "correct horse")
        attempt = start_attempt(user=user, quiz_version=version, now=timezone.now())
        option = "a" if number < 15 else "b"
        submit_response(attempt=attempt, position=1, answer=chose(option), idempotency_key="k", now=timezone.now())
        finish_attempt(attempt=attempt, now=timezone.now())
    page = " ".join(owner.get(base + "answers/").content.decode().split())
    for words in (
        "first finished tests of 20 people",
        "75%",
        "0.50 of 1, guessing taken off. You meant it to be: easy.",
        "25%",
    ):
        assert words in page
    assert "are all the same" in page, "a test of one question has no other scores to compare with"
    assert "Facility" not in owner.get(base + "answers/?by=person").content.decode()
