"""Stages are found without a table per network, and their figures are torchvision's own."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from inference.contracts import StageKind
from inference.engine import networks, stages
from inference.engine.weights import WeightsRecord

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parent / "golden"
REWRITE = bool(os.environ.get("REWRITE_GOLDEN"))  # REWRITE_GOLDEN=1 writes the documents anew; look at the difference


@cache
def found(network: str) -> tuple[WeightsRecord, nn.Module, stages.Plan]:
    record = networks.record(network)
    weights = record.weights_named(record.default_weights)
    model = networks.build(network, weights)
    return weights, model, stages.plan(model, size=weights.preprocessing.crop_size, classes=1000)


def planned(network: str) -> stages.Plan:
    return found(network)[2]


def shown(network: str) -> list[tuple[str, str, int, tuple[int, ...]]]:
    return [(stage.name, stage.operation, stage.blocks, stage.output_shape[1:]) for stage in planned(network).stages]


def test_efficientnet_lite0_has_the_nine_stages_of_its_paper() -> None:
    assert shown("efficientnet_lite0") == [
        ("features0", "convolution", 1, (32, 112, 112)),
        ("features1", "mbconv", 1, (16, 112, 112)),
        ("features2", "mbconv", 2, (24, 56, 56)),
        ("features3", "mbconv", 2, (40, 28, 28)),
        ("features4", "mbconv", 3, (80, 14, 14)),
        ("features5", "mbconv", 3, (112, 14, 14)),
        ("features6", "mbconv", 4, (192, 7, 7)),
        ("features7", "mbconv", 1, (320, 7, 7)),
        ("features8", "convolution", 1, (1280, 7, 7)),
        ("pool", "average_pool", 0, (1280,)),
        ("classifier", "linear", 1, (1000,)),
    ]


def test_efficientnet_b0_has_the_same_stages_as_lite0() -> None:
    assert shown("efficientnet_b0") == shown("efficientnet_lite0")


def test_resnet50_has_a_stem_and_four_stages_of_sixteen_blocks() -> None:
    assert shown("resnet50") == [
        ("stem", "convolution", 1, (64, 56, 56)),
        ("layer1", "bottleneck", 3, (256, 56, 56)),
        ("layer2", "bottleneck", 4, (512, 28, 28)),
        ("layer3", "bottleneck", 6, (1024, 14, 14)),
        ("layer4", "bottleneck", 3, (2048, 7, 7)),
        ("pool", "average_pool", 0, (2048,)),
        ("fc", "linear", 1, (1000,)),
    ]


def test_vgg16_ends_each_stage_with_a_pool_and_has_three_linear_layers() -> None:
    assert shown("vgg16") == [
        ("features0-4", "convolution", 2, (64, 112, 112)),
        ("features5-9", "convolution", 2, (128, 56, 56)),
        ("features10-16", "convolution", 3, (256, 28, 28)),
        ("features17-23", "convolution", 3, (512, 14, 14)),
        ("features24-30", "convolution", 3, (512, 7, 7)),
        ("pool", "flatten", 0, (25088,)),
        ("classifier0", "linear", 1, (4096,)),
        ("classifier3", "linear", 1, (4096,)),
        ("classifier6", "linear", 1, (1000,)),
    ]


def test_the_vision_transformers_run_of_twelve_blocks_is_cut_into_four() -> None:
    assert shown("vit_b_16") == [
        ("conv_proj", "patch_embedding", 1, (197, 768)),
        ("encoder_layer_0-2", "encoder_block", 3, (197, 768)),
        ("encoder_layer_3-5", "encoder_block", 3, (197, 768)),
        ("encoder_layer_6-8", "encoder_block", 3, (197, 768)),
        ("encoder_layer_9-11", "encoder_block", 3, (197, 768)),
        ("pool", "class_token", 0, (768,)),
        ("heads", "linear", 1, (1000,)),
    ]


def test_inceptions_eleven_modules_are_all_counted_and_a_run_names_the_one_that_opens_it() -> None:
    assert shown("inception_v3")[1:5] == [
        ("Mixed_5b-5d", "inception_a", 3, (288, 35, 35)),
        ("Mixed_6a-6c", "inception_c", 3, (768, 17, 17)),
        ("Mixed_6d-6e", "inception_c", 2, (768, 17, 17)),
        ("Mixed_7a-7c", "inception_e", 3, (2048, 8, 8)),
    ]
    opening = [stage.details.get("opens_with") for stage in planned("inception_v3").stages[1:5]]
    assert opening == [None, "inception_b", None, "inception_d"]


def test_what_merges_patches_or_halves_a_grid_between_blocks_is_no_block() -> None:
    assert [row[2] for row in shown("swin_t")[1:5]] == [2, 2, 6, 2]
    assert [row[2] for row in shown("convnext_tiny")[1:5]] == [3, 3, 9, 3]
    assert [row[2] for row in shown("densenet121")[1:5]] == [6, 12, 24, 16]


def test_tokens_say_how_they_lie_in_the_photograph() -> None:
    assert planned("vit_b_16").stages[1].details == {"grid": [14, 14], "extra_tokens": 1}


def test_swins_grids_come_before_its_channels() -> None:
    layouts = [stage.layout for stage in planned("swin_t").stages if stage.kind is StageKind.FEATURES]
    assert layouts == ["NHWC", "NHWC", "NHWC", "NHWC", "NCHW"]


@pytest.mark.parametrize("network", networks.network_ids())
def test_any_network_is_a_chain_of_few_named_stages(network: str) -> None:
    _, model, plan = found(network)
    names = [stage.name for stage in plan.stages]
    features = [stage for stage in plan.stages if stage.kind is StageKind.FEATURES]
    assert 5 <= len(features) <= 10
    assert len(set(names)) == len(names)
    assert all("." not in name and len(name) <= 24 for name in names)
    assert all(stage.operation for stage in plan.stages)
    assert all(stage.blocks for stage in features)
    for stage, following in pairwise(plan.stages):
        assert stage.output_shape == following.input_shape
    assert plan.stages[-1].output_shape == (1, 1000)
    paths = [path for stage in plan.stages for path in stage.layer_paths]
    assert len(set(paths)) == len(paths)
    unused = sum(p.numel() for name, p in model.named_parameters() if name.startswith("AuxLogits"))
    assert sum(stage.parameters for stage in plan.stages) + unused == stages.parameters_of(model)
    assert all(stage.parameters or stage.name == "pool" for stage in plan.stages)


def test_only_inceptions_auxiliary_head_belongs_to_no_stage() -> None:
    assigned = {
        network: sum(stage.parameters for stage in planned(network).stages) / stages.parameters_of(found(network)[1])
        for network in networks.network_ids()
    }
    assert [network for network, share in assigned.items() if share < 1] == ["inception_v3"]


def test_the_operations_of_all_networks_are_those_that_the_site_has_words_for() -> None:
    """The same list is checked against the sentences where Django is at hand."""
    plans = [planned(network) for network in networks.network_ids()]
    found_operations = sorted({stage.operation for plan in plans for stage in (*plan.stages, plan.softmax)})
    path = GOLDEN / "operations.json"
    if REWRITE:
        path.write_text(json.dumps(found_operations) + "\n")
    assert found_operations == json.loads(path.read_text())


# torchvision's records state multiply-accumulates in thousand millions with three decimals: half of the last one is rounding.
LAST_DECIMAL = 0.000_5


@pytest.mark.parametrize("network", networks.torchvision_networks())
def test_parameters_and_operations_are_those_that_torchvision_states(network: str) -> None:
    weights, model, plan = found(network)
    assert weights.gmacs
    assert stages.parameters_of(model) == weights.parameters
    assert sum(stage.macs for stage in plan.stages) / 1e9 == pytest.approx(weights.gmacs, abs=LAST_DECIMAL, rel=0)
    assert all(stage.flops in (2 * stage.macs, 2 * stage.macs + 1) for stage in plan.stages)


@pytest.mark.parametrize(
    "network",
    (
        "alexnet",
        "efficientnet_lite0",
        "mobilenet_v3_small",
        "regnet_y_400mf",
        "resnet18",
        "shufflenet_v2_x0_5",
        "squeezenet1_1",
        "swin_t",
        "vit_b_32",
    ),
)
def test_the_stages_of_small_networks_stay_as_they_were_once_looked_at(network: str) -> None:
    weights, _, plan = found(network)
    document = json.loads(json.dumps([asdict(stage) for stage in (*plan.stages, plan.softmax)]))
    path = GOLDEN / f"{network}.json"
    if REWRITE:
        path.write_text("[\n" + ",\n".join(json.dumps(stage) for stage in document) + "\n]\n")
    golden = json.loads(path.read_text())
    assert document == golden
    if weights.parameters is not None:
        assert sum(stage["parameters"] for stage in golden) == weights.parameters


@pytest.mark.parametrize("network", ["efficientnet_lite0", "resnet50", "squeezenet1_1", "vit_b_16", "swin_t"])
def test_the_planned_shapes_are_those_of_a_real_pass(network: str) -> None:
    record = networks.record(network)
    weights = record.weights_named(record.default_weights)
    model = networks.build(network, weights)
    plan = stages.plan(model, size=224, classes=1000)
    with torch.device("cpu"):
        model.to_empty(device="cpu")
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.zero_()
    ended: dict[int, tuple[int, ...]] = {}

    def reached(index: int, output: torch.Tensor) -> None:
        ended[index] = tuple(output.shape)

    with torch.inference_mode(), stages.stopping_at(model, plan.boundaries, reached):
        model(torch.zeros(1, 3, 224, 224))
    assert list(ended) == list(range(len(plan.stages)))
    assert list(ended.values()) == [stage.output_shape for stage in plan.stages]


def test_building_takes_no_storage_and_leaves_no_hook_behind() -> None:
    weights = networks.record("regnet_y_128gf").weights[0]
    model = networks.build("regnet_y_128gf", weights)
    assert all(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))
    assert not nn.Linear(1, 1).weight.is_meta


def test_planning_leaves_no_hook_behind() -> None:
    record = networks.record("vit_b_16")
    model = networks.build("vit_b_16", record.weights[0])
    stages.plan(model, size=224, classes=1000)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_grid_before_the_pool_is_seven_by_seven() -> None:
    for network in ("efficientnet_lite0", "resnet50", "vgg16", "efficientnet_b0", "swin_t", "densenet121"):
        last = [stage for stage in planned(network).stages if stage.kind is StageKind.FEATURES][-1]
        assert last.output_shape[-2:] == (7, 7)
        assert math.prod(last.output_shape) > 7 * 7
