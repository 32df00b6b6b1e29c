"""What meets at an exam's deadline and at its door: threads that begin together, several rounds each.

Here on SQLite; `tests/database/test_rooms_on_postgresql.py` runs the same where writers really run at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from lessons.models import Course
from quizzes.extra_time import give_extra_time
from quizzes.models import Attempt, ExtraTime, QuizVersion, Response
from quizzes.results import result_of
from quizzes.services import Graded, attempt_for, finish_attempt, hand_in_overdue, save_answer, start_attempt, submit_response
from quizzes.timing import GRACE
from tests.quizzes.conftest import chose
from tests.quizzes.racing import raced, refusals
from tests.quizzes.test_attempts import RIGHT, uid_at
from tests.quizzes.test_exams import examine  # noqa: F401 - a fixture

ROUNDS = 4
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exam(examine) -> QuizVersion:  # noqa: F811 - the fixture
    return examine()


def sit(exam: QuizVersion, *, now: datetime) -> Attempt:
    """The open exam of somebody new, with an answer to each question saved."""
    attempt = start_attempt(user=User.objects.create_guest(), quiz_version=exam, now=now)
    for position in (1, 2):
        answer = chose(RIGHT[uid_at(attempt, position)])
        save_answer(attempt=attempt, position=position, answer=answer, now=now)
    return attempt


def submit(attempt: Attempt, *, now: datetime) -> Graded:
    answer = chose(RIGHT[uid_at(attempt, 1)])
    return submit_response(attempt=attempt, position=1, answer=answer, idempotency_key="last", now=now)


def give(course: Course, user: User, author: User, *, now: datetime, percent: int = 50) -> ExtraTime:
    return give_extra_time(course=course, user=user, percent=percent, minutes=0, reason="R", author=author, now=now)


def test_an_answer_at_the_deadline_and_the_hand_in_count_each_question_once(exam: QuizVersion) -> None:
    for _round in range(ROUNDS):
        attempt = sit(exam, now=timezone.now())
        in_time, after = attempt.deadline_at + GRACE, attempt.deadline_at + GRACE + SECOND
        outcomes = raced(lambda: submit(attempt, now=in_time), lambda: hand_in_overdue(now=after))  # noqa: B023
        attempt.refresh_from_db()
        assert isinstance(outcomes[0], Graded) or refusals(outcomes), outcomes
        assert attempt.finished_at == attempt.deadline_at
        assert Response.objects.filter(attempt_question__attempt=attempt).count() == 2
        assert result_of(attempt).right == 2, "whoever came first, what was saved or sent in time counts"


def test_whoever_looks_at_once_hands_in_once(exam: QuizVersion) -> None:
    for _round in range(ROUNDS):
        attempt = sit(exam, now=timezone.now())
        after = attempt.deadline_at + GRACE + SECOND
        outcomes = raced(
            lambda: hand_in_overdue(now=after),  # noqa: B023
            lambda: attempt_for(attempt_id=attempt.pk, person=attempt.user, now=after),  # noqa: B023
            lambda: finish_attempt(attempt=attempt, now=after),  # noqa: B023
            lambda: hand_in_overdue(now=after),  # noqa: B023
        )
        assert not refusals(outcomes)
        attempt.refresh_from_db()
        assert attempt.finished_at == attempt.deadline_at
        committed = Response.objects.filter(attempt_question__attempt=attempt).values_list("committed_at", flat=True)
        assert list(committed) == [attempt.deadline_at] * 2


def test_an_exam_begins_once_however_many_tabs_and_versions(examine) -> None:  # noqa: F811 - the fixture
    older = examine()
    newer = examine("title: Another")
    for _round in range(ROUNDS):
        user, now = User.objects.create_guest(), timezone.now()
        versions = [older, newer, older, newer]
        outcomes = raced(*[lambda v=v: start_attempt(user=user, quiz_version=v, now=now) for v in versions])  # noqa: B023
        assert len({outcome.pk for outcome in outcomes if isinstance(outcome, Attempt)}) == 1, outcomes
        attempt = Attempt.objects.get(user=user)
        raced(
            lambda: finish_attempt(attempt=attempt, now=now),  # noqa: B023
            *[lambda: start_attempt(user=user, quiz_version=newer, now=now)] * 2,  # noqa: B023
        )
        assert Attempt.objects.filter(user=user).count() == 1, "an exam that is taken once is begun once"


def test_extra_time_comes_before_the_hand_in_or_not_at_all(exam: QuizVersion, course: Course, instructor: User) -> None:
    for _round in range(2 * ROUNDS):
        attempt = sit(exam, now=timezone.now())
        ends = attempt.deadline_at
        raced(
            lambda: give(course, attempt.user, instructor, now=ends + GRACE),  # noqa: B023
            lambda: hand_in_overdue(now=ends + GRACE + SECOND),  # noqa: B023
        )
        attempt.refresh_from_db()
        if attempt.is_finished:
            assert attempt.finished_at == attempt.deadline_at == ends
        else:
            assert attempt.deadline_at == ends + timedelta(minutes=15)


def test_two_who_give_extra_time_at_once_leave_one_amount(exam: QuizVersion, course: Course, instructor: User) -> None:
    for _round in range(ROUNDS):
        now = timezone.now()
        attempt = sit(exam, now=now)
        raced(*[lambda p=p: give(course, attempt.user, instructor, now=now, percent=p) for p in (50, 100, 200)])  # noqa: B023
        holds = ExtraTime.objects.get(user=attempt.user, taken_back_at__isnull=True)
        attempt.refresh_from_db()
        assert attempt.deadline_at == now + timedelta(minutes=30 + 0.3 * holds.percent), "the deadline is that of what holds"


def test_a_begin_and_extra_time_agree_on_the_deadline(exam: QuizVersion, course: Course, instructor: User) -> None:
    for _round in range(ROUNDS):
        user, now = User.objects.create_guest(), timezone.now()
        raced(
            lambda: start_attempt(user=user, quiz_version=exam, now=now),  # noqa: B023
            lambda: give(course, user, instructor, now=now),  # noqa: B023
        )
        assert Attempt.objects.get(user=user).deadline_at == now + timedelta(minutes=45)
