"""What an answer says of memory, the order of the queue, its caps, and when a card comes back: rules without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.models import Confidence, Rated
from quizzes.reviewing.rules import (
    CERTAIN,
    GUESS,
    MOST_CARDS,
    Known,
    Rating,
    Waiting,
    is_certain_and_wrong,
    is_enough,
    offers_few,
    queue,
    rating_of,
    time_at,
)
from quizzes.reviewing.scheduling import LONGEST_DAYS, chance_at, intervals, replay, review

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)

ratings = st.sampled_from(Rating)
gaps = st.integers(min_value=0, max_value=60 * 24).map(lambda hours: timedelta(hours=hours))
histories = st.lists(st.tuples(ratings, gaps), min_size=1, max_size=8)


def dated(history: list[tuple[Rating, timedelta]]) -> list[tuple[Rating, datetime]]:
    at, log = NOW, []
    for rating, gap in history:
        at += gap
        log.append((rating, at))
    return log


cards = st.lists(
    st.builds(
        Waiting,
        card=st.integers(1, 60),
        about=st.integers(1, 30),
        due_at=st.integers(-500, 500).map(lambda hours: NOW + timedelta(hours=hours)),
        chance=st.none() | st.floats(0, 1),
        certain_and_wrong=st.booleans(),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("known", "rating"),
    [
        (Known(right=False, helped=False), Rating.AGAIN),
        (Known(right=False, helped=False, confidence="certain"), Rating.AGAIN),
        (Known(right=True, helped=True), Rating.HARD),
        (Known(right=True, helped=True, confidence="certain"), Rating.HARD),
        (Known(right=True, helped=False, confidence="guess"), Rating.HARD),
        (Known(right=True, helped=False), Rating.GOOD),
        (Known(right=True, helped=False, confidence="likely"), Rating.GOOD),
        (Known(right=True, helped=False, confidence="certain"), Rating.EASY),
    ],
)
def test_a_rating_follows_from_the_first_answer(known: Known, rating: Rating) -> None:
    assert rating_of(known) is rating


def test_knowing_more_never_rates_lower() -> None:
    sure = {"guess": 0, "": 1, "likely": 1, "certain": 2}
    everything = [Known(*one) for one in product((False, True), (False, True), sure)]
    for less, more in product(everything, everything):
        if less.right <= more.right and less.helped >= more.helped and sure[less.confidence] <= sure[more.confidence]:
            assert rating_of(less) <= rating_of(more), (less, more)
    assert [known for known in everything if is_certain_and_wrong(known)] == [
        Known(False, False, "certain"),
        Known(False, True, "certain"),
    ]


def test_the_rules_speak_the_words_of_the_rows() -> None:
    assert (GUESS, CERTAIN) == (Confidence.GUESS, Confidence.CERTAIN)
    assert {rating.value for rating in Rating} == set(Rated.values)
    assert [rating.name for rating in Rating] == Rated.names


@given(cards, st.integers(0, 40))
def test_a_queue_is_capped_due_and_asks_nothing_twice(waiting: list[Waiting], most: int) -> None:
    asked = queue(waiting, now=NOW, most=most)
    due = [card for card in waiting if card.due_at <= NOW]
    assert len(asked) == min(most, len({card.about for card in due}))
    assert all(card in due for card in asked)
    assert len({card.about for card in asked}) == len(asked)
    assert len(queue(waiting, now=NOW)) <= MOST_CARDS


@given(cards)
def test_certain_and_wrong_comes_first_then_what_is_most_likely_forgotten(waiting: list[Waiting]) -> None:
    asked = queue(waiting, now=NOW, most=60)
    for before, after in pairwise(asked):
        assert before.certain_and_wrong >= after.certain_and_wrong
        if before.certain_and_wrong == after.certain_and_wrong and after.chance is not None:
            assert before.chance is not None
            assert before.chance <= after.chance


@given(cards, st.randoms(use_true_random=False))
def test_a_queue_does_not_depend_on_the_order_of_the_rows(waiting: list[Waiting], chance: object) -> None:
    shuffled = list(waiting)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [card.about for card in queue(shuffled, now=NOW)] == [card.about for card in queue(waiting, now=NOW)]


@given(histories)
def test_the_same_reviews_give_the_same_date(history: list[tuple[Rating, timedelta]]) -> None:
    log = dated(history)
    once, again = replay(log), replay(log)
    assert once is not None
    assert once == again
    days = (once.due_at - log[-1][1]) / DAY
    assert days == int(days), "whole days: fuzzing is off"
    assert 1 <= days <= LONGEST_DAYS


@given(histories, gaps)
def test_a_better_rating_never_brings_a_card_back_sooner(history: list[tuple[Rating, timedelta]], gap: timedelta) -> None:
    log = dated(history)
    state = replay(log)
    assert state is not None
    spans = list(intervals(state.state, at=log[-1][1] + gap).values())
    assert spans == sorted(spans)


@given(histories, st.integers(0, 400), st.integers(0, 400))
def test_what_is_not_asked_is_forgotten_bit_by_bit(history: list[tuple[Rating, timedelta]], first: int, then: int) -> None:
    log = dated(history)
    state = replay(log)
    assert state is not None
    sooner = chance_at(state.state, log[-1][1] + first * DAY)
    later = chance_at(state.state, log[-1][1] + (first + then) * DAY)
    assert sooner is not None
    assert later is not None
    assert 0 < later <= sooner <= 1


def test_a_card_that_was_never_asked_has_no_chance_yet() -> None:
    assert chance_at({}, NOW) is None
    assert replay([]) is None
    state = review({}, Rating.GOOD, at=NOW)
    assert (state.due_at - NOW).days == intervals({}, at=NOW)[Rating.GOOD].days == 2


@pytest.mark.parametrize(
    ("due", "last", "offered"),
    [
        (11, NOW - 7 * DAY, True),
        (11, NOW - 7 * DAY + timedelta(minutes=1), False),
        (10, NOW - 30 * DAY, False),
        (11, None, True),
        (0, None, False),
    ],
)
def test_a_few_are_offered_after_a_week_away_with_more_than_ten_due(due: int, last: datetime | None, offered: bool) -> None:
    assert offers_few(due=due, last=last, now=NOW) is offered


def test_ten_minutes_are_enough_and_a_page_left_open_is_no_work() -> None:
    minute = timedelta(minutes=1)
    assert not is_enough([])
    assert not is_enough([(NOW, NOW + 600 * minute)] * 4)  # 2 minutes each, at most
    assert is_enough([(NOW, NOW + 600 * minute)] * 5)
    assert not is_enough([(NOW, NOW + minute)] * 9)
    assert is_enough([(NOW, NOW + minute)] * 10)
    assert time_at(NOW, NOW - minute) == timedelta()
