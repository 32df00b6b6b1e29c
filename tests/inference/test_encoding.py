"""What is drawn survives the way to whoever encodes it, and its file shows it."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from inference.contracts import Picture
from inference.encoding import JPEG, LEVELS, PALETTES, PNG, RULE, Pixels, Tiles

NUMBERS = np.random.default_rng(5)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def tiles(count: int, *, height: int = 7, width: int = 7, side: int = 56) -> Tiles:
    levels = NUMBERS.integers(0, LEVELS, (count, height, width), dtype=np.uint8)
    return Tiles(count, height, width, levels.tobytes(), side, "signed")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 16, 17])
def test_tiles_stand_in_rows_each_with_its_cells(count: int) -> None:
    drawn = tiles(count)
    sheet = np.asarray(drawn.image())
    levels = np.frombuffer(drawn.content, np.uint8).reshape(count, 7, 7)
    assert sheet.shape == (drawn.length, drawn.length)
    for number in range(count):
        top, left = (side * drawn.side for side in divmod(number, drawn.in_a_row))
        middles = sheet[top + 4 : top + 56 : 8, left + 4 : left + 56 : 8]
        assert np.array_equal(middles, levels[number])
    assert (sheet[:, drawn.side - 1] == RULE).all() == (count > 1)


def test_a_file_of_pixels_has_their_colours() -> None:
    photo = Image.fromarray(NUMBERS.integers(0, 256, (5, 9, 3), dtype=np.uint8))
    assert np.array_equal(np.asarray(opened(Pixels.of(photo).encoded(PNG))), np.asarray(photo))


@pytest.mark.parametrize("scale", PALETTES)
def test_levels_have_the_colours_of_their_scale(scale: str) -> None:
    ramp = Pixels(256, 1, bytes(range(256)), scale)
    assert np.asarray(opened(ramp.encoded(PNG)).convert("RGB")).tobytes() == PALETTES[scale]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_a_photo_of_any_mode_is_kept_in_colour(mode: str) -> None:
    assert opened(Pixels.of(Image.new(mode, (4, 3))).encoded(JPEG)).mode == "RGB"


def test_what_is_drawn_is_the_same_after_a_way_through_a_pipe() -> None:
    picture = Picture(tiles(16), JPEG, 224, 224, "signed", 1.0, tuple(range(16)), (1.0,) * 16)
    arrived = pickle.loads(pickle.dumps(picture))
    assert arrived == picture
    assert arrived.content == picture.content
    assert opened(arrived.content).size == (224, 224)


def test_bytes_that_are_a_file_already_stay_as_they_are() -> None:
    assert Picture(b"file", "image/webp", 1, 1, "photo").content == b"file"


def test_encoding_loads_no_torch() -> None:
    look = "import sys, inference.encoding; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], cwd=settings.ROOT, check=False).returncode == 0
