"""The arithmetic of one unit: what goes in, the weights, and each step to exactly the number that the network has there.

From the number, its operations are followed back: through residual sums, scales, nonlinearities, normalisations and moves,
to the one weighted sum (a convolution's or a linear layer's) that it was made from. Every figure is read while the network
itself runs; the number is then computed anew from those figures in double precision, and both are told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from inference.contracts import Asked, Cancelled, Emit, EngineError, Failure, Result
from inference.engine import preprocessing, stages
from inference.engine.explaining import receptive
from inference.engine.explaining.arithmetic import NONLINEARITIES, WEIGHTED_SUMS, WayBack
from inference.engine.explaining.links import Figures, Numbers, Step
from inference.engine.explaining.operations import (
    Index,
    Operation,
    Operations,
    Place,
    Wanted,
    grid_of,
    operations_of,
    place_in,
    read,
    stage_named,
)

if TYPE_CHECKING:
    from PIL import Image

    from inference.engine.tracing import LoadedNetwork

NAME = "unit"


@dataclass(frozen=True, slots=True)
class Unit:
    """One number of one photograph in a network, and how it comes about."""

    layer: str  # the layer whose output it is; empty for the stage's own
    channel: int
    y: int
    x: int
    shape: tuple[int, int, int]  # channels, height and width to choose from
    value: float
    steps: tuple[Step, ...]
    place: Place
    sums: tuple[tuple[str, Index], ...]  # the weighted sum at its beginning: the layer's path, and the place in its output

    @property
    def recomputed(self) -> float:
        """The number again, from the figures of its steps alone."""
        return _followed(0.0, self.steps)

    @property
    def is_cut_off(self) -> bool:
        """Whether nothing small that is done to its weighted sum changes the number, as behind a ReLU that made it 0."""
        first, *further = self.steps
        summed = first.apply(0.0)
        nudge = 1e-6 * max(1.0, abs(summed))
        return len({_followed(number, further) for number in (summed - nudge, summed, summed + nudge)}) == 1


def _followed(number: float, steps: Sequence[Step]) -> float:
    """What the steps make of a number, one after the other."""
    for step in steps:
        number = step.apply(number)
    return number


def look(
    loaded: LoadedNetwork,
    image: Image.Image,
    options: Mapping[str, Any],
    emit: Emit,
    cancelled: Asked,
) -> None:
    """Emits the arithmetic of one unit, then what part of the photo it sees.

    Raises Cancelled before each of both once `cancelled()` is true. EngineError: there is no such unit.
    """
    cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    batch = loaded.batch(prepared)
    stage_name, layer = str(options["stage"]), str(options.get("layer", ""))
    with loaded.alone():
        _stop_if(cancelled)
        unit = unit_of(
            loaded, batch, stage_name, layer, channel=int(options["channel"]), y=int(options["y"]), x=int(options["x"])
        )
        emit(Result(f"unit:{stage_name}", {"stage": stage_name, "layers": layers_of(loaded, stage_name), **told(unit)}))
        _stop_if(cancelled)
        figures, files = receptive.fields(loaded, batch, cropped, unit.place, _ends(loaded, stage_name, unit))
    if layer and unit.is_cut_off:
        figures["of"] = "sum"  # a layer's gradient is taken of its sum: where the number is not cut off, it has the same shape
    at = {"stage": stage_name, "layer": layer, "channel": unit.channel, "y": unit.y, "x": unit.x}
    emit(Result(f"receptive:{stage_name}", at | figures, files))


def _stop_if(cancelled: Asked) -> None:
    if cancelled():
        raise Cancelled


def _ends(loaded: LoadedNetwork, stage_name: str, unit: Unit) -> list[tuple[stages.Boundary, Index]]:
    """Where a pass meets the unit's number, and then the weighted sum that it was made from."""
    number, _stage = stage_named(loaded, stage_name)
    summed = [(stages.Boundary(path), at) for path, at in unit.sums]
    return summed if unit.layer else [(loaded.plan.boundaries[number], unit.place.at), *summed]


