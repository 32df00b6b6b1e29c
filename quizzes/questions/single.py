"""Single choice: two to six options, exactly one of them right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quizzes.questions import choices
from quizzes.questions.base import Answer, Asks, Choice, Fault, Key, Score


class SingleChoice:
    name = "single"
    asks = Asks.ONE

    def faults(self, options: Sequence[Choice], right: Sequence[str], rule: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a single-choice question that has these options; empty when it can be asked."""
        found = choices.faults_in_number(options)
        if not right:
            found.append(Fault.NO_RIGHT_OPTION)
        if len(right) > 1:
            found.append(Fault.SEVERAL_RIGHT_OPTIONS)
        return found

    def fault_in(self, answer: Answer, offered: frozenset[str]) -> Fault | None:
        """Why this answer cannot be committed; none when it names exactly one of the options offered."""
        fault = choices.fault_in_choice(answer, offered)
        return fault or (Fault.SEVERAL_CHOSEN if len(answer.options) > 1 else None)

    def grade(self, answer: Answer, key: Key) -> Score:
        """1 for the right option alone, else 0."""
        return Score(1.0 if answer.options and answer.options == key.correct else 0.0)

    def spoken_to(self, answer: Answer, key: Key) -> tuple[str, ...]:
        """The option that was chosen."""
        return choices.spoken_to(answer, key)
