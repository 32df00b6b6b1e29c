"""Follow one pixel: which part of the photograph a unit can see at all, and which part moves its number on this photograph.

The theoretical field is layer arithmetic over the recorded operations: from the unit back to the input, each operation says
which numbers its output can depend on. A convolution takes its window, a pool its own, what only moves numbers moves the
field, attention takes its whole window of tokens, and an average over the grid (squeeze-and-excitation) takes everything.
The effective field is the gradient of the unit with respect to the input: Luo et al. 2016, https://arxiv.org/abs/1701.04128
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch.backends import mha
from torch.nn.functional import avg_pool2d, conv_transpose2d

from inference.contracts import Picture
from inference.engine import pictures, stages
from inference.engine.explaining.moves import origins
from inference.engine.explaining.operations import (
    MOVES,
    Index,
    Operation,
    Operations,
    Place,
    Value,
    Windows,
    operations_of,
    windows_of,
)

if TYPE_CHECKING:
    from inference.engine.tracing import LoadedNetwork

Mask = torch.Tensor
"""Truth values in the shape of a tensor of the pass: which of its numbers the unit can depend on."""

SHARES = (0.5, 0.95)
"""Of the whole gradient: how few pixels hold them is told."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a unit can see: a mask over the network's input, and how far its windows reach beyond the picture's edges."""

    mask: Mask  # H × W
    reach: tuple[int, int, int, int] | None  # top, left, bottom, right in pixels, the last ones outside; None: no windows
    through: frozenset[str]  # what takes in everything at once on the way: "average", "attention"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of what lies inside the picture; the last row and column are outside."""
        rows, columns = (self.mask.any(axis).nonzero().flatten() for axis in (1, 0))
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1

    @property
    def share(self) -> float:
        """Of the picture's pixels."""
        return float(self.mask.float().mean())


def fields(
    loaded: LoadedNetwork, batch: torch.Tensor, photo: Image.Image, place: Place, ends: Sequence[tuple[stages.Boundary, Index]]
) -> tuple[dict[str, Any], dict[str, Picture]]:
    """Both fields of the unit at a place, as figures and drawn on the photo as it entered the network.

    `ends` say where the unit's number is met in a pass, and where what it was made from is, which a nonlinearity has not cut
    off: the first that any pixel moves is taken. The caller has the network to itself.
    """
    field = theoretical(operations_of(loaded), place)
    gradient, of_sum = torch.zeros(batch.shape[2:]), False
    for number, (end, at) in enumerate(ends):
        gradient, of_sum = effective(loaded, batch, end, at), number > 0
        if gradient.any():
            break
    figures: dict[str, Any] = {
        "size": list(batch.shape[2:]),
        "box": list(field.box),
        "reach": list(field.reach) if field.reach else None,
        "share": field.share,
        "whole": bool(field.mask.all()),
        "through": sorted(field.through),
        "pixels": held_by(gradient),
        "of": "sum" if of_sum else "unit",
    }
    files = {"theoretical": _seen(photo, field)}
    if figures["pixels"]:
        files["effective"] = _moved(photo, gradient)
    return figures, files


# --- the theoretical field --------------------------------------------------------------------------------------------


def theoretical(operations: Operations, place: Place) -> Field:
    """The part of the input on which the number at that place can depend, whatever the weights are."""
    masks: dict[int, Mask] = {place.value.number: torch.zeros(place.value.shape, dtype=torch.bool)}
    masks[place.value.number][place.at] = True
    reaches: dict[int, _Reach | None] = {place.value.number: _Reach.of(place)}
    through: set[str] = set()
    last = place.value.maker if place.value.maker is not None else -1
    for step in reversed(operations.steps[: last + 1]):
        for output in step.outputs:
            mask = masks.pop(output.number, None)
            if mask is None:
                continue
            reach = reaches.pop(output.number, None)
            through |= _GLOBAL.get(step.name, frozenset()) if not _is_trivial(step) else frozenset()
            for value, seen in _sources(step, output, mask):
                if not seen.any():
                    continue
                known = masks.get(value.number)
                masks[value.number] = seen if known is None else known | seen
                further = _Reach.before(step, reach)
                reaches[value.number] = further if known is None else _Reach.both(reaches[value.number], further)
    first = operations.input
    seen = masks.get(first.number, torch.zeros(first.shape, dtype=torch.bool))
    found = reaches.get(first.number)
    return Field(seen[0].any(0), found.box if found else None, frozenset(through))


