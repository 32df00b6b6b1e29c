"""Questions about maps: their shape at another size, their stride, what one of their cells sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from quizzes.generating.base import Template
from quizzes.generating.networks import Network, StageOf, sides_for
from quizzes.sketching.base import Belief, Figures, Phrase, Sketch

# --- the shape after a stage -------------------------------------------------------------------------------------------------


def _ask_shape(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    stage = chance.choice(network.features)
    side = chance.choice(sides_for(network))
    photos = chance.randint(1, 16)
    channels, entering = stage.output_shape[1], stage.input_shape[1]
    stride, before = network.stride_after(stage), network.stride_before(stage)
    cells = side // stride
    figures: Figures = {"network": network.title, "end": stage.end, "side": side, "photos": photos, "native": network.side}

    def belief(slug: str, shape: tuple[int, ...], **more: int) -> Belief:
        told: Figures = {**figures, "stride": stride, "cells": cells, **more}
        return Belief(Phrase.of("shape", shape=shape), slug, Phrase.of(f"output_shape.{slug}", **told))

    native = stage.output_shape[2]
    beliefs = [
        belief("size-is-fixed", (photos, channels, native, native), trained=native),
        belief("stride-is-forgotten", (photos, channels, side // before, side // before), before=side // before),
        belief("features-are-pooled", (photos, channels)),
        belief("channels-never-change", (photos, entering, cells, cells), entering=entering, channels=channels),
    ]
    if cells % 2 == 0:
        beliefs.append(belief("every-stage-halves", (photos, channels, cells // 2, cells // 2)))
    told: Figures = {**figures, "stride": stride, "cells": cells, "channels": channels, "trained": native}
    entered = (photos, 3, side, side)
    right = Phrase.of("shape", shape=(photos, channels, cells, cells))
    return Sketch(
        stem=Phrase.of("output_shape.stem", **figures, entered_shape=entered),
        right=right,
        beliefs=beliefs,
        why=Phrase.of("output_shape.right", **told),
        hint=Phrase.of("output_shape.hint", **figures),
        solution=(
            Phrase.of("output_shape.step-stride", **told),
            Phrase.of("output_shape.step-cells", **told),
            Phrase.of("output_shape.step-channels", **told),
        ),
        answer=right,
    )


OUTPUT_SHAPE = Template(
    name="output_shape",
    misconceptions=frozenset(
        {"size-is-fixed", "stride-is-forgotten", "features-are-pooled", "channels-never-change", "every-stage-halves"}
    ),
    allows=lambda network: network.takes_any_size,
    ask=_ask_shape,
)

# --- its stride --------------------------------------------------------------------------------------------------------------


def _ask_stride(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    stage = chance.choice(_after_a_stride(network))
    side = chance.choice(sides_for(network))
    stride, before = network.stride_after(stage), network.stride_before(stage)
    cells = side // stride
    figures: Figures = {"network": network.title, "end": stage.end, "side": side, "cells": cells, "stride": stride}
    halvings = round(math.log2(stride))

    def belief(slug: str, pixels: int, **more: int) -> Belief:
        return Belief(Phrase.of("pixels", count=pixels), slug, Phrase.of(f"stride_of_stage.{slug}", **figures, **more))

    right = Phrase.of("pixels", count=stride)
    stem = Phrase.of("stride_of_stage.stem", network=network.title, end=stage.end, side=side)
    return Sketch(
        stem=stem,
        right=right,
        beliefs=[
            belief("stride-is-the-maps-side", cells),
            belief("strides-are-added", 2 * halvings, halvings=halvings),
            belief("stride-is-forgotten", before, before=before),
            belief("every-stage-halves", 2 * stride),
            belief("stride-is-of-one-layer", 2),
        ],
        why=Phrase.of("stride_of_stage.right", **figures),
        hint=Phrase.of("stride_of_stage.hint", side=side),
        solution=(
            Phrase.of("stride_of_stage.step-cells", **figures),
            Phrase.of("stride_of_stage.step-divide", **figures),
        ),
        answer=right,
    )


def _after_a_stride(network: Network) -> list[StageOf]:
    return [stage for stage in network.features if network.stride_after(stage) > 1]


STRIDE = Template(
    name="stride_of_stage",
    misconceptions=frozenset(
        {
            "stride-is-the-maps-side",
            "strides-are-added",
            "stride-is-forgotten",
            "every-stage-halves",
            "stride-is-of-one-layer",
        }
    ),
    allows=lambda network: network.takes_any_size and bool(_after_a_stride(network)),
    ask=_ask_stride,
)

# --- what one cell sees ------------------------------------------------------------------------------------------------------


def kernel_of(stage: StageOf) -> int | None:
    """The side k of the kernels of a stage of plain k × k convolutions; none when its parameters are not of that form.

    The first of n convolutions has k² · C_in · C + b · C parameters, each of the others k² · C · C + b · C; b is 1 for the
    bias alone, and 3 with BatchNorm's scale and shift.
    """
    entering, channels, blocks = stage.input_shape[1], stage.output_shape[1], stage.blocks
    weights = entering * channels + (blocks - 1) * channels * channels
    for each in (1, 3):
        square, rest = divmod(stage.parameters - each * blocks * channels, weights)
        side = math.isqrt(max(square, 0))
        if not rest and side * side == square and side % 2:
            return side
    return None


def _is_stack(network: Network) -> bool:
    """Whether its features are plain convolutions in stages that each end by halving: the form of VGG."""
    return network.takes_any_size and all(
        stage.operation == "convolution"
        and stage.blocks > 0
        and network.stride_after(stage) == 2 * network.stride_before(stage)
        and kernel_of(stage) == 3
        for stage in network.features
    )


def _ask_field(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    stages = network.features
    places = [(index, nth) for index, stage in enumerate(stages) for nth in range(1, stage.blocks + 1)]
    index, nth = chance.choice(places[1:])  # after one convolution alone too many beliefs come to the same
    before = [stage.blocks for stage in stages[:index]]
    convolutions, jump = sum(before) + nth, 2**index
    # Each convolution adds (3 − 1) · jump, each pool (2 − 1) · jump, with the jump of the map that it works on.
    field = 1 + sum(2 * count * 2**place + 2**place for place, count in enumerate(before)) + 2 * nth * jump
    figures: Figures = {
        "network": network.title,
        "stage": stages[index].title,
        "nth": nth,
        "stages": tuple(stage.blocks for stage in stages),
    }
    told: Figures = {**figures, "field": field, "jump": jump, "convolutions": convolutions, "pools": index}

    def belief(slug: str, pixels: int) -> Belief:
        return Belief(Phrase.of("pixels", count=pixels), slug, Phrase.of(f"receptive_field.{slug}", **told, said=pixels))

    right = Phrase.of("pixels", count=field)
    earlier = field - 2 * nth * jump
    return Sketch(
        stem=Phrase.of("receptive_field.stem", **figures),
        right=right,
        beliefs=[
            belief("kernels-are-added", 3 * convolutions),
            belief("stride-is-forgotten", 1 + 2 * convolutions + index),
            belief("field-is-the-stride", jump),
            belief("field-is-the-kernel", 3),
            belief("field-is-the-whole-photo", network.side),
        ],
        why=Phrase.of("receptive_field.right", **told),
        hint=Phrase.of("receptive_field.hint"),
        solution=(
            Phrase.of("receptive_field.step-rule"),
            Phrase.of("receptive_field.step-before", **told, earlier=earlier),
            Phrase.of("receptive_field.step-here", **told, earlier=earlier, added=2 * nth * jump),
        ),
        answer=right,
    )


RECEPTIVE_FIELD = Template(
    name="receptive_field",
    misconceptions=frozenset(
        {
            "kernels-are-added",
            "stride-is-forgotten",
            "field-is-the-stride",
            "field-is-the-kernel",
            "field-is-the-whole-photo",
        }
    ),
    allows=_is_stack,
    ask=_ask_field,
)
