"""Lets torchvision be imported where its compiled operators cannot load. Importing this module first is enough.

torchvision's wheel links CUDA libraries. Beside a CPU-only torch its compiled operators cannot load, and since torch 2.11
its import then stops at "operator torchvision::nms does not exist", because it registers shape functions for two operators
that nothing has declared. Classification calls neither of them, so where they are unknown their schemas are declared here.
Where the compiled operators load, nothing is declared: a second declaration would be refused.

Needs torch and the standard library alone, so that it can also be run by its path (`runpy.run_path`) in a fresh process.
"""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

import torch

OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def operators_are_known() -> bool:
    """Whether somebody has declared the operators: the compiled library, or an earlier call."""
    return all(hasattr(torch.ops.torchvision, name) for name in OPERATORS)


def compiled_operators() -> Path | None:
    """Where torchvision keeps its compiled operators; None when it has none. Does not import torchvision."""
    spec = find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    return next((path for suffix in EXTENSION_SUFFIXES if (path := folder / f"_C{suffix}").exists()), None)


def declare_missing_operators(compiled: Path | None) -> torch.library.Library | None:
    """The library that declares the operators, to be kept alive; None when the compiled ones load from `compiled`."""
    if operators_are_known():
        return None
    if compiled is not None:
        try:
            torch.ops.load_library(compiled)  # type: ignore[no-untyped-call]
        except OSError:
            pass  # it links a CUDA library that this machine lacks
        else:
            return None
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in OPERATORS:
        library.define(name + SIGNATURE)  # type: ignore[no-untyped-call]
    return library


# The declarations live as long as this object does.
declared = declare_missing_operators(compiled_operators())
