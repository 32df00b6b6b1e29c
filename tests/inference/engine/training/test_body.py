"""A network without its last layer is a copy that ends with its features, whatever the family."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from inference.engine import networks, stages
from inference.engine.training.body import sharing, shortcut, stages_with_parameters, without_head

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


def random(network: str) -> tuple[nn.Module, stages.Plan]:
    weights = networks.record(network).chosen_weights(Path("nowhere"))
    structure = networks.build(network, weights)
    plan = stages.plan(structure, size=weights.preprocessing.crop_size, classes=1000)
    return networks.untrained(network, weights, num_classes=1000).requires_grad_(False), plan


@pytest.mark.parametrize(
    ("network", "dimension"),
    [
        ("efficientnet_lite0", 1280),
        ("resnet18", 512),
        ("squeezenet1_1", 512),
        ("mobilenet_v3_small", 1024),
        ("googlenet", 1024),
    ],
)
def test_what_remains_ends_with_the_features(network: str, dimension: int) -> None:
    model, _ = random(network)
    body = without_head(sharing(model), sides=(64, 224), device=CPU)
    assert (body.dimension, body.side) == (dimension, 64)


@pytest.mark.parametrize("network", ["efficientnet_lite0", "resnet18", "squeezenet1_1", "mobilenet_v3_small"])
def test_frozen_stages_can_be_left_out(network: str) -> None:
    model, plan = random(network)
    body = without_head(sharing(model), sides=(64,), device=CPU)
    trained = stages_with_parameters(plan.stages)[-1]
    fixed = [stage for stage in plan.stages[: plan.stages.index(trained)] if stage.kind == "features"]
    short = shortcut(body, fixed, trained, torch.rand(2, 3, 64, 64))
    assert short is not None
    assert stages.parameters_of(short) < stages.parameters_of(body.model)


def transformer() -> VisionTransformer:
    return VisionTransformer(
        image_size=32, patch_size=8, num_layers=4, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=10
    ).eval()


def test_where_something_else_happens_between_the_stages_nothing_is_left_out() -> None:
    model = transformer()
    body = without_head(sharing(model), sides=(16, 32), device=CPU)
    assert (body.dimension, body.side) == (16, 32), "it takes no other size"
    plan = stages.plan(transformer().to("meta"), size=32, classes=10)
    *fixed, trained = stages_with_parameters(plan.stages)
    assert shortcut(body, fixed, trained, torch.rand(2, 3, 32, 32)) is None


def test_a_copy_shares_its_tensors_and_leaves_the_original_whole() -> None:
    model, _ = random("mobilenet_v3_small")
    photo = torch.rand(1, 3, 64, 64)
    before = model(photo)
    copy = sharing(model)
    assert all(one is other for one, other in zip(model.parameters(), copy.parameters(), strict=True))
    without_head(copy, sides=(64,), device=CPU)
    copy.train()
    assert not model.training
    assert torch.equal(model(photo), before)
