"""The steps by which one number came about, followed back through the operations of a pass.

Through residual sums, scales, nonlinearities, normalisations and moves the way leads to the one weighted sum (a convolution's
or a linear layer's) that the number was made from. Every figure is read while the network itself runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import torch

from inference.engine.explaining.links import Figures, Link, Numbers, Step, in_rows, number_of, result_of, window_of
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
from inference.engine.explaining.weighted_sums import convolution, linear

NONLINEARITIES = frozenset({"relu", "hardtanh", "silu", "gelu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "clamp_min"})
WEIGHTED_SUMS = frozenset({"conv2d", "linear"})
AVERAGES = frozenset({"adaptive_avg_pool2d", "avg_pool2d", "mean"})

Reader = Callable[[list[Wanted]], Numbers]


class WayBack:
    """Follows a number back to the weighted sum that it was made from."""

    def __init__(self, operations: Operations, numbers: Reader) -> None:
        self._operations = operations
        self._numbers = numbers
        self.sums: list[tuple[str, Index]] = []

    def steps(self, place: Place) -> list[Step]:
        """From the weighted sum to the number at that place. All figures are read in one pass, if no maximum was picked."""
        links: list[Link] = []
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

    def _link(self, operation: Operation, place: Place) -> Link | Place:
        """What the operation did for this number; a place where it only moved it."""
        if operation.name in WEIGHTED_SUMS:
            self.sums.append((operation.path, place.at))
        if operation.name in MOVES:
            return self._moved(operation, place)
        if operation.name in NONLINEARITIES:
            return self._nonlinearity(operation, place)
        if operation.name in AVERAGES:
            return self._average(operation, place)
        kinds: dict[str, Callable[[Operation, Place], Link]] = {
            "batch_norm": self._batch_norm,
            "layer_norm": self._layer_norm,
            "conv2d": partial(convolution, self._operations),
            "linear": linear,
            "max_pool2d": self._max_pool,
            "add": self._sum,
            "mul": self._product,
        }
        return kinds.get(operation.name, self._mixed)(operation, place)

    def _moved(self, operation: Operation, place: Place) -> Link | Place:
        found = origins(operation, place.value.output).of(place.at)
        if isinstance(found, Place):
            return found
        name = found.name if found is not None else ""

        def step(numbers: Numbers) -> Step:
            value = numbers[0][0]
            return Step({"kind": "constant", "path": name, "after": value}, lambda _before: value)

        return Link((result_of(operation, place),), step, None)

    # --- steps that take one number and make one of it ------------------------------------------------------------------

    def _nonlinearity(self, operation: Operation, place: Place) -> Link:
        def apply(number: float) -> float:
            result: torch.Tensor = operation.function(
                torch.tensor([number], dtype=torch.double), *operation.positional[1:], **operation.keywords
            )
            return float(result)

        def step(numbers: Numbers) -> Step:
            (before,), (after,) = numbers
            figures = {"kind": "nonlinearity", "name": _nonlinearity_name(operation), "path": operation.path}
            return Step(figures | {"before": before, "after": after}, apply)

        wanted = (Wanted(operation.number, _first(operation), (place.at,)), result_of(operation, place))
        return Link(wanted, step, Place(operation.inputs[0], place.at))

    def _batch_norm(self, operation: Operation, place: Place) -> Link:
        names = {"mean": "running_mean", "variance": "running_var", "weight": "weight", "bias": "bias"}
        told = {name: number_of(operation.arguments[argument], place.at[1]) for name, argument in names.items()}
        told["epsilon"] = float(operation.arguments["eps"])

        def step(numbers: Numbers) -> Step:
            (before,), (after,) = numbers
            figures = {"kind": "batch_norm", "path": operation.path, **told, "before": before, "after": after}
            return Step(figures, _standardised(told))

        wanted = (Wanted(operation.number, "input", (place.at,)), result_of(operation, place))
        return Link(wanted, step, Place(operation.inputs[0], place.at))

    def _layer_norm(self, operation: Operation, place: Place) -> Link:
        into = operation.inputs[0]
        axes = len(operation.arguments["normalized_shape"])
        rest = product(*(range(size) for size in into.shape[-axes:]))
        everything = tuple((*place.at[:-axes], *inner) for inner in rest)
        weight, bias = (number_of(operation.arguments[name], *place.at[-axes:]) for name in ("weight", "bias"))

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

        return Link((Wanted(operation.number, "input", everything), result_of(operation, place)), step, Place(into, place.at))

    def _max_pool(self, operation: Operation, place: Place) -> Link:
        into = operation.inputs[0]
        at = [(*place.at[:-2], *y_x) for y_x in window_of(operation, place.at, into.shape)]

        def picked(window: list[float]) -> Index:
            return at[max(range(len(at)), key=window.__getitem__)]

        def step(numbers: Numbers) -> Step:
            window, (after,) = numbers
            largest = picked(window)
            figures = {
                "kind": "max_pool",
                "path": operation.path,
                "window": in_rows(window, len({index[-1] for index in at})),
                "top": at[0][-2],
                "left": at[0][-1],
                "picked": list(largest[-2:]),
                "before": max(window),
                "after": after,
            }
            others = [number for number, index in zip(window, at, strict=True) if index != largest]
            return Step(figures, lambda number: max([number, *others]))  # a window at an edge may hold one cell

        wanted = (Wanted(operation.number, _first(operation), tuple(at)), result_of(operation, place))
        return Link(wanted, step, lambda numbers: Place(into, picked(numbers[0])))

    # --- steps that add or multiply branches ----------------------------------------------------------------------------

    def _sum(self, operation: Operation, place: Place) -> Link:
        if operation.arguments.get("alpha", 1) != 1:
            return self._mixed(operation, place)
        return self._combined(operation, place, "sum", lambda one, other: one + other)

    def _product(self, operation: Operation, place: Place) -> Link:
        return self._combined(operation, place, "product", lambda one, other: one * other)

    def _combined(self, operation: Operation, place: Place, kind: str, combine: Callable[[float, float], float]) -> Link:
        followed = self._main(operation)
        other = "other" if followed == "self" else "self"
        into, beside = operation.arguments[followed], operation.arguments[other]
        into_at = _broadcast(place.at, into.shape)
        wanted = [Wanted(operation.number, followed, (into_at,)), result_of(operation, place)]
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

        return Link(tuple(wanted), step, Place(into, into_at))

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

    def _average(self, operation: Operation, place: Place) -> Link:
        at = _averaged(operation, place.at, operation.inputs[0].shape)
        if at is None:
            return self._mixed(operation, place)

        def step(numbers: Numbers) -> Step:
            together, (after,) = numbers
            mean = math.fsum(together) / len(together)
            figures = {
                "kind": "average",
                "path": operation.path,
                "window": in_rows(together, len({index[-1] for index in at})),
                "sum": math.fsum(together),
                "count": len(together),
                "after": after,
            }
            return Step(figures, lambda _before: mean)

        return Link((Wanted(operation.number, _first(operation), at), result_of(operation, place)), step, None)

    def _mixed(self, operation: Operation, place: Place) -> Link:
        """An operation that is no weighted sum with fixed weights (attention): the number is told, not taken apart."""

        def step(numbers: Numbers) -> Step:
            value = numbers[0][0]
            figures = {"kind": "mixed", "name": operation.name, "path": operation.path, "after": value}
            return Step(figures, lambda _before: value)

        return Link((result_of(operation, place),), step, None)


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


def _nonlinearity_name(operation: Operation) -> str:
    """As people call it: torch's hardtanh from 0 to 6 is ReLU6."""
    if operation.name == "hardtanh" and (operation.arguments["min_val"], operation.arguments["max_val"]) == (0, 6):
        return "relu6"
    return operation.name


def _broadcast(at: Index, shape: tuple[int, ...]) -> Index:
    """The place in a tensor that is stretched to the shape in which `at` is a place."""
    lead = len(at) - len(shape)
    return tuple(0 if size == 1 else at[lead + axis] for axis, size in enumerate(shape))


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
        return None if padded else tuple((*at[:-2], *y_x) for y_x in window_of(operation, at, shape))
    bins = []
    for axis, size in enumerate(arguments["output_size"]):
        length = shape[-2:][axis]
        bins.append(range(at[axis - 2] * length // size, -(-(at[axis - 2] + 1) * length // size)))
    return tuple((*at[:-2], *y_x) for y_x in product(*bins))
