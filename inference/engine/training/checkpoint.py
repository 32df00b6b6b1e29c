"""A trained head as a file: what it was trained on, what it sees, and its numbers. Read as something that anybody made.

The file is what `torch.save` writes, and `torch.load(path, weights_only=True)` reads it anywhere: a dictionary of strings,
numbers, lists and tensors. Its `head` says of the plain features of `network` what the trained one said of standardised
ones; its `state` holds those tensors of the network itself that were trained.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torchvision.transforms import InterpolationMode

from inference.contracts import EngineError, Failure
from inference.training_contracts import CHECKPOINT_BYTES, CHECKPOINT_FORMAT, CLASS_NAME_CHARACTERS, DataName, Strategy

_CLASSES = range(2, 101)
_SIDES = range(1, 2049)  # pixels
_NAMES = 100  # characters
_INTERPOLATIONS = {mode.value for mode in InterpolationMode}
_TENSORS = 2_000
_NUMBERS = (torch.float32, torch.int64)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a prediction with a trained head needs, besides the network's own weights where it stands on them."""

    network: str
    weights: str  # what it was trained from; empty from scratch
    weights_sha256: str
    strategy: Strategy
    data: DataName
    classes: tuple[str, ...]
    side: int  # pixels: the shorter side is brought to it, and a square cut out
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    antialias: bool
    weight: torch.Tensor  # classes × features
    bias: torch.Tensor  # classes
    state: Mapping[str, torch.Tensor]  # the network's own tensors that were trained, by name
    standardisation: Mapping[str, Any]  # how features were standardised in training; folded into the head
    recipe: Mapping[str, Any]  # the options it was trained with
    of_epoch: int
    versions: Mapping[str, str]

    def written(self) -> bytes:
        """The file's content."""
        buffer = io.BytesIO()
        torch.save(
            {
                "format": CHECKPOINT_FORMAT,
                "network": self.network,
                "weights": self.weights,
                "weights_sha256": self.weights_sha256,
                "strategy": str(self.strategy),
                "data": str(self.data),
                "classes": list(self.classes),
                "transforms": {
                    "resize_size": self.side,
                    "crop_size": self.side,
                    "mean": list(self.mean),
                    "std": list(self.std),
                    "interpolation": self.interpolation,
                    "antialias": self.antialias,
                },
                "head": {"weight": self.weight, "bias": self.bias},
                "state": dict(self.state),
                "standardisation": dict(self.standardisation),
                "recipe": dict(self.recipe),
                "of_epoch": self.of_epoch,
                # torch's own version is a kind of string that the safe reader refuses
                "versions": {name: str(said) for name, said in self.versions.items()},
            },
            buffer,
        )
        return buffer.getvalue()


def read(content: bytes) -> Checkpoint:
    """The checkpoint in a file's content, every part of it checked. EngineError HEAD_DAMAGED: it is not one of ours."""
    stored = _loaded(content)
    try:
        return _checked(stored)
    except (AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise _damaged(f"it lacks or garbles {error}") from error


def _loaded(content: bytes) -> Any:
    """What the file holds. Files that would grow when they are read, or that are none of torch's, are refused before."""
    if len(content) > CHECKPOINT_BYTES:
        raise _damaged("it is too large")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise _damaged("it is compressed, which torch never does")
            if sum(entry.file_size for entry in archive.infolist()) > CHECKPOINT_BYTES:
                raise _damaged("it is larger than it says")
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except EngineError:
        raise
    except Exception as error:  # whatever a made-up file makes the readers stumble over
        raise _damaged("it can't be read") from error


def _checked(stored: Any) -> Checkpoint:
    if stored["format"] != CHECKPOINT_FORMAT:
        raise _damaged(f"its format is not {CHECKPOINT_FORMAT}")
    how = stored["transforms"]
    classes = _classes(stored["classes"])
    weight, bias = _plain(stored["head"]["weight"]), _plain(stored["head"]["bias"])
    if weight.ndim != 2 or weight.shape[0] != len(classes) or bias.shape != (len(classes),):
        raise ValueError("head")
    return Checkpoint(
        network=_word(stored["network"]),
        weights=_word(stored["weights"]),
        weights_sha256=_word(stored["weights_sha256"]),
        strategy=Strategy(stored["strategy"]),
        data=DataName(stored["data"]),
        classes=classes,
        side=_side(how["crop_size"]),
        mean=_three(how["mean"]),
        std=_three(how["std"], positive=True),
        interpolation=_interpolation(how["interpolation"]),
        antialias=bool(how["antialias"]),
        weight=weight,
        bias=bias,
        state=_state(stored["state"]),
        standardisation=_flat(stored["standardisation"]),
        recipe=_flat(stored["recipe"]),
        of_epoch=int(stored["of_epoch"]),
        versions=_flat(stored["versions"]),
    )


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _NAMES:
        raise ValueError("names")
    return value


def _classes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) not in _CLASSES or len(set(value)) != len(value):
        raise ValueError("classes")
    if any(not isinstance(name, str) or not 1 <= len(name) <= CLASS_NAME_CHARACTERS for name in value):
        raise ValueError("classes")
    return tuple(value)


def _side(value: Any) -> int:
    if not isinstance(value, int) or value not in _SIDES:
        raise ValueError("crop_size")
    return value


def _three(value: Any, *, positive: bool = False) -> tuple[float, ...]:
    numbers = tuple(float(number) for number in value)
    if len(numbers) != 3 or not all(math.isfinite(number) and (number > 0 or not positive) for number in numbers):
        raise ValueError("mean and std")
    return numbers


def _interpolation(value: Any) -> str:
    if value not in _INTERPOLATIONS:
        raise ValueError("interpolation")
    return str(value)


def _flat(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) and not isinstance(value[name], dict) for name in value):
        raise ValueError("notes")
    return value


def _state(value: Any) -> dict[str, torch.Tensor]:
    if not isinstance(value, dict) or len(value) > _TENSORS:
        raise ValueError("state")
    if sum(tensor.nbytes for tensor in value.values()) > CHECKPOINT_BYTES:  # many tensors may share one place in the file
        raise ValueError("state")
    return {_word(name): _plain(tensor) for name, tensor in value.items()}


def _plain(tensor: Any) -> torch.Tensor:
    """The tensor, if its numbers all lie in the file: no kind of tensor, and no strides, that make many of few."""
    if type(tensor) is not torch.Tensor or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise ValueError("tensors")
    if tensor.dtype not in _NUMBERS or tensor.nbytes > tensor.untyped_storage().nbytes():
        raise ValueError("tensors")
    if not bool(tensor.isfinite().all()):
        raise ValueError("tensors: not all are finite numbers")
    return tensor


def _damaged(reason: str) -> EngineError:
    return EngineError(Failure.HEAD_DAMAGED, reason=reason)
