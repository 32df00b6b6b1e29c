"""Facts of two networks small enough to be checked by hand: stacks of 3 × 3 convolutions, each ending in a pool."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from inference.facts import store_facts

SIDE = 64
CLASSES = 100
CHANNELS = (3, 8, 16, 32)
BLOCKS = (1, 2, 2)
PREPARED = {
    "DEFAULT": {
        "file": "tiny.pth",
        "transforms": {
            "resize_size": 72,
            "crop_size": 64,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
    },
    "FIRST": {
        "file": "tiny-first.pth",
        "transforms": {"resize_size": 64, "crop_size": 64, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    },
}


def tiny_facts(title: str, *, width: int = 1) -> dict[str, Any]:
    """What the engine would tell of such a network, its channels `width` times as many."""
    channels = [CHANNELS[0], *(width * count for count in CHANNELS[1:])]
    stages: dict[str, dict[str, Any]] = {}
    parameters = 0
    for index, blocks in enumerate(BLOCKS):
        entering, leaving, side = channels[index], channels[index + 1], SIDE // 2**index
        count = 9 * (entering * leaving + (blocks - 1) * leaving * leaving) + blocks * leaving
        parameters += count
        stages[f"features{index}"] = {
            "title": f"features.{index}",
            "layer_paths": [f"features.{index}"],
            "operation": "convolution",
            "kind": "features",
            "layout": "NCHW",
            "blocks": blocks,
            "input_shape": [1, entering, side, side],
            "output_shape": [1, leaving, side // 2, side // 2],
            "parameters": count,
            "macs": count * side * side,
        }
    head = (channels[-1] + 1) * CLASSES
    stages["classifier"] = {
        "title": "classifier",
        "layer_paths": ["classifier"],
        "operation": "linear",
        "kind": "head",
        "layout": "NC",
        "blocks": 1,
        "input_shape": [1, channels[-1]],
        "output_shape": [1, CLASSES],
        "parameters": head,
        "macs": head,
    }
    return {
        "title": title,
        "family": "Tiny",
        "parameters": parameters + head,
        "macs": 10_000_000 + head,
        "backbone": {"macs": 10_000_000},
        "head": {"macs": head},
        "feature_dim": channels[-1],
        "flatten_features": channels[-1] * 64,
        "input_size": SIDE,
        "classes": CLASSES,
        "weights": PREPARED,
        "default_weights": "DEFAULT",
        "stages": stages,
    }


def know_tiny_networks() -> None:
    """Stores the facts of both."""
    store_facts("tinynet", tiny_facts("TinyNet"), now=timezone.now())
    store_facts("widenet", tiny_facts("WideNet", width=2), now=timezone.now())
