"""The weighted sums that numbers are made from, a convolution's and a linear layer's: what weighs most number by number."""

from __future__ import annotations

import math

from inference.engine.explaining.links import Figures, Link, Numbers, Step, in_rows, number_of, result_of, window_of
from inference.engine.explaining.operations import Operation, Operations, Place, Value, Wanted, windows_of

SHOWN = 6
"""Of how many input channels the patch and the kernel are told number by number: those that weigh most."""


def convolution(operations: Operations, operation: Operation, place: Place) -> Link:
    """How a convolution's number is made: patches of its input's channels, each times its kernel, and a bias."""
    into, kernel = operation.arguments["input"], operation.arguments["weight"].tensor
    channel, each = place.at[1], kernel.shape[1]  # of the input's channels, how many this unit sees
    first = channel // (kernel.shape[0] // operation.arguments["groups"]) * each
    windows, window = windows_of(operation), window_of(operation, place.at, into.shape, inside=False)
    is_inside = [0 <= y < into.shape[2] and 0 <= x < into.shape[3] for y, x in window]
    at = tuple((0, first + k, *y_x) for k in range(each) for y_x, is_in in zip(window, is_inside, strict=True) if is_in)
    weights = kernel[channel].double().flatten(1).tolist()
    bias = number_of(operation.arguments["bias"], channel)
    scale = _scale_of(operations, into, range(first, first + each))

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
            **_where(operations, into, window),
            "shown": [
                {
                    "channel": first + k,
                    "patch": in_rows(patches[k], columns),
                    "kernel": in_rows(weights[k], columns),
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

    wanted = [Wanted(operation.number, "input", at), result_of(operation, place), *([scale[1]] if scale else [])]
    return Link(tuple(wanted), step, None)


def linear(operation: Operation, place: Place) -> Link:
    """How a linear layer's number is made: every number that comes in, times its weight, and a bias."""
    into, matrix = operation.arguments["input"], operation.arguments["weight"].tensor
    unit = place.at[-1]
    at = tuple((*place.at[:-1], feature) for feature in range(into.shape[-1]))
    weights = matrix[unit].double().tolist()
    bias = number_of(operation.arguments["bias"], unit)

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

    return Link((Wanted(operation.number, "input", at), result_of(operation, place)), step, None)


def _where(operations: Operations, into: Value, window: list[tuple[int, int]]) -> Figures:
    """The window's corner in the input's grid, where a pad around it doesn't count, and how much lies outside."""
    maker = operations.maker(into)
    left = right = above = below = 0
    if maker is not None and maker.name == "pad" and len(maker.arguments["pad"]) == 4:
        left, right, above, below = maker.arguments["pad"]
    height, width = into.shape[2] - above - below, into.shape[3] - left - right
    moved = [(y - above, x - left) for y, x in window]
    outside = sum(not (0 <= y < height and 0 <= x < width) for y, x in moved)
    return {"top": moved[0][0], "left": moved[0][1], "outside": outside}


def _scale_of(operations: Operations, into: Value, channels: range) -> tuple[str, Wanted] | None:
    """Where a layer's input is a map times one scale per channel, as squeeze-and-excitation makes: its path and scales."""
    maker = operations.maker(into)
    if maker is None or maker.name != "mul":
        return None
    for argument in ("self", "other"):
        factor = maker.arguments[argument]
        if isinstance(factor, Value) and factor.shape[2:] == (1, 1) and into.shape[2:] != (1, 1):
            return maker.path, Wanted(maker.number, argument, tuple((0, k, 0, 0) for k in channels))
    return None


def _weightiest(sums: list[float], count: int) -> tuple[list[int], Figures]:
    """Which channels weigh most, in their own order, and what all others sum to."""
    chosen = sorted(sorted(range(len(sums)), key=lambda k: -abs(sums[k]))[:count])
    rest = set(range(len(sums))) - set(chosen)
    return chosen, {"count": len(rest), "sum": math.fsum(sums[k] for k in rest)}
