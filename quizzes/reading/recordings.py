"""A finished run's document as questions read it: figures alone, no pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

PREPROCESSING, FEATURES, HEAD = "preprocessing", "features", "head"


@dataclass(frozen=True, slots=True)
class RecordedStage:
    """One stage that ran. Shapes hold one photo: N is 1."""

    told: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.told.get("title") or self.told["name"])

    @property
    def kind(self) -> str:
        return str(self.told["kind"])

    @property
    def operation(self) -> str:
        return str(self.told["operation"])

    @property
    def parameters(self) -> int:
        return int(self.told.get("parameters", 0))

    @property
    def adds(self) -> int:
        """Its multiply-adds for one photo."""
        return int(self.told.get("macs", 0))

    @property
    def milliseconds(self) -> float:
        """What it took, to two decimals, as it is written."""
        return round(float(self.told.get("milliseconds") or 0), 2)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it gives, without the axis that counts photos."""
        return _without_batch(self.told["output_shape"], self.layout)

    @property
    def layout(self) -> str:
        return str(self.told.get("layout", ""))

    @property
    def is_map(self) -> bool:
        """Whether it takes and gives maps of channels × height × width, from cells of the same number on both sides."""
        entering = self.told["input_shape"]
        square = len(self.shape) == 3 and self.shape[1] == self.shape[2]
        return self.layout == "NCHW" and square and len(entering) == 4 and entering[2] == entering[3]

    @property
    def channels(self) -> int:
        """Of the map that it gives."""
        return self.shape[0]

    @property
    def side(self) -> int:
        """Of the map that it gives, in cells."""
        return self.shape[1]

    @property
    def entering_side(self) -> int:
        """Of the map that it takes, in cells or pixels."""
        return int(self.told["input_shape"][2])

    @property
    def cells(self) -> int:
        """Of one channel's map."""
        return self.side * self.side

    @property
    def numbers(self) -> int:
        """How many numbers leave it."""
        return math.prod(self.shape)

    @property
    def entering(self) -> int:
        """How many numbers enter it."""
        return math.prod(self.told["input_shape"])

    @property
    def silent(self) -> int:
        """Channels that say the same everywhere on this photo."""
        return int((self.told.get("statistics") or {}).get("silent_channels", 0))


def _without_batch(shape: Any, layout: str) -> tuple[int, ...]:
    sides = tuple(int(side) for side in shape)
    return sides[1:] if layout.startswith("N") else sides


@dataclass(frozen=True, slots=True)
class RecordedClass:
    """One of the most probable classes; `percent` to one decimal, as it is written."""

    rank: int
    label: str
    percent: float


@dataclass(frozen=True)
class Recording:
    """A whole run of one photo. `network` and `photo` are what people call them."""

    network: str
    photo: str
    told: Mapping[str, Any]  # as inference.documents keeps it

    @cached_property
    def stages(self) -> tuple[RecordedStage, ...]:
        return tuple(RecordedStage(told) for told in self.told["stages"])

    @cached_property
    def maps(self) -> tuple[RecordedStage, ...]:
        """The stages that give maps, in order; none of a network that works otherwise."""
        features = [stage for stage in self.stages if stage.kind == FEATURES]
        return tuple(features) if all(stage.is_map for stage in features) else ()

    @cached_property
    def layers(self) -> tuple[RecordedStage, ...]:
        """The stages that compute something with weights, in order."""
        return tuple(stage for stage in self.stages if stage.kind in (FEATURES, HEAD) and stage.parameters and stage.adds)

    @cached_property
    def top(self) -> tuple[RecordedClass, ...]:
        """The most probable classes, the first one first."""
        rows = self.told.get("top_k", ())
        return tuple(RecordedClass(row["rank"], row["label"], round(100 * row["probability"], 1)) for row in rows)

    @property
    def classes(self) -> int:
        """How many there are in all."""
        return int(self.told["stages"][-1]["output_shape"][-1])

    @property
    def is_timed(self) -> bool:
        """Whether the stages' times are of this photo alone: photos that ran together share theirs."""
        return int((self.told.get("made_by") or {}).get("batch", 1)) == 1

    def preparing(self, operation: str) -> RecordedStage | None:
        """The step of its preparation that does this; none where it has none."""
        steps = (stage for stage in self.stages if stage.kind == PREPROCESSING and stage.operation == operation)
        return next(steps, None)
