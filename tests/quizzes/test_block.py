"""`::: question uid` in a lesson's prose."""

from __future__ import annotations

from lessons.drafts import Contents
from lessons.markdown import check, render
from lessons.models import Lesson, LessonVersion
from quizzes.blocks import QuestionBlock
from quizzes.checks import check_cards
from tests.quizzes.conftest import QUESTIONS, context_for
from tests.quizzes.test_leaks import SECRETS


def test_a_card_shows_the_question_and_leads_to_it(version: LessonVersion) -> None:
    html = render("Before.\n\n::: question p-hard\n\nAfter.", facts={}, lesson_version=version)
    assert "Which one is smallest?" in html
    assert "/courses/vision/lessons/one/practise/?question=p-hard" in html
    assert not SECRETS.search(html)


def test_a_card_never_shows_a_question_of_the_test(version: LessonVersion) -> None:
    html = render("::: question q-features", facts={}, lesson_version=version)
    assert "How many numbers" not in html
    assert "will stand here" in html


def test_a_preview_names_the_question(version: LessonVersion) -> None:
    assert "p-hard" in render("::: question p-hard", facts={})


def test_hostile_uids_stay_words(version: LessonVersion) -> None:
    assert "<script" not in QuestionBlock().render(["<script>alert(1)</script>"], version=version)
    assert "<script" not in QuestionBlock().render(["<script>alert(1)</script>"], version=None)


def test_a_card_names_exactly_one_question() -> None:
    assert not check("::: question p-hard", facts={}, file="lesson.md")
    for text in ("::: question", "::: question one two"):
        assert "uid of one practice question" in check(text, facts={}, file="lesson.md")[0].message


def test_a_card_that_leads_nowhere_is_found_before_publishing(lesson: Lesson) -> None:
    prose = (
        "---\nuid: lesson-one\n---\nRead.\n\n::: question p-hard\n\n::: question p-gone\n\n```text\n::: question shown\n```\n"
    )
    contents = Contents({"lesson.md": prose, "questions.yaml": QUESTIONS})
    found = check_cards(contents=contents, context=context_for(lesson))
    assert [(finding.file, finding.line) for finding in found] == [("lesson.md", 8)]
    assert "p-gone" in found[0].message
    assert (
        check_cards(contents=Contents({"lesson.md": prose, "questions.yaml": "questions: 3"}), context=context_for(lesson))
        == []
    )
