"""What questions.yaml may say of an exam and of a date: published as it stands, refused with a sentence at its line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from lessons.parts import Finding, Severity
from quizzes.folder import QuestionsPart
from quizzes.models import QuizMode, Reveal
from quizzes.policies import exam_faults
from quizzes.schema import read_questions
from quizzes.services import quiz_version_of, start_attempt
from tests.quizzes.conftest import QUESTIONS, context_for

EXAM = """\
exam:
  title: What stays
  minutes: 30
  attempts: 2
  opens_at: 2026-11-24T09:00:00Z
  closes_at: 2026-11-24T13:00+01:00
  reveal: date
  reveal_at: 2026-11-24T14:00:00Z
  questions: [q-head, q-printed]
"""
WITH_EXAM = QUESTIONS.replace("questions: [q-features, q-head, q-printed]\n", "questions: [q-features]\n" + EXAM)


def complaints(lesson, text: str) -> list[str]:
    return [f"{finding.line}: {finding.message}" for finding in QuestionsPart().check(text, context_for(lesson))]


def test_an_exam_is_published_with_its_limits(publish):
    exam = quiz_version_of(publish(WITH_EXAM), QuizMode.EXAM)
    assert (exam.title, exam.minutes, exam.attempts_allowed, exam.reveal) == ("What stays", 30, 2, Reveal.DATE)
    assert exam.opens_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert exam.closes_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert exam.reveal_at == datetime(2026, 11, 24, 14, tzinfo=UTC)
    assert [one.question_version.question.uid for one in exam.quiz_questions.all()] == ["q-head", "q-printed"]


def test_an_exam_is_taken_once_and_told_after_finishing_unless_it_says_otherwise(publish):
    text = QUESTIONS.replace("test:\n  title: How well do you know it?\n  reveal: each", "exam:\n  minutes: 5")
    exam = quiz_version_of(publish(text), QuizMode.EXAM)
    assert (exam.attempts_allowed, exam.reveal, exam.opens_at) == (1, Reveal.FINISH, None)


def test_a_test_is_told_on_a_date(publish):
    version = publish(QUESTIONS.replace("reveal: each", "reveal: date\n  reveal_at: 2026-11-24T14:00:00Z"))
    test = quiz_version_of(version, QuizMode.TEST)
    assert (test.reveal, test.reveal_at) == (Reveal.DATE, datetime(2026, 11, 24, 14, tzinfo=UTC))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("reveal_at: 2026-11-24T14:00:00Z", "reveal_at: 2026-11-24", "reveal_at", "with its zone, such as"),
        ("reveal_at: 2026-11-24T14:00:00Z", "reveal_at: 2026-11-24T14:00:00", "reveal_at", "with its zone, such as"),
        ("reveal_at: 2026-11-24T14:00:00Z", "reveal_at: 0001-01-01T00:00+14:00", "reveal_at", "with its zone, such as"),
        ("  reveal_at: 2026-11-24T14:00:00Z\n", "", "reveal: date", "Say when learners are told"),
        ("reveal: date", "reveal: finish", "reveal_at", "is for “reveal: date” alone"),
        ("reveal_at: 2026-11-24T14:00:00Z", "reveal_at: 2026-11-24T11:00:00Z", "reveal_at", "while others can still answer"),
        ("opens_at: 2026-11-24T09", "opens_at: 2026-11-25T09", "closes_at", "close before it opens"),
        ("opens_at: 2026-11-24T09:00", "opens_at: 2026-11-24T11:45", "closes_at", "nobody has all of them"),
        ("  closes_at: 2026-11-24T13:00+01:00\n", "", "reveal_at", "begin after the others were told"),
        ("reveal: date\n  reveal_at: 2026-11-24T14:00:00Z", "reveal: finish", "reveal: finish", "Who hands in early"),
        ("reveal: date\n  reveal_at: 2026-11-24T14:00:00Z", "reveal: never", "reveal: never", "told their total"),
        ("reveal: each", "reveal: never", "reveal: never", "told their total"),
        ("minutes: 30", "minutes: 0", "minutes", "greater than or equal to 1"),
        ("attempts: 2", "attempts: often", "attempts", ""),
        ("[q-head, q-printed]", "[q-head, q-features]", "[q-features]", "is in the exam as well"),
        ("questions: [p-hard", "questions: [q-head, p-hard", "[q-head, p-hard", "is in the exam as well"),
        ("minutes: 30", "minutes: 30\n  until: tomorrow", "until", ""),
    ],
)
def test_what_cannot_hold_is_told_at_its_line(lesson, old, new, line, words):
    text = WITH_EXAM.replace(old, new, 1)
    assert text != WITH_EXAM
    lines = [number for number, written in enumerate(text.split("\n"), start=1) if line in written]
    found = complaints(lesson, text)
    assert any(words in complaint and complaint.split(":")[0] in map(str, lines) for complaint in found), (lines, found)


def test_a_sound_exam_has_nothing_to_complain_of(lesson):
    assert not [one for one in complaints(lesson, WITH_EXAM) if "exam" in one or "told" in one]


def test_the_documented_exam_holds():
    text = (Path(settings.ROOT) / "docs" / "content-format.md").read_text()
    (example,) = re.findall(r"^```yaml questions\n(exam:\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    document, source = read_questions(example)
    assert source.findings == []
    assert list(exam_faults(document.exam)) == []
    assert document.exam.questions == [question.uid for question in document.questions]


@pytest.mark.parametrize(
    ("policy", "words", "stops"),
    [
        ("date\n  reveal_at: 2999-11-24T14:00:00Z", "told on 24 November 2999, 14:00 UTC: here it would be told before", True),
        ("never", "never told: here it would be", False),
        ("date\n  reveal_at: 2001-11-24T14:00:00Z", "", False),
        ("finish", "", False),
    ],
)
def test_what_learners_have_sat_is_not_practised_before_it_is_told(lesson, publish, learner, policy, words, stops):
    test = quiz_version_of(publish(QUESTIONS.replace("reveal: each", f"reveal: {policy}")), QuizMode.TEST)
    practised = QUESTIONS.replace("q-head, q-printed]", "q-printed]").replace("[p-hard", "[q-head, p-hard")

    def found() -> list[Finding]:
        return [one for one in QuestionsPart().check(practised, context_for(lesson)) if "here it would be" in one.message]

    assert found() == [], "nobody has sat it"
    start_attempt(user=learner, quiz_version=test, now=timezone.now())
    assert [(words in one.message, one.severity == Severity.ERROR) for one in found()] == ([(True, stops)] if words else [])
