"""Grading, statistics and regrades beside second computations that share nothing with them but the definition."""

from __future__ import annotations

import statistics
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quizzes.gradebook import counted
from quizzes.grading import grade
from quizzes.models import AttemptQuestion, Counting, Grade, KeyRevision, QuestionVersion, RegradePolicy, Response
from quizzes.questions import Answer, Key
from quizzes.questions.numeric import read_number
from quizzes.regrading import score_under
from quizzes.statistics import Taken, discrimination, facility, median_seconds

OPTIONS = "abcdef"
CREDITS = ("all_or_nothing", "right_minus_wrong", "right_without_wrong")
sets = st.frozensets(st.sampled_from(OPTIONS))
some = sets.filter(bool)
shares = st.fractions(0, 1, max_denominator=12)


# --- grading ------------------------------------------------------------------------------------------------------------------


def ticks(chosen: frozenset[str], right: frozenset[str], credit: str) -> Fraction:
    """A teacher with a red pen: goes over the options one by one."""
    reached, spoiled, exact = Fraction(0), False, True
    for option in OPTIONS:
        ticked, wanted = option in chosen, option in right
        exact = exact and ticked == wanted
        if ticked and wanted:
            reached += Fraction(1, len(right))
        if ticked and not wanted:
            spoiled = True
            reached -= Fraction(1, len(right)) if credit == "right_minus_wrong" else 0
    if credit == "all_or_nothing":
        return Fraction(exact)
    if credit == "right_without_wrong" and spoiled:
        return Fraction(0)
    return max(reached, Fraction(0))


@given(chosen=sets, right=some, credit=st.sampled_from(CREDITS))
def test_several_options_are_graded_as_by_hand(chosen: frozenset[str], right: frozenset[str], credit: str) -> None:
    found = grade("multiple", Answer(chosen), Key(right, {"credit": credit}))
    assert found.value == pytest.approx(float(ticks(chosen, right, credit)))
    assert found.is_right == (ticks(chosen, right, credit) == 1)


@given(kind=st.sampled_from(["single", "output"]), chosen=st.sampled_from(OPTIONS), right=st.sampled_from(OPTIONS))
def test_one_option_is_graded_as_by_hand(kind: str, chosen: str, right: str) -> None:
    assert grade(kind, Answer(frozenset(chosen)), Key(frozenset(right))).value == (1 if chosen == right else 0)


thousandths = st.integers(-(10**10), 10**10).map(lambda number: Fraction(number, 1000))
MARKS = st.sampled_from([".", ","])
GROUPS = st.sampled_from(["", " ", "\u202f", "\u00a0", "'", "\u2019", ",", "."])


def written(number: Fraction, mark: str, group: str, places: int) -> str:
    """The number in digits, as people of some country write it."""
    whole, rest = divmod(abs(number) * 10**places, 10**places)
    digits = f"{int(whole):,}".replace(",", group) if whole >= 1000 else str(int(whole))
    tail = f"{mark}{int(rest):0{places}d}" if places else ""
    return ("\u2212" if number < 0 else "") + digits + tail


@given(number=thousandths, mark=MARKS, group=GROUPS)
def test_a_number_is_read_as_it_was_written(number: Fraction, mark: str, group: str) -> None:
    assume(group not in (mark, "."))  # 1,234,567 with a comma for both is nobody's way, nor are dots between thousands
    # With three decimals behind a comma and nothing to separate thousands, 1,234 is read as a thousand: write four.
    text = written(number, mark, group, 4)
    read = read_number(text)
    assert read is not None, text
    assert Fraction(read) == number


@given(
    aim=thousandths,
    given_number=thousandths,
    near=st.fractions(-2, 2, max_denominator=1000),
    absolute=st.integers(0, 2000).map(lambda number: Fraction(number, 1000)),
    relative=st.integers(0, 99).map(lambda number: Fraction(number, 100)),
)
def test_a_number_is_right_within_its_tolerance(
    aim: Fraction, given_number: Fraction, near: Fraction, absolute: Fraction, relative: Fraction
) -> None:
    reach = absolute + relative * abs(aim)
    for answer in (given_number, aim + Fraction(round(near * reach * 1000), 1000), aim + reach, aim - reach):
        rule = {"numbers": {"a": _decimal(aim)}, "absolute": _decimal(absolute), "relative": _decimal(relative)}
        found = grade("numeric", Answer(text=_decimal(answer)), Key(frozenset("a"), rule))
        assert found.value == (1 if aim - reach <= answer <= aim + reach else 0)


