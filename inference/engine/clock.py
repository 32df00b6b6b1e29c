"""Moments of a pass: by the processor's clock, or as events in a GPU's stream, which are read after the pass."""

from __future__ import annotations

import time

import torch


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


class Clock:
    """The moment of its making."""

    def __init__(self, device: torch.device) -> None:
        self._seconds = time.perf_counter()
        self._event = _event() if device.type == "cuda" else None
        if self._event is not None:
            self._event.record(torch.cuda.current_stream(device))

    def since(self, earlier: Clock) -> float:
        """Milliseconds from the earlier moment to this one. On a GPU both must have been reached: synchronise before."""
        if self._event is None or earlier._event is None:
            return milliseconds(self._seconds - earlier._seconds)
        return round(float(earlier._event.elapsed_time(self._event)), 3)
