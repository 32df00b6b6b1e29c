"""Why a verdict is what it is: sentences that follow from the answers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.patterns.choosing import EASY_FIRST
from quizzes.patterns.outcome import Given, outcome_of
from quizzes.patterns.presenting import why
from quizzes.strength import Estimate, Level, Observation, authored_difficulty, estimate, left_open

ONE = st.builds(
    Given,
    number=st.just(0),
    difficulty=st.sampled_from(EASY_FIRST),
    score=st.sampled_from([None, 0.0, 0.5, 1.0]),
    guessing=st.sampled_from([0.0, 0.25, 0.5]),
)
TESTS = st.lists(ONE, max_size=10).map(
    lambda given: [Given(number, one.difficulty, one.score, one.guessing) for number, one in enumerate(given, start=1)]
)


def estimated(test: list[Given]) -> Estimate:
    return estimate(
        left_open(difficulty=authored_difficulty(one.difficulty), guessing=one.guessing)
        if one.score is None
        else Observation(authored_difficulty(one.difficulty), one.guessing, one.score)
        for one in test
    )


@given(TESTS)
def test_every_question_is_known_missed_or_left_open(test: list[Given]) -> None:
    outcome = outcome_of(test)
    right = sum(level.right for level in outcome.levels)
    answered = sum(level.answered for level in outcome.levels)
    assert right + len(outcome.missed) == answered
    assert answered + outcome.left_open == len(test)
    assert 0 <= outcome.by_chance <= answered
    assert [level.difficulty for level in outcome.levels] == [
        name for name in EASY_FIRST if any(one.difficulty == name and one.score is not None for one in test)
    ]


@given(TESTS)
def test_the_sentences_fit_the_verdict_and_name_what_was_missed(test: list[Given]) -> None:
    answered = [one for one in test if one.score is not None]
    found = estimated(test)
    said = " ".join(why(found, outcome_of(test)))
    assert ("you are strong" in said) is (found.level is Level.STRONG)
    assert ("you are weak" in said) is (found.level is Level.WEAK)
    assert ("you are growing" in said) is (found.level is Level.GROWING)
    missed = re.search(r"Not right: questions? ([^.]*)\.", said)
    numbers = [int(number) for number in re.findall(r"\d+", missed[1])] if missed else []
    assert numbers == [one.number for one in answered if one.score != 1]
    assert ("left open" in said) is (len(answered) < len(test))


@given(TESTS)
def test_nobody_gets_a_better_verdict_by_leaving_questions_open(test: list[Given]) -> None:
    with_open, without = estimated(test), estimated([one for one in test if one.score is not None])
    assert with_open.ability <= without.ability + 1e-9
    assert (with_open.level is Level.STRONG) <= (without.level is Level.STRONG)
    assert (with_open.answers, with_open.left_open) == (without.answers, len(test) - without.answers)


@pytest.mark.parametrize(("wrong", "level"), [(0, Level.STRONG), (4, Level.GROWING), (10, Level.WEAK)])
def test_ten_answers_make_a_verdict(wrong: int, level: Level) -> None:
    difficulties = ["easy"] * 3 + ["medium"] * 5 + ["hard"] * 2
    scores = [1.0] * (10 - wrong) + [0.0] * wrong
    answers = [Observation(authored_difficulty(name), 0.25, score) for name, score in zip(difficulties, scores, strict=True)]
    assert estimate(answers).level is level
