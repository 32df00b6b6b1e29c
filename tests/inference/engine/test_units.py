"""The arithmetic of one unit gives exactly the number that the network has, in every kind of network."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from inference import engine
from inference.contracts import Cancelled, EngineError, Event, Failure, Material, Result, RunKind, RunRequest
from inference.engine import networks, preprocessing, reductions, stages, tracing
from inference.engine.explaining import unit
from inference.engine.explaining.operations import grid_of, operations_of

pytestmark = pytest.mark.torch

NETWORKS = (
    "resnet18",  # residual sums, a max pool at a stage's end
    "regnet_y_400mf",  # grouped convolutions, squeeze-and-excitation inside a residual block
    "googlenet",  # branches side by side, max pools in the middle
    "densenet121",  # normalisation before convolution, concatenation, average pools
    "shufflenet_v2_x0_5",  # channels that are split, passed by and shuffled
    "mobilenet_v3_small",  # squeeze-and-excitation, hardswish
    "squeezenet1_1",  # no normalisation, no linear layer, max pools
    "convnext_tiny",  # layer scale, channels last
    "vit_b_16",
    "swin_t",
    "maxvit_t",
)
CLOSE = 1e-4  # of the number's own size, or of 1


@cache
def random_network(name: str) -> tracing.LoadedNetwork:
    """The network with random weights and with running statistics that are not the untouched 0 and 1."""
    record = networks.record(name)
    weights = record.weights_named(record.default_weights)
    torch.manual_seed(7)
    model = models.get_model(name, weights=None)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    size = weights.preprocessing.crop_size
    plan = stages.plan(networks.build(name, weights), size=size, classes=len(weights.categories))
    return tracing.LoadedNetwork(model=model, weights=weights, weights_sha256="", plan=plan, device="cpu", threads=1)


@cache
def photo() -> Image.Image:
    torch.manual_seed(1)
    coarse = torch.randint(0, 256, (9, 12, 3), dtype=torch.uint8)
    return Image.fromarray(coarse.numpy()).resize((320, 256), Image.Resampling.BICUBIC)


def prepared(loaded: tracing.LoadedNetwork) -> torch.Tensor:
    *_, last = preprocessing.preprocess(photo(), loaded.weights.preprocessing)
    return loaded.batch(last.output)


def places(loaded: tracing.LoadedNetwork) -> Iterator[tuple[int, str, dict[str, int]]]:
    """One unit of every stage."""
    draw = random.Random(loaded.made_by.network)
    for number, stage in enumerate(loaded.plan.stages):
        channels, height, width = grid_of(stage)
        yield number, stage.name, {"channel": draw.randrange(channels), "y": draw.randrange(height), "x": draw.randrange(width)}


def outputs(loaded: tracing.LoadedNetwork, batch: torch.Tensor) -> dict[int, torch.Tensor]:
    """What each stage ends with, as C × H × W, by the plain pass with hooks."""
    found: dict[int, torch.Tensor] = {}

    def reached(number: int, output: torch.Tensor) -> None:
        stage = loaded.plan.stages[number]
        found[number] = reductions.as_grid(output, stage.layout)[0].clone()

    with torch.inference_mode(), stages.stopping_at(loaded.model, loaded.plan.boundaries, reached):
        loaded.model(batch)
    return found


def close(one: float, other: float) -> bool:
    return abs(one - other) <= CLOSE * max(1.0, abs(other))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_steps_give_exactly_the_number_that_the_network_has(name: str) -> None:
    loaded = random_network(name)
    batch = prepared(loaded)
    there = outputs(loaded, batch)
    with loaded.alone():
        for number, stage, at in places(loaded):
            looked = unit.unit_of(loaded, batch, stage, **at)
            expected = float(there[number][at["channel"], at["y"], at["x"]])
            assert close(looked.value, expected), (stage, at)
            assert close(looked.recomputed, looked.value), (stage, at, [step.figures for step in looked.steps])
            assert looked.steps[0].figures["kind"] in ("convolution", "linear", "average"), stage
            assert close(looked.steps[-1].figures["after"], looked.value)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "swin_t"])
def test_every_layer_of_a_stage_offers_its_units(name: str) -> None:
    loaded = random_network(name)
    batch = prepared(loaded)
    stage = loaded.plan.stages[1].name
    with loaded.alone():
        for layer in unit.layers_of(loaded, stage):
            at = {"channel": layer["channels"] - 1, "y": layer["height"] // 2, "x": 0}
            looked = unit.unit_of(loaded, batch, stage, layer["path"], **at)
            assert close(looked.recomputed, looked.value), layer
            assert looked.steps[0].figures["path"] == layer["path"]


def test_what_is_shown_of_a_convolution_and_what_is_not_sum_to_its_output() -> None:
    loaded = random_network("resnet18")
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), "layer2", channel=5, y=0, x=27)
    told = looked.steps[0].figures
    assert told["kind"] == "convolution"
    assert len(told["shown"]) == 6
    assert told["others"]["count"] == 122
    for channel in told["shown"]:
        products = [
            value * weight
            for values, weights in zip(channel["patch"], channel["kernel"], strict=True)
            for value, weight in zip(values, weights, strict=True)
        ]
        assert sum(products) == pytest.approx(channel["sum"], abs=1e-9)
    total = sum(channel["sum"] for channel in told["shown"]) + told["others"]["sum"] + (told["bias"] or 0)
    assert total == pytest.approx(told["after"], abs=1e-4)
    assert told["outside"] == 5  # a 3 × 3 window in the corner above right: three rows and columns lie in the padding
    kernel = loaded.model.get_submodule(told["path"]).weight
    shown = told["shown"][0]
    assert torch.equal(torch.tensor(shown["kernel"], dtype=torch.float), kernel[5, shown["channel"]])


def test_a_residual_sum_names_its_shortcut_and_follows_the_block() -> None:
    loaded = random_network("resnet18")
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), "layer1", channel=0, y=3, x=3)
    kinds = [step.figures["kind"] for step in looked.steps]
    assert kinds == ["convolution", "batch_norm", "sum", "nonlinearity"]
    summed = looked.steps[2].figures
    assert (summed["source"], summed["from"], summed["path"]) == ("shortcut", "layer1.0.relu", "layer1.1")
    assert summed["before"] + summed["other"] == pytest.approx(summed["after"], abs=1e-5)
    assert looked.steps[0].figures["path"] == "layer1.1.conv2"


def test_a_block_that_changes_the_grid_has_its_shortcut_from_the_down_sampling() -> None:
    loaded = random_network("resnet18")
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), "layer2", "layer2.0.conv2", channel=0, y=3, x=3)
    assert [step.figures["kind"] for step in looked.steps] == ["convolution", "batch_norm"]


def test_squeeze_and_excitation_is_said_with_the_scale_of_each_channel() -> None:
    loaded = random_network("mobilenet_v3_small")
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), "features1", channel=2, y=1, x=1)
    told = looked.steps[0].figures
    assert told["scaled_by"] == "features.1.block.1"
    assert all(0 <= channel["scale"] <= 1 for channel in told["shown"])


def test_depthwise_and_grouped_convolutions_say_which_channels_they_weigh() -> None:
    grouped, depthwise = random_network("regnet_y_400mf"), random_network("mobilenet_v3_small")
    path = "trunk_output.block1.block1-0.f.b.0"
    with grouped.alone():
        told = unit.unit_of(grouped, prepared(grouped), "block1", path, channel=10, y=0, x=0).steps[0].figures
    assert (told["groups"], told["in_channels"], told["first_channel"]) == (6, 8, 8)
    with depthwise.alone():
        path = "features.1.block.0.0"
        told = unit.unit_of(depthwise, prepared(depthwise), "features1", path, channel=10, y=0, x=0).steps[0].figures
    assert (told["groups"], told["in_channels"], told["first_channel"], len(told["shown"])) == (16, 1, 10, 1)


def test_a_patch_embedding_is_a_convolution_and_its_position_is_learned() -> None:
    loaded = random_network("vit_b_16")
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), "conv_proj", channel=3, y=2, x=5)
    first, second = (step.figures for step in looked.steps)
    assert (first["kind"], first["kernel"], first["top"], first["left"]) == ("convolution", [16, 16], 32, 80)
    assert (second["source"], second["from"]) == ("learned", "encoder.pos_embedding")


def test_a_max_pool_follows_the_largest_of_its_window() -> None:
    loaded = random_network("squeezenet1_1")
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), "features0-2", channel=0, y=4, x=4)
    told = looked.steps[-1].figures
    assert told["kind"] == "max_pool"
    flat = [value for row in told["window"] for value in row]
    row, column = told["picked"]
    assert told["after"] == max(flat) == told["window"][row - told["top"]][column - told["left"]]


def test_what_moves_a_number_that_was_cut_off_is_told_as_what_moves_its_sum() -> None:
    loaded = random_network("resnet18")
    batch, told = prepared(loaded), {}
    with loaded.alone():
        units = [unit.unit_of(loaded, batch, "layer1", "layer1.0.conv1", channel=channel, y=20, x=20) for channel in range(64)]
    for is_cut_off in (True, False):
        chosen = next(one for one in units if (one.value == 0) is is_cut_off)
        asked = {"stage": "layer1", "layer": chosen.layer, "channel": chosen.channel, "y": chosen.y, "x": chosen.x}
        unit.look(loaded, photo(), asked, lambda result: told.update({result.name: result.figures}), lambda: False)
        assert told["receptive:layer1"]["pixels"]
        assert told["receptive:layer1"]["of"] == ("sum" if is_cut_off else "unit")


@pytest.mark.parametrize("told", [0, 1])
def test_a_look_that_nobody_wants_any_more_ends_before_its_next_part(told: int) -> None:
    events: list[Result] = []
    with pytest.raises(Cancelled):
        unit.look(
            random_network("resnet18"),
            photo(),
            {"stage": "layer4", "channel": 0, "y": 0, "x": 0},
            events.append,
            lambda: len(events) == told,
        )
    assert len(events) == told


@pytest.mark.parametrize(
    "asked",
    [
        {"stage": "nowhere", "channel": 0, "y": 0, "x": 0},
        {"stage": "layer1", "channel": 64, "y": 0, "x": 0},
        {"stage": "layer1", "channel": 0, "y": 56, "x": 0},
        {"stage": "layer1", "channel": 0, "y": 0, "x": -1},
        {"stage": "layer1", "layer": "layer4.0.conv1", "channel": 0, "y": 0, "x": 0},
        {"stage": "layer1", "layer": "layer1.0.conv1", "channel": 0, "y": 56, "x": 0},
    ],
)
def test_a_unit_that_is_not_there_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(EngineError) as refused:
        unit.look(random_network("resnet18"), photo(), asked, lambda _event: None, lambda: False)
    assert refused.value.failure is Failure.NOT_THERE


@pytest.mark.weights
def test_a_look_at_the_cat_is_asked_by_name_and_ends_with_what_made_it(cat: Image.Image) -> None:
    events: list[Event] = []
    request = RunRequest(
        RunKind.LOOK, "efficientnet_lite0", {"look": "unit", "stage": "features4", "channel": 3, "y": 5, "x": 7}
    )
    engine.perform(
        request, Material((cat,)), networks=engine.NetworkCache(threads=1), emit=events.append, cancelled=lambda: False
    )
    assert [event.name if isinstance(event, Result) else type(event).__name__ for event in events] == [
        "crop",
        "unit:features4",
        "receptive:features4",
        "Finished",
    ]
    told = events[1]
    assert isinstance(told, Result)
    assert close(told.figures["recomputed"], told.figures["value"])
    assert len(told.figures["layers"]) == 9


def test_looking_leaves_no_hook_and_changes_nothing() -> None:
    loaded = random_network("resnet18")
    batch = prepared(loaded)
    before = loaded.forward(batch)
    with loaded.alone():
        unit.unit_of(loaded, batch, "layer3", channel=1, y=1, x=1)
        assert operations_of(loaded) is operations_of(loaded)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in loaded.model.modules())
    assert torch.equal(loaded.forward(batch), before)
