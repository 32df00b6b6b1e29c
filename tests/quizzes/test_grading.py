"""The pure rules: grading, orders, letters, tallies, and when what is told."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.grading import Marked, draw_order, grade, key_at, letter_of, tally, tally_by_objective
from quizzes.questions import KINDS, Answer, Choice, Credit, Fault, Key, UnknownKind, kind_named
from quizzes.questions.numeric import read_number
from quizzes.reveal import Situation, offers_hint, offers_steps, takes_answers, tells_answer, tells_verdict


def written(keys: str) -> list[Choice]:
    """An option for each letter."""
    return [Choice(key, f"option {key}") for key in keys]


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
    assert kind_named("single").faults(written(options), list(right), {}) == faults


# --- several right options --------------------------------------------------------------------------------------------------


SETS = st.frozensets(st.sampled_from("abcdef"))


@given(credit=st.sampled_from(Credit), right=SETS.filter(bool), chosen=SETS)
def test_only_exactly_the_right_options_score_fully(credit: Credit, right: frozenset[str], chosen: frozenset[str]) -> None:
    score = grade("multiple", Answer(chosen), Key(right, {"credit": str(credit)}))
    assert 0 <= score.value <= 1
    assert score.is_right == (chosen == right)


@given(credit=st.sampled_from(Credit), right=SETS.filter(bool), chosen=SETS, data=st.data())
def test_a_wrong_option_more_never_helps(
    credit: Credit, right: frozenset[str], chosen: frozenset[str], data: st.DataObject
) -> None:
    wrong = data.draw(SETS) - right
    key = Key(right, {"credit": str(credit)})
    assert grade("multiple", Answer(chosen | wrong), key).value <= grade("multiple", Answer(chosen), key).value


@pytest.mark.parametrize(
    ("credit", "chosen", "score"),
    [
        ("all_or_nothing", "ab", 0),
        ("all_or_nothing", "abcd", 0),
        ("right_minus_wrong", "ab", 2 / 3),
        ("right_minus_wrong", "abd", 1 / 3),
        ("right_minus_wrong", "adef", 0),
        ("right_without_wrong", "ab", 2 / 3),
        ("right_without_wrong", "abd", 0),
    ],
)
def test_each_credit_mode_has_its_formula(credit: str, chosen: str, score: float) -> None:
    key = Key(frozenset("abc"), {"credit": credit})
    assert grade("multiple", Answer(frozenset(chosen)), key).value == pytest.approx(score)


def test_a_multiple_choice_may_have_any_number_of_right_options_but_none() -> None:
    kind = kind_named("multiple")
    assert kind.faults(written("abc"), ["a", "b", "c"], {}) == []
    assert kind.faults(written("abc"), [], {}) == [Fault.NO_RIGHT_OPTION]
    assert kind.fault_in(Answer(frozenset("ab")), frozenset("abc")) is None
    assert kind.fault_in(Answer(), frozenset("abc")) is Fault.NOTHING_CHOSEN


# --- numbers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", "7"),
        (" 1,234 ", "1234"),
        ("1 234 567", "1234567"),
        ("1\u202f234,5", "1234.5"),
        ("25,557,032", "25557032"),
        ("1'000.25", "1000.25"),
        ("0,5", "0.5"),
        ("0,125", "0.125"),
        (".5", "0.5"),
        ("5.", "5"),
        ("\u22123", "-3"),
        ("+2.5e6", "2500000"),
        ("1.2E-3", "0.0012"),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, number: str) -> None:
    assert read_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", ",", "-", "e5", "1,234,5", "1,23,456", "12 34", "1e1000", "nan", "Infinity", "5 M", "0x10", "٣", "1" * 61],
)
def test_what_is_no_number_is_not_guessed_at(text: str) -> None:
    assert read_number(text) is None


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_number_written_out_is_read_back(number: Decimal) -> None:
    assert read_number(f"{number:,}") == number
    assert read_number(f"{number:,}".replace(",", " ")) == number
    assert read_number(str(number)) == number


NUMBERS = {"numbers": {"right": "100", "off": "90", "far": "200"}, "relative": "0.01", "absolute": "0.5"}


@pytest.mark.parametrize(
    ("text", "score", "spoken_to"),
    [
        ("100", 1, ("right",)),
        ("101.5", 1, ("right",)),
        ("101.6", 0, ()),
        ("90", 0, ("off",)),
        ("202", 0, ("far",)),
        ("", 0, ()),
    ],
)
def test_a_number_within_the_tolerance_is_right(text: str, score: float, spoken_to: tuple[str, ...]) -> None:
    key = Key(frozenset(["right"]), NUMBERS)
    assert grade("numeric", Answer(text=text), key).value == score
    assert kind_named("numeric").spoken_to(Answer(text=text), key) == spoken_to


def test_what_a_numeric_question_expects_are_numbers_that_can_be_told_apart() -> None:
    kind = kind_named("numeric")
    assert kind.faults([Choice("a", "1,000"), Choice("b", "1024")], ["a"], {}) == []
    assert kind.faults([Choice("a", "1,000"), Choice("b", "1024")], ["a"], {"relative": "0.05"}) == [
        Fault.WRONG_WITHIN_TOLERANCE
    ]
    assert kind.faults([Choice("a", "1,000"), Choice("b", "many")], ["a"], {}) == [Fault.OPTION_IS_NO_NUMBER]
    assert kind.faults([Choice("a", "1,000")], [], {}) == [Fault.NO_RIGHT_OPTION]
    assert kind.faults([Choice("a", "1"), Choice("b", "2")], ["a", "b"], {}) == [Fault.SEVERAL_RIGHT_OPTIONS]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_kind_takes_what_it_did_not_ask_for(kind: str) -> None:
    options, text = Answer(frozenset("a")), Answer(text="7")
    unasked = options if kind == "numeric" else text
    assert KINDS[kind].fault_in(unasked, frozenset("ab")) is Fault.NOT_ASKED_FOR
    assert KINDS[kind].grade(Answer(), Key(frozenset("a"), NUMBERS)).value == 0


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
