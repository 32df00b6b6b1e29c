"""The gradebook: a file of answers in, a file of grades out, by each way of counting."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from quizzes.gradebook import Counting, counted, gradebook_of
from quizzes.models import Attempt, Quiz, RegradePolicy
from quizzes.regrading import apply_regrade, plan_regrade
from quizzes.services import finish_attempt, start_attempt, start_redo, submit_response
from tests.quizzes.conftest import chose
from tests.quizzes.test_correcting import corrected

ANSWERS = """\
learner,answer
=SUM(1),b
Bea,a
Bea,b
Bea,b
Cem,
"""
"""One line for each finished test, in order; a is right."""

GRADES = """\
learner,address,best,last,first,mean,attempts
'=SUM(1),learner0@example.org,0,0,0,0,1
Bea,learner1@example.org,1,0,1,0.3333,3
Cem,learner4@example.org,0,0,0,0,1
"""


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def sat(published) -> list[Attempt]:
    version = Quiz.objects.get(lesson=published, mode="test").versions.get()
    people: dict[str, User] = {}
    attempts = []
    for number, row in enumerate(rows_of(ANSWERS)):
        name = row["learner"]
        if name not in people:
            people[name] = User.objects.create_user(f"learner{number}@example.org", "correct horse", name=name)
        at = timezone.now() + timedelta(minutes=number)
        attempt = start_attempt(user=people[name], quiz_version=version, now=at)
        if row["answer"]:
            submit_response(attempt=attempt, position=1, answer=chose(row["answer"]), idempotency_key="k", now=at)
        attempts.append(finish_attempt(attempt=attempt, now=at))
    return attempts


@pytest.mark.parametrize("counting", Counting.values)
def test_a_file_of_answers_gives_a_file_of_grades(counting, owner, sat):
    response = owner.get(f"/studio/courses/vision/gradebook.csv?counting={counting}")
    assert response["Content-Type"].startswith("text/csv")
    found = rows_of(response.content.decode("utf-8-sig"))
    assert found == [
        {
            "learner": row["learner"],
            "address": row["address"],
            "Edges": row[counting],
            "Edges: override": "",
            "Edges: reason": "",
            "Edges: attempts": row["attempts"],
            "course grade": row[counting],
        }
        for row in rows_of(GRADES)
    ]


def test_the_page_shows_the_same(owner, sat):
    page = owner.get("/studio/courses/vision/gradebook/?counting=mean").content.decode()
    for words in ("Bea", "33%", "3 attempts", "Edges", "Finished tests and exams alone count"):
        assert words in page
    assert "gradebook.csv?counting=mean" in page
    assert owner.get("/studio/courses/vision/gradebook/?counting=nonsense").context["counting"] == Counting.BEST


def test_nobody_yet(owner, published):
    assert "Learners and their tests will stand here" in owner.get("/studio/courses/vision/gradebook/").content.decode()


def test_practice_redos_open_attempts_and_erased_people_have_no_grade(published, course, sat, learner):
    before = gradebook_of(course, Counting.LAST)
    start_redo(attempt=sat[0], now=timezone.now())
    for mode in ("test", "practice"):
        version = Quiz.objects.get(lesson=published, mode=mode).versions.get()
        open_one = start_attempt(user=learner, quiz_version=version, now=timezone.now())
        if mode == "practice":
            finish_attempt(attempt=open_one, now=timezone.now())
    assert gradebook_of(course, Counting.LAST) == before
    Attempt.objects.update(user=None)
    assert gradebook_of(course, Counting.LAST).rows == ()


def test_a_regrade_shows_at_once(course, sat, instructor):
    key = corrected("edge-test", instructor, correct=frozenset("b"))
    plan = plan_regrade(key_revision=key, policy=RegradePolicy.NEW)
    apply_regrade(
        key_revision=key,
        policy=RegradePolicy.NEW,
        fingerprint=plan.fingerprint,
        author=instructor,
        now=timezone.now(),
    )
    assert [row.cells[0].score for row in gradebook_of(course, Counting.LAST).rows] == [1.0, 1.0, 0.0]


def test_the_number_of_queries_does_not_grow_with_people(course, sat, django_assert_num_queries):
    with django_assert_num_queries(8):
        gradebook_of(course, Counting.BEST)


shares = st.lists(st.floats(0, 1), min_size=1)


@given(shares)
def test_what_counts_lies_between_worst_and_best(scores):
    found = {counting: counted(scores, counting) for counting in Counting}
    assert found[Counting.BEST] == sorted(scores)[-1]
    assert (found[Counting.FIRST], found[Counting.LAST]) == (scores[0], scores[len(scores) - 1])
    mean = found[Counting.MEAN]
    assert mean is not None
    assert min(scores) - 1e-9 <= mean <= max(scores) + 1e-9
    assert mean * len(scores) == pytest.approx(sum(scores))


@pytest.mark.parametrize("counting", Counting)
def test_nothing_counts_without_an_attempt(counting):
    assert counted([], counting) is None