def told(unit: Unit) -> Figures:
    """The unit's figures as JSON has them."""
    return {
        "layer": unit.layer,
        "channel": unit.channel,
        "y": unit.y,
        "x": unit.x,
        "shape": list(unit.shape),
        "value": unit.value,
        "recomputed": unit.recomputed,
        "steps": [step.figures for step in unit.steps],
    }


def unit_of(
    loaded: LoadedNetwork, batch: torch.Tensor, stage_name: str, layer: str = "", *, channel: int, y: int, x: int
) -> Unit:
    """The unit at that place of a stage's output or, with a layer's path, of that layer's with what follows it at once.

    The caller has the network to itself. EngineError: not there.
    """
    operations = operations_of(loaded)
    number, stage = stage_named(loaded, stage_name)
    place, shape = (
        _place_after(operations, _layer_step(operations, number, layer), channel=channel, y=y, x=x)
        if layer
        else (place_in(stage, operations.ends[number], channel=channel, y=y, x=x), grid_of(stage))
    )

    def numbers(wanted: list[Wanted]) -> Numbers:
        return read(loaded, batch, operations, wanted)

    back = WayBack(operations, numbers)
    steps = back.steps(place)
    maker = operations.maker(place.value)
    value = numbers([Wanted(maker.number, "", (place.at,))])[0][0] if maker is not None else math.nan
    return Unit(layer, channel, y, x, shape, value, tuple(steps), place, tuple(back.sums))


def layers_of(loaded: LoadedNetwork, stage_name: str) -> list[Figures]:
    """The convolutions and linear layers inside a stage whose units can be looked at, in the order of their calls."""
    number, _stage = stage_named(loaded, stage_name)
    return [_layer_told(step) for step in _layer_steps(operations_of(loaded), number)]


def _layer_steps(operations: Operations, stage: int) -> list[Operation]:
    """The stage's weighted sums over a grid, each layer's first call."""
    before = operations.ends[stage - 1].maker if stage else None
    last = operations.ends[stage].maker
    steps = operations.steps[0 if before is None else before + 1 : None if last is None else last + 1]
    first = {step.path: step for step in reversed(steps) if step.name in WEIGHTED_SUMS and len(step.outputs[0].shape) == 4}
    return sorted(first.values(), key=lambda step: step.number)


def _layer_step(operations: Operations, stage: int, layer: str) -> Operation:
    steps = _layer_steps(operations, stage)
    for step in steps:
        if step.path == layer:
            return step
    raise EngineError(Failure.NOT_THERE, what="unit", count=len(steps))


def _layer_told(step: Operation) -> Figures:
    channels, height, width = _grid(step)
    told: Figures = {"path": step.path, "kind": step.name, "channels": channels, "height": height, "width": width}
    if step.name == "conv2d":
        told |= {"kernel": list(step.arguments["weight"].shape[2:]), "groups": step.arguments["groups"]}
    return told


def _grid(step: Operation) -> tuple[int, int, int]:
    """Channels, height and width of what a layer over a grid makes: convolutions have the channels before the grid."""
    shape = step.outputs[0].shape
    return (shape[1], shape[2], shape[3]) if step.name == "conv2d" else (shape[3], shape[1], shape[2])


def _place_after(
    operations: Operations, step: Operation, *, channel: int, y: int, x: int
) -> tuple[Place, tuple[int, int, int]]:
    """The unit of a layer after the normalisation and nonlinearity that follow it at once."""
    shape = _grid(step)
    for what, number, count in zip(("channel", "y", "x"), (channel, y, x), shape, strict=True):
        if not 0 <= number < count:
            raise EngineError(Failure.NOT_THERE, what=what, count=count)
    value = step.outputs[0]
    while len(takers := operations.takers.get(value.number, ())) == 1:
        following = operations.steps[takers[0]]
        if following.name not in NONLINEARITIES and following.name != "batch_norm":
            break
        value = following.outputs[0]
    return Place(value, (0, channel, y, x) if step.name == "conv2d" else (0, y, x, channel)), shape
