"""Networks: what can be inspected and, with weights, traced. Every classification network of torchvision, and one more."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_buffer_registration_hook, register_module_parameter_registration_hook
from torchvision import models
from torchvision.models import get_model_builder, get_model_weights, list_models

from inference.contracts import EngineError, Failure
from inference.engine import lite
from inference.engine.cards import Note, card_of
from inference.engine.weights import WeightsRecord, record_of


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """What is known of a network before it is built. What its record does not state is None or empty."""

    id: str
    title: str
    family: str
    paper: str
    authors: str
    paper_url: str
    year: int | None  # of the paper's first version
    notes: tuple[Note, ...]  # in what it differs from its paper
    weights: tuple[WeightsRecord, ...]
    default_weights: str

    def weights_named(self, name: str) -> WeightsRecord:
        """The weights of that name. EngineError: unknown."""
        for weights in self.weights:
            if weights.name == name:
                return weights
        raise EngineError(Failure.UNKNOWN_WEIGHTS, network=self.id, weights=name)

    def chosen_weights(self, weights_dir: Path, name: str = "") -> WeightsRecord:
        """The weights of that name; without a name the default ones, or, while their file is missing, any that are there."""
        default = self.weights_named(name or self.default_weights)
        if name or default.available(weights_dir):
            return default
        return next((weights for weights in self.weights if weights.available(weights_dir)), default)


def network_ids() -> tuple[str, ...]:
    """The identifiers of all networks, the one with installed weights first."""
    return (lite.NETWORK, *torchvision_networks())


def torchvision_networks() -> tuple[str, ...]:
    """The classification networks of the installed torchvision, in its own order."""
    return tuple(list_models(module=models))


@cache
def record(network: str) -> NetworkRecord:
    """The record of a network. EngineError: unknown."""
    if network == lite.NETWORK:
        weights = lite.record()
        return _record(network, "EfficientNet-Lite0", weights=(weights,), default=weights.name)
    if network not in torchvision_networks():
        raise EngineError(Failure.UNKNOWN_NETWORK, network=network)
    all_weights = get_model_weights(network)
    return _record(
        network,
        _title(network),
        # VGG-16 also has weights of its features alone, without classes: with them nothing can be predicted.
        weights=tuple(record_of(network, weights) for weights in all_weights if weights.meta["categories"]),
        default=all_weights["DEFAULT"].name,
    )


def _record(network: str, title: str, *, weights: tuple[WeightsRecord, ...], default: str) -> NetworkRecord:
    card = card_of(network)
    if card is None:  # newer than the table of cards: its class is the best name for its family
        family = inspect.signature(get_model_builder(network)).return_annotation.__name__
        return NetworkRecord(network, title, family, "", "", "", None, (), weights, default)
    about = (card.family, card.paper, card.authors, card.url, card.year, card.notes)
    return NetworkRecord(network, title, *about, weights, default)


# Where torchvision's documentation says only the identifier, or spells a name in its own way.
_SPELLED = (
    (re.compile(r"densenet(\d+)"), "DenseNet-{0}"),
    (re.compile(r"efficientnet_b(\d)"), "EfficientNet-B{0}"),
    (re.compile(r"maxvit_(\w)"), "MaxViT-{0}"),
    (re.compile(r"mnasnet(\d)_(\d+)"), "MnasNet {0}.{1}"),
    (re.compile(r"mobilenet_v3_(\w+)"), "MobileNetV3-{0}"),
    (re.compile(r"shufflenet_v2_x(\d)_(\d)"), "ShuffleNet V2 ×{0}.{1}"),
    (re.compile(r"squeezenet(\d)_(\d)"), "SqueezeNet {0}.{1}"),
    (re.compile(r"swin_v2_(\w)"), "Swin V2-{0}"),
    (re.compile(r"swin_(\w)"), "Swin-{0}"),
    (re.compile(r"vgg(\d+)_bn"), "VGG-{0}-BN"),
    (re.compile(r"vit_(\w)_(\d+)"), "ViT-{0}/{1}"),
)


def _title(network: str) -> str:
    """The network's name for people: spelled as in its paper, else the first words of torchvision's documentation of it."""
    for pattern, spelled in _SPELLED:
        if found := pattern.fullmatch(network):
            return spelled.format(*(part.title() for part in found.groups()))
    said = " ".join((inspect.getdoc(get_model_builder(network)) or "").split())
    name = re.split(r" (?:from|as described in)\b|,", said, maxsplit=1)[0]
    name = re.sub(r"^Constructs an? | model\b| architecture\b", "", name)
    return name.replace("_", " ").strip() or network


def build(network: str, weights: WeightsRecord, *, num_classes: int | None = None) -> nn.Module:
    """The network as these weights need it, in eval mode, on the meta device: its structure without any storage."""
    with on_meta():
        return untrained(network, weights, num_classes=num_classes or len(weights.categories))


def untrained(network: str, weights: WeightsRecord, *, num_classes: int) -> nn.Module:
    """The same structure with the random numbers that its training would begin with, in eval mode."""
    if network == lite.NETWORK:
        return lite.EfficientNetLite(num_classes).eval()
    builder = get_model_builder(network)
    model: nn.Module = builder(weights=None, num_classes=num_classes, **_arguments(builder, weights))
    return model.eval()


def _arguments(builder: Callable[..., nn.Module], weights: WeightsRecord) -> dict[str, Any]:
    """What torchvision's builder sets when it is given weights, so that the structure fits them."""
    network_class = inspect.signature(builder).return_annotation
    accepted = inspect.signature(network_class).parameters
    arguments: dict[str, Any] = {}
    if "image_size" in accepted:  # a vision transformer has a position for each patch
        arguments["image_size"] = weights.preprocessing.crop_size
    if "transform_input" in accepted:  # GoogLeNet and Inception were trained on another normalisation and convert to it
        arguments |= {"transform_input": True, "init_weights": False}
    if network_class is models.GoogLeNet:
        arguments["aux_logits"] = False  # its auxiliary heads are not trained, and torchvision drops them too
    return arguments


def fill(model: nn.Module, stored: dict[str, torch.Tensor]) -> None:
    """Puts stored tensors into a network built on the meta device, as single-precision numbers. Changes `stored`.

    It is changed in place because modules find the version of their stored form in an attribute that a copy would lack.
    """
    expected = model.state_dict().keys()
    for key in list(stored):
        tensor = stored.pop(key)
        name = _DENSE_LAYER.sub(r"\1\2", key)
        if name in expected or not name.startswith("aux"):
            stored[name] = tensor
    model.load_state_dict(stored, assign=True)
    model.float().requires_grad_(False)


# DenseNet's files say "norm.1" where its modules are called "norm1": torchvision's own loader changes these names too.
_DENSE_LAYER = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


@contextmanager
def on_meta() -> Iterator[None]:
    """Modules built inside get meta parameters and buffers.

    `torch.device("meta")` would also catch the tensors that RegNet computes its widths with, and whose values it then reads.
    """

    def without_storage(_module: nn.Module, _name: str, tensor: torch.Tensor | None) -> torch.Tensor | None:
        if tensor is None or tensor.is_meta:
            return None  # leave it as it is
        moved = tensor.detach().to("meta")
        return nn.Parameter(moved, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else moved

    hooks = (
        register_module_parameter_registration_hook(without_storage),  # type: ignore[arg-type]
        register_module_buffer_registration_hook(without_storage),  # type: ignore[arg-type]
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
