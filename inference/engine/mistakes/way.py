"""The way of a photo through a network, step by step, so that a mistake can take the place of one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as steps

from inference.engine.weights import Preprocessing

Redraw = Callable[[Image.Image], Image.Image]
Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Way:
    """Every step from the upright photo to the probability of each label. `right` says them as the weights need them."""

    how: Preprocessing
    resize: Redraw
    crop: Redraw
    to_tensor: Callable[[Image.Image], torch.Tensor]  # C × H × W, from 0 to 1
    normalise: Change  # C × H × W
    batch: Change  # N × C × H × W
    network: Callable[[nn.Module], nn.Module]  # the module that runs; one that will be changed is a copy
    probabilities: Change  # logits, N × classes, to probabilities
    labelled: Change  # the probability of each class to the probability of each label, N × labels

    def prepared(self, upright: Image.Image) -> torch.Tensor:
        """The network's input. Whatever a wrong step raises passes through."""
        return self.batch(self.normalise(self.to_tensor(self.crop(self.resize(upright)))))


def right(how: Preprocessing) -> Way:
    """The way that these weights were trained for: bit for bit what `preprocessing.preprocess` and a plain pass do."""
    return Way(
        how=how,
        resize=resizing(how, [how.resize_size], InterpolationMode(how.interpolation)),
        crop=lambda picture: steps.center_crop(picture, [how.crop_size]),
        to_tensor=lambda picture: steps.convert_image_dtype(steps.pil_to_tensor(picture), torch.float),
        normalise=lambda tensor: normalised(tensor, how.mean, how.std),
        batch=lambda tensor: tensor[None],
        network=lambda model: model,
        probabilities=lambda logits: logits.softmax(-1),
        labelled=lambda probabilities: probabilities,
    )


def resizing(how: Preprocessing, size: list[int], mode: InterpolationMode) -> Redraw:
    """Resizes to [shorter side] or [height, width], in pixels."""
    return lambda picture: steps.resize(picture, size, interpolation=mode, antialias=how.antialias)


def normalised(tensor: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """C × H × W minus the mean, divided by the deviation, channel by channel."""
    made: torch.Tensor = steps.normalize(tensor, mean=list(mean), std=list(std))
    return made
