"""The pure rules: grading, orders, letters, tallies, and when what is told."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.grading import Marked, draw_order, grade, key_at, letter_of, tally, tally_by_objective
from quizzes.questions import Answer, Fault, Key, UnknownKind, kind_named
from quizzes.reveal import Situation, offers_hint, offers_steps, takes_answers, tells_answer, tells_verdict

KEYS = st.lists(st.text(alphabet="abcdefghij-1", min_size=1, max_size=6), min_size=2, max_size=6, unique=True)


@given(keys=KEYS, data=st.data())
def test_exactly_the_right_option_scores(keys: list[str], data: st.DataObject) -> None:
    right = data.draw(st.sampled_from(keys))
    chosen = data.draw(st.sampled_from(keys))
    score = grade("single", Answer(frozenset([chosen])), Key(frozenset([right])))
    assert score.value == (1.0 if chosen == right else 0.0)
    assert score.is_right == (chosen == right)


def test_giving_up_scores_nothing() -> None:
    assert grade("single", Answer(frozenset()), Key(frozenset(["a"]))).value == 0
    assert grade("single", Answer(frozenset()), Key(frozenset())).value == 0


@given(keys=KEYS, data=st.data())
def test_choosing_everything_scores_nothing(keys: list[str], data: st.DataObject) -> None:
    right = data.draw(st.sampled_from(keys))
    assert grade("single", Answer(frozenset(keys)), Key(frozenset([right]))).value == 0


def test_a_kind_without_a_room_is_refused() -> None:
    with pytest.raises(UnknownKind):
        grade("essay", Answer(frozenset(["a"])), Key(frozenset(["a"])))


@pytest.mark.parametrize(
    ("chosen", "fault"),
    [([], Fault.NOTHING_CHOSEN), (["a"], None), (["z"], Fault.UNKNOWN_OPTION), (["a", "b"], Fault.SEVERAL_CHOSEN)],
)
def test_an_answer_names_one_of_the_options(chosen: list[str], fault: Fault | None) -> None:
    assert kind_named("single").fault_in(Answer(frozenset(chosen)), frozenset("abc")) is fault


@pytest.mark.parametrize(
    ("options", "right", "faults"),
    [
        ("ab", "a", []),
        ("abcdef", "f", []),
        ("a", "a", [Fault.TOO_FEW_OPTIONS]),
        ("abcdefg", "a", [Fault.TOO_MANY_OPTIONS]),
        ("ab", "", [Fault.NO_RIGHT_OPTION]),
        ("ab", "ab", [Fault.SEVERAL_RIGHT_OPTIONS]),
        ("", "", [Fault.TOO_FEW_OPTIONS, Fault.NO_RIGHT_OPTION]),
    ],
)
def test_a_single_choice_has_two_to_six_options_and_one_right(options: str, right: str, faults: list[Fault]) -> None:
    assert kind_named("single").faults(list(options), list(right)) == faults


@given(keys=KEYS, seed=st.integers())
def test_drawing_an_order_loses_and_adds_nothing(keys: list[str], seed: int) -> None:
    assert sorted(draw_order(keys, random.Random(seed))) == sorted(keys)


@given(keys=KEYS, seed=st.integers(), data=st.data())
def test_an_order_does_not_depend_on_the_authors(keys: list[str], seed: int, data: st.DataObject) -> None:
    authored = data.draw(st.permutations(keys))
    assert draw_order(authored, random.Random(seed)) == draw_order(keys, random.Random(seed))


def test_every_place_is_as_likely() -> None:
    chance = random.Random(7)
    places = [draw_order("abcd", chance).index("a") for _ in range(4000)]
    assert all(900 < places.count(place) < 1100 for place in range(4))


@given(keys=KEYS)
def test_letters_lead_back_to_their_options(keys: list[str]) -> None:
    for key in keys:
        assert key_at(letter_of(key, keys), keys) == key


@pytest.mark.parametrize("letter", ["", "AB", "a", "Z", "1", "É", "\x00", "🙂"])
def test_a_letter_nobody_saw_leads_nowhere(letter: str) -> None:
    assert key_at(letter, ["x", "y", "z"]) is None


MARKS = st.lists(
    st.builds(
        lambda objective, points, share: Marked(objective, points, points * share),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 5),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    max_size=12,
)


@given(marks=MARKS)
def test_objectives_add_up_to_the_whole(marks: list[Marked]) -> None:
    parts = tally_by_objective(marks).values()
    whole = tally(marks)
    assert sum(part.reached for part in parts) == whole.reached
    assert sum(part.points for part in parts) == whole.points
    assert 0 <= whole.share <= 1


SITUATIONS = [Situation(*values) for values in product([False, True], repeat=5)]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_nothing_is_told_while_an_answer_could_still_be_given_first(situation: Situation) -> None:
    """Before the first answer of an open attempt neither verdict nor key may leave the server."""
    if not situation.answered and not situation.finished:
        assert not tells_verdict(situation)
        assert not tells_answer(situation)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_right_is_told_only_once_no_answer_is_taken_any_more(situation: Situation) -> None:
    if tells_answer(situation):
        assert not takes_answers(situation)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_test_has_neither_hints_nor_steps(situation: Situation) -> None:
    if not situation.practice:
        assert not offers_hint(situation)
        assert not offers_steps(situation)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_finished_attempt_takes_nothing_and_tells_all(situation: Situation) -> None:
    if situation.finished:
        assert not takes_answers(situation)
        assert tells_answer(situation)
