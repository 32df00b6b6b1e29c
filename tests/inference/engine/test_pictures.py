"""Pictures say what they show: which channels, on which scale, with zero where zero belongs."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from inference.contracts import Picture
from inference.encoding import PALETTES
from inference.engine import pictures, reductions

pytestmark = pytest.mark.torch


def pixels(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"))


def drawn(maps: torch.Tensor) -> Picture:
    reduced = reductions.reduce(maps)
    return pictures.draw_channels(maps, reduced.variance(), reduced.lowest()).picture()


def colours(scale: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.frombuffer(PALETTES[scale], dtype=np.uint8).reshape(256, 3)


def test_the_channels_that_vary_most_come_first() -> None:
    maps = torch.randn(1, 40, 14, 14, generator=torch.Generator().manual_seed(1)) * torch.arange(1, 41)[:, None, None]
    variances = maps[0].flatten(1).var(1, unbiased=False)
    assert drawn(maps).channels_shown == tuple(variances.argsort(descending=True)[:16].tolist())


@pytest.mark.parametrize(("channels", "side"), [(1, 224), (3, 224), (9, 222), (16, 224), (40, 224)])
def test_few_channels_are_drawn_larger(channels: int, side: int) -> None:
    picture = drawn(torch.rand(1, channels, 28, 28))
    assert (picture.width, picture.height) == (side, side)
    assert len(picture.channels_shown) == min(channels, 16)


def test_each_channel_ends_at_its_own_maximum() -> None:
    maps = torch.stack([torch.eye(7) * 2, -torch.eye(7) * 5])[None]
    picture = drawn(maps)
    assert picture.scale == "signed"
    assert dict(zip(picture.channels_shown, picture.maxima, strict=True)) == {0: 2.0, 1: 5.0}
    assert picture.maximum == 5.0


def test_zero_is_white_where_there_are_negative_values_and_dark_where_there_are_none() -> None:
    values = torch.zeros(1, 1, 7, 7)
    values[0, 0, :, :2] = 1
    dark = pixels(drawn(values))[100, 200]
    values[0, 0, 0, 0] = -1
    white = pixels(drawn(values))[100, 200]
    assert dark == pytest.approx(colours("unsigned")[0], abs=6)
    assert white == pytest.approx(colours("signed")[127], abs=6)


def test_a_silent_channel_can_be_drawn() -> None:
    assert drawn(torch.zeros(1, 4, 7, 7)).maximum == 0.0


def test_brightness_grows_with_the_value_in_the_unsigned_palette() -> None:
    levels = colours("unsigned")[:255].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert all(one <= other + 0.5 for one, other in itertools.pairwise(levels))
    assert levels[0] < 30 < 200 < levels[-1]


def test_the_signed_palette_is_blue_below_and_red_above_zero() -> None:
    low, zero, high = colours("signed")[[0, 127, 254]].astype(int)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert np.ptp(zero) <= 1


@pytest.mark.parametrize(
    ("size", "side"), [((1000, 500), (448, 224)), ((90, 60), (90, 60)), ((224, 9000), (224, 9000)), ((2, 131_000), (1, 65_500))]
)
def test_a_photograph_keeps_its_proportions(size: tuple[int, int], side: tuple[int, int]) -> None:
    picture = pictures.photograph(Image.new("RGB", size))
    assert (picture.width, picture.height, picture.scale) == (*side, "photo")


@pytest.mark.parametrize("length", [10, 768, 1000, 4096, 25_088])
def test_a_vector_is_a_square_of_cells(length: int) -> None:
    vector = torch.rand(1, length)
    picture = pictures.draw_vector(vector, vector.amin(1)).picture()
    assert picture.width == picture.height <= 224
    assert picture.channels_shown == ()


@pytest.mark.parametrize("shape", [(1, 16, 112, 112), (1, 24, 56, 56), (1, 3, 7, 7), (1, 320, 7, 7), (1, 5, 1, 9)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_reductions_do_not_depend_on_the_order_in_memory(shape: tuple[int, ...], memory: torch.memory_format) -> None:
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(3)).contiguous(memory_format=memory)
    sums = reductions.reduce(maps).sums[:, 0]
    flat = maps.double().flatten(2)[0]
    torch.testing.assert_close(sums[0].double(), flat.sum(1), atol=1e-2, rtol=1e-5)
    torch.testing.assert_close(sums[1].double(), (flat * flat).sum(1), atol=1e-2, rtol=1e-5)
    assert torch.equal(sums[2].double(), flat.amax(1))
    assert torch.equal(sums[3].double(), flat.amin(1))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_images_drawn_together_look_as_they_do_alone(memory: torch.memory_format) -> None:
    maps = torch.randn(3, 24, 56, 56, generator=torch.Generator().manual_seed(4)).contiguous(memory_format=memory)
    maps[1] = maps[1].abs()  # one of them without negative values
    reduced = reductions.reduce(maps)
    together = pictures.draw_channels(maps, reduced.variance(), reduced.lowest())
    for image in range(3):
        assert together.picture(image) == drawn(maps[image : image + 1])
    assert [together.picture(image).scale for image in range(3)] == ["signed", "unsigned", "signed"]
