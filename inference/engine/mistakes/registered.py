"""Every mistake, as a function from the right way to the wrong one. Its docstring says what people do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as steps

from inference.contracts import MistakeName
from inference.engine.mistakes.way import Way, normalised, resizing

Mistake = Callable[[Way], Way]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5, 0.5, 0.5)


def nearest(way: Way) -> Way:
    """Resizes by taking the nearest pixel, as for a mask."""
    return replace(way, resize=resizing(way.how, [way.how.resize_size], InterpolationMode.NEAREST))


def squashed(way: Way) -> Way:
    """Resizes to a square, height and width each by its own factor, instead of cutting one out."""
    square, mode = [way.how.crop_size, way.how.crop_size], InterpolationMode(way.how.interpolation)
    return replace(way, resize=resizing(way.how, square, mode), crop=lambda picture: picture)


def not_cropped(way: Way) -> Way:
    """Resizes the shorter side and hands over the whole picture."""
    return replace(way, crop=lambda picture: picture)


def wrong_size(way: Way) -> Way:
    """Prepares a picture of half the side that the weights were trained with."""
    mode = InterpolationMode(way.how.interpolation)
    return replace(
        way,
        resize=resizing(way.how, [way.how.resize_size // 2], mode),
        crop=lambda picture: steps.center_crop(picture, [way.how.crop_size // 2]),
    )


def bgr(way: Way) -> Way:
    """Takes blue for red and red for blue, as with OpenCV's order of colours."""
    return replace(way, to_tensor=lambda picture: way.to_tensor(picture).flip(0))


def zero_to_255(way: Way) -> Way:
    """Normalises bytes from 0 to 255 with a mean and a deviation that are meant for 0 to 1."""
    return replace(way, to_tensor=lambda picture: steps.pil_to_tensor(picture).float())


def no_normalisation(way: Way) -> Way:
    """Stops at values from 0 to 1."""
    return replace(way, normalise=lambda tensor: tensor)


def other_mean_std(way: Way) -> Way:
    """Normalises with the figures of another recipe: ImageNet's own, or one half where these are the weights' own."""
    mean, std = other_figures(way.how.mean)
    return replace(way, normalise=lambda tensor: normalised(tensor, mean, std))


def other_figures(mean: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and deviation that people bring along from elsewhere, given the mean that would be right."""
    return (HALVES, HALVES) if mean == IMAGENET_MEAN else (IMAGENET_MEAN, IMAGENET_STD)


def normalised_twice(way: Way) -> Way:
    """Normalises once by hand and once more in the transforms."""
    return replace(way, normalise=lambda tensor: way.normalise(way.normalise(tensor)))


def channels_last(way: Way) -> Way:
    """Reshapes height × width × channels to channels × height × width, which moves no number to its new place."""
    return replace(way, to_tensor=_reshaped)


def _reshaped(picture: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(np.array(picture))
    height, width, channels = pixels.shape
    return pixels.reshape(channels, height, width) / 255


def not_permuted(way: Way) -> Way:
    """Hands over height × width × channels as it is."""
    return replace(way, batch=lambda tensor: way.batch(tensor.permute(1, 2, 0)))


def no_batch(way: Way) -> Way:
    """Hands over one photo where a batch of photos is expected."""
    return replace(way, batch=lambda tensor: tensor)


def train_mode(way: Way) -> Way:
    """Predicts with dropout on and BatchNorm using this one photo's statistics, and changes its running ones as well."""
    return replace(way, network=_training_copy)


def _training_copy(model: nn.Module) -> nn.Module:
    """A copy in training mode: a pass changes BatchNorm's buffers, and those of the network itself belong to everybody."""
    return copy.deepcopy(model).train()


def softmax_twice(way: Way) -> Way:
    """Takes the softmax of what already are probabilities."""
    return replace(way, probabilities=lambda logits: logits.softmax(-1).softmax(-1))


def label_offset(way: Way) -> Way:
    """Looks each class up one place too early, as with a list of labels that begins with "background"."""
    return replace(way, labelled=lambda probabilities: probabilities.roll(-1, dims=-1))


MISTAKES: Mapping[MistakeName, Mistake] = MappingProxyType(
    {
        MistakeName.NEAREST: nearest,
        MistakeName.SQUASHED: squashed,
        MistakeName.NOT_CROPPED: not_cropped,
        MistakeName.WRONG_SIZE: wrong_size,
        MistakeName.BGR: bgr,
        MistakeName.ZERO_TO_255: zero_to_255,
        MistakeName.NO_NORMALISATION: no_normalisation,
        MistakeName.OTHER_MEAN_STD: other_mean_std,
        MistakeName.NORMALISED_TWICE: normalised_twice,
        MistakeName.CHANNELS_LAST: channels_last,
        MistakeName.NOT_PERMUTED: not_permuted,
        MistakeName.NO_BATCH: no_batch,
        MistakeName.TRAIN_MODE: train_mode,
        MistakeName.SOFTMAX_TWICE: softmax_twice,
        MistakeName.LABEL_OFFSET: label_offset,
    }
)
"""What each name stands for, in the order of the contracts."""
