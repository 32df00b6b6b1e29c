"""Single choice: two to six options, exactly one of them right."""

from __future__ import annotations

from collections.abc import Sequence

from quizzes.questions.base import Answer, Fault, Key, Score

NAME = "single"
FEWEST_OPTIONS = 2
MOST_OPTIONS = 6


class SingleChoice:
    name = NAME

    def faults(self, options: Sequence[str], right: Sequence[str]) -> list[Fault]:
        """What is wrong with a single-choice question that has these options; empty when it can be asked."""
        found = []
        if len(options) < FEWEST_OPTIONS:
            found.append(Fault.TOO_FEW_OPTIONS)
        if len(options) > MOST_OPTIONS:
            found.append(Fault.TOO_MANY_OPTIONS)
        if not right:
            found.append(Fault.NO_RIGHT_OPTION)
        if len(right) > 1:
            found.append(Fault.SEVERAL_RIGHT_OPTIONS)
        return found

    def fault_in(self, answer: Answer, offered: frozenset[str]) -> Fault | None:
        """Why this answer cannot be committed; none when it names exactly one of the options offered."""
        if not answer.options:
            return Fault.NOTHING_CHOSEN
        if not answer.options <= offered:
            return Fault.UNKNOWN_OPTION
        return Fault.SEVERAL_CHOSEN if len(answer.options) > 1 else None

    def grade(self, answer: Answer, key: Key) -> Score:
        """1 for the right option alone, else 0."""
        return Score(1.0 if answer.options and answer.options == key.correct else 0.0)
