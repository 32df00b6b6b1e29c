"""Where networks run: on the processor or, where torch finds one, on a GPU."""

from __future__ import annotations

import torch

from inference.contracts import EngineError, Failure

AUTO = "auto"


def chosen_device(wanted: str) -> str:
    """The device to run on: what is wanted, or for "auto" a GPU where there is one. EngineError NO_GPU where it isn't there."""
    has_gpu = torch.cuda.is_available()
    if wanted == AUTO:
        return "cuda" if has_gpu else "cpu"
    if torch.device(wanted).type == "cuda" and not has_gpu:
        raise EngineError(Failure.NO_GPU, device=wanted)
    return wanted
