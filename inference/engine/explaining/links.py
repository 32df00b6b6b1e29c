"""One step of the way back from a number to what it was made from, and what all kinds of steps read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference.engine.explaining.operations import Constant, Index, Operation, Place, Wanted, windows_of

Figures = dict[str, Any]
Numbers = list[list[float]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the arithmetic: its figures, and how the number that came before becomes the one after it."""

    figures: Figures
    apply: Callable[[float], float] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """One operation on the way back: what to read while it runs, the step that this makes, and where to go on."""

    wanted: tuple[Wanted, ...]
    step: Callable[[Numbers], Step]
    into: Place | Callable[[Numbers], Place] | None  # a function where it depends on the numbers; None ends the way


def result_of(operation: Operation, place: Place) -> Wanted:
    """The number that the operation has made."""
    return Wanted(operation.number, "", (place.at,))


def number_of(constant: Any, *at: int) -> float | None:
    """One number of a parameter; None where the layer has none."""
    return float(constant.tensor[at]) if isinstance(constant, Constant) and constant.tensor is not None else None


def in_rows(numbers: list[float], columns: int) -> list[list[float]]:
    """The numbers of a window, one row after the other, as its rows."""
    return [numbers[start : start + columns] for start in range(0, len(numbers), columns)]


def window_of(operation: Operation, at: Index, shape: tuple[int, ...], *, inside: bool = True) -> list[tuple[int, int]]:
    """Rows and columns, in the input's grid, of what a convolution or pool takes for the unit at `at`."""
    told = windows_of(operation)
    lines = [
        [
            at[axis - 2] * told.stride[axis] - told.padding[axis] + step * told.dilation[axis]
            for step in range(told.kernel[axis])
        ]
        for axis in (0, 1)
    ]
    if inside:
        lines = [[place for place in line if 0 <= place < size] for line, size in zip(lines, shape[-2:], strict=True)]
    rows, columns = lines
    return [(row, column) for row in rows for column in columns]
