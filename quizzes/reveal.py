"""When a learner is told what: the one place that decides it. Pure rules over four facts about a question in an attempt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Situation:
    """Where one question of one attempt stands."""

    practice: bool  # practice, or the redo of what was missed
    after_each: bool  # the test's policy: tell after each answer (else: after finishing)
    finished: bool
    answered: bool  # at least one response is committed
    answer_shown: bool  # the right answer has been shown, for good


def takes_answers(situation: Situation) -> bool:
    """A test takes one answer per question; practice takes them until the right one is found or shown."""
    if situation.finished:
        return False
    return not situation.answer_shown if situation.practice else not situation.answered


def tells_verdict(situation: Situation) -> bool:
    """Whether right or wrong, and the feedback on the chosen option, may be told: never before an answer is committed."""
    if not situation.answered:
        return False
    return situation.practice or situation.after_each or situation.finished


def tells_answer(situation: Situation) -> bool:
    """Whether the right option, its reason and the solution may be told.

    A finished attempt takes no more answers, so it may tell even those of questions that were left open.
    """
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
