"""Facts: every figure that a lesson may state about a network, computed without weights and without data.

Keys contain no dots, so that a dotted path finds every value: "stages.layer3.output_shape", "layers.classifier.0.in_features".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torchvision.models import list_models

from inference.contracts import ENGINE_VERSION, Stage, StageKind
from inference.engine import networks, stages
from inference.engine.weights import Preprocessing, WeightsRecord, default_weights_dir

Facts = dict[str, Any]

LIBRARY = "torchvision"
"""The pseudo-network that holds the facts of the library itself."""


def facts(network: str, *, weights_dir: Path | None = None) -> Facts:
    """The facts of a network as its default weights need it, or of the library. EngineError: unknown."""
    folder = weights_dir or default_weights_dir()
    return _library_facts(folder) if network == LIBRARY else _network_facts(network, folder)


def _versions() -> Facts:
    return {"torch": torch.__version__, "torchvision": torchvision.__version__, "engine": ENGINE_VERSION}


def _library_facts(weights_dir: Path) -> Facts:
    names = networks.torchvision_networks()
    return {
        "id": LIBRARY,
        "title": LIBRARY,
        "version": torchvision.__version__,
        "torch_version": torch.__version__,
        "classification_networks": len(names),
        "all_models": len(list_models()),
        "networks": list(names),
        "families": sorted({networks.record(name).family for name in names}),
        "catalogue": {name: _catalogue_entry(name, weights_dir) for name in networks.network_ids()},
    } | _versions()


def _catalogue_entry(network: str, weights_dir: Path) -> Facts:
    """What its record says of a network that was not built yet: enough to list it and to fetch its weights."""
    record = networks.record(network)
    return {
        "title": record.title,
        "family": record.family,
        "year": record.year,
        "weights": {weights.name: _record_facts(weights, weights_dir) for weights in record.weights},
        "default_weights": record.default_weights,
    }


def _network_facts(network: str, weights_dir: Path) -> Facts:
    record = networks.record(network)
    default = record.weights_named(record.default_weights)
    how = default.preprocessing
    model = networks.build(network, default)
    plan = stages.plan(model, size=how.crop_size, classes=len(default.categories))
    macs = sum(stage.macs for stage in plan.stages)
    flops = sum(stage.flops for stage in plan.stages)
    parameters = stages.parameters_of(model)
    head = _part(plan.stages, StageKind.HEAD, parameters, macs)
    features = _last_features(plan.stages)
    return {
        "id": network,
        "title": record.title,
        "family": record.family,
        "paper": record.paper,
        "authors": record.authors,
        "paper_url": record.paper_url,
        "year": record.year,
        "notes": [note.value for note in record.notes],
        "parameters": parameters,
        "auxiliary_parameters": parameters - sum(stage.parameters for stage in plan.stages),
        "macs": macs,
        "flops": flops,
        "feature_dim": _feature_dim(model),
        "input_size": how.crop_size,
        "resize_size": how.resize_size,
        "mean": list(how.mean),
        "std": list(how.std),
        "interpolation": how.interpolation,
        "classes": len(default.categories),
        "depth": len(plan.stages),
        "blocks": _blocks(plan.stages),
        "conv_features": features,
        "flatten_features": features[0] * features[1] * features[2] if features else None,
        "pooled_features": next(stage.output_shape[1] for stage in plan.stages if stage.name == "pool"),
        "head": head,
        "backbone": _part(plan.stages, StageKind.FEATURES, parameters, macs),
        "layer_types": dict(Counter(type(layer).__name__ for layer in model.modules() if not list(layer.children()))),
        "layers": _linear_layers(model),
        "preprocessing": _preprocessing_facts(how),
        "stages": {stage.name: _stage_facts(stage) for stage in (*plan.stages, plan.softmax)},
        "weights": {weights.name: _weights_facts(weights, weights_dir) for weights in record.weights},
        "default_weights": record.default_weights,
    } | _versions()


def _part(planned: tuple[Stage, ...], kind: StageKind, parameters: int, macs: int) -> Facts:
    """The parameters and multiply-accumulates of all stages of one kind, and their shares of the whole."""
    chosen = [stage for stage in planned if stage.kind is kind]
    part_parameters, part_macs = sum(stage.parameters for stage in chosen), sum(stage.macs for stage in chosen)
    return {
        "parameters": part_parameters,
        "macs": part_macs,
        "parameters_share": part_parameters / parameters,
        "macs_share": part_macs / macs,
        "stages": [stage.name for stage in chosen],
    }


def _last_features(planned: tuple[Stage, ...]) -> list[int] | None:
    """Channels, height and width of the last features before the pool; None where they are tokens and not a grid."""
    last = next(stage for stage in reversed(planned) if stage.kind is StageKind.FEATURES)
    if last.layout == "NCHW":
        return list(last.output_shape[1:])
    if last.layout == "NHWC":
        return [last.output_shape[3], *last.output_shape[1:3]]
    return None


def _feature_dim(model: nn.Module) -> int:
    """What the last layer takes in: the length of the vector that remains when it is taken away."""
    last = [layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))][-1]
    return last.in_features if isinstance(last, nn.Linear) else last.in_channels


def _blocks(planned: tuple[Stage, ...]) -> int:
    """How many blocks the features are made of; of a network of plain convolutions, how many convolutions."""
    features = [stage for stage in planned if stage.kind is StageKind.FEATURES]
    plain = {"convolution", "patch_embedding"}
    return sum(stage.blocks for stage in features if stage.operation not in plain) or sum(stage.blocks for stage in features)


def _linear_layers(model: nn.Module) -> Facts:
    """The linear layers outside the blocks, nested by their path."""
    layers: Facts = {}
    for path, layer in stages.layers_outside_blocks(model):
        if isinstance(layer, nn.Linear):
            *containers, name = path.split(".")
            place = layers
            for container in containers:
                place = place.setdefault(container, {})
            place[name] = {
                "in_features": layer.in_features,
                "out_features": layer.out_features,
                "parameters": stages.parameters_of(layer),
            }
    return layers


def _stage_facts(stage: Stage) -> Facts:
    known = asdict(stage)
    known.pop("name")
    lists = {key: list(known[key]) for key in ("input_shape", "output_shape", "layer_paths")}
    return known | lists | {"kind": stage.kind.value}


def _preprocessing_facts(how: Preprocessing) -> Facts:
    """The steps from a photograph to the input. A size that depends on the photograph is None."""
    size = how.crop_size
    photo, crop, tensor = [None, None, 3], [size, size, 3], [1, 3, size, size]
    return {
        "decode": {"input_shape": [], "output_shape": photo, "layout": "HWC"},
        "resize": {
            "input_shape": photo,
            "output_shape": photo,
            "layout": "HWC",
            "size": how.resize_size,
            "interpolation": how.interpolation,
        },
        "crop": {"input_shape": photo, "output_shape": crop, "layout": "HWC", "size": size},
        "to_tensor": {"input_shape": crop, "output_shape": tensor, "layout": "NCHW", "divisor": 255},
        "normalise": {
            "input_shape": tensor,
            "output_shape": tensor,
            "layout": "NCHW",
            "mean": list(how.mean),
            "std": list(how.std),
        },
    }


def _weights_facts(weights: WeightsRecord, weights_dir: Path) -> Facts:
    how = weights.preprocessing
    return _record_facts(weights, weights_dir) | {
        "transforms": {
            "resize_size": how.resize_size,
            "crop_size": how.crop_size,
            "mean": list(how.mean),
            "std": list(how.std),
            "interpolation": how.interpolation,
            "antialias": how.antialias,
        },
    }


def _record_facts(weights: WeightsRecord, weights_dir: Path) -> Facts:
    return {
        "available": weights.available(weights_dir),
        "licence": weights.licence,
        "licence_url": weights.licence_url,
        "recipe": weights.recipe,
        "said": weights.said,
        "acc1": weights.acc1,
        "acc5": weights.acc5,
        "parameters": weights.parameters,
        "gmacs": weights.gmacs,
        "file": weights.file,
        "url": weights.url,
        "size_mb": weights.size_mb,
    }
