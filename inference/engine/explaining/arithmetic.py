"""The steps by which one number came about, followed back through the operations of a pass.

Through residual sums, scales, nonlinearities, normalisations and moves the way leads to the one weighted sum (a convolution's
or a linear layer's) that the number was made from. Every figure is read while the network itself runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch

from inference.engine.explaining.moves import origins
from inference.engine.explaining.operations import (
    MOVES,
    Constant,
    Index,
    Operation,
    Operations,
    Place,
    Value,
    Wanted,
    windows_of,
)

SHOWN = 6
"""Of how many input channels the patch and the kernel are told number by number: those that weigh most."""

NONLINEARITIES = frozenset({"relu", "hardtanh", "silu", "gelu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "clamp_min"})
WEIGHTED_SUMS = frozenset({"conv2d", "linear"})
AVERAGES = frozenset({"adaptive_avg_pool2d", "avg_pool2d", "mean"})

Figures = dict[str, Any]
Numbers = list[list[float]]
Reader = Callable[[list[Wanted]], Numbers]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the arithmetic: its figures, and how the number that came before becomes the one after it."""

    figures: Figures
    apply: Callable[[float], float] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Link:
    """One operation on the way back: what to read while it runs, the step that this makes, and where to go on."""

    wanted: tuple[Wanted, ...]
    step: Callable[[Numbers], Step]
    into: Place | Callable[[Numbers], Place] | None  # a function where it depends on the numbers; None ends the way


