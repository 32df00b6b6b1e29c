"""Which answers say something about a strength, what others' answers say about a question, and what practice makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from lessons.models import Lesson
from quizzes.adapting import Why
from quizzes.evidence import adaptive_evidence, answers_and_open, first_answers, practice_at, verdict_evidence
from quizzes.models import Attempt, Grade, KeyRevision, QuizMode, QuizVersion, Regrade
from quizzes.presenting import questions_of
from quizzes.services import finish_attempt, quiz_version_of, show_hint, show_step, start_attempt, start_redo
from quizzes.strength import Estimate
from tests.quizzes.conftest import Publish
from tests.quizzes.test_attempts import answer, uid_at
from tests.quizzes.test_exams import exam_text


def counted(person: User) -> dict[str, float]:
    """Question uid → the score that counts."""
    return {first.asked.question_version.question.uid: first.score for first in first_answers(person) if first.counts}


def strengths(person: User | None) -> dict[str, Estimate]:
    """What practice adapts to."""
    return {name: found for (_lesson, name), found in adaptive_evidence(first_answers(person)).by_objective().items()}


def verdicts(person: User) -> dict[str, Estimate]:
    return {name: found for (_lesson, name), found in verdict_evidence(answers_and_open(person)).by_objective().items()}


def finished(person: User, quiz: QuizVersion, *, right: bool, days: int = 0) -> Attempt:
    """An attempt that answered every question so, the given number of days ago."""
    attempt = start_attempt(user=person, quiz_version=quiz, now=timezone.now() - timedelta(days=days))
    for position in range(1, attempt.questions.count() + 1):
        answer(attempt, position, right=right)
    return finish_attempt(attempt=attempt, now=timezone.now())


def at_uid(attempt: Attempt, uid: str) -> int:
    return next(question.position for question in questions_of(attempt) if uid_at(attempt, question.position) == uid)


# --- what counts


def test_the_first_answer_counts_and_no_later_one(learner: User, practice: Attempt) -> None:
    answer(practice, 1, right=False)
    answer(practice, 1, right=True)
    assert counted(learner) == {"p-easy": 0.0}


def test_the_latest_attempt_at_a_question_counts(learner: User, practice_quiz: QuizVersion) -> None:
    finished(learner, practice_quiz, right=False)
    low = strengths(learner)["heads"]
    finished(learner, practice_quiz, right=True)
    high = strengths(learner)["heads"]
    assert low.ability < 0 < high.ability
    assert low.answers == high.answers == 1


def test_answers_in_practice_and_in_tests_count_alike(learner: User, attempt: Attempt, practice: Attempt) -> None:
    answer(attempt, 1)
    answer(practice, 1)
    assert counted(learner) == {"q-features": 1.0, "p-easy": 1.0}


def test_giving_up_counts_as_not_right(learner: User, practice: Attempt) -> None:
    show_step(attempt=practice, position=1, step=1, now=timezone.now())
    assert counted(learner) == {"p-easy": 0.0}


@pytest.mark.parametrize("right", [True, False])
def test_an_answer_after_a_hint_counts_neither_way(learner: User, practice: Attempt, right: bool) -> None:
    show_hint(attempt=practice, position=1, now=timezone.now())
    answer(practice, 1, right=right)
    assert counted(learner) == {}
    assert strengths(learner) == {}


def test_the_redo_of_what_was_just_explained_does_not_count(learner: User, graded_quiz: QuizVersion) -> None:
    test = finished(learner, graded_quiz, right=False)
    redo = start_redo(attempt=test, now=timezone.now())
    answer(redo, 1, right=True)
    assert set(counted(learner).values()) == {0.0}


def test_a_sealed_test_says_nothing_before_it_is_finished(learner: User, quiz_at_finish: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    for position in (1, 2, 3):
        answer(attempt, position, right=position == 1)
    assert counted(learner) == {}
    finish_attempt(attempt=attempt, now=timezone.now())
    assert counted(learner) == {"q-features": 1.0, "q-head": 0.0, "q-printed": 0.0}


def test_a_changed_key_changes_the_strength(learner: User, practice: Attempt) -> None:
    graded = answer(practice, 1, right=False)
    version = practice.questions.get(position=1).question_version
    fixed = KeyRevision.objects.create(
        question_version=version, number=2, correct=["b"], feedback={}, answer="In the stem.", reason="The key was wrong."
    )
    regrade = Regrade.objects.create(key_revision=fixed, policy="new", changed=1)
    Grade.objects.create(response=graded.response, key_revision=fixed, regrade=regrade, score=1.0, points=1.0)
    assert counted(learner) == {"p-easy": 1.0}


def test_nobody_has_someone_elses_strength(learner: User, outsider: User, practice: Attempt) -> None:
    answer(practice, 1)
    assert strengths(outsider) == {}
    assert strengths(None) == {}


def test_strengths_take_two_queries_however_much_was_answered(
    learner: User, graded_quiz: QuizVersion, practice_quiz: QuizVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for quiz in (graded_quiz, practice_quiz, practice_quiz):
        finished(learner, quiz, right=True)
    with django_assert_num_queries(2):
        assert strengths(learner)["heads"].answers == 3


# --- the verdict


def test_practice_is_never_in_a_verdict(learner: User, graded_quiz: QuizVersion, practice_quiz: QuizVersion) -> None:
    finished(learner, practice_quiz, right=False)
    assert verdicts(learner) == {}
    assert set(strengths(learner)) == {"features", "heads"}
    finished(learner, graded_quiz, right=True)
    before = verdicts(learner)
    assert (before["features"].answers, before["heads"].answers) == (1, 2)
    finished(learner, practice_quiz, right=True)
    assert verdicts(learner) == before


@pytest.mark.parametrize("mode", [mode for mode in QuizMode if mode != QuizMode.PRACTICE])
def test_a_verdict_rests_on_tests_exams_and_tests_of_the_pattern_alone(
    learner: User, graded_quiz: QuizVersion, mode: QuizMode
) -> None:
    finished(learner, graded_quiz, right=True)
    graded_quiz.quiz.mode = mode
    graded_quiz.quiz.save()
    assert bool(verdicts(learner)) is (mode in ("test", "exam", "pattern"))


def test_the_redo_of_a_test_is_no_part_of_a_verdict(learner: User, graded_quiz: QuizVersion) -> None:
    test = finished(learner, graded_quiz, right=False)
    before = verdicts(learner)
    redo = start_redo(attempt=test, now=timezone.now())
    answer(redo, 1, right=True)
    assert verdicts(learner) == before


def test_what_a_test_left_open_lowers_the_verdict_until_it_is_answered(learner: User, graded_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    answer(attempt, 2, right=True)  # about heads, as the third; the first is about features
    assert verdicts(learner)["heads"].left_open == 0, "it can still be answered"
    finish_attempt(attempt=attempt, now=timezone.now())
    before = verdicts(learner)
    assert [(before[name].answers, before[name].left_open) for name in ("features", "heads")] == [(0, 1), (1, 1)]
    assert before["features"].ability < 0
    assert "features" not in strengths(learner), "practice goes on with what was answered"
    again = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    answer(again, 3, right=True)
    after = verdicts(learner)["heads"]
    assert (after.answers, after.left_open) == (2, 0)
    assert after.ability > before["heads"].ability


def test_what_an_exam_left_no_time_for_says_nothing(learner: User, publish: Publish) -> None:
    exam = quiz_version_of(publish(exam_text("reveal: finish\nattempts: 2")), QuizMode.EXAM)
    assert exam is not None
    began = timezone.now() - timedelta(hours=2)
    late = start_attempt(user=learner, quiz_version=exam, now=began)
    assert late.deadline_at is not None
    finish_attempt(attempt=late, now=late.deadline_at + timedelta(minutes=1))
    assert verdicts(learner) == {}
    in_time = start_attempt(user=learner, quiz_version=exam, now=timezone.now())
    finish_attempt(attempt=in_time, now=timezone.now())
    assert verdicts(learner)["heads"].left_open == 2


def test_what_is_left_open_is_in_no_verdict_before_it_may_be_told(learner: User, publish: Publish) -> None:
    exam = quiz_version_of(publish(exam_text("reveal: never")), QuizMode.EXAM)
    assert exam is not None
    finish_attempt(attempt=start_attempt(user=learner, quiz_version=exam, now=timezone.now()), now=timezone.now())
    assert verdicts(learner) == {}


# --- practice


def test_practice_begins_from_easy_to_hard_while_nothing_is_known(practice: Attempt) -> None:
    found = practice_at(practice, questions_of(practice))
    assert found.best is not None
    assert (found.best.position, found.best.why) == (1, Why.IN_ORDER)


def test_practice_goes_on_with_what_a_test_found_weak(
    learner: User, graded_quiz: QuizVersion, practice_quiz: QuizVersion, lesson: Lesson
) -> None:
    test = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    answer(test, 1, right=False)  # about features
    answer(test, 2, right=True)  # about heads
    practice = start_attempt(user=learner, quiz_version=practice_quiz, now=timezone.now())
    found = practice_at(practice, questions_of(practice))
    assert found.best is not None
    assert (found.best.position, found.best.objective, found.best.why) == (at_uid(practice, "p-hard"), "features", Why.WEAK)
    here = practice_at(practice, questions_of(practice), here=found.best.position)
    assert here.best == found.best
    assert here.onward is not None
    assert here.onward.position == at_uid(practice, "p-easy")


def test_a_settled_question_is_not_asked_again(practice: Attempt) -> None:
    answer(practice, 1)
    found = practice_at(practice, questions_of(practice), here=1)
    assert found.onward is not None
    assert found.onward.position == 2
    answer(practice, 2)
    assert practice_at(practice, questions_of(practice), here=2).onward is None


def test_two_tabs_are_led_to_the_same_question(practice: Attempt) -> None:
    answer(practice, 2, right=False)
    one, other = (practice_at(practice, questions_of(practice), here=2) for _ in range(2))
    assert one == other


def test_tests_redos_and_what_is_finished_keep_to_their_order(learner: User, graded_quiz: QuizVersion) -> None:
    test = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    assert practice_at(test, questions_of(test)).best is None
    answer(test, 1, right=False)
    done = finish_attempt(attempt=test, now=timezone.now())
    redo = start_redo(attempt=done, now=timezone.now())
    for attempt in (done, redo):
        assert practice_at(attempt, questions_of(attempt)).best is None
