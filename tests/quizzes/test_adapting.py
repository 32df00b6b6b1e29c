"""Adaptive practice: what comes next, and why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quizzes.adapting import TARGET, Candidate, Pick, Why, next_question
from quizzes.strength import Estimate, success

UNTOUCHED = Estimate(0.0, 1.5, 0)
WEAK, FAIR, STRONG = Estimate(-1.5, 0.6, 6), Estimate(0.5, 0.7, 6), Estimate(2.6, 0.8, 10)


def test_without_an_answer_the_questions_come_in_their_order() -> None:
    left = [Candidate(2, "b", -0.8, 0.25), Candidate(1, "a", 2.2, 0.25)]
    assert next_question(left, {"a": UNTOUCHED, "b": UNTOUCHED}) == Pick(1, "a", Why.IN_ORDER)


def test_nothing_left_is_nothing_to_go_on_with() -> None:
    assert next_question([], {"a": WEAK}) is None


def test_the_weakest_objective_that_has_a_question_left_comes_first() -> None:
    strengths = {"a": STRONG, "b": FAIR, "c": WEAK}
    left = [Candidate(1, "a", 0, 0.25), Candidate(2, "b", 0, 0.25)]
    assert next_question(left, strengths) == Pick(2, "b", Why.LEAST)
    assert next_question([*left, Candidate(3, "c", 0, 0.25)], strengths) == Pick(3, "c", Why.WEAK)


def test_what_was_never_asked_is_weaker_than_what_is_known() -> None:
    left = [Candidate(1, "a", 0, 0.25), Candidate(2, "b", 0, 0.25)]
    assert next_question(left, {"a": FAIR, "b": UNTOUCHED}) == Pick(2, "b", Why.NEW)


def test_even_the_strong_have_something_to_go_on_with() -> None:
    assert next_question([Candidate(1, "a", 0, 0.25)], {"a": STRONG}) == Pick(1, "a", Why.STRONG)


def test_a_question_not_seen_for_long_goes_before_one_that_fits_better() -> None:
    fits = Candidate(1, "a", 0.5, 0.5, seen=2)
    assert success(ability=FAIR.ability, difficulty=0.5, guessing=0.5) == TARGET
    assert next_question([fits, Candidate(2, "a", 2.0, 0.25, seen=1)], {"a": FAIR}) == Pick(2, "a", Why.LEAST)


def test_a_question_already_tried_waits_for_the_others() -> None:
    tried, other = Candidate(1, "a", 0.5, 0.5, tried=True), Candidate(2, "b", 0.5, 0.5)
    strengths = {"a": WEAK, "b": FAIR}
    assert next_question([tried, other], strengths) == Pick(2, "b", Why.LEAST)
    assert next_question([tried], strengths) == Pick(1, "a", Why.WEAK)


candidates = st.lists(
    st.builds(
        Candidate,
        position=st.integers(1, 30),
        objective=st.sampled_from("ab"),
        difficulty=st.floats(-3, 3),
        guessing=st.sampled_from([0.0, 0.25]),
        tried=st.booleans(),
        seen=st.integers(0, 2),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda candidate: candidate.position,
)


@given(candidates.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_same_history_leads_to_the_same_question(both: tuple[list[Candidate], list[Candidate]]) -> None:
    one, other = (next_question(left, {"a": WEAK, "b": FAIR}) for left in both)
    assert one == other


@given(candidates)
def test_no_other_of_its_kind_is_nearer_the_target(left: list[Candidate]) -> None:
    strengths = {"a": WEAK, "b": FAIR}
    pick = next_question(left, strengths)
    assert pick is not None
    chosen = next(candidate for candidate in left if candidate.position == pick.position)

    def off(candidate: Candidate) -> float:
        ability = strengths[candidate.objective].ability
        return abs(success(ability=ability, difficulty=candidate.difficulty, guessing=candidate.guessing) - TARGET)

    like_it = [one for one in left if (one.objective, one.seen, one.tried) == (chosen.objective, chosen.seen, chosen.tried)]
    assert off(chosen) <= min(off(one) for one in like_it) + 1e-8