class WayBack:
    """Follows a number back to the weighted sum that it was made from."""

    def __init__(self, operations: Operations, numbers: Reader) -> None:
        self._operations = operations
        self._numbers = numbers
        self.sums: list[tuple[str, Index]] = []

    def steps(self, place: Place) -> list[Step]:
        """From the weighted sum to the number at that place. All figures are read in one pass, if no maximum was picked."""
        links: list[_Link] = []
        here: Place | None = place
        while here is not None and (operation := self._operations.maker(here.value)) is not None:
            link = self._link(operation, here)
            if isinstance(link, Place):
                here = link
                continue
            links.append(link)
            here = link.into(self._numbers(list(link.wanted))) if callable(link.into) else link.into
        found = iter(self._numbers([want for link in links for want in link.wanted]))
        return [link.step([next(found) for _ in link.wanted]) for link in links][::-1]

    def _link(self, operation: Operation, place: Place) -> _Link | Place:
        """What the operation did for this number; a place where it only moved it."""
        if operation.name in WEIGHTED_SUMS:
            self.sums.append((operation.path, place.at))
        if operation.name in MOVES:
            return self._moved(operation, place)
        if operation.name in NONLINEARITIES:
            return self._nonlinearity(operation, place)
        if operation.name in AVERAGES:
            return self._average(operation, place)
        kinds: dict[str, Callable[[Operation, Place], _Link]] = {
            "batch_norm": self._batch_norm,
            "layer_norm": self._layer_norm,
            "conv2d": self._convolution,
            "linear": self._linear,
            "max_pool2d": self._max_pool,
            "add": self._sum,
            "mul": self._product,
        }
        return kinds.get(operation.name, self._mixed)(operation, place)

    def _moved(self, operation: Operation, place: Place) -> _Link | Place:
        found = origins(operation, place.value.output).of(place.at)
        if isinstance(found, Place):
            return found
        name = found.name if found is not None else ""

        def step(numbers: Numbers) -> Step:
            value = numbers[0][0]
            return Step({"kind": "constant", "path": name, "after": value}, lambda _before: value)

        return _Link((_result(operation, place),), step, None)

    # --- steps that take one number and make one of it ------------------------------------------------------------------

    def _nonlinearity(self, operation: Operation, place: Place) -> _Link:
        def apply(number: float) -> float:
            result: torch.Tensor = operation.function(
                torch.tensor([number], dtype=torch.double), *operation.positional[1:], **operation.keywords
            )
            return float(result)

        def step(numbers: Numbers) -> Step:
            (before,), (after,) = numbers
            figures = {"kind": "nonlinearity", "name": _nonlinearity_name(operation), "path": operation.path}
            return Step(figures | {"before": before, "after": after}, apply)

        wanted = (Wanted(operation.number, _first(operation), (place.at,)), _result(operation, place))
        return _Link(wanted, step, Place(operation.inputs[0], place.at))

    def _batch_norm(self, operation: Operation, place: Place) -> _Link:
        names = {"mean": "running_mean", "variance": "running_var", "weight": "weight", "bias": "bias"}
        told = {name: _number(operation.arguments[argument], place.at[1]) for name, argument in names.items()}
        told["epsilon"] = float(operation.arguments["eps"])

        def step(numbers: Numbers) -> Step:
            (before,), (after,) = numbers
            figures = {"kind": "batch_norm", "path": operation.path, **told, "before": before, "after": after}
            return Step(figures, _standardised(told))

        wanted = (Wanted(operation.number, "input", (place.at,)), _result(operation, place))
        return _Link(wanted, step, Place(operation.inputs[0], place.at))

    def _layer_norm(self, operation: Operation, place: Place) -> _Link:
        into = operation.inputs[0]
        axes = len(operation.arguments["normalized_shape"])
        rest = product(*(range(size) for size in into.shape[-axes:]))
        everything = tuple((*place.at[:-axes], *inner) for inner in rest)
        weight, bias = (_number(operation.arguments[name], *place.at[-axes:]) for name in ("weight", "bias"))

        def step(numbers: Numbers) -> Step:
            together, (after,) = numbers
            mean = math.fsum(together) / len(together)
            told = {
                "mean": mean,
                "variance": math.fsum((number - mean) ** 2 for number in together) / len(together),
                "weight": weight,
                "bias": bias,
                "epsilon": float(operation.arguments["eps"]),
            }
            before = together[everything.index(place.at)]
            figures = {"kind": "layer_norm", "path": operation.path, "over": len(together), **told}
            return Step(figures | {"before": before, "after": after}, _standardised(told))

        return _Link((Wanted(operation.number, "input", everything), _result(operation, place)), step, Place(into, place.at))

    def _max_pool(self, operation: Operation, place: Place) -> _Link:
        into = operation.inputs[0]
        at = [(*place.at[:-2], *y_x) for y_x in _window(operation, place.at, into.shape)]

        def picked(window: list[float]) -> Index:
            return at[max(range(len(at)), key=window.__getitem__)]

        def step(numbers: Numbers) -> Step:
            window, (after,) = numbers
            largest = picked(window)
            figures = {
                "kind": "max_pool",
                "path": operation.path,
                "window": _rows(window, len({index[-1] for index in at})),
                "top": at[0][-2],
                "left": at[0][-1],
                "picked": list(largest[-2:]),
                "before": max(window),
                "after": after,
            }
            others = [number for number, index in zip(window, at, strict=True) if index != largest]
            return Step(figures, lambda number: max([number, *others]))  # a window at an edge may hold one cell

        wanted = (Wanted(operation.number, _first(operation), tuple(at)), _result(operation, place))
        return _Link(wanted, step, lambda numbers: Place(into, picked(numbers[0])))

    # --- steps that add or multiply branches ----------------------------------------------------------------------------

    def _sum(self, operation: Operation, place: Place) -> _Link:
        if operation.arguments.get("alpha", 1) != 1:
            return self._mixed(operation, place)
        return self._combined(operation, place, "sum", lambda one, other: one + other)

    def _product(self, operation: Operation, place: Place) -> _Link:
        return self._combined(operation, place, "product", lambda one, other: one * other)

    def _combined(self, operation: Operation, place: Place, kind: str, combine: Callable[[float, float], float]) -> _Link:
        followed = self._main(operation)
        other = "other" if followed == "self" else "self"
        into, beside = operation.arguments[followed], operation.arguments[other]
        into_at = _broadcast(place.at, into.shape)
        wanted = [Wanted(operation.number, followed, (into_at,)), _result(operation, place)]
        if isinstance(beside, (Value, Constant)):
            wanted.append(Wanted(operation.number, other, (_broadcast(place.at, beside.shape),)))

        def step(numbers: Numbers) -> Step:
            (before,), (after,), *rest = numbers
            number_beside = rest[0][0] if rest else float(beside)
            figures = {
                "kind": kind,
                "path": operation.path,
                "source": _source(beside, place.value),
                "from": self._from(beside),
                "before": before,
                "other": number_beside,
                "after": after,
            }
            return Step(figures, lambda number: combine(number, number_beside))

        return _Link(tuple(wanted), step, Place(into, into_at))

    def _main(self, operation: Operation) -> str:
        """Which of the two to follow: what the block computed, not what passed it by."""
        one, other = operation.arguments["self"], operation.arguments["other"]
        if not isinstance(other, Value):
            return "self"
        if not isinstance(one, Value):
            return "other"
        if math.prod(one.shape) != math.prod(other.shape):  # a scale for each channel is no map
            return "self" if math.prod(one.shape) > math.prod(other.shape) else "other"
        return "other" if self._operations.leads_to(one, other) else "self"

    def _from(self, beside: Any) -> str:
        """The path of the layer that made what is added or multiplied."""
        if isinstance(beside, Constant):
            return beside.name
        while isinstance(beside, Value):
            maker = self._operations.maker(beside)
            if maker is None:
                return ""
            if maker.name not in MOVES:
                return maker.path
            beside = maker.inputs[0]
        return ""

    # --- where the way back ends ----------------------------------------------------------------------------------------

    def _convolution(self, operation: Operation, place: Place) -> _Link:
        into, kernel = operation.arguments["input"], operation.arguments["weight"].tensor
        channel, each = place.at[1], kernel.shape[1]  # of the input's channels, how many this unit sees
        first = channel // (kernel.shape[0] // operation.arguments["groups"]) * each
        windows, window = windows_of(operation), _window(operation, place.at, into.shape, inside=False)
        is_inside = [0 <= y < into.shape[2] and 0 <= x < into.shape[3] for y, x in window]
        at = tuple((0, first + k, *y_x) for k in range(each) for y_x, is_in in zip(window, is_inside, strict=True) if is_in)
        weights = kernel[channel].double().flatten(1).tolist()
        bias = _number(operation.arguments["bias"], channel)
        scale = self._scale_of(into, range(first, first + each))

        def step(numbers: Numbers) -> Step:
            seen, (after,), *scales = numbers
            values = iter(seen)
            patches = [[next(values) if is_in else 0.0 for is_in in is_inside] for _ in range(each)]
            sums = [math.fsum(a * b for a, b in zip(*pair, strict=True)) for pair in zip(patches, weights, strict=True)]
            total = math.fsum(sums) + (bias or 0.0)
            shown, others = _weightiest(sums, SHOWN)
            columns = windows.kernel[1]
            figures: Figures = {
                "kind": "convolution",
                "path": operation.path,
                "kernel": list(windows.kernel),
                "stride": list(windows.stride),
                "dilation": list(windows.dilation),
                "groups": operation.arguments["groups"],
                "in_channels": each,
                "first_channel": first,
                "all_channels": into.shape[1],
                **self._where(into, window),
                "shown": [
                    {
                        "channel": first + k,
                        "patch": _rows(patches[k], columns),
                        "kernel": _rows(weights[k], columns),
                        "sum": sums[k],
                        **({"scale": scales[0][k]} if scales else {}),
                    }
                    for k in shown
                ],
                "others": others,
                "scaled_by": scale[0] if scale else "",
                "bias": bias,
                "after": after,
            }
            return Step(figures, lambda _before: total)

        wanted = [Wanted(operation.number, "input", at), _result(operation, place), *([scale[1]] if scale else [])]
        return _Link(tuple(wanted), step, None)

    def _where(self, into: Value, window: list[tuple[int, int]]) -> Figures:
        """The window's corner in the input's grid, where a pad around it doesn't count, and how much lies outside."""
        maker = self._operations.maker(into)
        left = right = above = below = 0
        if maker is not None and maker.name == "pad" and len(maker.arguments["pad"]) == 4:
            left, right, above, below = maker.arguments["pad"]
        height, width = into.shape[2] - above - below, into.shape[3] - left - right
        moved = [(y - above, x - left) for y, x in window]
        outside = sum(not (0 <= y < height and 0 <= x < width) for y, x in moved)
        return {"top": moved[0][0], "left": moved[0][1], "outside": outside}

    def _scale_of(self, into: Value, channels: range) -> tuple[str, Wanted] | None:
        """Where a layer's input is a map times one scale per channel, as squeeze-and-excitation makes: its path and scales."""
        maker = self._operations.maker(into)
        if maker is None or maker.name != "mul":
            return None
        for argument in ("self", "other"):
            factor = maker.arguments[argument]
            if isinstance(factor, Value) and factor.shape[2:] == (1, 1) and into.shape[2:] != (1, 1):
                return maker.path, Wanted(maker.number, argument, tuple((0, k, 0, 0) for k in channels))
        return None

    def _linear(self, operation: Operation, place: Place) -> _Link:
        into, matrix = operation.arguments["input"], operation.arguments["weight"].tensor
        unit = place.at[-1]
        at = tuple((*place.at[:-1], feature) for feature in range(into.shape[-1]))
        weights = matrix[unit].double().tolist()
        bias = _number(operation.arguments["bias"], unit)

        def step(numbers: Numbers) -> Step:
            seen, (after,) = numbers
            products = [a * b for a, b in zip(seen, weights, strict=True)]
            total = math.fsum(products) + (bias or 0.0)
            shown, others = _weightiest(products, 2 * SHOWN)
            figures = {
                "kind": "linear",
                "path": operation.path,
                "in_channels": len(products),
                "shown": [{"channel": k, "value": seen[k], "weight": weights[k], "sum": products[k]} for k in shown],
                "others": others,
                "bias": bias,
                "after": after,
            }
            return Step(figures, lambda _before: total)

        return _Link((Wanted(operation.number, "input", at), _result(operation, place)), step, None)

    def _average(self, operation: Operation, place: Place) -> _Link:
        at = _averaged(operation, place.at, operation.inputs[0].shape)
        if at is None:
            return self._mixed(operation, place)

        def step(numbers: Numbers) -> Step:
            together, (after,) = numbers
            mean = math.fsum(together) / len(together)
            figures = {
                "kind": "average",
                "path": operation.path,
                "window": _rows(together, len({index[-1] for index in at})),
                "sum": math.fsum(together),
                "count": len(together),
                "after": after,
            }
            return Step(figures, lambda _before: mean)

        return _Link((Wanted(operation.number, _first(operation), at), _result(operation, place)), step, None)

    def _mixed(self, operation: Operation, place: Place) -> _Link:
        """An operation that is no weighted sum with fixed weights (attention): the number is told, not taken apart."""

        def step(numbers: Numbers) -> Step:
            value = numbers[0][0]
            figures = {"kind": "mixed", "name": operation.name, "path": operation.path, "after": value}
            return Step(figures, lambda _before: value)

        return _Link((_result(operation, place),), step, None)


