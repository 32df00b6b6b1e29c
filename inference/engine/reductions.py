"""What is kept of an activation: four numbers a channel, taken at once because later layers overwrite it in place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from inference.contracts import Stage, Statistics


@dataclass(frozen=True, slots=True)
class Reduced:
    """Sum, sum of squares, maximum and minimum of each channel: 4 × C, on the activation's device."""

    sums: torch.Tensor
    values: int  # in each channel

    def variance(self) -> torch.Tensor:
        """Of each channel over its grid, C."""
        mean = self.sums[0] / self.values
        return self.sums[1] / self.values - mean * mean

    def lowest(self) -> torch.Tensor:
        """The lowest of all values, as a tensor that need not be read yet."""
        return self.sums[3].amin()

    def statistics(self) -> Statistics:
        """Of all values. The standard deviation is the population's. A channel is silent when all its values are the same."""
        total, squares, highest, lowest = self.sums.double().cpu()
        channels = total.numel()
        count = channels * self.values
        mean = float(total.sum()) / count
        variance = float(squares.sum()) / count - mean * mean
        return Statistics(
            mean=mean,
            std=math.sqrt(max(variance, 0.0)),
            minimum=float(lowest.min()),
            maximum=float(highest.max()),
            silent_channels=int((highest == lowest).sum()) if self.values > 1 else 0,
            channels=channels,
        )


def as_maps(output: torch.Tensor, layout: str) -> torch.Tensor:
    """The first image's output as 1 × C × H × W, whatever its layout; tokens stand below each other in one column."""
    output = output[:1]
    if layout == "NHWC":
        return output.permute(0, 3, 1, 2)
    if layout == "NLC":
        return output.transpose(1, 2)[..., None]
    return output.reshape(1, -1, 1, 1) if layout == "NC" else output


def as_grid(maps: torch.Tensor, stage: Stage) -> torch.Tensor:
    """Maps of tokens, 1 × C × L × 1, laid out as their patches lie in the photograph; others as they are."""
    if stage.layout != "NLC":
        return maps
    extra = int(str(stage.details["extra_tokens"]))
    side = math.isqrt(maps.shape[2] - extra)
    return maps[:, :, extra:].reshape(1, maps.shape[1], side, side)


def reduce(maps: torch.Tensor) -> Reduced:
    """The four numbers of each channel of 1 × C × H × W. `std_mean` would cost several times as much."""
    values = maps.shape[2] * maps.shape[3]
    rows = _channels_last_rows(maps)
    if rows is None:
        flat = maps.reshape(maps.shape[1], values)
        return Reduced(torch.stack([flat.sum(1), (flat * flat).sum(1), flat.amax(1), flat.amin(1)]), values)
    sums = [rows.sum(0), (rows * rows).sum(0), rows.amax(0), rows.amin(0)]
    total, squares, highest, lowest = (part.view(-1, maps.shape[1]) for part in sums)
    return Reduced(torch.stack([total.sum(0), squares.sum(0), highest.amax(0), lowest.amin(0)]), values)


def _channels_last_rows(maps: torch.Tensor) -> torch.Tensor | None:
    """The same memory as rows of channels, H·W × C, where channels lie last; else None.

    Several rows are taken as one where there are few channels: maxima over rows of 16 or 24 values are not vectorised and
    take twenty times as long.
    """
    last = maps[0].permute(1, 2, 0)
    if not last.is_contiguous():
        return None
    channels = maps.shape[1]
    rows = last.reshape(-1, channels)
    together = 1
    while channels * together < 256 and rows.shape[0] % (together * 2) == 0:
        together *= 2
    return rows.view(-1, channels * together)
