"""Where numbers come from in operations that only move them: views, slices, rolls, shuffles, concatenations, pads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map

from inference.engine.explaining.operations import Constant, Index, Operation, Place, Shape, Value


@dataclass(frozen=True, slots=True)
class Origins:
    """For each number of an operation's output: in which tensor it was, and at which place of that tensor laid out flat."""

    tensors: tuple[Value | Constant, ...]
    flat: torch.Tensor  # of the output's shape: 0 where a pad filled it, else 1 + the place, counted through all tensors

    def of(self, at: Index) -> Place | Constant | None:
        """Where the number at `at` was; None where a pad filled it."""
        flat = int(self.flat[at])
        if flat == 0:
            return None
        flat -= 1
        for tensor in self.tensors:
            size = math.prod(tensor.shape)
            if flat < size:
                return Place(tensor, unflattened(flat, tensor.shape)) if isinstance(tensor, Value) else tensor
            flat -= size
        raise IndexError(at)


def origins(step: Operation, output: int = 0) -> Origins:
    """The origins of one output: the move itself, done to the numbers' own places."""
    tensors = [part for part in tree_flatten((step.positional, dict(step.keywords)))[0] if isinstance(part, (Value, Constant))]
    starts = [1, *accumulate((math.prod(tensor.shape) for tensor in tensors), initial=1)][1:]
    begun = iter(starts)

    def places(argument: Any) -> Any:
        if not isinstance(argument, (Value, Constant)):
            return argument
        start = next(begun)
        return torch.arange(start, start + math.prod(argument.shape)).view(argument.shape)

    with torch.inference_mode():
        positional, keywords = tree_map(places, (step.positional, dict(step.keywords)))
        made = [part for part in tree_flatten(step.function(*positional, **keywords))[0] if isinstance(part, torch.Tensor)]
    return Origins(tuple(tensors), made[output])


def unflattened(flat: int, shape: Shape) -> Index:
    """The place in a tensor of a number that is the `flat`-th of all."""
    index: list[int] = []
    for size in reversed(shape):
        flat, rest = divmod(flat, size)
        index.append(rest)
    return tuple(reversed(index))