def _result(operation: Operation, place: Place) -> Wanted:
    """The number that the operation has made."""
    return Wanted(operation.number, "", (place.at,))


def _first(operation: Operation) -> str:
    """The name of its first argument: what it is done to."""
    return next(iter(operation.arguments))


def _source(beside: Any, beside_what: Value) -> str:
    """What is added or multiplied: a shortcut, one scale per channel, something learned, a plain number."""
    if isinstance(beside, Constant):
        return "learned"
    if not isinstance(beside, Value):
        return "number"
    return "shortcut" if math.prod(beside.shape) == math.prod(beside_what.shape) else "scale"


def _standardised(told: Figures) -> Callable[[float], float]:
    """What a normalisation does to one number."""

    def apply(number: float) -> float:
        number = (number - (told["mean"] or 0.0)) / math.sqrt((told["variance"] or 0.0) + told["epsilon"])
        return number * (1.0 if told["weight"] is None else told["weight"]) + (told["bias"] or 0.0)

    return apply


def _weightiest(sums: list[float], count: int) -> tuple[list[int], Figures]:
    """Which channels weigh most, in their own order, and what all others sum to."""
    chosen = sorted(sorted(range(len(sums)), key=lambda k: -abs(sums[k]))[:count])
    rest = set(range(len(sums))) - set(chosen)
    return chosen, {"count": len(rest), "sum": math.fsum(sums[k] for k in rest)}


