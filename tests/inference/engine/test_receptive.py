"""The theoretical receptive field against autograd: never smaller than a gradient's reach, equal where nothing hides it."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as some
from torch import nn
from torch.nn.functional import pad

from inference.contracts import Event, Result, Stage, StageKind
from inference.engine import stages
from inference.engine.explaining import receptive, unit
from inference.engine.explaining.operations import Place, operations_of, recorded
from tests.inference.engine.test_units import photo, places, prepared, random_network

pytestmark = pytest.mark.torch

SIDE = 24


class Residual(nn.Module):
    """A layer that keeps the grid, with what came in added."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        made = self.layer(batch)
        made += batch
        return made


class Pad(nn.Module):
    """Rows and columns of zeros, more on one side than on the other."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return pad(batch, (0, 1, 2, 1))


class Lifted(nn.Module):
    """Each channel plus its own mean: it sees as much as squeeze-and-excitation, and no zero in it hides a gradient."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch + batch.mean((2, 3), keepdim=True)


class Shuffled(nn.Module):
    """Channels split, one half passed by, then shuffled, as ShuffleNet does."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        one, other = batch.chunk(2, 1)
        together = torch.cat((one, self.layer(other)), 1)
        count, channels, height, width = together.shape
        return together.view(count, 2, channels // 2, height, width).transpose(1, 2).reshape(count, -1, height, width)


class Windows(nn.Module):
    """The mean over each shifted window of 4 × 4 cells, given to all of its cells: what Swin's attention may see."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        height, width = batch.shape[2:]
        more = (-width % 4, -height % 4)
        grid = torch.roll(pad(batch, (0, more[0], 0, more[1])), (-1, -2), (2, 3))
        count, channels, rows, columns = grid.shape
        cut = grid.view(count, channels, rows // 4, 4, columns // 4, 4).permute(0, 2, 4, 3, 5, 1)
        tokens = cut.reshape(-1, 16, channels)
        even = torch.matmul(torch.ones(16, 16) / 16, tokens)
        back = even.view(count, rows // 4, columns // 4, 4, 4, channels).permute(0, 5, 1, 3, 2, 4)
        whole = back.reshape(count, channels, rows, columns)
        return torch.roll(whole, (1, 2), (2, 3))[:, :, :height, :width]


@some.composite
def networks(draw: some.DrawFn) -> nn.Sequential:
    """Two to five layers without a nonlinearity, so that with positive weights nothing hides a pixel from the gradient."""
    layers: list[nn.Module] = []
    channels = 3
    for _ in range(draw(some.integers(2, 5))):
        kind = draw(some.sampled_from(["convolution", "depthwise", "pool", "residual", "pad", "shuffled", "windows", "lifted"]))
        kernel, dilation = draw(some.sampled_from([1, 2, 3, 5])), draw(some.sampled_from([1, 1, 2]))
        stride, padding = draw(some.sampled_from([1, 1, 2])), draw(some.integers(0, 2))
        if kind == "convolution":
            layers.append(nn.Conv2d(channels, 4, kernel, stride, padding, dilation))
            channels = 4
        elif kind == "depthwise":
            layers.append(nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels))
        elif kind == "pool":
            layers.append(nn.AvgPool2d(2, stride, ceil_mode=draw(some.booleans())))
        elif kind == "residual":
            layers.append(Residual(nn.Conv2d(channels, channels, 3, padding=1)))
        elif kind == "shuffled" and channels == 4:
            layers.append(Shuffled(nn.Conv2d(2, 2, 3, padding=1)))
        else:
            layers.append({"pad": Pad(), "windows": Windows(), "lifted": Lifted()}.get(kind, nn.Identity()))
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
    return model.eval().requires_grad_(False)


def field_and_gradient(model: nn.Module, draw: random.Random) -> tuple[receptive.Field, torch.Tensor, Place]:
    """Of one number of the network's output: the theoretical field, and which pixels its gradient reaches."""
    batch = torch.rand(1, 3, SIDE, SIDE) + 0.1
    stage = Stage("all", StageKind.FEATURES, "", (1, 3, SIDE, SIDE), (1,), layout="NCHW")
    plan = stages.Plan((stage,), (stages.Boundary(""),), stage)
    operations = recorded(model, plan, batch)
    end = operations.ends[0]
    place = Place(end, (0, *(draw.randrange(size) for size in end.shape[1:])))
    picture = batch.clone().requires_grad_()
    model(picture)[place.at].backward()
    assert picture.grad is not None
    return receptive.theoretical(operations, place), picture.grad[0].abs().sum(0) > 0, place


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(networks(), some.randoms(use_true_random=False))
def test_with_positive_weights_the_field_is_exactly_what_the_gradient_reaches(model: nn.Module, draw: random.Random) -> None:
    try:
        field, reached, place = field_and_gradient(model, draw)
    except (RuntimeError, ValueError):  # kernels grew larger than what was left of the picture
        reject()
    assert torch.equal(field.mask, reached), (model, place)
    if field.reach is not None and field.mask.any():
        top, left, bottom, right = field.reach
        inside = (max(0, top), max(0, left), min(SIDE, bottom), min(SIDE, right))
        assert all(outer <= inner for outer, inner in zip(inside[:2], field.box[:2], strict=True))
        assert all(outer >= inner for outer, inner in zip(inside[2:], field.box[2:], strict=True))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "googlenet", "swin_t"])
