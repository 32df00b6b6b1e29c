"""Facts as the engine computes them, of networks of every form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference.engine.facts import facts
from quizzes.generating import Facts

ASKED_ABOUT = (
    "alexnet",  # no stage divides evenly
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_lite0",
    "googlenet",
    "mobilenet_v3_small",
    "resnet18",
    "resnet50",
    "squeezenet1_1",  # its last layer is no linear one
    "swin_t",
    "vgg11_bn",
    "vgg16",
    "vit_b_16",  # one size, no maps
)


@pytest.fixture(scope="session")
def known() -> Facts:
    """Network → its facts, as they come back from the database."""
    told: dict[str, dict[str, Any]] = {}
    for network in ASKED_ABOUT:
        computed = json.loads(json.dumps(facts(network)))
        told[network] = {name: value for name, value in computed.items() if value is not None}
    return told
