"""From pictures to a network's input, in two steps: pixels once, numbers batch by batch. Together they are the usual steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import functional as steps

from inference.contracts import Asked, Cancelled
from inference.engine.preprocessing import preprocess
from inference.engine.weights import Preprocessing

BETWEEN_QUESTIONS = 0.02  # seconds
RULE = 2  # pixels
RULE_COLOUR = (23, 25, 26)  # as between the tiles of a stage's picture


@dataclass(frozen=True, slots=True)
class Preparation:
    """How pictures become inputs of a network: the weights' own mean and deviation, at another size."""

    how: Preprocessing

    @classmethod
    def at(cls, how: Preprocessing, side: int) -> Preparation:
        """The same for inputs of `side` pixels, the shorter side brought to it: small pictures have no margin to lose."""
        return cls(replace(how, resize_size=side, crop_size=side))

    @property
    def side(self) -> int:
        return self.how.crop_size

    def pixels(self, picture: Image.Image) -> torch.Tensor:
        """What the network sees of a picture, as bytes, 3 × side × side. EngineError: unreadable."""
        cropped = next(step.output for step in preprocess(picture, self.how) if step.stage.name == "crop")
        return torch.from_numpy(np.array(cropped)).permute(2, 0, 1)

    def numbers(self, pixels: torch.Tensor) -> torch.Tensor:
        """Bytes, N × 3 × side × side, as the network's input."""
        scaled = steps.convert_image_dtype(pixels, torch.float)
        batch: torch.Tensor = steps.normalize(scaled, mean=list(self.how.mean), std=list(self.how.std))
        return batch.contiguous(memory_format=torch.channels_last)


def all_pixels(
    preparation: Preparation, pictures: Iterable[Image.Image], stop_if_cancelled: Callable[[], None]
) -> torch.Tensor:
    """The pixels of all pictures, N × 3 × side × side bytes."""
    prepared = []
    for picture in pictures:
        stop_if_cancelled()
        prepared.append(preparation.pixels(picture))
    return torch.stack(prepared)


def stopper(cancelled: Asked) -> Callable[[], None]:
    """A function that raises Cancelled once `cancelled()` is true.

    A worker asks its database, and a head's batch takes less time than the answer: it is asked again only after a while.
    """
    asked = -math.inf

    def stop_if_cancelled() -> None:
        nonlocal asked
        now = time.monotonic()
        if now - asked < BETWEEN_QUESTIONS:
            return
        asked = now
        if cancelled():
            raise Cancelled

    return stop_if_cancelled


def sheet(pictures: Sequence[Image.Image], *, columns: int, tile: int) -> Image.Image:
    """Pictures side by side, row by row, each `tile` pixels wide and high, with a rule between them."""
    rows, step = -(-len(pictures) // columns), tile + RULE
    together = Image.new("RGB", (columns * step - RULE, rows * step - RULE), RULE_COLOUR)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        together.paste(picture.resize((tile, tile), Image.Resampling.NEAREST), (column * step, row * step))
    return together
