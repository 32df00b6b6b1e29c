"""When a sitting ends: arithmetic, checked against independent sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.reveal import Situation, Standing, is_withheld, tells_answer, tells_questions, tells_total, tells_verdict
from quizzes.timing import GRACE, Extra, Window, deadline_of, is_over, seconds_left, window_at

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

minutes = st.integers(1, 600)
extras = st.builds(Extra, percent=st.integers(0, 300), minutes=st.integers(0, 300))
moments = st.integers(-2000, 2000).map(lambda shift: NOON + timedelta(minutes=shift))


@given(minutes, extras)
def test_extra_time_is_a_share_of_the_minutes_and_minutes(limit, extra):
    deadline = deadline_of(started_at=NOON, minutes=limit, closes_at=None, extra=extra)
    assert (deadline - NOON).total_seconds() == pytest.approx(60 * (limit + limit * extra.percent / 100 + extra.minutes))


@given(minutes, extras, moments)
def test_no_sitting_lasts_beyond_the_closing_and_its_extra_time(limit, extra, closes_at):
    deadline = deadline_of(started_at=NOON, minutes=limit, closes_at=closes_at, extra=extra)
    alone = deadline_of(started_at=NOON, minutes=limit, closes_at=None, extra=extra)
    closing = closes_at + timedelta(minutes=extra.minutes, seconds=60 * limit * extra.percent / 100)
    assert deadline == min(alone, closing)


def test_without_a_limit_there_is_no_deadline():
    assert deadline_of(started_at=NOON, minutes=None, closes_at=None, extra=Extra(50, 10)) is None
    assert not is_over(None, NOON)


def test_a_write_counts_until_the_grace_is_past():
    assert not is_over(NOON, NOON + GRACE)
    assert is_over(NOON, NOON + GRACE + timedelta(microseconds=1))
    assert seconds_left(NOON, NOON - timedelta(seconds=90.5)) == 90
    assert seconds_left(NOON, NOON + GRACE) == 0


@pytest.mark.parametrize(
    ("shift", "window"), [(-1, Window.EARLY), (0, Window.OPEN), (59, Window.OPEN), (60, Window.OVER), (61, Window.OVER)]
)
def test_a_window_takes_its_opening_and_not_its_closing(shift, window):
    now = NOON + timedelta(minutes=shift)
    assert window_at(now, opens_at=NOON, closes_at=NOON + timedelta(hours=1)) is window
    assert window_at(now, opens_at=None, closes_at=None) is Window.OPEN


# --- what a policy withholds

situations = st.builds(
    Situation,
    practice=st.booleans(),
    after_each=st.booleans(),
    finished=st.booleans(),
    answered=st.booleans(),
    answer_shown=st.booleans(),
    withheld=st.just(True),
)


@given(situations)
def test_nothing_withheld_is_told_of_a_question(situation):
    assert not tells_verdict(situation)
    assert not tells_answer(situation)


@given(moments, moments)
def test_a_date_holds_back_until_it_has_come(reveal_at, now):
    assert is_withheld(reveal_at=reveal_at, now=now) == (now < reveal_at)
    assert is_withheld(reveal_at=None, now=now)


@pytest.mark.parametrize(
    ("standing", "total", "questions"),
    [
        (Standing(finished=False, withheld=False, total_only=False), False, False),
        (Standing(finished=True, withheld=False, total_only=False), True, True),
        (Standing(finished=True, withheld=True, total_only=False), False, False),
        (Standing(finished=False, withheld=True, total_only=True), False, False),
        (Standing(finished=True, withheld=True, total_only=True), True, False),
    ],
)
def test_an_attempt_tells_its_total_before_or_with_its_questions(standing, total, questions):
    assert (tells_total(standing), tells_questions(standing)) == (total, questions)
