"""Numeric: the learner writes a number. Its options are never shown: the right number, and those that beliefs lead to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from quizzes.questions.base import Answer, Asks, Choice, Fault, Key, Score

LONGEST = 60

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?:(?P<grouped>[1-9]\d{0,2}(?P<separator>[,' ])\d{3}(?:(?P=separator)\d{3})*)|(?P<whole>\d+))?"
    r"(?:(?P<mark>[.,])(?P<rest>\d*))?"
    r"(?:[eE](?P<exponent>[+-]?\d{1,3}))?",
    re.ASCII,
)
_BLANKS = re.compile(r"[\u00a0\u2007\u2009\u202f ]+")


def read_number(text: str) -> Decimal | None:
    """The number that somebody wrote: 1234.5, 1,234.5, 1 234,5, 0,5, −3 or 1.2e6; none when it isn't one.

    A comma before exactly three digits separates thousands, as in 1,234, unless nothing but 0 stands before it.
    """
    if len(text) > LONGEST:
        return None
    plain = _BLANKS.sub(" ", text.strip()).replace("\u2212", "-").replace("\u2019", "'")
    match = _NUMBER.fullmatch(plain)
    if match is None or not (match["grouped"] or match["whole"] or match["rest"]):
        return None
    if match["mark"] and match["mark"] == match["separator"]:
        return None  # 1,234,5: which is it?
    whole = re.sub(r"\D", "", match["grouped"] or match["whole"] or "0")
    return Decimal(f"{match['sign']}{whole}.{match['rest'] or '0'}e{match['exponent'] or '0'}")


class Numeric:
    """A key's rule: `numbers`, option key → number as text; `absolute` and `relative`, how far off is still right."""

    name = "numeric"
    asks = Asks.NUMBER

    def faults(self, options: Sequence[Choice], right: Sequence[str], rule: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a numeric question that expects these answers; empty when it can be asked."""
        numbers = {option.key: read_number(option.text) for option in options}
        if not right:
            return [Fault.NO_RIGHT_OPTION]
        if len(right) > 1:
            return [Fault.SEVERAL_RIGHT_OPTIONS]
        if None in numbers.values():
            return [Fault.OPTION_IS_NO_NUMBER]
        aim = numbers.pop(right[0])
        swallowed = aim is not None and any(number is not None and _is_near(number, aim, rule) for number in numbers.values())
        return [Fault.WRONG_WITHIN_TOLERANCE] if swallowed else []

    def fault_in(self, answer: Answer, offered: frozenset[str]) -> Fault | None:
        """Why this answer cannot be committed; none when it is a number."""
        if answer.options:
            return Fault.NOT_ASKED_FOR
        if answer.is_empty:
            return Fault.NOTHING_WRITTEN
        return Fault.NOT_A_NUMBER if read_number(answer.text) is None else None

    def grade(self, answer: Answer, key: Key) -> Score:
        """1 within the tolerance of the right number, else 0."""
        return Score(1.0 if set(self.spoken_to(answer, key)) & key.correct else 0.0)

    def spoken_to(self, answer: Answer, key: Key) -> tuple[str, ...]:
        """The expected answer that this one is: the right one where it is near enough, else the nearest in reach; or none."""
        number = read_number(answer.text)
        if number is None:
            return ()
        expected = {option: Decimal(text) for option, text in key.rule["numbers"].items()}
        near = [option for option, aim in expected.items() if _is_near(number, aim, key.rule)]
        return tuple(sorted(near, key=lambda option: (option not in key.correct, abs(expected[option] - number), option))[:1])


def _is_near(number: Decimal, aim: Decimal, rule: Mapping[str, Any]) -> bool:
    """|number − aim| ≤ absolute + relative × |aim|."""
    reach = Decimal(str(rule.get("absolute", 0))) + Decimal(str(rule.get("relative", 0))) * abs(aim)
    return abs(number - aim) <= reach
