"""What the studio makes of a lesson's test of the pattern: declined, its own pool, and a pool's question that is deleted."""

from __future__ import annotations

import pytest

from studio.documents import QuestionsText
from studio.forms import QuizForm

OWN = "pattern: {questions: [a, b, c]}  # chosen by hand\nquestions:\n  - {uid: a}\n  - {uid: b}\n  - {uid: c}\n"


def chosen(text: str) -> str:
    return str(QuestionsText(text).quiz["pattern"])


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("pattern: false\n", "off"), (OWN, "own")])
def test_saving_what_was_not_changed_changes_nothing(text: str, shown: str) -> None:
    document = QuestionsText(text)
    assert chosen(text) == shown
    assert document.with_quiz(document.quiz) == text


def test_an_author_declines_and_takes_it_back() -> None:
    document = QuestionsText("practice:\n  questions: [a]\n")
    declined = document.with_quiz({**document.quiz, "pattern": "off"})
    assert declined == "practice:\n  questions: [a]\npattern: false\n"
    back = QuestionsText(declined)
    assert back.with_quiz({**back.quiz, "pattern": ""}) == "practice:\n  questions: [a]\n"


def test_a_deleted_question_leaves_the_pool() -> None:
    left = QuestionsText(QuestionsText(OWN).without_question("b"))
    assert left.data["pattern"] == {"questions": ["a", "c"]}
    assert left.uids == ["a", "c"]


def test_a_finding_about_the_pool_leads_to_its_field() -> None:
    place = QuestionsText(OWN).place_of(1)
    assert (place.page, place.field) == ("quiz", "pattern")


@pytest.mark.parametrize(("value", "offered"), [("", ["", "off"]), ("own", ["", "off", "own"])])
def test_a_list_of_its_own_is_offered_where_there_is_one(value: str, offered: list[str]) -> None:
    form = QuizForm(initial={"pattern": value})
    choices = dict(form.fields["pattern"].choices)
    assert list(choices) == offered
    assert "own" not in [str(label) for label in choices.values()]
