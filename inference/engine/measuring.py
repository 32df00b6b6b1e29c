"""Measuring: how long a network takes on this machine, one photograph at a time, as in a trace but without watching.

It needs no weights. How long a pass takes does not depend on what the numbers are, so they are those with which its training
would begin; nothing is predicted from them.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn

from inference.contracts import Asked, Cancelled, EngineError, Failure, MadeBy, Result, is_measurable
from inference.engine import devices, networks
from inference.engine.clock import milliseconds
from inference.engine.making import made_by_untrained
from inference.engine.watching import is_out_of_memory

PASSES = 25
SECONDS = 3.0
"""How long the measured passes may take in all: others wait for their traces meanwhile."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """How long passes took, in milliseconds, after one that was not counted."""

    passes: tuple[float, ...]
    parameter_bytes: int
    input_size: int
    made_by: MadeBy

    @property
    def median(self) -> float:
        return round(statistics.median(self.passes), 3)

    def result(self) -> Result:
        """As a run tells it."""
        return Result(
            "measurement",
            {
                "median_ms": self.median,
                "fastest_ms": min(self.passes),
                "slowest_ms": max(self.passes),
                "passes": len(self.passes),
                "batch": 1,
                "input_size": self.input_size,
                "parameter_bytes": self.parameter_bytes,
                "random_weights": True,
            },
        )


def measure(
    network: str, *, device: str = "cpu", threads: int = 1, cancelled: Asked = lambda: False, seconds: float = SECONDS
) -> Measurement:
    """The time of single passes. Cancelled between two; EngineError: UNKNOWN_NETWORK, TOO_LARGE, OUT_OF_MEMORY."""
    record = networks.record(network)
    weights = record.weights_named(record.default_weights)
    if not is_measurable(weights.parameters or 0, 1e9 * (weights.gmacs or 0)):
        raise EngineError(Failure.TOO_LARGE, network=network)
    size = weights.preprocessing.crop_size
    try:
        with devices.threads(threads):
            model = networks.untrained(network, weights, num_classes=len(weights.categories))
            model.to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
            passes = _passes(model, size, torch.device(device), cancelled, seconds)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise EngineError(Failure.OUT_OF_MEMORY, network=network) from error
    parameter_bytes = sum(parameter.nbytes for parameter in model.parameters())
    dtype = next(model.parameters()).dtype
    made_by = made_by_untrained(network, device=torch.device(device), threads=threads, dtype=dtype)
    return Measurement(passes, parameter_bytes, size, made_by)


def _passes(model: nn.Module, size: int, device: torch.device, cancelled: Asked, seconds: float) -> tuple[float, ...]:
    photo = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    photo = photo.to(device, memory_format=torch.channels_last)
    took: list[float] = []
    with torch.inference_mode():
        _timed(model, photo)  # the first pass allocates and plans
        until = time.perf_counter() + seconds
        while len(took) < PASSES and (not took or time.perf_counter() < until):
            if cancelled():
                raise Cancelled
            took.append(_timed(model, photo))
    return tuple(took)


def _timed(model: nn.Module, photo: torch.Tensor) -> float:
    """The milliseconds of one whole pass; a GPU is waited for."""
    began = time.perf_counter()
    model(photo)
    if photo.is_cuda:
        torch.cuda.synchronize(photo.device)
    return milliseconds(time.perf_counter() - began)
