"""Strength: what answers say of an ability, what they say of a question, and what is called weak, growing and strong."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.strength import (
    ABILITY_SPREAD,
    DIFFICULTY_SPREAD,
    Estimate,
    Level,
    Observation,
    authored_difficulty,
    estimate,
    guessing_floor,
    observed_difficulty,
    success,
)

difficulties = st.floats(-3, 3)
floors = st.sampled_from([0.0, 1 / 6, 0.25, 1 / 3, 0.5])
observations = st.builds(Observation, difficulties, floors, st.sampled_from([0.0, 0.5, 1.0]))
histories = st.lists(observations, max_size=12)
SLACK = 1e-9
EASY, MEDIUM, HARD = (authored_difficulty(word) for word in ("easy", "medium", "hard"))


def answers(easy: str = "", medium: str = "", hard: str = "", *, floor: float = 0.25) -> Estimate:
    """The strength after answers: answers(easy="++", hard="-")."""
    given = ((EASY, easy), (MEDIUM, medium), (HARD, hard))
    return estimate(Observation(difficulty, floor, float(mark == "+")) for difficulty, marks in given for mark in marks)


def integral(of: Callable[[float], float], *, reach: float = 14, pieces: int = 4000) -> float:
    """Simpson's rule from −reach to reach."""
    step = 2 * reach / pieces
    return step / 3 * sum((4 if i % 2 else 2 - (i in (0, pieces))) * of(-reach + i * step) for i in range(pieces + 1))


def test_difficulty_words_are_chances_of_not_knowing_for_an_ability_of_zero() -> None:
    for word, missed in (("easy", 0.3), ("medium", 0.6), ("hard", 0.9)):
        right = success(ability=0, difficulty=authored_difficulty(word), guessing=0)
        assert right == pytest.approx(1 - missed)


@pytest.mark.parametrize(
    ("kind", "options", "floor"),
    [
        ("single", 4, 1 / 4),
        ("output", 3, 1 / 3),
        ("multiple", 4, 1 / 15),
        ("numeric", 0, 0.0),
        ("numeric", 3, 0.0),
        ("single", 1, 0.0),
    ],
)
def test_the_guessing_floor_is_that_of_the_kind(kind: str, options: int, floor: float) -> None:
    assert guessing_floor(kind, options) == pytest.approx(floor)


@given(st.floats(-30, 30), difficulties, floors)
def test_nobody_is_below_the_guessing_floor(ability: float, difficulty: float, floor: float) -> None:
    assert floor <= success(ability=ability, difficulty=difficulty, guessing=floor) <= 1


@given(histories, difficulties, floors)
def test_a_right_answer_never_lowers_and_a_wrong_one_never_raises(
    history: list[Observation], difficulty: float, floor: float
) -> None:
    before = estimate(history).ability
    assert estimate([*history, Observation(difficulty, floor, 1.0)]).ability >= before - SLACK
    assert estimate([*history, Observation(difficulty, floor, 0.0)]).ability <= before + SLACK


@given(histories.flatmap(lambda history: st.tuples(st.just(history), st.permutations(history))))
def test_the_order_of_answers_is_of_no_importance(both: tuple[list[Observation], list[Observation]]) -> None:
    one, other = (estimate(history) for history in both)
    assert one.ability == pytest.approx(other.ability, abs=1e-9)
    assert one.deviation == pytest.approx(other.deviation, abs=1e-9)
    assert one.answers == other.answers


@given(histories)
def test_bounds_enclose_the_estimate(history: list[Observation]) -> None:
    found = estimate(history)
    assert 0 <= found.low < found.chance < found.high <= 1
    assert found.deviation > 0
    assert -8 < found.ability < 8


@given(difficulties, st.sampled_from([(0.0, 0.25), (0.25, 0.5)]))
def test_what_can_be_guessed_proves_less(difficulty: float, floors: tuple[float, float]) -> None:
    little, much = (estimate([Observation(difficulty, floor, 1.0)]).ability for floor in floors)
    assert little >= much - SLACK


