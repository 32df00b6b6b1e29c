"""Statistics of questions, against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quizzes.statistics import (
    FEWEST,
    Taken,
    correlation,
    discrimination,
    facility,
    level_of,
    median_seconds,
    observed_difficulty,
    picks_of,
    statistics_of,
)

shares = st.integers(0, 12).map(lambda twelfths: twelfths / 12)
attempts = st.builds(
    Taken,
    score=shares,
    rest=st.none() | shares,
    picks=st.lists(st.sampled_from("abcd"), max_size=4, unique=True).map(tuple),
    seconds=st.none() | st.floats(0, 100_000),
)


@given(st.lists(shares, min_size=1))
def test_facility_is_the_mean_score(scores):
    assert facility(scores) == pytest.approx(np.mean(scores))


def test_facility_of_nobody_is_refused():
    with pytest.raises(ValueError, match="no scores"):
        facility([])


@given(st.lists(attempts, max_size=60))
def test_discrimination_is_numpys_correlation_with_the_rest(taken):
    pairs = np.array([(one.score, one.rest) for one in taken if one.rest is not None]).reshape(-1, 2)
    found = discrimination(taken)
    if len(pairs) < 2 or np.ptp(pairs[:, 0]) == 0 or np.ptp(pairs[:, 1]) == 0:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(pairs[:, 0], pairs[:, 1])[0, 1], abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), shares), min_size=2, max_size=60))
def test_with_right_and_wrong_alone_it_is_the_point_biserial_of_the_textbook(pairs):
    """r = (M₁ - M₀) / s · √(p · q), with s of all."""
    right = np.array([rest for is_right, rest in pairs if is_right])
    wrong = np.array([rest for is_right, rest in pairs if not is_right])
    everyone = np.array([rest for _is_right, rest in pairs])
    assume(len(right) and len(wrong) and np.ptp(everyone) > 0)
    p = len(right) / len(everyone)
    textbook = (right.mean() - wrong.mean()) / everyone.std() * math.sqrt(p * (1 - p))
    assert discrimination([Taken(float(is_right), rest) for is_right, rest in pairs]) == pytest.approx(textbook, abs=1e-9)


@given(st.lists(st.tuples(shares, shares), min_size=2), st.floats(0.1, 10), st.floats(-5, 5))
def test_a_correlation_knows_neither_scale_nor_order(pairs, scale, shift):
    xs, ys = [x for x, _y in pairs], [y for _x, y in pairs]
    found = correlation(xs, ys)
    assert correlation(ys, xs) == pytest.approx(found)
    if found is not None:
        assert -1 <= found <= 1
        assert correlation([x * scale + shift for x in xs], ys) == pytest.approx(found, abs=1e-6)
        assert correlation(xs, [-y for y in ys]) == pytest.approx(-found, abs=1e-9)


@pytest.mark.parametrize(("xs", "ys"), [([], []), ([1.0], [1.0]), ([1.0, 1.0], [0.0, 1.0]), ([5e-324, 0.0], [0.0, 1.0])])
def test_where_nothing_varies_there_is_no_correlation(xs, ys):
    assert correlation(xs, ys) is None


@given(st.lists(attempts, max_size=40))
def test_the_median_time_leaves_out_those_who_did_not_answer(taken):
    times = [one.seconds for one in taken if one.seconds is not None]
    assert median_seconds(taken) == (pytest.approx(np.median(times)) if times else None)


@given(st.lists(attempts, max_size=40))
def test_every_option_is_counted_even_one_that_nobody_picked(taken):
    found = picks_of(taken, ["a", "b", "c", "d", "e"])
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert found["e"] == 0
    assert sum(found.values()) == sum(len(one.picks) for one in taken)
    assert all(count <= len(taken) for count in found.values())


@given(shares, st.floats(0, 0.9))
def test_difficulty_falls_as_facility_rises_and_guessing_is_not_knowing(ease, guess):
    found = observed_difficulty(ease, guess=guess)
    assert 0 <= found <= 1
    assert found >= observed_difficulty(min(1.0, ease + 0.1), guess=guess)
    assert observed_difficulty(guess, guess=guess) == 1
    # Those who know (1 - d) and the share g of the others who are lucky make up all who were right.
    if ease >= guess:
        assert (1 - found) + found * guess == pytest.approx(ease)


@pytest.mark.parametrize("guess", [-0.1, 1.0])
def test_a_guess_that_is_no_chance_is_refused(guess):
    with pytest.raises(ValueError, match="probability"):
        observed_difficulty(0.5, guess=guess)


@pytest.mark.parametrize(("difficulty", "level"), [(0.0, "easy"), (0.3, "easy"), (0.6, "medium"), (0.9, "hard"), (1.0, "hard")])
def test_a_difficulty_is_named_as_authors_do(difficulty, level):
    assert level_of(difficulty) == level


def test_below_twenty_attempts_nothing_is_said():
    taken = [Taken(number % 2, number / FEWEST, ("ab"[number % 2],), 10.0 + number) for number in range(FEWEST)]
    assert statistics_of(taken[:-1], options=["a", "b"], guess=0.5) is None
    found = statistics_of(taken, options=["a", "b"], guess=0.5)
    assert found is not None
    assert (found.attempts, found.facility, found.seconds, found.picks) == (20, 0.5, 19.5, {"a": 10, "b": 10})
    assert (found.difficulty, found.level) == (1.0, "hard")
