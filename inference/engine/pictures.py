"""What the data looks like at a stage: WebP pictures of photographs, channels and vectors.

Signed data are drawn blue for negative, white for zero and red for positive; data that are never negative go from dark
(zero) to bright. Each channel is drawn on its own scale, whose end is stated.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from inference.contracts import Picture

SIDE = 224  # pixels, of every picture but a photograph's shorter side
CHANNELS = 16

# Eleven steps of ColorBrewer's RdBu, from blue to red: https://colorbrewer2.org/#type=diverging&scheme=RdBu&n=11
_BLUE_TO_RED = ("053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7", "fddbc7", "f4a582", "d6604d", "b2182b", "67001f")
# Ten steps of viridis by S. van der Walt and N. Smith (CC0): https://bids.github.io/colormap/
_VIRIDIS = ("440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6dcd59", "b4de2c", "fde725")


def _palette(steps: Sequence[str]) -> NDArray[np.uint8]:
    """256 × RGB, straight lines between the steps."""
    colours = np.array([[int(step[at : at + 2], 16) for at in (0, 2, 4)] for step in steps], dtype=float)
    places = np.linspace(0, 255, len(steps))
    channels = [np.interp(np.arange(256), places, colours[:, channel]) for channel in range(3)]
    palette: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return palette


SIGNED, UNSIGNED = _palette(_BLUE_TO_RED), _palette(_VIRIDIS)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that is computed but not yet encoded; its tensors may still be on their way from a GPU."""

    levels: torch.Tensor  # bytes, tiles × height × width: 0–255 from the lower end of the scale to the upper
    signed: torch.Tensor  # one truth value
    maxima: torch.Tensor  # the end of each tile's scale
    channels: torch.Tensor  # which channels the tiles show; empty for a vector

    def encoded(self) -> Picture:
        """The tiles side by side, as a WebP picture."""
        signed = bool(self.signed)
        pixels = (SIGNED if signed else UNSIGNED)[_side_by_side(self.levels.cpu().numpy(), 127 if signed else 0)]
        maxima = tuple(self.maxima.tolist())
        content = _webp(Image.fromarray(pixels))
        return Picture(
            content=content,
            media_type="image/webp",
            width=pixels.shape[1],
            height=pixels.shape[0],
            scale="signed" if signed else "unsigned",
            maximum=max(maxima),
            channels_shown=tuple(self.channels.tolist()),
            maxima=maxima,
        )


def draw_channels(maps: torch.Tensor, variance: torch.Tensor, minimum: torch.Tensor) -> Drawing:
    """The channels of 1 × C × H × W that vary most, by their variance (C). `minimum` is that of all values."""
    channels = variance.topk(min(CHANNELS, len(variance))).indices
    tile = SIDE // math.ceil(math.sqrt(len(channels)))
    chosen = _resized(maps[0].index_select(0, channels), tile)
    return _levelled(chosen, minimum < 0, channels)


def draw_planes(maps: torch.Tensor) -> Drawing:
    """All channels of 1 × C × H × W, in their own order."""
    channels = torch.arange(maps.shape[1])
    tile = SIDE // math.ceil(math.sqrt(len(channels)))
    return _levelled(_resized(maps[0], tile), maps.amin() < 0, channels)


def draw_vector(vector: torch.Tensor, minimum: torch.Tensor) -> Drawing:
    """The values of 1 × C as cells of a square, row by row."""
    values = vector.flatten()
    side = math.ceil(math.sqrt(len(values)))
    square = values.new_zeros(side * side)
    square[: len(values)] = values
    cells = interpolate(square.view(1, 1, side, side), size=(SIDE, SIDE), mode="nearest")[0]
    return _levelled(cells, minimum < 0, torch.empty(0, dtype=torch.long))


def photograph(image: Image.Image) -> Picture:
    """A photograph, reduced so that its shorter side has at most SIDE pixels."""
    ratio = min(1.0, SIDE / min(image.size))
    size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    small = image if size == image.size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Picture(content=_webp(small), media_type="image/webp", width=size[0], height=size[1], scale="photo")


def _resized(maps: torch.Tensor, tile: int) -> torch.Tensor:
    """C × H × W as C × tile × tile: the mean of the cells that fall on a pixel, or each cell as a block of pixels."""
    if min(maps.shape[-2:]) > tile:
        return adaptive_avg_pool2d(maps, (tile, tile))
    return interpolate(maps[None], size=(tile, tile), mode="nearest")[0]


def _levelled(tiles: torch.Tensor, signed: torch.Tensor, channels: torch.Tensor) -> Drawing:
    maxima = tiles.abs().amax((1, 2))
    unit = tiles / maxima.clamp_min(torch.finfo(tiles.dtype).tiny)[:, None, None]
    levels = torch.where(signed, unit.add(1).mul(127.5), unit.mul(255)).round().to(torch.uint8)
    return Drawing(levels, signed, maxima, channels)


def _side_by_side(tiles: NDArray[np.uint8], background: int) -> NDArray[np.uint8]:
    """Tiles × h × w in rows of a square; missing ones show the background."""
    count, height, width = tiles.shape
    side = math.ceil(math.sqrt(count))
    sheet = np.full((side * side, height, width), background, dtype=np.uint8)
    sheet[:count] = tiles
    return sheet.reshape(side, side, height, width).transpose(0, 2, 1, 3).reshape(side * height, side * width)


def _webp(image: Image.Image) -> bytes:
    # Method 0 takes a third of the default's time for a few kilobytes more, and a trace draws about fifteen pictures.
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=0)
    return buffer.getvalue()
