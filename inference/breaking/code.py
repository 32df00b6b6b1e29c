"""The line of code that makes each mistake, the right one in its place, and other lines that don't put it right.

A test runs every line and holds what comes out against the engine's own run of that mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference.breaking import wording
from inference.contracts import MistakeName

_RESIZE = "picture = v2.Resize(how.resize_size, how.interpolation)(photo)"
_TENSOR = "tensor = pixels.permute(2, 0, 1) / 255"
_BATCH = "batch = v2.Normalize(how.mean, how.std)(tensor).unsqueeze(0)"
_BY_HAND = "batch = ((pixels / 255 - mean) / std).permute(2, 0, 1).unsqueeze(0)"
_OUTPUT = "probabilities = model(batch).softmax(1)"
_LABEL = 'label = weights.meta["categories"][index]'

CONTEXT = "how = weights.transforms()  # what these weights expect"
"""The line that the others lean on."""

_STEPS: Mapping[str, tuple[str, tuple[MistakeName, ...]]] = MappingProxyType(
    {
        "resize": (
            f"{_RESIZE}\npicture = v2.CenterCrop(how.crop_size)(picture)",
            (MistakeName.NEAREST, MistakeName.SQUASHED, MistakeName.NOT_CROPPED, MistakeName.WRONG_SIZE),
        ),
        "tensor": (_TENSOR, (MistakeName.BGR, MistakeName.ZERO_TO_255, MistakeName.CHANNELS_LAST)),
        "batch": (
            _BATCH,
            (MistakeName.NO_NORMALISATION, MistakeName.OTHER_MEAN_STD, MistakeName.NORMALISED_TWICE, MistakeName.NO_BATCH),
        ),
        "by_hand": (_BY_HAND, (MistakeName.NOT_PERMUTED,)),
        "mode": ("model.eval()", (MistakeName.TRAIN_MODE,)),
        "output": (_OUTPUT, (MistakeName.SOFTMAX_TWICE,)),
        "label": (_LABEL, (MistakeName.LABEL_OFFSET,)),
    }
)
"""Each step of the way: its right code, and the mistakes that are made in it."""

_BROKEN: Mapping[MistakeName, str] = MappingProxyType(
    {
        MistakeName.NEAREST: (
            "picture = v2.Resize(how.resize_size, v2.InterpolationMode.NEAREST)(photo)\n"
            "picture = v2.CenterCrop(how.crop_size)(picture)"
        ),
        MistakeName.SQUASHED: "picture = v2.Resize(({crop}, {crop}), how.interpolation)(photo)",
        MistakeName.NOT_CROPPED: _RESIZE,
        MistakeName.WRONG_SIZE: (
            "picture = v2.Resize({half_resize}, how.interpolation)(photo)\npicture = v2.CenterCrop({half_crop})(picture)"
        ),
        MistakeName.BGR: "tensor = pixels[:, :, [2, 1, 0]].permute(2, 0, 1) / 255  # the order of cv2.imread",
        MistakeName.ZERO_TO_255: "tensor = pixels.permute(2, 0, 1).float()",
        MistakeName.CHANNELS_LAST: "tensor = pixels.reshape(3, {crop}, {crop}) / 255",
        MistakeName.NO_NORMALISATION: "batch = tensor.unsqueeze(0)",
        MistakeName.OTHER_MEAN_STD: "batch = v2.Normalize({other_mean}, {other_std})(tensor).unsqueeze(0)",
        MistakeName.NORMALISED_TWICE: (
            "tensor = v2.Normalize(how.mean, how.std)(tensor)\nbatch = v2.Normalize(how.mean, how.std)(tensor).unsqueeze(0)"
        ),
        MistakeName.NO_BATCH: "batch = v2.Normalize(how.mean, how.std)(tensor)",
        MistakeName.NOT_PERMUTED: "batch = ((pixels / 255 - mean) / std).unsqueeze(0)",
        MistakeName.TRAIN_MODE: "model.train()",
        MistakeName.SOFTMAX_TWICE: "outputs = model(batch).softmax(1)\nprobabilities = outputs.softmax(1)",
        MistakeName.LABEL_OFFSET: 'label = ["background", *weights.meta["categories"]][index]',
    }
)

_OTHERS: Mapping[str, tuple[tuple[str, Promise], ...]] = MappingProxyType(
    {
        "by_hand": (
            (
                "batch = ((pixels / 255 - mean) / std).reshape(1, 3, {crop}, {crop})",
                _("That gives the right shape and scrambles the pixels: reshape moves no number to its new place."),
            ),
            (
                "batch = ((pixels / 255 - mean) / std).permute(2, 1, 0).unsqueeze(0)",
                _("That is channels × width × height: the photo lies on its side."),
            ),
        ),
        "mode": (
            (
                "model.requires_grad_(False)",
                _("That freezes the parameters. BatchNorm and dropout go by the mode, and the mode is still training."),
            ),
            (
                "torch.set_grad_enabled(False)",
                _("That saves the gradients’ memory. The layers still behave as in training."),
            ),
        ),
        "output": (
            (
                "probabilities = model(batch).sigmoid()",
                _("That makes a probability of each score by itself; together they don’t sum to 1."),
            ),
            (
                "probabilities = model(batch) / model(batch).sum()",
                _("Scores can be negative, and so would be what you call probabilities."),
            ),
        ),
        "label": (
            (
                'label = weights.meta["categories"][index + 1]',
                _("That is off by one to the other side."),
            ),
            (
                'label = sorted(weights.meta["categories"])[index]',
                _("ImageNet’s classes are in the order of their WordNet numbers, not of the alphabet."),
            ),
        ),
    }
)
"""Lines that look as if they helped, for the steps in which only one mistake is made; and what they do instead."""


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of code to choose; `because` says why it doesn't help, and is empty for the right one."""

    id: str
    code: str
    because: str

    @property
    def is_right(self) -> bool:
        return not self.because


@dataclass(frozen=True, slots=True)
class Repair:
    """The code that makes a mistake, and what could stand there instead."""

    broken: str
    right: str
    lines: tuple[Line, ...]  # the right one among others, in an order that tells nothing

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == line_id), None)


def repair_of(name: MistakeName, preprocessing: Mapping[str, Any]) -> Repair:
    """The code of a mistake, with the sizes and figures of the weights that it was made with."""
    step, (right, made_here) = next((step, told) for step, told in _STEPS.items() if name in told[1])
    figures = _figures(preprocessing)
    others = [_line(_BROKEN[other], str(wording.TELLINGS[other].what), figures) for other in made_here if other != name] + [
        _line(code, str(because), figures) for code, because in _OTHERS.get(step, ())
    ]
    lines = sorted([_line(right, "", figures), *others], key=lambda line: line.id)
    return Repair(broken=_BROKEN[name].format_map(figures), right=right.format_map(figures), lines=tuple(lines))


def _line(code: str, because: str, figures: Mapping[str, Any]) -> Line:
    """Its id is made of the code alone, so that neither the id nor the order by it says which one is right."""
    return Line(hashlib.sha256(code.encode()).hexdigest()[:10], code.format_map(figures), because)


def _figures(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    crop, resize = preprocessing["crop_size"], preprocessing["resize_size"]
    return {
        "crop": crop,
        "half_crop": crop // 2,
        "half_resize": resize // 2,
        "other_mean": preprocessing["other_mean"],
        "other_std": preprocessing["other_std"],
    }