def test_no_gradient_of_a_real_network_reaches_outside_the_field(name: str) -> None:
    loaded = random_network(name)
    batch = prepared(loaded)
    with loaded.alone():
        for number, stage, at in places(loaded):
            looked = unit.unit_of(loaded, batch, stage, **at)
            field = receptive.theoretical(operations_of(loaded), looked.place)
            gradient = receptive.effective(loaded, batch, loaded.plan.boundaries[number], looked.place.at)
            assert not bool(((gradient > 0) & ~field.mask).any()), (stage, at)


@pytest.mark.parametrize(
    ("name", "stage", "size"),
    [
        ("resnet18", "layer1", 43),  # the sizes of https://distill.pub/2019/computing-receptive-fields/ (ResNet-18's by hand)
        ("resnet18", "layer2", 99),
        ("resnet18", "layer3", 211),
        ("resnet18", "layer4", 435),
    ],
)
def test_windows_add_up_to_the_known_size(name: str, stage: str, size: int) -> None:
    loaded = random_network(name)
    with loaded.alone():
        looked = unit.unit_of(loaded, prepared(loaded), stage, channel=0, y=3, x=3)
        field = receptive.theoretical(operations_of(loaded), looked.place)
    assert field.reach is not None
    top, left, bottom, right = field.reach
    assert (bottom - top, right - left) == (size, size)
    assert field.through == frozenset()


def test_attention_and_squeeze_and_excitation_see_the_whole_picture_and_say_so() -> None:
    vit, mobilenet = random_network("vit_b_16"), random_network("mobilenet_v3_small")
    for loaded, stage, through in ((vit, "encoder_layer_0-2", "attention"), (mobilenet, "features1", "average")):
        with loaded.alone():
            looked = unit.unit_of(loaded, prepared(loaded), stage, channel=0, y=3, x=3)
            field = receptive.theoretical(operations_of(loaded), looked.place)
        assert bool(field.mask.all())
        assert through in field.through
        assert field.reach is None


def test_a_window_of_attention_is_not_the_whole_picture() -> None:
    swin = random_network("swin_t")
    with swin.alone():
        looked = unit.unit_of(swin, prepared(swin), "features1", channel=0, y=30, x=30)
        field = receptive.theoretical(operations_of(swin), looked.place)
    assert field.share < 0.1


def test_both_fields_are_drawn_on_what_the_network_sees() -> None:
    found: list[Event] = []
    asked = {"stage": "layer1", "channel": 3, "y": 20, "x": 20}
    unit.look(random_network("resnet18"), photo(), asked, found.append, lambda: False)
    told = found[-1]
    assert isinstance(told, Result)
    assert told.figures["size"] == [224, 224]
    assert {picture.width for picture in told.files.values()} == {224}  # type: ignore[union-attr]
    assert 0 < told.figures["pixels"]["0.5"] < told.figures["pixels"]["0.95"] <= 43 * 43
