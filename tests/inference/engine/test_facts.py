"""Facts are computed, agree with torchvision's own records, and are found by a dotted path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torchvision import models

from inference import engine
from inference.contracts import INSPECTED_NETWORKS

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    weights_dir = tmp_path_factory.mktemp("weights")
    return {network: engine.facts(network, weights_dir=weights_dir) for network in INSPECTED_NETWORKS}


def at(facts: dict[str, Any], path: str) -> Any:
    return reduce(lambda value, key: value[key], path.split("."), facts)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("resnet50.parameters", 25_557_032),
        ("resnet50.macs", 4_089_184_256),
        ("resnet50.flops", 8_178_368_512),
        ("resnet50.blocks", 16),
        ("resnet50.feature_dim", 2048),
        ("resnet50.conv_features", [2048, 7, 7]),
        ("resnet50.stages.layer4.output_shape", [1, 2048, 7, 7]),
        ("resnet50.stages.layer3.blocks", 6),
        ("resnet50.layers.fc", {"in_features": 2048, "out_features": 1000, "parameters": 2_049_000}),
        ("resnet50.weights.IMAGENET1K_V1.transforms.resize_size", 256),
        ("resnet50.weights.IMAGENET1K_V2.transforms.resize_size", 232),
        ("resnet50.default_weights", "IMAGENET1K_V2"),
        ("resnet50.layer_types.Conv2d", 53),
        ("vgg16.feature_dim", 4096),
        ("vgg16.flatten_features", 25_088),
        ("vgg16.pooled_features", 25_088),
        ("vgg16.conv_features", [512, 7, 7]),
        ("vgg16.blocks", 13),
        ("vgg16.layers.classifier.0.parameters", 102_764_544),
        ("vgg16.layers.classifier.6.out_features", 1000),
        ("efficientnet_b0.feature_dim", 1280),
        ("efficientnet_lite0.feature_dim", 1280),
        ("efficientnet_lite0.parameters", 4_652_008),
        ("efficientnet_lite0.weights.IMAGENET1K_V1.available", True),
        ("resnet50.weights.IMAGENET1K_V2.available", False),
        ("vit_b_16.feature_dim", 768),
        ("vit_b_16.conv_features", None),
        ("vit_b_16.blocks", 12),
        ("vit_b_16.year", 2020),
        ("vit_b_16.family", "Vision Transformer"),
        ("resnet50.notes", ["stride_in_three_by_three"]),
        ("resnet50.authors", "He et al."),
        ("resnet50.auxiliary_parameters", 0),
        ("vit_b_16.weights.IMAGENET1K_SWAG_E2E_V1.licence", "CC BY-NC 4.0"),
    ],
)
def test_a_dotted_path_finds_the_figure(path: str, value: Any, known: dict[str, dict[str, Any]]) -> None:
    assert at(known, path) == value


def test_inception_is_made_of_eleven_modules(tmp_path: Path) -> None:
    assert engine.facts("inception_v3", weights_dir=tmp_path)["blocks"] == 11


@pytest.mark.parametrize("network", INSPECTED_NETWORKS)
def test_head_and_backbone_make_up_the_whole(network: str, known: dict[str, dict[str, Any]]) -> None:
    facts = known[network]
    head, backbone = facts["head"], facts["backbone"]
    assert head["parameters"] + backbone["parameters"] == facts["parameters"]
    assert head["macs"] + backbone["macs"] == facts["macs"]
    assert head["parameters_share"] + backbone["parameters_share"] == pytest.approx(1)
    assert [*backbone["stages"], *head["stages"], "softmax"] == list(facts["stages"])


def test_vgg16s_head_holds_most_parameters_and_hardly_any_of_the_work(known: dict[str, dict[str, Any]]) -> None:
    assert known["vgg16"]["head"]["parameters_share"] == pytest.approx(0.8936, abs=1e-4)
    assert known["vgg16"]["head"]["macs_share"] == pytest.approx(0.0080, abs=1e-4)


@pytest.mark.parametrize("network", INSPECTED_NETWORKS)
def test_facts_survive_json_and_their_keys_have_no_dot(network: str, known: dict[str, dict[str, Any]]) -> None:
    assert json.loads(json.dumps(known[network])) == known[network]
    assert not [key for key in keys(known[network]) if "." in key]


def keys(facts: dict[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        yield key
        if isinstance(value, dict):
            yield from keys(value)


def test_facts_name_the_versions_that_computed_them(known: dict[str, dict[str, Any]]) -> None:
    assert known["resnet50"]["torch"] == torch.__version__
    assert known["resnet50"]["torchvision"] == torchvision.__version__


def test_the_library_counts_its_own_networks(tmp_path: Path) -> None:
    facts = engine.facts(engine.LIBRARY, weights_dir=tmp_path)
    assert facts["classification_networks"] == len(models.list_models(module=models)) == len(facts["networks"])
    assert {"ResNet", "VGG", "EfficientNet", "Vision Transformer"} <= set(facts["families"])


def test_the_library_lists_every_network_before_any_is_built(tmp_path: Path) -> None:
    facts = engine.facts(engine.LIBRARY, weights_dir=tmp_path)
    assert tuple(facts["catalogue"]) == engine.network_ids()
    listed = facts["catalogue"]["regnet_y_16gf"]
    assert listed["title"] == "RegNetY 16GF"
    assert listed["weights"]["IMAGENET1K_SWAG_E2E_V1"]["licence"] == "CC BY-NC 4.0"
    assert listed["weights"]["IMAGENET1K_V2"]["licence"] == ""
    assert listed["weights"]["IMAGENET1K_V2"]["file"] in listed["weights"]["IMAGENET1K_V2"]["url"]
    assert "parameters" not in listed
