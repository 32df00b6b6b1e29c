"""A learner says that a key is wrong: when they may, how often, who else sees it, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes import personal
from quizzes.models import Attempt, KeyReport
from quizzes.reports import answer_report, open_reports, report_key, reports_of
from quizzes.services import finish_attempt, start_attempt, submit_response
from tests.quizzes.conftest import chose
from tests.quizzes.test_correcting import corrected
from web.problems import Problem


def answered(attempt: Attempt, position: int = 1, option: str = "b") -> None:
    submit_response(
        attempt=attempt, position=position, answer=chose(option), idempotency_key=f"k{position}", now=timezone.now()
    )


def report(attempt: Attempt, text: str = "b is right as well", position: int = 1) -> KeyReport:
    return report_key(attempt=attempt, position=position, text=text, now=timezone.now())


@pytest.fixture
def visitor(client: Client, learner: User, sign_in) -> Client:
    return sign_in(client, learner)


def url_of(attempt: Attempt, position: int = 1) -> str:
    return reverse("quizzes:report", args=[attempt.pk, position])


def test_a_report_names_what_was_asked_and_the_key_that_was_told(attempt, instructor):
    answered(attempt)
    corrected("q-features", instructor, correct=frozenset("b"))
    found = report(attempt, "  b is\nright ")
    assert found.text == "b is right"
    assert found.attempt_question.question_version.number == 1
    assert found.key_revision.number == 1, "the key by which the learner was told, not a newer one"


def test_nothing_can_be_reported_before_the_key_is_told(quiz_at_finish, learner):
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    with pytest.raises(Problem, match="once you have been told"):
        report(attempt)
    answered(attempt)
    with pytest.raises(Problem, match="once you have been told"):
        report(attempt)
    attempt = finish_attempt(attempt=attempt, now=timezone.now())
    assert report(attempt).pk
    assert report(attempt, position=2).pk, "a question that was left open is told, too"


def test_one_report_of_a_question_is_open_at_a_time(attempt, instructor):
    answered(attempt)
    first = report(attempt)
    assert report(attempt, "again") == first
    answer_report(report=first, text="No: see the solution.", author=instructor, now=timezone.now())
    assert report(attempt, "I still think so") != first
    with pytest.raises(IntegrityError), transaction.atomic():
        KeyReport.objects.filter(pk=first.pk).update(answered_at=None)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 501])
def test_what_is_no_report_is_refused_with_a_sentence(attempt, text):
    answered(attempt)
    with pytest.raises(Problem) as refused:
        report(attempt, text)
    assert refused.value.status == 422
    assert not KeyReport.objects.exists()


def test_reports_are_limited_by_the_hour(attempt, instructor):
    answered(attempt)
    now = timezone.now()
    for _time in range(10):
        found = report_key(attempt=attempt, position=1, text="wrong", now=now)
        answer_report(report=found, text="no", author=instructor, now=now)
    with pytest.raises(Problem) as refused:
        report_key(attempt=attempt, position=1, text="wrong", now=now)
    assert refused.value.status == 429
    assert report_key(attempt=attempt, position=1, text="wrong", now=now + timedelta(minutes=61)).pk


def test_an_answer_is_given_once(attempt, instructor, colleague):
    answered(attempt)
    found = report(attempt)
    answer_report(report=found, text="Thank you, corrected.", author=instructor, now=timezone.now())
    with pytest.raises(Problem) as refused:
        answer_report(report=found, text="No.", author=colleague, now=timezone.now())
    assert refused.value.status == 409
    found.refresh_from_db()
    assert (found.answer, found.answered_by) == ("Thank you, corrected.", instructor)
    with pytest.raises(Problem, match="sentence"):
        answer_report(report=report(attempt), text=" ", author=colleague, now=timezone.now())


def test_open_reports_come_first_and_are_counted(attempt, lesson, instructor):
    answered(attempt)
    answered(attempt, 2, "a")
    old, new = report(attempt), report(attempt, position=2)
    assert open_reports([lesson]) == {lesson.pk: 2}
    answer_report(report=new, text="No.", author=instructor, now=timezone.now())
    assert list(reports_of(lesson)) == [old, new]
    assert open_reports([lesson]) == {lesson.pk: 1}


# --- the page


def test_the_question_and_the_results_lead_to_the_report(visitor, attempt):
    question = reverse("quizzes:question", args=[attempt.pk, 1])
    assert url_of(attempt) not in visitor.get(question).content.decode()
    answered(attempt)
    assert url_of(attempt) in visitor.get(question).content.decode()
    finish_attempt(attempt=attempt, now=timezone.now())
    assert url_of(attempt, 3) in visitor.get(reverse("quizzes:results", args=[attempt.pk])).content.decode()


def test_a_report_is_sent_and_its_answer_read(visitor, attempt, learner, instructor):
    answered(attempt)
    assert visitor.post(url_of(attempt), {"text": "b <is> right"}).status_code == 302
    page = visitor.get(url_of(attempt)).content.decode()
    assert "b &lt;is&gt; right" in page
    assert "Not answered yet" in page
    assert "Send the report" not in page
    answer_report(report=KeyReport.objects.get(), text="You are right.", author=instructor, now=timezone.now())
    page = visitor.get(url_of(attempt)).content.decode()
    assert "You are right." in page
    assert "Send the report" in page
    assert [activity.url for activity in personal.recent(learner) if "report" in activity.text] == [url_of(attempt)]


def test_what_is_refused_stays_on_the_page(visitor, attempt):
    answered(attempt)
    response = visitor.post(url_of(attempt), {"text": "y" * 501})
    assert response.status_code == 422
    assert "y" * 501 in response.content.decode()


def test_before_the_key_is_told_the_page_says_so(visitor, attempt):
    response = visitor.get(url_of(attempt))
    assert response.status_code == 409
    assert "once you have been told" in response.content.decode()
    assert visitor.post(url_of(attempt), {"text": "wrong"}).status_code == 409


def test_somebody_elses_attempt_is_404(client, attempt, colleague, sign_in):
    answered(attempt)
    assert client.get(url_of(attempt)).status_code == 404
    sign_in(client, colleague)
    assert client.get(url_of(attempt)).status_code == 404
    assert client.post(url_of(attempt), {"text": "wrong"}).status_code == 404
    assert not KeyReport.objects.exists()


def test_a_question_that_is_not_there_is_404(visitor, attempt):
    assert visitor.get(url_of(attempt, 9)).status_code == 404


# --- people


def test_a_report_is_exported_and_leaves_with_its_person(attempt, learner):
    answered(attempt)
    report(attempt)
    assert [found["text"] for found in personal.export(learner)["reports_of_keys"]] == ["b is right as well"]
    personal.erase(learner)
    assert not KeyReport.objects.exists()
    assert Attempt.objects.get().user is None


def test_a_guests_report_joins_the_account_but_not_beside_an_open_one(attempt, learner, graded_quiz):
    guest = User.objects.create_user("guest@example.org", "correct horse")
    other = start_attempt(user=guest, quiz_version=graded_quiz, now=timezone.now())
    for one in (attempt, other):
        answered(one)
        answered(one, 2, "a")
    mine = report(attempt)
    report(other, "the same")
    joins = report(other, "another", position=2)
    personal.merge(guest, learner)
    assert set(KeyReport.objects.filter(user=learner)) == {mine, joins}