_ATTENTION = frozenset({"attention"})
_GLOBAL = {
    "adaptive_avg_pool2d": frozenset({"average"}),
    "mean": frozenset({"average"}),
    "scaled_dot_product_attention": _ATTENTION,
    "softmax": _ATTENTION,
}


def _is_trivial(step: Operation) -> bool:
    """Whether a global operation had only one number to take."""
    return math.prod(step.inputs[0].shape[-2:]) == 1


def _sources(step: Operation, output: Value, mask: Mask) -> list[tuple[Value, Mask]]:
    """For each input, which of its numbers those in the mask can depend on."""
    if step.name in MOVES:
        return _moved_from(step, output, mask)
    if (rule := _RULES.get(step.name)) is not None:
        return rule(step, mask)
    if step.name in _ELEMENTWISE:
        return [(value, _narrowed(mask, value.shape)) for value in step.inputs]
    return [(value, torch.ones(value.shape, dtype=torch.bool)) for value in step.inputs]  # not known: anything may matter


_ELEMENTWISE = frozenset(
    {
        *("add", "sub", "mul", "div", "batch_norm", "relu", "hardtanh", "silu", "gelu", "hardswish", "hardsigmoid", "sigmoid"),
        *("tanh", "exp", "clamp", "clamp_min", "masked_fill"),
    }
)


