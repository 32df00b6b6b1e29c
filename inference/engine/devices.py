"""Where networks run: on the processor or, where torch finds one, on a GPU.

Which GPUs there are is said by CUDA_VISIBLE_DEVICES, as everywhere. Nothing is asked on import: a process that has touched
CUDA can't fork any more, so each worker process asks for itself, after it was spawned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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


def memory_of(device: str) -> int | None:
    """Bytes of a GPU's memory; None on the processor, which has an operating system to share its memory out."""
    if torch.device(device).type != "cuda":
        return None
    _, total = torch.cuda.mem_get_info(device)
    return total


def give_back_memory(device: str) -> None:
    """Lets other processes have the GPU memory that torch keeps for later."""
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """The same number of threads gives the same bits; torch's setting is the whole process's, so it is put back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
