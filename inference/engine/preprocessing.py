"""From a photograph to the network's input, one step at a time, each exactly as torchvision's own transforms do it.

`torchvision.transforms._presets.ImageClassification.forward` calls the same functions in the same order; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image, ImageOps
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as steps

from inference.contracts import EngineError, Failure, Stage, StageKind
from inference.engine.weights import Preprocessing
from inference.images import on_white

STEPS = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One step's stage and what it made: a picture until `to_tensor`, then N × C × H × W."""

    stage: Stage
    output: Image.Image | torch.Tensor


def preprocess(image: Image.Image, how: Preprocessing) -> Iterator[Step]:
    """The steps as they are taken; the last output is the network's input, 1 × 3 × H × W. EngineError: unreadable image."""
    original = {"original_width": image.width, "original_height": image.height, "original_mode": image.mode}
    upright = decode(image)
    _refuse_slivers(upright, how.resize_size)
    shape = _shape(upright)
    yield _step("decode", (), upright, original)

    mode = InterpolationMode(how.interpolation)
    resized = steps.resize(upright, [how.resize_size], interpolation=mode, antialias=how.antialias)
    yield _step("resize", shape, resized, {"size": how.resize_size, "interpolation": how.interpolation})

    cropped = steps.center_crop(resized, [how.crop_size])
    yield _step("crop", _shape(resized), cropped, {"size": how.crop_size})

    tensor = steps.convert_image_dtype(steps.pil_to_tensor(cropped), torch.float)
    yield _step("to_tensor", _shape(cropped), tensor[None], {"divisor": 255})

    normalised = steps.normalize(tensor, mean=list(how.mean), std=list(how.std))[None]
    yield _step("normalise", tuple(normalised.shape), normalised, {"mean": list(how.mean), "std": list(how.std)})


def prepared(image: Image.Image, how: Preprocessing) -> tuple[Image.Image, torch.Tensor]:
    """What of a photograph the network sees, and its input, 1 × 3 × H × W. EngineError: unreadable image."""
    *_, cropped, _tensor, last = preprocess(image, how)
    if isinstance(cropped.output, torch.Tensor) or not isinstance(last.output, torch.Tensor):
        raise TypeError("the steps stand in another order")
    return cropped.output, last.output


def decode(image: Image.Image) -> Image.Image:
    """The photograph's pixels as RGB, turned upright as its camera said, on white. EngineError: unreadable."""
    try:
        photo, _shows_through = on_white(_in_eight_bits(ImageOps.exif_transpose(image)))
        return photo.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise EngineError(Failure.IMAGE_UNREADABLE, reason=str(error)) from error


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """16 bits a pixel as 8: converted at once, Pillow takes every grey above 255 for white."""
    if not image.mode.startswith("I;16"):
        return image
    return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")


def _refuse_slivers(image: Image.Image, shorter_side: int) -> None:
    """A photograph of 1 × 20,000 pixels would grow to gigabytes when its shorter side is brought to 256."""
    pixels = shorter_side**2 * max(image.size) / min(image.size)
    if Image.MAX_IMAGE_PIXELS is not None and pixels > Image.MAX_IMAGE_PIXELS:
        raise EngineError(Failure.IMAGE_UNREADABLE, reason=f"{image.width} × {image.height} pixels are too narrow")


def _step(name: str, input_shape: tuple[int, ...], output: Image.Image | torch.Tensor, details: dict[str, Any]) -> Step:
    is_picture = isinstance(output, Image.Image)
    return Step(
        Stage(
            name=name,
            title=name,
            kind=StageKind.PREPROCESSING,
            operation=name,
            input_shape=input_shape,
            output_shape=_shape(output) if isinstance(output, Image.Image) else tuple(output.shape),
            layout="HWC" if is_picture else "NCHW",
            details=details,
        ),
        output,
    )


def _shape(image: Image.Image) -> tuple[int, ...]:
    """Height × width × channels, as an array of the picture would have."""
    return (image.height, image.width, len(image.getbands()))