def _narrowed(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """The mask of a tensor that was stretched to the mask's shape."""
    while mask.dim() > len(shape):
        mask = mask.any(0)
    for axis, size in enumerate(shape):
        if size == 1 and mask.shape[axis] != 1:
            mask = mask.any(axis, keepdim=True)
    return mask


def _moved_from(step: Operation, output: Value, mask: Mask) -> list[tuple[Value, Mask]]:
    if mask.all() and math.prod(mask.shape) == sum(math.prod(value.shape) for value in step.inputs):
        return [(value, torch.ones(value.shape, dtype=torch.bool)) for value in step.inputs]
    found = origins(step, output.output)
    flat = found.flat[mask].flatten()
    sources = []
    start = 1
    for tensor in found.tensors:
        size = math.prod(tensor.shape)
        if isinstance(tensor, Value):
            seen = torch.zeros(size, dtype=torch.bool)
            seen[flat[(flat >= start) & (flat < start + size)] - start] = True
            sources.append((tensor, seen.view(tensor.shape)))
        start += size
    return sources


def _convolution(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    into, arguments = step.arguments["input"], step.arguments
    groups = arguments["groups"]
    by_group = mask.view(1, groups, -1, *mask.shape[2:]).any(2)
    seen = _spread(by_group, windows_of(step), into.shape[2:])
    each = into.shape[1] // groups
    return [(into, seen.repeat_interleave(each, 1))]


def _pool(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    into = step.inputs[0]
    return [(into, _spread(mask, windows_of(step), into.shape[2:]))]


def _spread(mask: Mask, windows: Windows, size: tuple[int, ...]) -> Mask:
    """All cells that lie in the windows of the cells in 1 × C × H × W, in a grid of that size."""
    ones, padding = torch.ones(mask.shape[1], 1, *windows.kernel), windows.padding
    seen = conv_transpose2d(mask.float(), ones, stride=windows.stride, dilation=windows.dilation, groups=mask.shape[1])
    full = [max(have, pad + want) for have, pad, want in zip(seen.shape[2:], padding, size, strict=True)]
    grown = torch.zeros(*seen.shape[:2], *full)
    grown[:, :, : seen.shape[2], : seen.shape[3]] = seen
    return grown[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]] > 0


def _adaptive_pool(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    into = step.inputs[0]
    seen = torch.zeros(into.shape, dtype=torch.bool)
    (rows, height), (columns, width) = zip(mask.shape[2:], into.shape[2:], strict=True)
    for row in range(rows):
        for column in range(columns):
            top, left = row * height // rows, column * width // columns
            bottom, right = -(-(row + 1) * height // rows), -(-(column + 1) * width // columns)
            seen[:, :, top:bottom, left:right] |= mask[:, :, row, column, None, None]
    return [(into, seen)]


def _along(*names: str) -> Callable[[Operation, Mask], list[tuple[Value, Mask]]]:
    """A rule for operations that take in a whole axis, or several, whose numbers the argument of that name holds."""

    def rule(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
        into = step.inputs[0]
        axes = next(step.arguments[name] for name in names if name in step.arguments)
        axes = axes if isinstance(axes, (list, tuple)) else [axes]
        for axis in sorted(axis % len(into.shape) for axis in axes):
            mask = mask.any(axis, keepdim=True) if mask.dim() == len(into.shape) else mask.unsqueeze(axis)
        return [(into, mask.expand(into.shape).clone())]

    return rule


def _layer_norm(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    into = step.inputs[0]
    axes = tuple(range(len(into.shape) - len(step.arguments["normalized_shape"]), len(into.shape)))
    return [(into, mask.any(axes, keepdim=True).expand(into.shape).clone())]


def _linear(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    into = step.inputs[0]
    return [(into, mask.any(-1, keepdim=True).expand(into.shape).clone())]


def _matmul(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    one, other = step.arguments["self"], step.arguments["other"]
    sources = []
    if isinstance(one, Value):
        sources.append((one, _narrowed(mask.any(-1, keepdim=True).expand(*mask.shape[:-1], one.shape[-1]), one.shape)))
    if isinstance(other, Value):
        rows = mask.any(-2, keepdim=True).expand(*mask.shape[:-2], other.shape[-2], mask.shape[-1])
        sources.append((other, _narrowed(rows, other.shape)))
    return sources


def _attention(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    """The output for a query is made from that query, from every key, and from each value at the same feature."""
    query, key, value = (step.arguments[name] for name in ("query", "key", "value"))
    any_feature = mask.any(-1, keepdim=True)
    return [
        (query, any_feature.expand(query.shape).clone()),
        (key, any_feature.any(-2, keepdim=True).expand(key.shape).clone()),
        (value, mask.any(-2, keepdim=True).expand(value.shape).clone()),
    ]


def _einsum(step: Operation, mask: Mask) -> list[tuple[Value, Mask]]:
    equation = step.arguments["equation"].replace(" ", "")
    operands, _arrow, out = equation.partition("->")
    sources = []
    for letters, value in zip(operands.split(","), step.arguments["tensors"], strict=True):
        if not isinstance(value, Value):
            continue
        summed = tuple(axis for axis, letter in enumerate(out) if letter not in letters)
        seen = mask.any(summed) if summed else mask
        kept = [letter for letter in out if letter in letters]
        for letter in letters:
            if letter not in kept:
                seen, kept = seen.unsqueeze(0), [letter, *kept]
        sources.append((value, seen.permute([kept.index(letter) for letter in letters]).expand(value.shape).clone()))
    return sources


_RULES: dict[str, Callable[[Operation, Mask], list[tuple[Value, Mask]]]] = {
    "conv2d": _convolution,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "adaptive_avg_pool2d": _adaptive_pool,
    "mean": _along("dim"),
    "softmax": _along("dim"),
    "linalg_vector_norm": _along("dim"),
    "layer_norm": _layer_norm,
    "linear": _linear,
    "matmul": _matmul,
    "scaled_dot_product_attention": _attention,
    "einsum": _einsum,
}


def _keeps_grid(step: Operation) -> bool:
    """Whether rows and columns, the last two axes, are the same after the operation."""
    before, after = step.inputs[0].shape, step.outputs[0].shape
    if before[-2:] != after[-2:]:
        return False
    if step.name == "transpose":
        axes = {step.arguments[name] % len(before) for name in ("dim0", "dim1")}
        return not axes & {len(before) - 1, len(before) - 2}
    return step.name in _ELEMENTWISE | {"cat", "chunk", "dropout", "contiguous", "clone", "view"}


@dataclass(frozen=True, slots=True)
class _Reach:
    """First and last row and column of all windows, also where they reach beyond the edges."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    @classmethod
    def of(cls, place: Place) -> _Reach | None:
        """Of a unit over a grid that comes after the channels."""
        if len(place.at) != 4:
            return None
        y, x = place.at[2:]
        return cls((y, y), (x, x))

    @classmethod
    def both(cls, one: _Reach | None, other: _Reach | None) -> _Reach | None:
        """What holds the two; None where either has no windows."""
        if one is None or other is None:
            return None
        rows, columns = ((min(a[0], b[0]), max(a[1], b[1])) for a, b in ((one.rows, other.rows), (one.columns, other.columns)))
        return cls(rows, columns)

    @classmethod
    def before(cls, step: Operation, reach: _Reach | None) -> _Reach | None:
        """Of what goes into an operation; None where that is no window on a grid."""
        if reach is None:
            return None
        if step.name in ("conv2d", "max_pool2d", "avg_pool2d"):
            return reach._windows(step)
        if step.name == "pad" and len(step.arguments["pad"]) == 4:
            left, _right, above, _below = step.arguments["pad"]
            rows, columns = ((low - by, high - by) for (low, high), by in ((reach.rows, above), (reach.columns, left)))
            return cls(rows, columns)
        return reach if _keeps_grid(step) else None

    def _windows(self, step: Operation) -> _Reach:
        told = windows_of(step)
        rows, columns = (
            (low * stride - padding, high * stride - padding + dilation * (kernel - 1))
            for (low, high), kernel, stride, padding, dilation in zip(
                (self.rows, self.columns), told.kernel, told.stride, told.padding, told.dilation, strict=True
            )
        )
        return _Reach(rows, columns)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right; the last ones outside."""
        return self.rows[0], self.columns[0], self.rows[1] + 1, self.columns[1] + 1


# --- the effective field ------------------------------------------------------------------------------------------------


def effective(loaded: LoadedNetwork, batch: torch.Tensor, end: stages.Boundary, at: Index) -> torch.Tensor:
    """The gradient of one number with respect to the input, H × W on the host: magnitudes, summed over the three colours.

    All zeros where nothing that is small enough changes the number, as behind a ReLU that cut it off.
    """
    fast_path = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)  # it is not differentiated
    try:
        with torch.enable_grad():
            picture = batch.detach().clone().requires_grad_()
            number = stages.met(loaded.model, picture, end, lambda output: output[at])
            (gradient,) = torch.autograd.grad(number, picture, allow_unused=True)
    finally:
        mha.set_fastpath_enabled(fast_path)
    if gradient is None:
        return torch.zeros(batch.shape[2:])
    return gradient[0].abs().sum(0).float().cpu()


def held_by(gradient: torch.Tensor) -> dict[str, int]:
    """How few pixels hold half of the gradient, and nearly all of it; empty where there is none."""
    ordered = gradient.flatten().double().sort(descending=True).values
    total = float(ordered.sum())
    if not total > 0:
        return {}
    held = ordered.cumsum(0) / total
    return {f"{share:g}": int((held < share).sum()) + 1 for share in SHARES}


# --- pictures -----------------------------------------------------------------------------------------------------------

_DIMMED = 0.28


def _seen(photo: Image.Image, field: Field) -> Picture:
    """The photo as it entered the network; what the unit can't see is dimmed."""
    pixels = np.asarray(photo.convert("RGB"), dtype=np.float32)
    light = np.where(field.mask.numpy(), 1.0, _DIMMED)[..., None]
    return pictures.photograph(Image.fromarray((pixels * light).astype(np.uint8)))


def _moved(photo: Image.Image, gradient: torch.Tensor) -> Picture:
    """The photo lit by the gradient: single pixels are blurred into spots that can be seen, the strongest ones are bright."""
    side = max(3, gradient.shape[0] // 40) | 1
    spots = avg_pool2d(gradient[None, None], side, stride=1, padding=side // 2, count_include_pad=False)[0, 0]
    light = (spots / spots.max()).sqrt().numpy()[..., None]
    pixels = np.asarray(photo.convert("RGB"), dtype=np.float32)
    glow = np.array(_GLOW, dtype=np.float32)
    mixed = pixels * _DIMMED * (1 - light) + (0.45 * pixels + 0.55 * glow) * light
    return pictures.photograph(Image.fromarray(mixed.astype(np.uint8)))


_GLOW = (255, 194, 71)
