"""Figures in prose: `{{ vgg16.head.parameters_share | percent }}`, evaluated from facts and written for people."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from lessons.facts import FactMissing, Facts

_PATH = r"[A-Za-z0-9_][A-Za-z0-9_.\-]*"
_EXPRESSION = re.compile(
    rf"^\s*(?P<left>{_PATH})(?:\s+(?P<operation>[-+*/])\s+(?P<right>{_PATH}))?\s*(?:\|\s*(?P<format>[A-Za-z_]*)\s*)?$"
)
_NUMBER = re.compile(r"^[0-9]+(?:\.[0-9]+)?$")
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class BadFigure(ValueError):
    """A figure that cannot be written; the message says to its author why, and what to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What stands between the braces."""

    left: str
    operation: str = ""
    right: str = ""
    format: str = ""

    @property
    def paths(self) -> list[str]:
        """The facts it needs."""
        return [path for path in (self.left, self.right) if path and not _NUMBER.match(path)]


def parse_figure(expression: str) -> Figure:
    """The figure that an expression names; raises BadFigure."""
    match = _EXPRESSION.match(expression)
    if match is None:
        raise BadFigure(
            _(
                "“{{ %(figure)s }}” is not a figure. Write {{ network.fact }}, with at most one of + - * / between two facts"
                " and one format after |."
            )
            % {"figure": expression.strip()}
        )
    figure = Figure(match["left"], match["operation"] or "", match["right"] or "", match["format"] or "")
    if figure.format and figure.format not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise BadFigure(_("“%(format)s” is not a format. Formats: %(known)s.") % {"format": figure.format, "known": known})
    if match["format"] == "":
        raise BadFigure(_("A format is missing after |. Formats: %(known)s.") % {"known": ", ".join(sorted(FORMATS))})
    return figure


def write_figure(expression: str, facts: Facts) -> str:
    """The figure as text for people; raises BadFigure, also for a fact that nobody computed."""
    figure = parse_figure(expression)
    value = _value(figure, facts)
    return FORMATS[figure.format](value) if figure.format else plain(value)


def exact_figure(expression: str, facts: Facts) -> str:
    """The figure's whole value, for machines; raises BadFigure."""
    value = _value(parse_figure(expression), facts)
    return shape(value) if isinstance(value, list | tuple) else str(value)


def _value(figure: Figure, facts: Facts) -> Any:
    value = _fact(figure.left, facts)
    if not figure.operation:
        return value
    return _calculated(_number(value, figure.left), figure.operation, figure.right, facts)


def _calculated(left: float, sign: str, right: str, facts: Facts) -> float:
    number = float(right) if _NUMBER.match(right) else _number(_fact(right, facts), right)
    try:
        return _OPERATIONS[sign](left, number)
    except ZeroDivisionError:
        raise BadFigure(_("“%(fact)s” is 0, and nothing can be divided by it.") % {"fact": right}) from None


def _fact(path: str, facts: Facts) -> Any:
    try:
        return facts(path)
    except FactMissing:
        raise BadFigure(
            _("There is no fact “%(fact)s”. Check its name, or compute it: manage.py compute_facts %(network)s.")
            % {"fact": path, "network": path.partition(".")[0]}
        ) from None


def _number(value: Any, name: str = "") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFigure(
            _("“%(fact)s” is not a number, so it can’t be calculated with or written like one.") % {"fact": name or value}
        )
    return value


def significant(value: float, digits: int = 3) -> str:
    """The number to so many significant digits, without an exponent: 25.6, 138, 0.386."""
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return number_format(rounded, decimal_pos=max(places, 0), force_grouping=True)


def plain(value: Any) -> str:
    """Any fact as text: numbers grouped, shapes with ×, words as they are; raises BadFigure for a table of facts."""
    match value:
        case bool():
            return _("yes") if value else _("no")
        case int():
            return number_format(value, force_grouping=True)
        case float() if value.is_integer() and abs(value) < 1e15:
            return number_format(int(value), force_grouping=True)
        case float():
            return number_format(float(f"{value:.6g}"), force_grouping=True)
        case str():
            return value
        case list() | tuple():
            return shape(value)
    raise BadFigure(_("This names several facts at once. Name one of them."))


def shape(value: Any) -> str:
    """A shape or a list as text: 1×64×56×56."""
    if not isinstance(value, list | tuple):
        raise BadFigure(_("Only a shape can be written as “shape”."))
    numbers = all(isinstance(side, int | float) for side in value)
    return ("×" if numbers else ", ").join(str(side) for side in value)


def _product(value: Any) -> str:
    if not isinstance(value, list | tuple):
        raise BadFigure(_("Only a shape has a product."))
    return plain(math.prod(int(_number(side)) for side in value))


def percent(value: Any) -> str:
    """A share as a percentage: 89.4%."""
    return _("%(number)s%%") % {"number": significant(100 * _number(value), 3)}


def millions(value: Any) -> str:
    """A count in millions: 25.6 million."""
    return _("%(number)s million") % {"number": significant(_number(value) / 1e6)}


def billions(value: Any) -> str:
    """A count in billions: 4.09 billion."""
    return _("%(number)s billion") % {"number": significant(_number(value) / 1e9)}


def times(value: Any) -> str:
    """A ratio: 10.6×."""
    return _("%(number)s×") % {"number": significant(_number(value))}


FORMATS: dict[str, Callable[[Any], str]] = {
    "percent": percent,
    "millions": millions,
    "billions": billions,
    "times": times,
    "shape": shape,
    "product": _product,
    "count": lambda value: number_format(round(_number(value)), force_grouping=True),
}
"""Name → what writes a value that way."""
