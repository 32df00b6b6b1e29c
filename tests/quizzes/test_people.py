"""What is kept of people: who answered what, export, erasure, a guest's work joining an account, and what admins may do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes import personal
from quizzes.grading import letter_of
from quizzes.models import Attempt, QuizVersion, Response
from quizzes.services import attempt_question, finish_attempt, responses_of, save_answer, show_step, start_attempt, start_redo
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.test_attempts import answer


@pytest.fixture
def guest(db: None) -> User:
    return User.objects.create_guest()


def begin(user: User, quiz: QuizVersion) -> Attempt:
    return start_attempt(user=user, quiz_version=quiz, now=timezone.now())


# --- who answered what


def test_an_instructor_sees_who_answered_what(attempt: Attempt, guest: User, practice_quiz: QuizVersion) -> None:
    answer(attempt, 2, right=False)
    practised = begin(guest, practice_quiz)
    show_step(attempt=practised, position=2, step=1, now=timezone.now())
    gave_up, wrong = responses_of(attempt.quiz_version.quiz.lesson)
    assert (wrong.who, wrong.mode, wrong.question_uid, wrong.right) == ("Lena Learner", "test", "q-head", False)
    assert wrong.texts == ("`model.fc`",)
    assert wrong.letters == (letter_of("a", attempt_question(attempt, 2).option_order),)
    assert (wrong.lesson_version, wrong.question_version, wrong.number) == (1, 1, 1)
    assert (gave_up.who, gave_up.mode, gave_up.gave_up) == (f"guest {guest.pk}", "practice", True)
    assert [record.who for record in responses_of(attempt.quiz_version)] == ["Lena Learner"]


def test_versions_are_told_apart(learner: User, attempt: Attempt, publish: Publish) -> None:
    answer(attempt, 1)
    newer = publish(QUESTIONS.replace("What does this print?", "What is printed?"))
    quiz = newer.quiz_versions.get(quiz__mode="test")
    again = begin(learner, quiz)
    answer(again, 3)
    newest, oldest = responses_of(attempt.quiz_version.quiz.lesson)
    assert (newest.lesson_version, newest.question_version) == (2, 2)
    assert (oldest.lesson_version, oldest.question_version) == (1, 1)


def test_many_responses_take_few_queries(
    attempt: Attempt, guest: User, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for person in (None, guest):
        mine = attempt if person is None else begin(person, attempt.quiz_version)
        for position in (1, 2, 3):
            answer(mine, position)
    with django_assert_max_num_queries(3):  # type: ignore[attr-defined]
        assert len(responses_of(attempt.quiz_version)) == 6
    assert len(responses_of(attempt.quiz_version, limit=2)) == 2


# --- one's own data


def test_an_export_holds_every_answer(learner: User, attempt: Attempt) -> None:
    answer(attempt, 1)
    save_answer(attempt=attempt, position=2, answer=chose("a"), now=timezone.now())
    finish_attempt(attempt=attempt, now=timezone.now())
    exported = personal.export(learner)
    json.dumps(exported)
    (kept,) = exported["attempts"]
    assert kept["lesson"] == "One"
    assert kept["questions"][0]["answers"][0]["right"] is True
    assert kept["questions"][1]["answers"][0]["right"] is False
    assert kept["score"] == pytest.approx(1 / 3)


def test_erasing_a_person_keeps_their_answers_without_a_name(learner: User, attempt: Attempt) -> None:
    answer(attempt, 1)
    personal.erase(learner)
    learner.delete()
    (record,) = responses_of(attempt.quiz_version)
    assert record.who == "erased account"
    assert Response.objects.count() == 1


def test_a_guests_attempts_join_the_account(learner: User, guest: User, graded_quiz: QuizVersion) -> None:
    theirs = begin(guest, graded_quiz)
    answer(theirs, 1)
    personal.merge(guest, learner)
    theirs.refresh_from_db()
    assert theirs.user == learner
    assert not theirs.is_finished


def test_the_guests_open_attempt_goes_on_and_the_accounts_is_finished(
    learner: User, guest: User, attempt: Attempt, graded_quiz: QuizVersion
) -> None:
    save_answer(attempt=attempt, position=1, answer=chose("a"), now=timezone.now())
    theirs = begin(guest, graded_quiz)
    personal.merge(guest, learner)
    attempt.refresh_from_db()
    theirs.refresh_from_db()
    assert attempt.is_finished
    assert not theirs.is_finished
    assert begin(learner, graded_quiz) == theirs
    assert Response.objects.filter(attempt_question__attempt=attempt).count() == 1


def test_a_guests_redo_joins_too(learner: User, guest: User, graded_quiz: QuizVersion, attempt: Attempt) -> None:
    theirs = finish_attempt(attempt=begin(guest, graded_quiz), now=timezone.now())
    redo = start_redo(attempt=theirs, now=timezone.now())
    personal.merge(guest, learner)
    redo.refresh_from_db()
    attempt.refresh_from_db()
    assert redo.user == learner
    assert not attempt.is_finished


# --- admins


def test_an_admin_looks_and_changes_nothing(
    client: Client, admin_person: User, attempt: Attempt, sign_in: Callable[[Client, User], Client]
) -> None:
    answer(attempt, 1)
    visitor = sign_in(client, admin_person)
    for name in ("attempt", "response", "grade", "keyrevision", "questionversion", "misconception"):
        assert visitor.get(reverse(f"admin:quizzes_{name}_changelist")).status_code == 200
        assert visitor.get(reverse(f"admin:quizzes_{name}_add")).status_code == 403
    change = reverse("admin:quizzes_attempt_change", args=[attempt.pk])
    assert visitor.get(change).status_code == 200
    assert visitor.post(change, {"finished_at_0": "2020-01-01"}).status_code == 403
    assert visitor.post(reverse("admin:quizzes_attempt_delete", args=[attempt.pk]), {"post": "yes"}).status_code == 403


def test_admins_pages_are_for_admins(client: Client, instructor: User, sign_in: Callable[[Client, User], Client]) -> None:
    assert sign_in(client, instructor).get(reverse("admin:quizzes_attempt_changelist")).status_code == 302


def test_the_profile_tells_of_the_latest_attempts(attempt: Attempt, practice: Attempt, learner: User) -> None:
    told = {activity.url: activity.text for activity in personal.recent(learner)}
    assert told[f"/attempts/{attempt.pk}/"].startswith("Took the test: ")
    assert told[f"/attempts/{practice.pk}/"].startswith("Practised: ")
