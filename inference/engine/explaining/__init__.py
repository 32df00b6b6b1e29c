"""Closer looks at one photo in one network. Each look is a function that emits what it found as Results.

A look is asked by name, with options that the site has checked as far as it can; what only the network knows (how many
channels a stage has) is checked here, and told as `EngineError(Failure.NOT_THERE)`. The modules of this package know a
loaded network by its type alone, so that tracing may use them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from inference.contracts import Asked, Emit
from inference.engine.explaining import attention, grad_cam, maps, neighbours, unit

if TYPE_CHECKING:
    from PIL import Image

    from inference.engine.tracing import LoadedNetwork

Look = Callable[["LoadedNetwork", "Image.Image", Mapping[str, Any], Emit, Asked], None]

LOOKS: Mapping[str, Look] = {
    attention.NAME: attention.look,
    grad_cam.NAME: grad_cam.look,
    maps.NAME: maps.look,
    unit.NAME: unit.look,
    neighbours.NAME: neighbours.look,
}
"""By the name in the request's options["look"]. Whoever adds a look adds one line."""