def _decimal(number: Fraction) -> str:
    """Written out whole: all of these numbers end."""
    return format(Decimal(number.numerator) / Decimal(number.denominator), "f")


# --- statistics ---------------------------------------------------------------------------------------------------------------

takers = st.lists(st.tuples(shares, shares, st.none() | st.integers(1, 5000)), min_size=2, max_size=40)


@given(takers)
def test_a_questions_statistics_are_those_of_the_standard_library(rows: list[tuple[Fraction, Fraction, int | None]]) -> None:
    taken = [Taken(float(score), float(rest), (), seconds) for score, rest, seconds in rows]
    scores, rests = [float(score) for score, _rest, _s in rows], [float(rest) for _score, rest, _s in rows]
    assert facility(scores) == pytest.approx(statistics.fmean(scores))
    times = [seconds for _score, _rest, seconds in rows if seconds is not None]
    assert median_seconds(taken) == (statistics.median(times) if times else None)
    found = discrimination(taken)
    if len(set(scores)) == 1 or len(set(rests)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(statistics.correlation(scores, rests), abs=1e-9)


@given(st.lists(shares.map(float), min_size=1, max_size=12), st.randoms())
def test_what_counts_of_several_attempts(scores: list[float], chance: object) -> None:
    assert counted(scores, Counting.MEAN) == pytest.approx(statistics.fmean(scores))
    assert counted(scores, Counting.BEST) == sorted(scores)[-1]
    assert (counted(scores, Counting.FIRST), counted(scores, Counting.LAST)) == (scores[0], scores[-1])
    for counting in (Counting.MEAN, Counting.BEST):
        assert counted(sorted(scores), counting) == pytest.approx(counted(scores, counting)), "whatever came first"
    assert counted([], Counting.BEST) is None


# --- regrades -----------------------------------------------------------------------------------------------------------------


def regraded(chosen: frozenset[str], keys: list[tuple[RegradePolicy, frozenset[str]]], first: frozenset[str]) -> list[float]:
    """The scores of one answer under regrade after regrade, the first one as committed."""
    version = QuestionVersion(kind="multiple")
    response = Response(attempt_question=AttemptQuestion(question_version=version), options=sorted(chosen))
    grades = [Grade(score=float(ticks(chosen, first, "right_minus_wrong")))]
    for policy, right in keys:
        rule = {"credit": "right_minus_wrong"}
        revision = KeyRevision(question_version=version, number=2, correct=sorted(right), rule=rule)
        grades.append(Grade(score=score_under(policy, response, revision, grades)))
    return [one.score for one in grades]


policies = st.sampled_from(RegradePolicy)
history = st.lists(st.tuples(policies, some), max_size=4)


@given(some, some, history, st.tuples(policies, some))
def test_the_same_regrade_again_changes_nothing(
    chosen: frozenset[str],
    first: frozenset[str],
    before: list[tuple[RegradePolicy, frozenset[str]]],
    last: tuple[RegradePolicy, frozenset[str]],
) -> None:
    *_earlier, once, twice = regraded(chosen, [*before, last, last], first)
    assert once == twice


@given(some, some, history, some)
def test_under_the_new_key_nothing_is_left_of_what_was_before(
    chosen: frozenset[str], first: frozenset[str], before: list[tuple[RegradePolicy, frozenset[str]]], new: frozenset[str]
) -> None:
    scores = regraded(chosen, [*before, (RegradePolicy.NEW, new)], first)
    assert scores[-1] == pytest.approx(float(ticks(chosen, new, "right_minus_wrong")))


@given(some, some, st.permutations([frozenset("ab"), frozenset("bc"), frozenset("cdef")]))
def test_the_better_key_for_each_does_not_depend_on_the_order_of_corrections(
    chosen: frozenset[str], first: frozenset[str], keys: list[frozenset[str]]
) -> None:
    scores = regraded(chosen, [(RegradePolicy.BETTER, key) for key in keys], first)
    assert scores == sorted(scores), "nobody ever loses"
    best = max(ticks(chosen, key, "right_minus_wrong") for key in [first, *keys])
    assert scores[-1] == pytest.approx(float(best))
