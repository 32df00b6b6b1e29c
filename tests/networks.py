"""Networks of torchvision with drawn numbers in place of trained weights: their arithmetic is real, their answers are not."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torchvision.models import get_model

from inference import engine
from inference.contracts import EngineError, Failure, Prediction
from inference.engine import networks, preprocessing, stages


def with_random_weights(network: str, *, seed: int = 0, device: str = "cpu", threads: int = 1) -> engine.LoadedNetwork:
    """A torchvision network, loaded as if its weights had been drawn at random."""
    record = networks.record(network)
    weights = record.weights_named(record.default_weights)
    model = networks.build(network, weights)
    plan = stages.plan(model, size=weights.preprocessing.crop_size, classes=len(weights.categories))
    torch.manual_seed(seed)
    networks.fill(model, _drawn(network, image_size=weights.preprocessing.crop_size))
    model.to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return engine.LoadedNetwork(model=model, weights=weights, weights_sha256="", plan=plan, device=device, threads=threads)


def loaded_or_random(network: str, *, device: str = "cpu", threads: int = 1) -> engine.LoadedNetwork:
    """The network with its weights or, while they are missing, with drawn numbers: its speed is the same."""
    try:
        return engine.load(network, device=device, threads=threads)
    except EngineError as error:
        if error.failure is not Failure.WEIGHTS_MISSING:
            raise
    return with_random_weights(network, device=device, threads=threads)


def plain_answer(loaded: engine.LoadedNetwork, image: Image.Image) -> tuple[Prediction, ...]:
    """The five most probable classes by the plain pass, which nobody watches."""
    _cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    with loaded.alone():
        probabilities, classes = loaded.forward(loaded.batch(prepared))[0].softmax(-1).topk(5)
    ranked = enumerate(zip(classes.tolist(), probabilities.tolist(), strict=True), start=1)
    return tuple(Prediction(rank, index, loaded.weights.categories[index], share) for rank, (index, share) in ranked)


def _drawn(network: str, *, image_size: int) -> dict[str, torch.Tensor]:
    """What a file of its weights would hold. torchvision's own way of drawing numbers takes up to twenty seconds a network."""
    arguments: dict[str, Any] = {"image_size": image_size} if network.startswith("vit_") else {}
    if network in ("googlenet", "inception_v3"):
        arguments["init_weights"] = False
    hook = register_module_parameter_registration_hook(_on_meta)  # type: ignore[arg-type]
    try:
        model = get_model(network, weights=None, **arguments)
    finally:
        hook.remove()
    for layer in model.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            layer._parameters[name] = nn.Parameter(torch.empty(parameter.shape).normal_(std=0.02))
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.BatchNorm2d | nn.LayerNorm):
            layer.reset_parameters()
    stored: dict[str, torch.Tensor] = model.state_dict()
    return stored


def _on_meta(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
    return None if parameter is None else nn.Parameter(parameter.detach().to("meta"))
