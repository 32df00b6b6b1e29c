"""How right somebody is when they say how sure they are: the rules, and where they are shown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isclose, sqrt

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from quizzes.calibration import ENOUGH, ENOUGH_AT_A_LEVEL, MEANS, NORMAL_95, Sureness, Verdict, calibration_of, wilson
from quizzes.models import Confidence, QuizVersion
from quizzes.services import finish_attempt, start_attempt, submit_response
from tests.quizzes.conftest import chose
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at

COUNTS = st.integers(0, 400).flatmap(lambda answers: st.tuples(st.integers(0, answers), st.just(answers)))
LEVELS = st.sampled_from([*MEANS, ""])


@given(COUNTS)
def test_the_interval_is_where_the_normal_test_would_not_reject_the_share(counts: tuple[int, int]) -> None:
    """Wilson's definition, not his formula: at each end the observed share lies 1.96 of that share's deviations away."""
    right, answers = counts
    low, high = wilson(right, answers)
    assert 0 <= low <= high <= 1
    if not answers:
        assert (low, high) == (0, 1)
        return
    share = right / answers
    assert low - 1e-12 <= share <= high + 1e-12
    for end in {low, high} - {0.0, 1.0}:
        assert isclose(abs(share - end), NORMAL_95 * sqrt(end * (1 - end) / answers), rel_tol=1e-6, abs_tol=1e-9)


@given(COUNTS)
def test_the_interval_is_the_same_seen_from_either_side(counts: tuple[int, int]) -> None:
    right, answers = counts
    low, high = wilson(right, answers)
    mirrored = wilson(answers - right, answers)
    assert isclose(1 - high, mirrored[0], abs_tol=1e-9)
    assert isclose(1 - low, mirrored[1], abs_tol=1e-9)


def test_known_intervals() -> None:
    """0 and 8 of 10 worked out by hand, and 10 of 10, whose lower end is n / (n + z²)."""
    assert [round(end, 3) for end in wilson(0, 10)] == [0.0, 0.278]
    assert [round(end, 3) for end in wilson(8, 10)] == [0.490, 0.943]
    assert isclose(wilson(10, 10)[0], 10 / (10 + NORMAL_95**2), rel_tol=1e-9)
    for impossible in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="right"):
            wilson(*impossible)


@given(st.sampled_from(list(MEANS)), COUNTS)
def test_a_verdict_is_given_only_where_chance_is_ruled_out(level: str, counts: tuple[int, int]) -> None:
    right, answers = counts
    sureness = Sureness(level, answers, right)
    (low, high), (least, most) = sureness.interval, MEANS[level]
    if answers < ENOUGH_AT_A_LEVEL:
        assert sureness.verdict is Verdict.TOO_FEW
        return
    overlaps = low <= most and high >= least
    assert (sureness.verdict is Verdict.FITS) == overlaps
    if sureness.verdict is Verdict.OVER:
        assert sureness.share < least
    if sureness.verdict is Verdict.UNDER:
        assert sureness.share > most


@given(st.lists(st.tuples(LEVELS, st.booleans()), max_size=60))
def test_every_answer_with_a_confidence_is_counted_once(answers: list[tuple[str, bool]]) -> None:
    found = calibration_of(answers)
    said = [one for one in answers if one[0]]
    assert found.answers == len(said)
    assert sum(level.right for level in found.levels) == sum(right for _level, right in said)
    assert found.is_enough == (len(said) >= ENOUGH)
    assert calibration_of(reversed(answers)) == found


def test_the_levels_are_those_that_learners_are_offered_and_leave_no_gap() -> None:
    assert list(MEANS) == Confidence.values
    ranges = list(MEANS.values())
    assert (ranges[0][0], ranges[-1][1]) == (0, 1)
    assert all(before[1] == after[0] for before, after in pairwise(ranges))


# --- where it is shown


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


def sit(person: User, quiz: QuizVersion, *, confidence: str, right: bool) -> None:
    """A finished test in which everything was answered so."""
    attempt = start_attempt(user=person, quiz_version=quiz, now=timezone.now())
    for question in attempt.questions.all():
        uid = uid_at(attempt, question.position)
        submit_response(
            attempt=attempt,
            position=question.position,
            answer=chose((RIGHT if right else WRONG)[uid]),
            confidence=confidence,
            idempotency_key="once",
            now=timezone.now(),
        )
    finish_attempt(attempt=attempt, now=timezone.now())


def test_the_progress_page_says_it_from_enough_answers_on(visitor: Client, learner: User, graded_quiz: QuizVersion) -> None:
    for _attempt in range(3):
        sit(learner, graded_quiz, confidence="certain", right=False)
    assert 'id="calibration"' not in visitor.get("/me/progress/").content.decode()
    assert visitor.get("/api/v1/me/calibration").json() == {"answers": 9, "enough": False, "levels": []}
    sit(learner, graded_quiz, confidence="guess", right=True)
    page = " ".join(visitor.get("/me/progress/").content.decode().split())
    assert "Where you said “certain”, 0 of 9 were right, and the word means at least 90%: there you are surer" in page
    told = visitor.get("/api/v1/me/calibration").json()
    assert (told["answers"], told["enough"]) == (12, True)
    assert [(one["confidence"], one["right"], one["answers"], one["verdict"]) for one in told["levels"]] == [
        ("guess", 3, 3, "too_few"),
        ("likely", 0, 0, "too_few"),
        ("certain", 0, 9, "over"),
    ]


def test_what_a_test_keeps_to_itself_does_not_count(visitor: Client, learner: User, quiz_at_finish: QuizVersion) -> None:
    for _attempt in range(3):
        sit(learner, quiz_at_finish, confidence="certain", right=True)
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    for position in (1, 2, 3):
        submit_response(
            attempt=attempt,
            position=position,
            answer=chose(RIGHT[uid_at(attempt, position)]),
            confidence="certain",
            idempotency_key="once",
            now=timezone.now(),
        )
    assert visitor.get("/api/v1/me/calibration").json()["answers"] == 9
    finish_attempt(attempt=attempt, now=timezone.now())
    assert visitor.get("/api/v1/me/calibration").json()["answers"] == 12


def test_nobody_is_told_of_somebody_else(client: Client, learner: User, graded_quiz: QuizVersion) -> None:
    for _attempt in range(4):
        sit(learner, graded_quiz, confidence="certain", right=True)
    assert client.get("/api/v1/me/calibration").json()["answers"] == 0
