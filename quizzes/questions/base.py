"""What every kind of question is graded with and checked by: values alone, no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class Asks(StrEnum):
    """What a learner does to answer."""

    ONE = "one"  # chooses one option
    SEVERAL = "several"  # chooses as many options as seem right
    NUMBER = "number"  # writes a number


class Choice(NamedTuple):
    """An option as its author wrote it, figures filled in: one to choose, or an answer that is expected to be written."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a learner committed: option keys, or what they wrote; neither when they gave up."""

    options: frozenset[str] = frozenset()
    text: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.options and not self.text.strip()


@dataclass(frozen=True, slots=True)
class Key:
    """What is right about one question version, by one key revision; `rule` is the kind's own: its credit, its numbers."""

    correct: frozenset[str]
    rule: Mapping[str, Any] = field(default_factory=dict)


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
    OPTION_IS_NO_NUMBER = "option_is_no_number"
    WRONG_WITHIN_TOLERANCE = "wrong_within_tolerance"
    NOTHING_CHOSEN = "nothing_chosen"
    SEVERAL_CHOSEN = "several_chosen"
    UNKNOWN_OPTION = "unknown_option"
    NOTHING_WRITTEN = "nothing_written"
    NOT_A_NUMBER = "not_a_number"
    NOT_ASKED_FOR = "not_asked_for"


class Kind(Protocol):
    """One kind of question: what its options must be, what an answer must be, and how an answer is graded."""

    name: str
    asks: Asks

    def faults(self, options: Sequence[Choice], right: Sequence[str], rule: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a question of this kind that has these options; empty when it can be asked."""

    def fault_in(self, answer: Answer, offered: frozenset[str]) -> Fault | None:
        """Why this answer cannot be committed; none when it can."""

    def grade(self, answer: Answer, key: Key) -> Score:
        """The score of an answer by a key."""

    def spoken_to(self, answer: Answer, key: Key) -> tuple[str, ...]:
        """The options whose feedback is said to whoever gave this answer, in the order of their keys."""
