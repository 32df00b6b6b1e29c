"""What every kind of question is graded with and checked by: values alone, no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a learner committed: option keys; none when they gave up."""

    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Key:
    """What is right about one question version, by one key revision."""

    correct: frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """How right an answer is: 0 not at all, 1 wholly."""

    value: float

    @property
    def is_right(self) -> bool:
        return self.value >= 1


class Fault(StrEnum):
    """What can be wrong with a set of options, or with an answer to them. The site has a sentence for each."""

    TOO_FEW_OPTIONS = "too_few_options"
    TOO_MANY_OPTIONS = "too_many_options"
    NO_RIGHT_OPTION = "no_right_option"
    SEVERAL_RIGHT_OPTIONS = "several_right_options"
    NOTHING_CHOSEN = "nothing_chosen"
    SEVERAL_CHOSEN = "several_chosen"
    UNKNOWN_OPTION = "unknown_option"


class Kind(Protocol):
    """One kind of question: what its options must be, what an answer must be, and how an answer is graded."""

    name: str

    def faults(self, options: Sequence[str], right: Sequence[str]) -> list[Fault]:
        """What is wrong with a question of this kind that has these options; empty when it can be asked."""

    def fault_in(self, answer: Answer, offered: frozenset[str]) -> Fault | None:
        """Why this answer cannot be committed; none when it can."""

    def grade(self, answer: Answer, key: Key) -> Score:
        """The score of an answer by a key."""
