"""What a test of the pattern asks: ten of the pool, spread, fresh first, from easy to hard; for any pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from quizzes.patterns.choosing import ASKED, EASY_FIRST, Candidate, choose

SEEDS = st.integers(0, 2**32)


def pools(*, families: Sequence[str] = ("",), objectives: str = "abcde") -> st.SearchStrategy[list[Candidate]]:
    one = st.tuples(st.sampled_from(objectives), st.sampled_from(EASY_FIRST), st.sampled_from(families), st.integers(0, 4))
    return st.lists(one, max_size=30).map(lambda rows: [Candidate(place, *row) for place, row in enumerate(rows)])


def left_of(pool: list[Candidate], chosen: list[Candidate]) -> list[Candidate]:
    return [one for one in pool if one not in chosen]


@given(pools(families=("", "", "sizes", "heads")), SEEDS)
def test_it_asks_ten_different_questions_from_easy_to_hard(pool: list[Candidate], seed: int) -> None:
    chosen = choose(pool, Random(seed))
    assert len(chosen) == len({one.place for one in chosen}) == min(ASKED, len(pool))
    assert set(chosen) <= set(pool)
    ranks = [EASY_FIRST.index(one.difficulty) for one in chosen]
    assert ranks == sorted(ranks)
    assert choose(pool, Random(seed)) == chosen


@given(pools(families=("", "sizes", "heads", "strides")), SEEDS)
def test_no_template_is_asked_twice_while_others_are_left(pool: list[Candidate], seed: int) -> None:
    chosen = choose(pool, Random(seed))
    asked = Counter(one.family for one in chosen if one.family)
    spare = left_of(pool, chosen)
    if max(asked.values(), default=0) > 1:
        assert all(one.family for one in spare)
    for one in spare:
        if one.family:
            assert max(asked.values(), default=0) <= asked[one.family] + 1


@given(pools(), SEEDS)
def test_no_objective_is_asked_about_more_than_once_more_than_another_that_has_questions_left(
    pool: list[Candidate], seed: int
) -> None:
    chosen = choose(pool, Random(seed))
    asked = Counter(one.objective for one in chosen)
    for one in left_of(pool, chosen):
        assert max(asked.values()) <= asked[one.objective] + 1


@given(pools(objectives="a"), SEEDS)
def test_within_an_objective_difficulties_are_asked_alike_often(pool: list[Candidate], seed: int) -> None:
    chosen = choose(pool, Random(seed))
    asked = Counter(one.difficulty for one in chosen)
    for one in left_of(pool, chosen):
        assert max(asked.values()) <= asked[one.difficulty] + 1


@given(pools(), SEEDS)
def test_of_two_alike_the_one_answered_longest_ago_or_never_comes_first(pool: list[Candidate], seed: int) -> None:
    chosen = choose(pool, Random(seed))
    for spare in left_of(pool, chosen):
        alike = [one for one in chosen if (one.objective, one.difficulty) == (spare.objective, spare.difficulty)]
        assert all(one.seen <= spare.seen for one in alike)


def test_chance_decides_what_the_rules_leave_open() -> None:
    pool = [Candidate(place, "a", "easy") for place in range(20)]
    drawn = {frozenset(one.place for one in choose(pool, Random(seed))) for seed in range(20)}
    assert len(drawn) > 10


def test_the_rare_hard_question_is_not_lost_among_many_easy_ones() -> None:
    pool = [Candidate(place, "abcdefghijklmno"[place], "easy") for place in range(14)] + [Candidate(14, "o", "hard")]
    assert all(Candidate(14, "o", "hard") in choose(pool, Random(seed)) for seed in range(10))
