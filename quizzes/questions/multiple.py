"""Multiple choice: any number of the options may be right, and the learner is not told how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from quizzes.questions import choices
from quizzes.questions.base import Answer, Asks, Choice, Fault, Key, Score


class Credit(StrEnum):
    """What an answer gets that is neither wholly right nor wholly wrong.

    R is the number of right options, h of right ones that were chosen, w of wrong ones that were chosen.
    """

    ALL_OR_NOTHING = "all_or_nothing"  # 1 for exactly the right ones, else 0
    RIGHT_MINUS_WRONG = "right_minus_wrong"  # (h − w) / R, never below 0: guessing everything gains nothing
    RIGHT_WITHOUT_WRONG = "right_without_wrong"  # h / R as long as w = 0, else 0

    def score(self, *, right: int, hits: int, wrong: int) -> float:
        """0..1; 1 exactly when all right options were chosen and no wrong one."""
        match self:
            case Credit.RIGHT_MINUS_WRONG:
                return max(0.0, (hits - wrong) / right)
            case Credit.RIGHT_WITHOUT_WRONG:
                return 0.0 if wrong else hits / right
        return 1.0 if hits == right and not wrong else 0.0


class MultipleChoice:
    name = "multiple"
    asks = Asks.SEVERAL

    def faults(self, options: Sequence[Choice], right: Sequence[str], rule: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a multiple-choice question that has these options; empty when it can be asked."""
        return choices.faults_in_number(options) + ([] if right else [Fault.NO_RIGHT_OPTION])

    def fault_in(self, answer: Answer, offered: frozenset[str]) -> Fault | None:
        """Why this answer cannot be committed; none when it names some of the options offered."""
        return choices.fault_in_choice(answer, offered)

    def grade(self, answer: Answer, key: Key) -> Score:
        """By the key's credit mode; giving up scores 0."""
        credit = Credit(key.rule.get("credit", Credit.ALL_OR_NOTHING))
        hits = len(answer.options & key.correct)
        wrong = len(answer.options - key.correct)
        return Score(credit.score(right=len(key.correct), hits=hits, wrong=wrong))

    def spoken_to(self, answer: Answer, key: Key) -> tuple[str, ...]:
        """The options that were chosen."""
        return choices.spoken_to(answer, key)