def test_nothing_answered_is_the_prior() -> None:
    nothing = estimate([])
    assert nothing.ability == pytest.approx(0, abs=1e-9)
    assert nothing.deviation == pytest.approx(ABILITY_SPREAD, abs=1e-4)


@pytest.mark.parametrize(
    "history",
    [
        [Observation(EASY, 0.25, 1.0)],
        [Observation(EASY, 0.25, 1.0), Observation(MEDIUM, 0.25, 0.0), Observation(HARD, 0.0, 0.5)],
        [Observation(MEDIUM, 1 / 3, 1.0)] * 6 + [Observation(HARD, 0.5, 0.0)] * 4,
    ],
    ids=["one", "three", "ten"],
)
def test_the_estimate_is_the_posterior_that_an_integral_gives(history: list[Observation]) -> None:
    def weight(ability: float) -> float:
        product = math.exp(-((ability / ABILITY_SPREAD) ** 2) / 2)
        for one in history:
            right = one.guessing + (1 - one.guessing) / (1 + math.exp(one.difficulty - ability))
            product *= right**one.score * (1 - right) ** (1 - one.score)
        return product

    whole = integral(weight)
    mean = integral(lambda at: at * weight(at)) / whole
    spread = math.sqrt(integral(lambda at: (at - mean) ** 2 * weight(at)) / whole)
    found = estimate(history)
    assert found.ability == pytest.approx(mean, abs=1e-4)
    assert found.deviation == pytest.approx(spread, abs=1e-4)


def test_many_people_move_a_question_to_where_the_model_explains_them() -> None:
    """Of 4,000 people as many are right as the model says for 0.8 logits: it finds that, whatever the author said."""
    floor, true = 0.25, 0.8

    def density(at: float) -> float:
        return math.exp(-((at / ABILITY_SPREAD) ** 2) / 2)

    def right(at: float) -> float:
        return density(at) * (floor + (1 - floor) / (1 + math.exp(true - at)))

    share = integral(right) / integral(density)
    for authored in (EASY, HARD):
        found = observed_difficulty(authored=authored, guessing=floor, reached=4000 * share, answers=4000)
        assert found == pytest.approx(true, abs=0.01)


@given(difficulties, floors, st.integers(0, 40), st.integers(0, 40))
def test_a_difficulty_begins_as_authored_and_rises_with_what_is_missed(
    authored: float, floor: float, right: int, wrong: int
) -> None:
    assert observed_difficulty(authored=authored, guessing=floor, reached=0, answers=0) == authored

    def found(reached: int, missed: int) -> float:
        return observed_difficulty(authored=authored, guessing=floor, reached=reached, answers=reached + missed)

    here = found(right, wrong)
    assert found(right, wrong + 1) >= here - (SLACK if right + wrong else 0.001)
    assert found(right + 1, wrong) <= here + (SLACK if right + wrong else 0.001)
    assert abs(found(1, 0) - authored) < DIFFICULTY_SPREAD
    assert math.isfinite(here)


@pytest.mark.parametrize(
    ("strength", "level"),
    [
        (answers(), Level.UNKNOWN),
        (answers(easy="-", medium="-"), Level.UNKNOWN),  # two answers are never enough
        (answers(easy="+", medium="++", hard="+"), Level.UNKNOWN),  # four right ones may be luck
        (answers(easy="++", medium="++", hard="++"), Level.STRONG),
        (answers(easy="+", medium="++", hard="+", floor=0), Level.STRONG),  # numbers can't be guessed
        (answers(easy="-", medium="-", hard="-"), Level.WEAK),
        (answers(easy="+", medium="+-", hard="-"), Level.GROWING),
        (answers(easy="+++", medium="++++", hard="---"), Level.GROWING),
        (answers(easy="+++", medium="++++", hard="+++"), Level.STRONG),
    ],
)
def test_levels_are_named_by_the_bounds(strength: Estimate, level: Level) -> None:
    assert strength.level == level
