"""What the data looks like at a stage: pictures of photographs, channels and vectors.

Signed data are drawn blue for negative, white for zero and red for positive; data that are never negative go from dark
(zero) to bright. Each channel is drawn on its own scale, whose end is stated.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, interpolate

from inference.contracts import Picture

MEDIA_TYPE = "image/jpeg"
SIDE = 224  # pixels
CHANNELS = 16
_NOT_LARGE = 288  # a photograph that was resized for a network is shown as it is
_LONGEST = 65_500  # pixels on a side of a JPEG

# Eleven steps of ColorBrewer's RdBu, from blue to red: https://colorbrewer2.org/#type=diverging&scheme=RdBu&n=11
_BLUE_TO_RED = ("053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7", "fddbc7", "f4a582", "d6604d", "b2182b", "67001f")
# Ten steps of viridis by S. van der Walt and N. Smith (CC0): https://bids.github.io/colormap/
_VIRIDIS = ("440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6dcd59", "b4de2c", "fde725")

# Ten steps of cividis, whose brightness grows evenly for eyes with and without colour deficiency:
# J. Nuñez, C. Anderton, R. Renslow, https://doi.org/10.1371/journal.pone.0199239
_CIVIDIS = ("00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838")

_RULE = (23, 25, 26)  # between the tiles: the film between the frames, in the light and in the dark theme

_LEVELS = 255  # an odd number, so that zero has a level of its own; the last palette entry is the rule's


def _palette(steps: Sequence[str]) -> bytes:
    """256 × RGB: straight lines between the steps over all levels, then the rule."""
    colours = np.array([[int(step[at : at + 2], 16) for at in (0, 2, 4)] for step in steps], dtype=float)
    places = np.linspace(0, _LEVELS - 1, len(steps))
    channels = [np.interp(np.arange(_LEVELS), places, colours[:, channel]) for channel in range(3)]
    levels: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return levels.tobytes() + bytes(_RULE)


SIGNED, UNSIGNED, HEAT = _palette(_BLUE_TO_RED), _palette(_VIRIDIS), _palette(_CIVIDIS)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Pictures, one an image, that are computed but not yet encoded; the tensors may still be on their way from a GPU."""

    levels: torch.Tensor  # bytes, images × tiles × height × width: from the lower end of the scale, 0, to the upper, 254
    signed: torch.Tensor  # a truth value for each image
    maxima: torch.Tensor  # images × tiles: the end of each tile's scale
    channels: torch.Tensor  # images × tiles: which channels the tiles show; none for a vector
    tile: int  # pixels that a tile measures when it is drawn

    def fetched(self) -> Drawing:
        """The same on the host: one copy for all images."""
        return Drawing(self.levels.cpu(), self.signed.cpu(), self.maxima.cpu(), self.channels.cpu(), self.tile)

    def encoded(self, image: int = 0) -> Picture:
        """One image's tiles side by side."""
        signed = bool(self.signed[image])
        sheet = _sheet(self.levels[image].cpu().numpy(), self.tile, SIGNED if signed else UNSIGNED)
        maxima = tuple(self.maxima[image].tolist())
        return Picture(
            content=_encoded(sheet),
            media_type=MEDIA_TYPE,
            width=sheet.width,
            height=sheet.height,
            scale="signed" if signed else "unsigned",
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
    squares = row.levels.new_full((len(vector), side * side), _LEVELS)
    squares[:, :count] = row.levels.flatten(1)
    return replace(row, levels=squares.view(-1, 1, side, side))


def heat(cells: torch.Tensor, *, size: int) -> Picture:
    """A map of what is never negative, H × W on the host, over size × size pixels: from dark (zero) to bright (its maximum).

    Between the middles of cells it goes in straight lines: nothing is known there.
    """
    maximum = float(cells.max())
    levels = cells * ((_LEVELS - 1) / max(maximum, torch.finfo(torch.float32).tiny))
    spread = interpolate(levels[None, None], size=(size, size), mode="bilinear", align_corners=False)[0, 0]
    sheet = Image.fromarray(spread.add_(0.5).to(torch.uint8).numpy())
    sheet.putpalette(HEAT)
    return Picture(
        content=_encoded(sheet.convert("RGB")), media_type=MEDIA_TYPE, width=size, height=size, scale="heat", maximum=maximum
    )


def photograph(image: Image.Image) -> Picture:
    """A photograph; a large one is reduced so that its shorter side has SIDE pixels."""
    ratio = SIDE / min(image.size) if min(image.size) > _NOT_LARGE else 1.0
    ratio = min(ratio, _LONGEST / max(image.size))
    size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    small = image if size == image.size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Picture(content=_encoded(small), media_type=MEDIA_TYPE, width=size[0], height=size[1], scale="photo")


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
    zero = (_LEVELS // 2) * signed[:, None]  # the level of zero: the middle of the scale, or its lower end
    unit = (_LEVELS - 1 - zero) / maxima.clamp_min(torch.finfo(tiles.dtype).tiny)
    levels = tiles.mul(unit[:, :, None, None]).add_(zero[:, :, None, None] + 0.5).to(torch.uint8)
    return Drawing(levels, signed, maxima, channels, tile)


def _sheet(tiles: NDArray[np.uint8], tile: int, palette: bytes) -> Image.Image:
    """Tiles × h × w in rows of a square, each cell a block of pixels; the last line of each tile a rule before the next."""
    count, height, width = tiles.shape
    side = math.ceil(math.sqrt(count))
    squares = np.full((side * side, height, width), _LEVELS, dtype=np.uint8)
    squares[:count] = tiles
    cells = squares.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, side * width)
    sheet = Image.fromarray(cells)
    sheet.putpalette(palette)
    length = side * tile
    sheet = sheet.resize((length, length), Image.Resampling.NEAREST)
    if count > 1:
        for line in range(tile - 1, length, tile):
            sheet.paste(_LEVELS, (0, line, length, line + 1))
            sheet.paste(_LEVELS, (line, 0, line + 1, length))
    return sheet.convert("RGB")


def _encoded(image: Image.Image) -> bytes:
    # On these pictures WebP takes ten times as long as JPEG for nine tenths of the bytes, and a trace draws seventeen:
    # encoding them would take as long as running the network.
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
