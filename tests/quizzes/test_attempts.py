"""Starting, answering, finishing: what counts, what is refused, and that nothing is lost or counted twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from quizzes.models import Attempt, Grade, KeyRevision, QuizMode, QuizVersion, Response
from quizzes.services import (
    Graded,
    attempt_for,
    attempt_question,
    current_quiz_version,
    finish_attempt,
    quiz_version_of,
    result_of,
    save_answer,
    show_hint,
    show_step,
    start_attempt,
    start_redo,
    submit_response,
)
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from web.problems import Problem

RIGHT = {"q-features": "a", "q-head": "b", "q-printed": "b", "p-hard": "a", "p-easy": "a"}
WRONG = {"q-features": "b", "q-head": "a", "q-printed": "a", "p-hard": "b", "p-easy": "b"}


def uid_at(attempt: Attempt, position: int) -> str:
    return attempt_question(attempt, position).question_version.question.uid


def answer(attempt: Attempt, position: int, *, right: bool = True, key: str = "") -> Graded:
    uid = uid_at(attempt, position)
    return submit_response(
        attempt=attempt,
        position=position,
        answer=chose((RIGHT if right else WRONG)[uid]),
        idempotency_key=key or f"key-{position}-{right}",
        now=timezone.now(),
    )


# --- starting


def test_starting_twice_goes_on_with_the_open_attempt(learner: User, graded_quiz: QuizVersion) -> None:
    first = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    again = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    assert first == again
    finish_attempt(attempt=first, now=timezone.now())
    assert start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now()) != first


def test_the_database_allows_one_open_attempt(learner: User, attempt: Attempt) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(user=learner, quiz_version=attempt.quiz_version)


def test_the_order_of_options_is_drawn_once_and_kept(attempt: Attempt) -> None:
    for question in attempt.questions.all():
        keys = set(question.question_version.options.values_list("key", flat=True))
        assert set(question.option_order) == keys
        assert len(question.option_order) == len(keys)
    before = list(attempt.questions.values_list("option_order", flat=True))
    assert list(Attempt.objects.get(pk=attempt.pk).questions.values_list("option_order", flat=True)) == before


def test_orders_differ_between_attempts(learner: User, graded_quiz: QuizVersion) -> None:
    orders = set()
    for _ in range(20):
        attempt = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
        orders.add(tuple(attempt_question(attempt, 3).option_order))
        finish_attempt(attempt=attempt, now=timezone.now())
    assert len(orders) > 5


def test_practice_begins_with_the_easy_questions(practice: Attempt) -> None:
    assert [uid_at(practice, 1), uid_at(practice, 2)] == ["p-easy", "p-hard"]


def test_a_test_keeps_its_authors_order(attempt: Attempt) -> None:
    assert [uid_at(attempt, position) for position in (1, 2, 3)] == ["q-features", "q-head", "q-printed"]


def test_an_attempt_keeps_the_version_it_began_with(learner: User, attempt: Attempt, publish: Publish) -> None:
    publish(QUESTIONS.replace("Where are the classes?", "Where?").replace("questions: [q-features, ", "questions: ["))
    assert uid_at(attempt, 1) == "q-features"
    newer = current_quiz_version(attempt.quiz_version.quiz)
    assert newer != attempt.quiz_version
    assert start_attempt(user=learner, quiz_version=newer, now=timezone.now()).questions.count() == 2


# --- whose it is


def test_somebody_elses_attempt_is_not_there(attempt: Attempt, colleague: User, admin_person: User) -> None:
    for person in (colleague, admin_person, None):
        with pytest.raises(Problem) as refused:
            attempt_for(attempt_id=attempt.pk, person=person)
        assert refused.value.status == 404


# --- answering a test


def test_right_and_wrong_are_graded(attempt: Attempt) -> None:
    assert answer(attempt, 1).grade.score == 1
    assert answer(attempt, 2, right=False).grade.score == 0
    result = result_of(attempt)
    assert (result.right, result.total.reached, result.total.points) == (1, 1, 3)
    assert {name: tally.percent for name, tally in result.by_objective.items()} == {"features": 100, "heads": 0}


def test_the_same_request_twice_is_graded_once(attempt: Attempt) -> None:
    first = answer(attempt, 1, key="same")
    again = answer(attempt, 1, key="same")
    assert again.repeated
    assert not first.repeated
    assert again.grade == first.grade
    assert Response.objects.count() == Grade.objects.count() == 1


def test_a_repeated_key_with_another_answer_is_a_conflict(attempt: Attempt) -> None:
    answer(attempt, 1, key="same")
    with pytest.raises(Problem) as refused:
        answer(attempt, 1, right=False, key="same")
    assert refused.value.status == 409
    assert Response.objects.get().options == ["a"]


def test_a_test_takes_one_answer_per_question(attempt: Attempt) -> None:
    answer(attempt, 1, right=False, key="first tab".replace(" ", "-"))
    with pytest.raises(Problem, match="first answer counts"):
        answer(attempt, 1, key="second-tab")
    assert result_of(attempt).right == 0


def test_the_database_allows_one_first_answer(attempt: Attempt) -> None:
    first = answer(attempt, 1).response
    with pytest.raises(IntegrityError), transaction.atomic():
        Response.objects.create(attempt_question=first.attempt_question, number=1, options=["b"], idempotency_key="other")


@pytest.mark.parametrize("options", [[], ["z"], ["a", "b"], ["A"], [""]])
def test_what_is_no_answer_is_refused_with_a_sentence(attempt: Attempt, options: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        submit_response(attempt=attempt, position=1, answer=chose(*options), idempotency_key="k", now=timezone.now())
    assert refused.value.status == 422
    assert refused.value.detail.endswith(".")
    assert not Response.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 65, "with blank", "é", "\x00"])
def test_an_unusable_idempotency_key_is_refused(attempt: Attempt, key: str) -> None:
    with pytest.raises(Problem) as refused:
        submit_response(attempt=attempt, position=1, answer=chose("a"), idempotency_key=key, now=timezone.now())
    assert refused.value.status == 422


def test_a_place_that_is_not_there_is_404(attempt: Attempt) -> None:
    with pytest.raises(Problem) as refused:
        submit_response(attempt=attempt, position=9, answer=chose("a"), idempotency_key="k", now=timezone.now())
    assert refused.value.status == 404


def test_nothing_is_added_after_finishing(attempt: Attempt) -> None:
    finish_attempt(attempt=attempt, now=timezone.now())
    for write in (
        lambda: answer(attempt, 1),
        lambda: save_answer(attempt=attempt, position=1, answer=chose("a"), now=timezone.now()),
    ):
        with pytest.raises(Problem, match="finished"):
            write()
    assert not Response.objects.exists()


def test_an_answer_committed_before_finishing_can_still_be_asked_for_again(attempt: Attempt) -> None:
    """A lost connection: the same request after the attempt was finished elsewhere still gets its grade."""
    first = answer(attempt, 1, key="lost")
    finish_attempt(attempt=attempt, now=timezone.now())
    assert answer(attempt, 1, key="lost").grade == first.grade


# --- drafts


def test_a_choice_survives_a_closed_tab(attempt: Attempt) -> None:
    save_answer(attempt=attempt, position=1, answer=chose("b"), now=timezone.now())
    assert attempt_question(attempt, 1).draft == ["b"]
    save_answer(attempt=attempt, position=1, answer=chose(), now=timezone.now())
    assert attempt_question(attempt, 1).draft == []


def test_a_late_autosave_changes_no_committed_answer(attempt: Attempt) -> None:
    answer(attempt, 1)
    with pytest.raises(Problem, match="answered"):
        save_answer(attempt=attempt, position=1, answer=chose("b"), now=timezone.now())
    assert attempt_question(attempt, 1).draft == []


def test_finishing_a_test_hands_in_what_was_chosen(attempt: Attempt) -> None:
    save_answer(attempt=attempt, position=1, answer=chose("a"), now=timezone.now())
    finish_attempt(attempt=attempt, now=timezone.now())
    assert result_of(attempt).right == 1


def test_finishing_practice_leaves_unchecked_choices_out(practice: Attempt) -> None:
    save_answer(attempt=practice, position=1, answer=chose("a"), now=timezone.now())
    finish_attempt(attempt=practice, now=timezone.now())
    assert not Response.objects.exists()


def test_finishing_twice_changes_nothing(attempt: Attempt) -> None:
    first = finish_attempt(attempt=attempt, now=timezone.now())
    again = finish_attempt(attempt=attempt, now=timezone.now() + timedelta(hours=1))
    assert again.finished_at == first.finished_at


# --- keys


def test_an_answer_is_graded_with_the_newest_key_and_names_it(attempt: Attempt) -> None:
    question = attempt_question(attempt, 1)
    old = question.question_version.key_revisions.get()
    fixed = KeyRevision.objects.create(
        question_version=question.question_version, number=2, correct=["b"], feedback=old.feedback, answer="b", solution=["s"]
    )
    graded = answer(attempt, 1, right=False)
    assert graded.grade.score == 1
    assert graded.grade.key_revision == fixed


def test_a_new_key_changes_no_grade_that_was_given(attempt: Attempt, publish: Publish) -> None:
    before = answer(attempt, 1).grade
    publish(QUESTIONS.replace("FEEDBACK-FEATURES-A it is", "It is indeed"))
    before.refresh_from_db()
    assert before.key_revision.number == 1
    assert attempt_question(attempt, 1).question_version.key_revisions.count() == 2


@pytest.mark.parametrize("model", [Response, Grade, KeyRevision])
def test_the_database_refuses_to_change_what_is_for_good(attempt: Attempt, model: type[Response | Grade | KeyRevision]) -> None:
    answer(attempt, 1)
    field = {Response: "number", Grade: "score", KeyRevision: "number"}[model]
    with pytest.raises(IntegrityError), transaction.atomic():
        model._default_manager.update(**{field: 7})


# --- practice


def test_practice_takes_answers_until_the_right_one(practice: Attempt) -> None:
    assert answer(practice, 2, right=False, key="one").grade.score == 0
    assert answer(practice, 2, right=True, key="two").grade.score == 1
    with pytest.raises(Problem, match="has been shown"):
        answer(practice, 2, key="three")
    item = result_of(practice).items[1]
    assert [committed.is_right for committed in item.committed] == [False, True]
    assert not item.is_right


def test_a_hint_is_remembered_with_the_answer(practice: Attempt) -> None:
    show_hint(attempt=practice, position=1, now=timezone.now())
    assert answer(practice, 1).response.hint_seen


def test_a_test_has_neither_hint_nor_steps(attempt: Attempt) -> None:
    writes: tuple[Callable[[], object], ...] = (
        lambda: show_hint(attempt=attempt, position=1, now=timezone.now()),
        lambda: show_step(attempt=attempt, position=1, step=1, now=timezone.now()),
    )
    for write in writes:
        with pytest.raises(Problem) as problem:
            write()
        assert problem.value.status == 409
    assert not Response.objects.exists()


def test_asking_for_steps_first_gives_up(practice: Attempt) -> None:
    question = show_step(attempt=practice, position=2, step=1, now=timezone.now())
    assert question.steps_shown == 1
    response = question.responses.get()
    assert response.gave_up
    assert response.options == []
    assert response.grades.get().score == 0
    assert answer(practice, 2).response.steps_seen == 1
    assert not result_of(practice).items[1].is_right


def test_a_double_click_shows_one_step(practice: Attempt) -> None:
    for _ in range(2):
        question = show_step(attempt=practice, position=2, step=1, now=timezone.now())
    assert question.steps_shown == 1
    assert show_step(attempt=practice, position=2, step=99, now=timezone.now()).steps_shown == 2


def test_the_last_step_settles_the_question(practice: Attempt) -> None:
    for step in (1, 2, 3):
        question = show_step(attempt=practice, position=2, step=step, now=timezone.now())
    assert question.answer_shown_at is not None
    with pytest.raises(Problem, match="has been shown"):
        answer(practice, 2)


# --- redo


def test_a_redo_asks_only_what_was_missed(learner: User, attempt: Attempt) -> None:
    answer(attempt, 1)
    answer(attempt, 2, right=False)
    finished = finish_attempt(attempt=attempt, now=timezone.now())
    redo = start_redo(attempt=finished, now=timezone.now())
    assert [uid_at(redo, position) for position in (1, 2)] == ["q-head", "q-printed"]
    assert redo.is_practice
    assert redo.redo_of == attempt
    assert start_redo(attempt=finished, now=timezone.now()) == redo


def test_a_redo_does_not_stand_in_the_way_of_a_new_attempt(learner: User, attempt: Attempt) -> None:
    finished = finish_attempt(attempt=attempt, now=timezone.now())
    redo = start_redo(attempt=finished, now=timezone.now())
    fresh = start_attempt(user=learner, quiz_version=attempt.quiz_version, now=timezone.now())
    assert fresh not in (attempt, redo)
    assert not fresh.is_practice


def test_there_is_nothing_to_redo_of_an_open_or_a_perfect_attempt(attempt: Attempt) -> None:
    with pytest.raises(Problem, match="Finish"):
        start_redo(attempt=attempt, now=timezone.now())
    for position in (1, 2, 3):
        answer(attempt, position)
    with pytest.raises(Problem, match="missed nothing"):
        start_redo(attempt=finish_attempt(attempt=attempt, now=timezone.now()), now=timezone.now())


def test_practice_and_test_are_two_quizzes(version: object, graded_quiz: QuizVersion, practice_quiz: QuizVersion) -> None:
    assert graded_quiz.quiz.mode == QuizMode.TEST
    assert practice_quiz.quiz.mode == QuizMode.PRACTICE
    assert quiz_version_of(graded_quiz.lesson_version, QuizMode.TEST) == graded_quiz
