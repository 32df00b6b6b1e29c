"""What a run has drawn, made into files: palettes, sheets of tiles, JPEG and PNG.

Encoding takes as long as a fifth of the work before it. The engine hands pixels over as they are, and whoever writes the file
encodes them, beside the network that runs (`courier.py`). So nothing here needs torch.
"""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

JPEG, PNG = "image/jpeg", "image/png"
LEVELS = 255  # an odd number, so that zero has a level of its own in the middle
RULE = LEVELS  # the last palette entry: the line between two tiles

# Eleven steps of ColorBrewer's RdBu, from blue to red: https://colorbrewer2.org/#type=diverging&scheme=RdBu&n=11
_BLUE_TO_RED = ("053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7", "fddbc7", "f4a582", "d6604d", "b2182b", "67001f")
# Ten steps of viridis by S. van der Walt and N. Smith (CC0): https://bids.github.io/colormap/
_VIRIDIS = ("440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6dcd59", "b4de2c", "fde725")
# Ten steps of cividis, whose brightness grows evenly for eyes with and without colour deficiency:
# J. Nuñez, C. Anderton, R. Renslow, https://doi.org/10.1371/journal.pone.0199239
_CIVIDIS = ("00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838")
_RULE_COLOUR = (23, 25, 26)  # the film between the frames, in the light and in the dark theme


def _palette(steps: Sequence[str]) -> bytes:
    """256 × RGB: straight lines between the steps over all levels, then the rule."""
    colours = np.array([[int(step[at : at + 2], 16) for at in (0, 2, 4)] for step in steps], dtype=float)
    places = np.linspace(0, LEVELS - 1, len(steps))
    channels = [np.interp(np.arange(LEVELS), places, colours[:, channel]) for channel in range(3)]
    levels: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return levels.tobytes() + bytes(_RULE_COLOUR)


PALETTES: Mapping[str, bytes] = {  # by the scale they stand for
    "signed": _palette(_BLUE_TO_RED),
    "unsigned": _palette(_VIRIDIS),
    "heat": _palette(_CIVIDIS),
}


class _Drawn(ABC):
    __slots__ = ()

    @abstractmethod
    def image(self) -> Image.Image:
        """What is drawn, on its palette if it has one."""

    def encoded(self, media_type: str) -> bytes:
        """The file, JPEG or PNG."""
        image, buffer = self.image(), io.BytesIO()
        if media_type == PNG:
            image.save(buffer, "PNG")  # of flat cells it is small, and it keeps their edges
        else:
            # On these pictures WebP takes ten times as long as JPEG for nine tenths of the bytes, and a trace draws seventeen:
            # encoding them would take as long as running the network.
            image.convert("RGB").save(buffer, "JPEG", quality=85)
        return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Pixels(_Drawn):
    """A picture as it is: bytes for red, green and blue, or, with a scale, one level for each pixel."""

    width: int
    height: int
    content: bytes
    scale: str = ""

    @classmethod
    def of(cls, image: Image.Image) -> Pixels:
        """Those of an image, in colour."""
        return cls(image.width, image.height, image.convert("RGB").tobytes())

    def image(self) -> Image.Image:
        """The picture; with a scale its palette is that of the scale."""
        image = Image.frombuffer("P" if self.scale else "RGB", (self.width, self.height), self.content, "raw")
        if self.scale:
            image.putpalette(PALETTES[self.scale])
        return image


@dataclass(frozen=True, slots=True)
class Tiles(_Drawn):
    """Maps of levels that stand in rows of a square; each cell is drawn as a block of pixels."""

    count: int
    height: int
    width: int
    content: bytes  # count × height × width
    side: int  # pixels that a tile measures when it is drawn
    scale: str

    @property
    def in_a_row(self) -> int:
        """How many tiles stand beside each other."""
        return math.ceil(math.sqrt(self.count))

    @property
    def length(self) -> int:
        """Pixels of the whole square, from side to side."""
        return self.in_a_row * self.side

    def image(self) -> Image.Image:
        """The square; the last line of each tile is a rule before the next."""
        squares = np.full((self.in_a_row**2, self.height, self.width), RULE, dtype=np.uint8)
        squares[: self.count] = np.frombuffer(self.content, np.uint8).reshape(self.count, self.height, self.width)
        rows = squares.reshape(self.in_a_row, self.in_a_row, self.height, self.width).swapaxes(1, 2)
        sheet = Image.fromarray(rows.reshape(self.in_a_row * self.height, self.in_a_row * self.width))
        sheet.putpalette(PALETTES[self.scale])
        sheet = sheet.resize((self.length, self.length), Image.Resampling.NEAREST)
        if self.count > 1:
            for line in range(self.side - 1, self.length, self.side):
                sheet.paste(RULE, (0, line, self.length, line + 1))
                sheet.paste(RULE, (line, 0, line + 1, self.length))
        return sheet
