"""What all kinds that show options have in common."""

from __future__ import annotations

from collections.abc import Sequence

from quizzes.questions.base import Answer, Choice, Fault, Key

FEWEST_OPTIONS = 2
MOST_OPTIONS = 6


def faults_in_number(options: Sequence[Choice]) -> list[Fault]:
    """Whether there are too few or too many options."""
    if len(options) < FEWEST_OPTIONS:
        return [Fault.TOO_FEW_OPTIONS]
    return [Fault.TOO_MANY_OPTIONS] if len(options) > MOST_OPTIONS else []


def fault_in_choice(answer: Answer, offered: frozenset[str]) -> Fault | None:
    """Why this is no choice among the options offered; none when it is one, of however many."""
    if answer.text:
        return Fault.NOT_ASKED_FOR
    if not answer.options:
        return Fault.NOTHING_CHOSEN
    return None if answer.options <= offered else Fault.UNKNOWN_OPTION


def spoken_to(answer: Answer, _key: Key) -> tuple[str, ...]:
    """The options that were chosen."""
    return tuple(sorted(answer.options))
