"""From attempts to the statistics of a lesson's questions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from accounts.models import User
from quizzes.measuring import measured_in
from quizzes.models import Attempt, QuizVersion
from quizzes.services import finish_attempt, save_answer, start_attempt, start_redo, submit_response
from quizzes.statistics import FEWEST
from tests.quizzes.conftest import chose
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from tests.quizzes.test_correcting import corrected
from tests.quizzes.test_regrading import apply

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def sit(
    user: User, quiz: QuizVersion, right: tuple[bool | None, ...], *, seconds: float = 30.0, at: datetime = NOON
) -> Attempt:
    """One attempt, an answer every so many seconds; None leaves a question open."""
    attempt = start_attempt(user=user, quiz_version=quiz, now=at)
    for position, is_right in enumerate(right, start=1):
        if is_right is None:
            continue
        uid = uid_at(attempt, position)
        at += timedelta(seconds=seconds)
        option = (RIGHT if is_right else WRONG)[uid]
        submit_response(attempt=attempt, position=position, answer=chose(option), idempotency_key=f"k{position}", now=at)
    return finish_attempt(attempt=attempt, now=at)


@pytest.fixture
def crowd(db: None) -> list[User]:
    return [User.objects.create_user(f"learner{number}@example.org", "correct horse") for number in range(FEWEST)]


def test_statistics_come_with_the_twentieth_attempt(crowd, graded_quiz, lesson):
    table = [(number % 2 == 0, number % 3 == 0, number < 12 or None) for number in range(FEWEST)]
    for user, right in zip(crowd[:-1], table, strict=False):
        sit(user, graded_quiz, right)
    assert {(one.attempts, one.statistics) for one in measured_in(lesson)} == {(FEWEST - 1, None)}
    sit(crowd[-1], graded_quiz, table[-1], seconds=90)
    scores = np.array([[float(is_right or False) for is_right in right] for right in table])
    found = measured_in(lesson)
    assert [one.question_version.question.uid for one in found] == ["q-features", "q-head", "q-printed"]
    for place, one in enumerate(found):
        assert one.statistics is not None
        assert one.key_number == 1
        assert one.statistics.facility == pytest.approx(scores[:, place].mean())
        rest = scores.sum(axis=1) - scores[:, place]
        assert one.statistics.discrimination == pytest.approx(np.corrcoef(scores[:, place], rest)[0, 1])
        assert one.statistics.seconds == 30
    assert found[0].statistics.picks == {"a": 10, "b": 10, "c": 0}
    assert sum(found[2].statistics.picks.values()) == 12  # eight left it open, which counts as not right


def test_only_the_first_finished_attempt_of_a_person_counts(learner, graded_quiz, lesson):
    first = sit(learner, graded_quiz, (False, True, None))
    sit(learner, graded_quiz, (True, True, True), at=NOON + timedelta(days=1))
    redo = start_redo(attempt=first, now=NOON)
    submit_response(attempt=redo, position=1, answer=chose("a"), idempotency_key="k", now=NOON)
    start_attempt(user=learner, quiz_version=graded_quiz, now=NOON)  # open
    assert {one.attempts for one in measured_in(lesson)} == {1}


def test_people_who_erased_their_account_count_one_by_one(crowd, graded_quiz, lesson):
    for user in crowd[:2]:
        sit(user, graded_quiz, (True, True, True))
    Attempt.objects.update(user=None)
    assert {one.attempts for one in measured_in(lesson)} == {2}


def test_an_answer_handed_in_with_the_test_took_until_its_last_change(crowd, quiz_at_finish, lesson):
    for user in crowd:
        attempt = start_attempt(user=user, quiz_version=quiz_at_finish, now=NOON)
        for position in (3, 1):
            at = NOON + timedelta(seconds=40 if position == 3 else 55)
            save_answer(attempt=attempt, position=position, answer=chose(RIGHT[uid_at(attempt, position)]), now=at)
        finish_attempt(attempt=attempt, now=NOON + timedelta(hours=2))
    assert [one.statistics and one.statistics.seconds for one in measured_in(lesson)] == [15, None, 40]


def test_the_number_of_queries_does_not_grow_with_attempts(crowd, graded_quiz, lesson, django_assert_num_queries):
    for user in crowd[:3]:
        sit(user, graded_quiz, (True, False, None))
    with django_assert_num_queries(7):
        measured_in(lesson)


@pytest.mark.parametrize("policy", ["new", "better", "full"])
def test_points_that_a_regrade_gave_say_nothing_of_the_question(policy, crowd, graded_quiz, lesson, instructor):
    for number, user in enumerate(crowd):
        sit(user, graded_quiz, (number < 15, True, True))
    apply(corrected("q-features", instructor, correct=frozenset("b")), policy, instructor)
    first = measured_in(lesson)[0]
    assert (first.key_number, first.attempts) == (2, FEWEST)
    assert first.statistics.facility == 0.25  # five chose b, which the new key calls right


def test_practice_says_nothing_of_a_question(practice, lesson):
    finish_attempt(attempt=practice, now=NOON)
    assert measured_in(lesson) == []
