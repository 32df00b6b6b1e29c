"""When a learner is told what: the one place that decides it. Pure rules over a few facts of an attempt and its questions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an attempt as a whole stands."""

    finished: bool
    withheld: bool  # the policy tells nothing of single questions: not before its date, or never
    total_only: bool  # the policy never tells more than the total


def is_withheld(*, reveal_at: datetime | None, now: datetime) -> bool:
    """Whether a policy with a date holds everything back; what never has a date is held back for good."""
    return reveal_at is None or now < reveal_at


def tells_total(standing: Standing) -> bool:
    """Whether the score of the whole attempt may be told. A quiz that never tells more tells it as soon as it is handed in."""
    return standing.finished and (standing.total_only or not standing.withheld)


def tells_questions(standing: Standing) -> bool:
    """Whether single questions and objectives may be told of, missed ones redone, and strengths counted."""
    return standing.finished and not standing.withheld


@dataclass(frozen=True, slots=True)
class Situation:
    """Where one question of one attempt stands."""

    practice: bool  # practice, or the redo of what was missed
    after_each: bool  # the test's policy: tell after each answer (else: after finishing)
    finished: bool
    answered: bool  # at least one response is committed
    answer_shown: bool  # the right answer has been shown, for good
    withheld: bool = False  # the policy tells nothing of single questions: not before its date, or never


def takes_answers(situation: Situation) -> bool:
    """A test takes one answer per question; practice takes them until the right one is found or shown."""
    if situation.finished:
        return False
    return not situation.answer_shown if situation.practice else not situation.answered


def tells_verdict(situation: Situation) -> bool:
    """Whether right or wrong, and the feedback on the chosen option, may be told: never before an answer is committed."""
    if not situation.answered or situation.withheld:
        return False
    return situation.practice or situation.after_each or situation.finished


def tells_answer(situation: Situation) -> bool:
    """Whether the right option, its reason and the solution may be told.

    A finished attempt takes no more answers, so it may tell even those of questions that were left open.
    """
    if situation.withheld:
        return False
    if situation.finished:
        return True
    if not situation.answered:
        return False
    return situation.answer_shown if situation.practice else situation.after_each


def offers_hint(situation: Situation) -> bool:
    """Hints are free in practice as long as the question is open; a test has none."""
    return situation.practice and takes_answers(situation)


def offers_steps(situation: Situation) -> bool:
    """Practice shows the solution step by step; asking before any answer commits giving up."""
    return situation.practice and takes_answers(situation)
