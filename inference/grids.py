"""Where a stage stands on the way from photo to answer: the side of its grid, and how often the photo's was halved for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def side_of(stage: Mapping[str, Any]) -> int | None:
    """The height of a stage's output in cells; of tokens the side of the square that they cover; None for a vector."""
    shape: Sequence[int] = stage.get("output_shape") or ()
    layout = stage.get("layout", "")
    if layout in ("NCHW", "NHWC", "HWC") and len(shape) == len(layout):
        return int(shape[layout.index("H")])
    if layout == "NLC" and len(shape) == 3:
        return math.isqrt(int(shape[1]))
    return None


def halvings(side: int | None, *, of: int | None) -> int | None:
    """How often the network's input, `of` that many pixels, was about halved to a grid of this side; None where there is none.

    Networks that take larger photos, or whose convolutions have no padding, have grids of other sides at the same point.
    """
    return round(math.log2(of / side)) if side and of else None
