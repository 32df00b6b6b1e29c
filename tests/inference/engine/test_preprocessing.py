"""The traced steps make exactly the tensor that torchvision's own transforms make."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from inference.contracts import EngineError, Failure, StageKind
from inference.engine import networks
from inference.engine.preprocessing import STEPS, Step, decode, preprocess
from inference.engine.weights import Preprocessing
from inference.images import check_image

pytestmark = pytest.mark.torch

NETWORKS = ("efficientnet_lite0", "resnet50", "vgg16", "efficientnet_b0", "vit_b_16", "inception_v3", "swin_v2_t")


def ways(network: str) -> list[Preprocessing]:
    return [weights.preprocessing for weights in networks.record(network).weights]


def steps(image: Image.Image, how: Preprocessing) -> dict[str, Step]:
    return {step.stage.name: step for step in preprocess(image, how)}


def prepared(image: Image.Image, how: Preprocessing) -> torch.Tensor:
    *_, last = preprocess(image, how)
    assert isinstance(last.output, torch.Tensor)
    return last.output


@pytest.mark.parametrize("network", NETWORKS)
def test_the_last_step_equals_torchvisions_transforms_bit_for_bit(network: str, cat: Image.Image) -> None:
    for how in ways(network):
        for image in (cat, cat.resize((97, 211)), cat.resize((500, 30))):
            assert torch.equal(prepared(image, how), how.transforms(image)[None])


def test_each_step_takes_what_the_one_before_made(cat: Image.Image) -> None:
    how = ways("resnet50")[0]
    taken = list(preprocess(cat, how))
    assert len(taken) == STEPS
    assert [step.stage.name for step in taken] == ["decode", "resize", "crop", "to_tensor", "normalise"]
    assert all(step.stage.kind is StageKind.PREPROCESSING for step in taken)
    shapes = [(step.stage.input_shape, step.stage.output_shape) for step in taken]
    assert shapes == [
        ((), (300, 451, 3)),
        ((300, 451, 3), (256, 384, 3)),
        ((256, 384, 3), (224, 224, 3)),
        ((224, 224, 3), (1, 3, 224, 224)),
        ((1, 3, 224, 224), (1, 3, 224, 224)),
    ]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_a_picture_of_any_mode_becomes_three_channels(mode: str, cat: Image.Image) -> None:
    image = cat.convert("RGBA" if mode == "LA" else mode).convert(mode)
    assert prepared(image, ways("efficientnet_lite0")[0]).shape == (1, 3, 224, 224)


def test_sixteen_bits_of_grey_are_as_bright_as_eight(cat: Image.Image) -> None:
    grey = np.asarray(cat.convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(np.asarray(decode(deep).convert("L")), grey)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_the_hidden_colours_of_transparent_pixels_stay_hidden(mode: str) -> None:
    """As the site takes a photo in: https://en.wikipedia.org/wiki/Alpha_compositing, over white."""
    image = Image.new("RGBA", (64, 64), (200, 30, 30, 255))
    image.paste((10, 20, 30, 0), (0, 0, 32, 64))
    buffer = io.BytesIO()
    if mode == "P":
        image.convert("RGB").quantize(4).save(buffer, "PNG", transparency=0)
    else:
        image.convert(mode).save(buffer, "PNG")
    decoded = np.asarray(decode(Image.open(buffer)))
    kept = Image.open(io.BytesIO(check_image(buffer.getvalue()).content))
    assert np.array_equal(decoded, np.asarray(kept))
    assert (decoded == 255).all(2).any()


def test_a_photograph_is_turned_as_its_camera_says(cat: Image.Image) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    cat.save(buffer, "PNG", exif=exif)
    decoded = steps(Image.open(buffer), ways("efficientnet_lite0")[0])["decode"]
    assert decoded.stage.output_shape == (451, 300, 3)
    assert np.array_equal(np.asarray(decoded.output), np.rot90(np.asarray(cat), -1))


def test_a_sliver_that_would_grow_to_gigabytes_is_refused() -> None:
    with pytest.raises(EngineError) as caught:
        list(preprocess(Image.new("RGB", (1, 20_000)), ways("efficientnet_lite0")[0]))
    assert caught.value.failure is Failure.IMAGE_UNREADABLE


def test_a_truncated_file_is_an_unreadable_image(cat: Image.Image) -> None:
    buffer = io.BytesIO()
    cat.save(buffer, "JPEG")
    broken = Image.open(io.BytesIO(buffer.getvalue()[:2000]))
    with pytest.raises(EngineError) as caught:
        list(preprocess(broken, ways("efficientnet_lite0")[0]))
    assert caught.value.failure is Failure.IMAGE_UNREADABLE
