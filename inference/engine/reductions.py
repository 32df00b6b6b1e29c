"""What is kept of an activation: four numbers a channel, taken at once because later layers overwrite it in place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from inference.contracts import Statistics


@dataclass(frozen=True, slots=True)
class Reduced:
    """Sum, sum of squares, maximum and minimum of each channel of each image: 4 × N × C, on the activation's device."""

    sums: torch.Tensor
    values: int  # in each channel

    def variance(self) -> torch.Tensor:
        """Of each channel over its grid, N × C."""
        mean = self.sums[0] / self.values
        return self.sums[1] / self.values - mean * mean

    def lowest(self) -> torch.Tensor:
        """The lowest of each image's values, N, as a tensor that need not be read yet."""
        return self.sums[3].amin(1)

    def statistics(self) -> list[Statistics]:
        """Of all values of each image, read from its device at once.

        The standard deviation is the population's. A channel is silent when all its values are the same.
        """
        totals, squares, highest, lowest = self.sums.cpu().numpy().astype(np.float64)  # faster than torch on so few numbers
        channels = totals.shape[1]
        count = channels * self.values
        means = (totals.sum(1) / count).tolist()
        mean_squares = (squares.sum(1) / count).tolist()
        silent = (highest == lowest).sum(1).tolist() if self.values > 1 else [0] * len(means)
        lows, highs = lowest.min(1).tolist(), highest.max(1).tolist()
        return [
            Statistics(
                mean=means[image],
                std=math.sqrt(max(mean_squares[image] - means[image] ** 2, 0.0)),
                minimum=lows[image],
                maximum=highs[image],
                silent_channels=silent[image],
                channels=channels,
            )
            for image in range(len(means))
        ]


def as_maps(output: torch.Tensor, layout: str) -> torch.Tensor:
    """An output as N × C × H × W, whatever its layout; tokens stand below each other in one column."""
    if layout == "NHWC":
        return output.permute(0, 3, 1, 2)
    if layout == "NLC":
        return output.transpose(1, 2)[..., None]
    return output.reshape(len(output), -1, 1, 1) if layout == "NC" else output


def as_grid(output: torch.Tensor, layout: str) -> torch.Tensor:
    """An output as N × C × H × W. Tokens lie as their patches do, without those that stand for no patch."""
    return laid_out(as_maps(output, layout), layout)


def laid_out(maps: torch.Tensor, layout: str) -> torch.Tensor:
    """Maps of tokens, N × C × L × 1, as their patches lie in the photograph, the last of all tokens; others as they are."""
    if layout != "NLC":
        return maps
    side = math.isqrt(maps.shape[2])
    return maps[:, :, maps.shape[2] - side * side :].reshape(*maps.shape[:2], side, side)


def reduce(maps: torch.Tensor) -> Reduced:
    """The four numbers of each channel of N × C × H × W. `std_mean` would cost several times as much."""
    images, channels, height, width = maps.shape
    rows = _channels_last_rows(maps)
    if rows is None:
        flat = maps.reshape(images, channels, height * width)
        return Reduced(torch.stack([flat.sum(2), (flat * flat).sum(2), flat.amax(2), flat.amin(2)]), height * width)
    sums = [rows.sum(1), (rows * rows).sum(1), rows.amax(1), rows.amin(1)]
    total, squares, highest, lowest = (part.view(images, -1, channels) for part in sums)
    return Reduced(torch.stack([total.sum(1), squares.sum(1), highest.amax(1), lowest.amin(1)]), height * width)


def _channels_last_rows(maps: torch.Tensor) -> torch.Tensor | None:
    """The same memory as each image's rows of channels, N × H·W × C, where channels lie last; else None.

    Several rows are taken as one where there are few channels: maxima over rows of 16 or 24 values are not vectorised and
    take twenty times as long.
    """
    last = maps.permute(0, 2, 3, 1)
    if not last.is_contiguous():
        return None
    images, height, width, channels = last.shape
    together = 1
    while channels * together < 256 and height * width % (together * 2) == 0:
        together *= 2
    return last.view(images, height * width // together, channels * together)
