"""An exam and a date in the studio: written by forms, read back by them, byte for byte what the document said."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from quizzes.schema import read_questions
from studio.documents import QuestionsText
from studio.forms import MomentField, QuizForm
from tests.studio.conftest import QUESTIONS, files_of, form_of

SETTINGS = {
    "title": "Edges",
    "reveal": "date",
    "reveal_at": "2026-11-24T14:00:00Z",
    "exam_title": "What stays",
    "exam_minutes": "30",
    "exam_attempts": "2",
    "exam_opens_at": "2026-11-24T09:00:00Z",
    "exam_closes_at": "2026-11-24T13:00:00+01:00",
    "exam_reveal": "never",
    "exam_reveal_at": "",
}


@pytest.fixture
def document(lesson) -> QuestionsText:
    return QuestionsText(files_of(lesson)["questions.yaml"])


def test_the_forms_values_are_the_documents(document):
    text = document.with_quiz({**document.quiz, **SETTINGS, "exam_minutes": 30, "exam_attempts": 2, "exam": ["edge-practice"]})
    read, source = read_questions(text)
    assert source.findings == []
    assert (read.test.reveal, read.test.reveal_at.isoformat()) == ("date", "2026-11-24T14:00:00+00:00")
    exam = read.exam
    assert (exam.title, exam.minutes, exam.attempts, exam.reveal) == ("What stays", 30, 2, "never")
    assert exam.closes_at.isoformat() == "2026-11-24T12:00:00+00:00"
    again = QuestionsText(text)
    assert again.with_quiz(again.quiz) == text, "what was not changed stays byte for byte"
    assert again.quiz["exam_closes_at"] == SETTINGS["exam_closes_at"]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("2026-11-24 14:00", "2026-11-24T14:00:00+01:00"),
        ("2026-06-24T14:00", "2026-06-24T14:00:00+02:00"),
        ("2026-11-24 14:00Z", "2026-11-24T14:00:00+00:00"),
        ("2026-11-24T13:00:00Z", "2026-11-24T13:00:00Z"),
        ("2026-11-24", "2026-11-24"),
        ("24 Nov, at two", "24 Nov, at two"),
        ("", ""),
    ],
)
def test_a_time_without_a_zone_is_the_authors_own(typed, written):
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert MomentField(label="opens").clean(typed) == written


def test_the_form_says_whose_zone_a_time_is_in():
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert "in your time zone, Europe/Berlin" in str(QuizForm.base_fields["exam_opens_at"].help_text)


def test_a_question_is_put_into_the_exam_by_its_own_form(document):
    text = document.with_question("edge-practice", {**document.values("edge-practice"), "in_practice": False, "in_exam": True})
    assert QuestionsText(text).quiz["exam"] == ["edge-practice"]
    assert QuestionsText(text).quiz["practice"] == []


@pytest.mark.parametrize(
    ("line", "field"), [("minutes", "exam_minutes"), ("reveal_at", "reveal_at"), ("closes_at", "exam_closes_at")]
)
def test_a_finding_leads_to_the_field_that_puts_it_right(line, field):
    text = QUESTIONS.replace(
        "test:\n", "exam:\n  minutes: 30\n  closes_at: soon\n  questions: [edge-practice]\ntest:\n  reveal_at: soon\n"
    )
    number = next(place for place, words in enumerate(text.split("\n"), start=1) if line in words)
    place = QuestionsText(text).place_of(number)
    assert (place.page, place.field) == ("quiz", field)


def test_the_page_saves_an_exam_and_says_what_is_no_number(owner, base, lesson):
    sent = {**form_of(owner.get(base + "questions/")), **SETTINGS}
    refused = owner.post(base + "questions/", {**sent, "exam_minutes": "many"})
    assert refused.status_code == 422
    assert "many" in refused.content.decode(), "what was typed stays"
    assert owner.post(base + "questions/", sent).status_code == 302
    kept = QuestionsText(files_of(lesson)["questions.yaml"]).quiz
    assert {name: str(kept[name] or "") for name in SETTINGS} == SETTINGS
