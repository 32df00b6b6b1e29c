"""What the data looks like at a stage: pictures of photographs, channels and vectors.

Signed data are drawn blue for negative, white for zero and red for positive; data that are never negative go from dark
(zero) to bright. Each channel is drawn on its own scale, whose end is stated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, interpolate

from inference.contracts import Picture
from inference.encoding import JPEG, LEVELS, RULE, Pixels, Tiles

SIDE = 224  # pixels
CHANNELS = 16
_NOT_LARGE = 288  # a photograph that was resized for a network is shown as it is
_LONGEST = 65_500  # pixels on a side of a JPEG


@dataclass(frozen=True, slots=True)
class Drawing:
    """Pictures, one an image; the tensors may still be on their way from a GPU."""

    levels: torch.Tensor  # bytes, images × tiles × height × width: from the lower end of the scale, 0, to the upper, 254
    signed: torch.Tensor  # a truth value for each image
    maxima: torch.Tensor  # images × tiles: the end of each tile's scale
    channels: torch.Tensor  # images × tiles: which channels the tiles show; none for a vector
    tile: int  # pixels that a tile measures when it is drawn

    def fetched(self) -> Drawing:
        """The same on the host: one copy for all images."""
        return Drawing(self.levels.cpu(), self.signed.cpu(), self.maxima.cpu(), self.channels.cpu(), self.tile)

    def picture(self, image: int = 0) -> Picture:
        """One image's tiles side by side."""
        scale = "signed" if self.signed[image] else "unsigned"
        levels = self.levels[image].cpu()
        count, height, width = levels.shape
        tiles = Tiles(count, height, width, levels.numpy().tobytes(), self.tile, scale)
        maxima = tuple(self.maxima[image].tolist())
        return Picture(
            drawn=tiles,
            media_type=JPEG,
            width=tiles.length,
            height=tiles.length,
            scale=scale,
            maximum=max(maxima),
            channels_shown=tuple(self.channels[image].tolist()),
            maxima=maxima,
        )


def draw_channels(maps: torch.Tensor, variance: torch.Tensor, minimum: torch.Tensor) -> Drawing:
    """The channels of N × C × H × W that vary most, by their variance (N × C). `minimum` is that of each image, N."""
    channels = variance.topk(min(CHANNELS, maps.shape[1])).indices
    tile = _tile(channels.shape[1])
    # Pooling all channels where they lie beside each other is faster than gathering the few that are drawn first.
    cells, rest = divmod(maps.shape[-1], tile)
    pooled = avg_pool2d(maps, cells) if cells > 1 and not rest and maps.shape[-2] == maps.shape[-1] else maps
    chosen = torch.stack([one.index_select(0, drawn) for one, drawn in zip(pooled, channels, strict=True)])
    return _levelled(_pooled(chosen, tile), minimum < 0, channels, tile)


def draw_planes(maps: torch.Tensor) -> Drawing:
    """All channels of N × C × H × W, in their own order."""
    tile = _tile(maps.shape[1])
    channels = torch.arange(maps.shape[1]).expand(len(maps), -1)
    return _levelled(_pooled(maps, tile), maps.amin((1, 2, 3)) < 0, channels, tile)


def draw_vector(vector: torch.Tensor, minimum: torch.Tensor) -> Drawing:
    """The values of N × C as cells of a square, row by row. `minimum` is that of each image, N."""
    count = vector[0].numel()
    side = math.ceil(math.sqrt(count))
    tile = side * max(1, SIDE // side)
    row = _levelled(vector.reshape(-1, 1, 1, count), minimum < 0, torch.empty(len(vector), 0, dtype=torch.long), tile)
    squares = row.levels.new_full((len(vector), side * side), RULE)
    squares[:, :count] = row.levels.flatten(1)
    return replace(row, levels=squares.view(-1, 1, side, side))


def heat(cells: torch.Tensor, *, size: int) -> Picture:
    """A map of what is never negative, H × W on the host, over size × size pixels: from dark (zero) to bright (its maximum).

    Between the middles of cells it goes in straight lines: nothing is known there.
    """
    maximum = float(cells.max())
    levels = cells * ((LEVELS - 1) / max(maximum, torch.finfo(torch.float32).tiny))
    spread = interpolate(levels[None, None], size=(size, size), mode="bilinear", align_corners=False)[0, 0]
    pixels = Pixels(size, size, spread.add_(0.5).to(torch.uint8).numpy().tobytes(), "heat")
    return Picture(drawn=pixels, media_type=JPEG, width=size, height=size, scale="heat", maximum=maximum)


def photograph(image: Image.Image) -> Picture:
    """A photograph; a large one is reduced so that its shorter side has SIDE pixels."""
    ratio = SIDE / min(image.size) if min(image.size) > _NOT_LARGE else 1.0
    ratio = min(ratio, _LONGEST / max(image.size))
    size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    small = image if size == image.size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Picture(drawn=Pixels.of(small), media_type=JPEG, width=size[0], height=size[1], scale="photo")


def _tile(count: int) -> int:
    """How many pixels a tile measures where so many stand in a square."""
    return SIDE // math.ceil(math.sqrt(count))


def _pooled(maps: torch.Tensor, tile: int) -> torch.Tensor:
    """N × C × H × W with the mean of the cells that fall on one pixel of a tile; smaller maps as they are."""
    height, width = maps.shape[-2:]
    if min(height, width) <= tile:
        return maps
    cells, rest = divmod(height, tile)
    if rest or height != width:
        return adaptive_avg_pool2d(maps, (tile, tile))
    # The same means as avg_pool2d's, in an eighth of its time where planes lie one after the other.
    rows = sum(maps[..., row::cells, :] for row in range(1, cells)) + maps[..., ::cells, :]
    return (sum(rows[..., column::cells] for column in range(1, cells)) + rows[..., ::cells]) / cells**2


def _levelled(tiles: torch.Tensor, signed: torch.Tensor, channels: torch.Tensor, tile: int) -> Drawing:
    maxima = tiles.abs().amax((2, 3))
    zero = (LEVELS // 2) * signed[:, None]  # the level of zero: the middle of the scale, or its lower end
    unit = (LEVELS - 1 - zero) / maxima.clamp_min(torch.finfo(tiles.dtype).tiny)
    levels = tiles.mul(unit[:, :, None, None]).add_(zero[:, :, None, None] + 0.5).to(torch.uint8)
    return Drawing(levels, signed, maxima, channels, tile)
