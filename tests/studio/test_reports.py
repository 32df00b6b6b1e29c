"""Reports of wrong keys as the people who teach read and answer them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from lessons.models import Lesson, Membership
from quizzes.models import KeyReport, Quiz
from quizzes.reports import report_key
from quizzes.services import start_attempt, submit_response
from tests.quizzes.conftest import chose


@pytest.fixture
def report(published, learner) -> KeyReport:
    version = Quiz.objects.get(lesson=published, mode="test").versions.get()
    attempt = start_attempt(user=learner, quiz_version=version, now=timezone.now())
    submit_response(attempt=attempt, position=1, answer=chose("b"), idempotency_key="k", now=timezone.now())
    return report_key(attempt=attempt, position=1, text="A <bright> spot is one, too", now=timezone.now())


def test_no_reports_yet(owner, base, published):
    assert "Reports of wrong keys will stand here" in owner.get(base + "reports/").content.decode()


def test_a_report_stands_with_what_was_asked_answered_and_told(owner, base, report):
    page = owner.get(base + "reports/").content.decode()
    for words in (
        "A &lt;bright&gt; spot is one, too",
        "Lena Learner",
        "What is an edge?",
        "A bright spot of light",
        "wording 1 in lesson version 1, told by key 1",
        base + "answers/edge-test/1/key/",
    ):
        assert words in page


def test_course_and_answers_say_that_reports_wait(owner, base, report):
    assert "1 waits for your answer" in owner.get(base + "answers/").content.decode()
    assert "1 report of a wrong key" in owner.get("/studio/courses/vision/").content.decode()


def test_a_report_is_answered_once(owner, second, base, report, instructor):
    assert owner.post(base + "reports/", {"report": report.pk, "answer": "Thank you."}).status_code == 302
    report.refresh_from_db()
    assert (report.answer, report.answered_by) == ("Thank you.", instructor)
    late = second.post(base + "reports/", {"report": report.pk, "answer": "No."})
    assert late.status_code == 409
    assert "Somebody answered this report meanwhile" in late.content.decode()
    report.refresh_from_db()
    assert report.answer == "Thank you."
    assert "waits for your answer" not in owner.get(base + "answers/").content.decode()


@pytest.mark.parametrize("answer", [" ", "x" * 501])
def test_what_is_no_answer_stays_on_the_page(owner, base, report, answer):
    response = owner.post(base + "reports/", {"report": report.pk, "answer": answer})
    assert response.status_code == 422
    assert answer in response.content.decode()
    assert KeyReport.objects.filter(answered_at__isnull=True).exists()


@pytest.mark.parametrize("number", ["", "x", "0", "9" * 11, "9" * 40])
def test_a_report_that_is_not_there_is_404(owner, base, report, number):
    assert owner.post(base + "reports/", {"report": number, "answer": "No."}).status_code == 404


def test_another_lessons_report_is_404(owner, base, report, instructor, course):
    other = Lesson.objects.create(course=course, uid="other", slug="other")
    assert Membership.objects.filter(course=other.course, user=instructor).exists()
    response = owner.post("/studio/courses/vision/lessons/other/reports/", {"report": report.pk, "answer": "No."})
    assert response.status_code == 404