def _nonlinearity_name(operation: Operation) -> str:
    """As people call it: torch's hardtanh from 0 to 6 is ReLU6."""
    if operation.name == "hardtanh" and (operation.arguments["min_val"], operation.arguments["max_val"]) == (0, 6):
        return "relu6"
    return operation.name


def _number(constant: Any, *at: int) -> float | None:
    """One number of a parameter; None where the layer has none."""
    return float(constant.tensor[at]) if isinstance(constant, Constant) and constant.tensor is not None else None


def _rows(numbers: list[float], columns: int) -> list[list[float]]:
    return [numbers[start : start + columns] for start in range(0, len(numbers), columns)]


def _broadcast(at: Index, shape: tuple[int, ...]) -> Index:
    """The place in a tensor that is stretched to the shape in which `at` is a place."""
    lead = len(at) - len(shape)
    return tuple(0 if size == 1 else at[lead + axis] for axis, size in enumerate(shape))


def _window(operation: Operation, at: Index, shape: tuple[int, ...], *, inside: bool = True) -> list[tuple[int, int]]:
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


def _averaged(operation: Operation, at: Index, shape: tuple[int, ...]) -> tuple[Index, ...] | None:
    """The places over which an average goes; None where it can't be told as a plain mean."""
    arguments = operation.arguments
    if operation.name == "mean":
        axes = {axis % len(shape) for axis in arguments["dim"]}
        rest = iter(at)
        kept = at if arguments["keepdim"] else tuple(0 if axis in axes else next(rest) for axis in range(len(shape)))
        return tuple(product(*(range(size) if axis in axes else (kept[axis],) for axis, size in enumerate(shape))))
    if operation.name == "avg_pool2d":
        padded = any(windows_of(operation).padding)
        return None if padded else tuple((*at[:-2], *y_x) for y_x in _window(operation, at, shape))
    bins = []
    for axis, size in enumerate(arguments["output_size"]):
        length = shape[-2:][axis]
        bins.append(range(at[axis - 2] * length // size, -(-(at[axis - 2] + 1) * length // size)))
    return tuple((*at[:-2], *y_x) for y_x in product(*bins))
