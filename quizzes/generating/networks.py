"""A network's facts as templates read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIXED_SIZE = ("max_vit", "swin", "encoder")
"""Blocks that know positions: what begins so takes one size of input only, or pads it on its own terms."""


@dataclass(frozen=True, slots=True)
class StageOf:
    """One stage: shapes are N × C × H × W where `layout` is NCHW."""

    name: str
    facts: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.facts.get("title") or self.name)

    @property
    def end(self) -> str:
        """The last layer, as PyTorch names it: what it gives is what the stage gives."""
        return str(self.facts["layer_paths"][-1])

    @property
    def spelled(self) -> str:
        """The title, and every layer of the stage that the title does not name: a stem may be "conv1, bn1" and pool as well."""
        names = self.title.split(", ")
        return ", ".join(
            [*names, *(path for path in self.facts["layer_paths"] if not any(_names(name, path) for name in names))]
        )

    @property
    def operation(self) -> str:
        return str(self.facts["operation"])

    @property
    def parameters(self) -> int:
        return int(self.facts["parameters"])

    @property
    def blocks(self) -> int:
        return int(self.facts["blocks"])

    @property
    def is_map(self) -> bool:
        """Whether it takes and gives maps of channels."""
        return self.facts["layout"] == "NCHW" and len(self.input_shape) == len(self.output_shape) == 4

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.facts["input_shape"])

    @property
    def output_shape(self) -> tuple[int, ...]:
        return tuple(self.facts["output_shape"])


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its facts."""

    id: str
    facts: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.facts["title"])

    @property
    def side(self) -> int:
        """Of the input that its default weights expect, in pixels."""
        return int(self.facts["input_size"])

    @property
    def parameters(self) -> int:
        return int(self.facts["parameters"])

    @property
    def classes(self) -> int:
        return int(self.facts["classes"])

    def stages_of(self, kind: str) -> list[StageOf]:
        """The stages of a kind ("features", "head"), in order."""
        stages = self.facts.get("stages") or {}
        return [StageOf(name, facts) for name, facts in stages.items() if facts["kind"] == kind]

    @property
    def features(self) -> list[StageOf]:
        return self.stages_of("features")

    @property
    def last_linear(self) -> StageOf | None:
        """The layer that gives the classes; none where that is no linear one."""
        head = self.stages_of("head")
        return head[-1] if head and head[-1].operation == "linear" else None

    @property
    def width(self) -> int:
        """How many numbers its last linear layer takes."""
        last = self.last_linear
        return last.input_shape[-1] if last else 0

    @property
    def unpooled(self) -> int | None:
        """How many numbers its last map has before pooling; none where there is no map."""
        found = self.facts.get("flatten_features")
        return int(found) if found else None

    @property
    def takes_any_size(self) -> bool:
        """Whether every stage gives exactly side / stride for any side that its largest stride divides.

        A step that halves an even side gives s/2 + c, and at the side of the facts c is seen to be 0 for each.
        """
        features = self.features
        return bool(features) and all(
            stage.is_map and not stage.operation.startswith(FIXED_SIZE) and is_power_of_two(self.side / stage.output_shape[2])
            for stage in features
        )

    def stride_after(self, stage: StageOf) -> int:
        """How many pixels of the input neighbouring cells of the stage's map are apart."""
        return self.side // stage.output_shape[2]

    def stride_before(self, stage: StageOf) -> int:
        """The same for the map that the stage takes."""
        return self.side // stage.input_shape[2]

    @property
    def largest_stride(self) -> int:
        return max(self.stride_after(stage) for stage in self.features)

    @property
    def weights(self) -> Mapping[str, Mapping[str, Any]]:
        """Name → record of the weights that say how photos are prepared."""
        return {name: record for name, record in (self.facts.get("weights") or {}).items() if record.get("transforms")}


def _names(name: str, path: str) -> bool:
    """Whether "layer4" or "features.0–4" names the layer at this path."""
    first, _dash, last = name.partition("–")
    return path.startswith(first.rstrip("0123456789")) if last else f"{path}.".startswith(f"{name}.")


def is_power_of_two(ratio: float) -> bool:
    """Whether the ratio is 1, 2, 4, 8 …"""
    return ratio.is_integer() and int(ratio) > 0 and int(ratio) & (int(ratio) - 1) == 0


def sides_for(network: Network, *, up_to: int = 20) -> Sequence[int]:
    """Sides, in pixels, that its largest stride divides, without its own: from two cells of its last map on."""
    stride = network.largest_stride
    return [stride * cells for cells in range(2, up_to + 1) if stride * cells != network.side]
