"""McNemar's exact test, against independent computations."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from inference.training.pairing import Pairs, mcnemar, paired

alone = st.integers(0, 200)


def as_uneven(first_alone: int, second_alone: int) -> Fraction:
    """The share of all sequences of fair tosses that come out at least as uneven: nothing but counting."""
    tosses = list(product((0, 1), repeat=first_alone + second_alone))
    apart = abs(first_alone - second_alone)
    return Fraction(sum(abs(len(heads) - 2 * sum(heads)) >= apart for heads in tosses), len(tosses))


def distribution(tosses: int) -> list[Fraction]:
    """How probable each number of heads is, toss by toss."""
    shares = [Fraction(1)]
    for _ in range(tosses):
        shares = [(left + right) / 2 for left, right in zip([Fraction(0), *shares], [*shares, Fraction(0)], strict=True)]
    return shares


@pytest.mark.parametrize(("first_alone", "second_alone"), [(first, second) for first in range(7) for second in range(7)])
def test_it_is_the_share_of_tosses_that_are_as_uneven(first_alone: int, second_alone: int) -> None:
    assert mcnemar(first_alone, second_alone) == float(as_uneven(first_alone, second_alone))


@given(st.integers(0, 60), st.integers(0, 60))
def test_it_is_twice_the_lower_tail_in_whole_fractions(first_alone: int, second_alone: int) -> None:
    lower = sum(distribution(first_alone + second_alone)[: min(first_alone, second_alone) + 1])
    assert mcnemar(first_alone, second_alone) == pytest.approx(float(min(Fraction(1), 2 * lower)), rel=1e-12)


@given(alone, alone)
def test_it_is_scipys_binomial_test(first_alone: int, second_alone: int) -> None:
    tosses = first_alone + second_alone
    expected = binomtest(first_alone, tosses).pvalue if tosses else 1.0
    assert mcnemar(first_alone, second_alone) == pytest.approx(expected, rel=1e-9)


def test_seven_against_two_are_no_proof() -> None:
    assert mcnemar(7, 2) == 92 / 512  # 2 · (1 + 9 + 36) of 2⁹ sequences


@given(alone, alone)
def test_neither_head_is_favoured(first_alone: int, second_alone: int) -> None:
    assert mcnemar(first_alone, second_alone) == mcnemar(second_alone, first_alone)


@given(alone, st.integers(0, 50))
def test_the_further_apart_the_rarer(first_alone: int, second_alone: int) -> None:
    more, less = max(first_alone, second_alone), min(first_alone, second_alone)
    assert 0 <= mcnemar(more + 1, less) <= mcnemar(more, less) <= 1


@given(alone)
def test_as_many_on_both_sides_tell_nothing_apart(count: int) -> None:
    assert mcnemar(count, count) == mcnemar(count, count + 1) == 1


places = st.sets(st.integers(0, 39))


@given(places, places)
def test_every_example_is_counted_once(first: set[int], second: set[int]) -> None:
    found = paired(first, second, examples=40)
    right = [(place not in first, place not in second) for place in range(40)]
    assert found == Pairs(*(right.count(pair) for pair in [(True, True), (True, False), (False, True), (False, False)]))
    assert found.examples == 40
    assert found.first_alone - found.second_alone == len(second) - len(first)


@given(places, places)
def test_the_other_way_round_it_is_the_same_test(first: set[int], second: set[int]) -> None:
    one, other = paired(first, second, examples=40), paired(second, first, examples=40)
    assert one.chance == other.chance
    assert (one.first_alone, one.second_alone) == (other.second_alone, other.first_alone)
    assert one.agreeing == other.agreeing
