"""A lesson's pool: what it holds without a word, by its own list, and where it declines or is too small."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from accounts.models import User
from lessons.models import Lesson, LessonVersion
from lessons.parts import Finding, Severity
from quizzes.folder import QuestionsPart
from quizzes.models import Attempt, Question, QuestionVersion, Quiz, QuizMode, QuizQuestion, QuizVersion, Reveal
from quizzes.patterns.choosing import EASY_FIRST
from quizzes.services import quiz_version_of, start_attempt
from quizzes.variants import GENERATED
from tests.quizzes.conftest import Publish, context_for
from tests.quizzes.patterns.conftest import taken, with_pool


def pool_of(version: LessonVersion) -> list[str]:
    quiz = quiz_version_of(version, QuizMode.PATTERN)
    asked = quiz.quiz_questions.values_list("question_version__question__uid", flat=True) if quiz else []
    return list(asked)


def errors(text: str, lesson: Lesson) -> list[Finding]:
    found = QuestionsPart().check(text, context_for(lesson))
    return [finding for finding in found if finding.severity is Severity.ERROR and "proof" not in finding.message]


def test_without_a_word_the_pool_is_what_practice_asks(pool: LessonVersion) -> None:
    assert pool_of(pool) == ["p-hard", "p-easy", *(f"x-{place}" for place in range(10))]
    quiz = quiz_version_of(pool, QuizMode.PATTERN)
    assert quiz is not None
    assert quiz.reveal == Reveal.FINISH


def test_a_list_of_its_own_is_the_pool(publish: Publish, lesson: Lesson) -> None:
    text = with_pool(more="pattern:\n  questions: [x-0, x-1, x-2, x-3, x-4]\n")
    assert errors(text, lesson) == []
    assert pool_of(publish(text)) == [f"x-{place}" for place in range(5)]


@pytest.mark.parametrize("text", [with_pool(more="pattern: false\n"), with_pool(2)], ids=["declined", "four to practise"])
def test_a_lesson_may_decline_or_have_too_few(publish: Publish, lesson: Lesson, text: str) -> None:
    assert errors(text, lesson) == []
    assert pool_of(publish(text)) == []


def test_five_are_enough(publish: Publish) -> None:
    assert len(pool_of(publish(with_pool(3)))) == 5


def test_a_lesson_without_the_mode_test_has_none(publish: Publish) -> None:
    assert pool_of(publish(with_pool(), meta={"modes": ["read", "practise"]})) == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("pattern: {questions: [x-0, x-1, x-2, x-3, x-3]}", "stands here twice"),
        ("pattern: {questions: [x-0, x-1, x-2, x-3, gone]}", "There is no question “gone”"),
        ("pattern: {questions: [x-0, x-1, x-2, x-3, q-head]}", "is in the graded test as well"),
        ("pattern: {questions: [x-0, x-1]}", "at least 5"),
        ("pattern: true", "must have fields of its own"),
    ],
)
def test_what_a_pool_may_not_hold_is_said_with_its_line(lesson: Lesson, pattern: str, said: str) -> None:
    text = with_pool(more=f"{pattern}\n")
    found = errors(text, lesson)
    assert any(said in finding.message for finding in found), found
    line = text.split("\n").index(pattern) + 1
    assert {finding.line for finding in found} == {line}


def test_each_test_draws_ten_from_easy_to_hard(pattern: Attempt) -> None:
    levels = [question.question_version.difficulty for question in pattern.questions.select_related("question_version")]
    assert len(levels) == 10
    assert [EASY_FIRST.index(level) for level in levels] == sorted(EASY_FIRST.index(level) for level in levels)
    assert set(levels) == set(EASY_FIRST)


def test_what_one_test_left_out_the_next_one_asks(learner: User, pattern_quiz: QuizVersion) -> None:
    def asked(attempt: Attempt) -> set[int]:
        return set(attempt.questions.values_list("question_version__question_id", flat=True))

    first, second = taken(learner, pattern_quiz), taken(learner, pattern_quiz)
    everything = set(pattern_quiz.quiz_questions.values_list("question_version__question_id", flat=True))
    assert everything - asked(first) <= asked(second)


def test_what_cannot_be_drawn_yet_leaves_its_place_to_others(learner: User, pattern_quiz: QuizVersion, lesson: Lesson) -> None:
    for place in range(1, 4):
        question = Question.objects.create(lesson=lesson, uid=f"g-{place}")
        template = QuestionVersion.objects.create(
            question=question,
            number=1,
            kind=GENERATED,
            about="concept",
            difficulty="hard",
            objective=f"new-{place}",
            stem="",
            public_sha256=f"g-{place}",
            recipe={"template": "head_input", "parameters": {}, "networks": ["unknown-network"]},
        )
        QuizQuestion.objects.create(quiz_version=pattern_quiz, position=100 + place, question_version=template)
    attempt = start_attempt(user=learner, quiz_version=pattern_quiz, now=timezone.now())
    assert attempt.questions.count() == 10


def test_an_upgraded_site_has_what_publishing_anew_would_give(publish: Publish, lesson: Lesson) -> None:
    version, small = publish(with_pool()), publish(with_pool(2))
    before = list(
        QuizQuestion.objects.filter(quiz_version__quiz__mode="pattern").values_list("position", "question_version_id")
    )
    QuizQuestion.objects.filter(quiz_version__quiz__mode="pattern").delete()
    QuizVersion.objects.filter(quiz__mode="pattern").delete()
    Quiz.objects.filter(mode="pattern").delete()
    offer = import_module("quizzes.migrations.0010_pattern_tests").offer_pattern_tests
    for _twice in range(2):
        offer(apps, None)
    rows = QuizQuestion.objects.filter(quiz_version__quiz__mode="pattern")
    assert list(rows.values_list("position", "question_version_id")) == before
    assert set(rows.values_list("quiz_version__lesson_version", "quiz_version__reveal")) == {(version.pk, "finish")}
    assert not QuizVersion.objects.filter(lesson_version=small, quiz__mode="pattern").exists()
