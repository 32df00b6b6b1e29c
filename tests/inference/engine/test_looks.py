"""Maps of any stage on one sheet, and the photographs nearest to a photo."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inference import engine
from inference.contracts import Cancelled, EngineError, Failure, Picture, Result, Stage, StageKind
from inference.engine.explaining import library, maps, neighbours
from inference.engine.explaining.maps import sheet
from tests.inference.engine.test_units import outputs, photo, prepared, random_network

pytestmark = pytest.mark.torch

STAGE = Stage("layer", StageKind.FEATURES, "", (1, 3, 8, 8), (1, 20, 5, 5), layout="NCHW")
BLUE, WHITE, RED = (5, 48, 97), (247, 247, 247), (103, 0, 31)
DARK, BRIGHT = (68, 1, 84), (253, 231, 37)


def signed() -> torch.Tensor:
    """20 maps of 5 × 5 cells; map k goes from −k to k, but for map 4, which is the same everywhere."""
    grown = torch.linspace(-1, 1, 25).view(5, 5) * torch.arange(20)[:, None, None]
    grown[4] = 3.0
    return grown


def pixels(result: Result) -> Any:
    picture = result.files["sheet"]
    assert isinstance(picture, Picture)
    return np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"))


def cell(result: Result, number: int, y: int, x: int) -> tuple[int, ...]:
    """The colour in the middle of one cell."""
    told = result.figures
    (tile_height, tile_width), (height, width) = told["tile"], told["grid"]
    row, column = divmod(number, told["columns"])
    at = (
        row * tile_height + (2 * y + 1) * tile_height // (2 * height),
        column * tile_width + (2 * x + 1) * tile_width // (2 * width),
    )
    return tuple(int(value) for value in pixels(result)[at])


def test_signed_maps_go_from_blue_over_white_to_red_each_on_its_own_scale() -> None:
    found = sheet(STAGE, signed(), [1, 19], shared=False)
    assert found.figures["signed"] is True
    for number in (0, 1):
        assert (cell(found, number, 0, 0), cell(found, number, 2, 2), cell(found, number, 4, 4)) == (BLUE, WHITE, RED)


def test_a_shared_scale_is_the_stages_largest_magnitude() -> None:
    found = sheet(STAGE, signed(), [0, 19], shared=True)
    assert found.figures["maximum"] == 19
    assert cell(found, 1, 4, 4) == RED
    assert cell(found, 0, 4, 4) == WHITE


def test_maps_that_are_never_negative_go_from_dark_to_bright() -> None:
    found = sheet(STAGE, signed().abs(), [2, 7], shared=False)
    assert found.figures["signed"] is False
    assert (cell(found, 0, 2, 2), cell(found, 0, 4, 4)) == (DARK, BRIGHT)


def test_channels_that_are_the_same_everywhere_are_flagged_and_those_that_vary_most_are_chosen() -> None:
    found = sheet(STAGE, signed(), maps.VARIED, shared=False)
    assert found.figures["silent"] == [0, 4]
    assert found.figures["shown"] == [3, *range(5, 20)]
    everything = sheet(STAGE, signed(), maps.ALL, shared=False)
    assert everything.figures["shown"] == list(range(20))
    assert [row["silent"] for row in everything.figures["told"]][:6] == [True, False, False, False, True, False]


def test_many_large_maps_still_fit_on_one_sheet() -> None:
    stage = Stage("wide", StageKind.FEATURES, "", (1, 3, 8, 8), (1, 1000, 40, 40), layout="NCHW")
    picture = sheet(stage, torch.rand(1000, 40, 40), maps.ALL, shared=False).files["sheet"]
    assert isinstance(picture, Picture)
    assert max(picture.width, picture.height) <= maps.LONGEST


@pytest.mark.parametrize("name", ["resnet18", "vit_b_16", "swin_t", "maxvit_t"])
def test_every_stage_of_every_kind_of_network_can_be_drawn(name: str) -> None:
    loaded = random_network(name)
    there = outputs(loaded, prepared(loaded))
    for number, stage in enumerate(loaded.plan.stages):
        found: list[Result] = []
        maps.look(loaded, photo(), {"stage": stage.name}, found.append, lambda: False)
        told = found[0].figures
        assert told["channels"] == there[number].shape[0], stage.name
        assert told["maximum"] == pytest.approx(float(there[number].abs().max()), rel=1e-4)


@pytest.mark.parametrize("asked", [{"stage": "nowhere"}, {"stage": "layer1", "channels": [64]}])
def test_maps_that_are_not_there_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as refused:
        maps.look(random_network("resnet18"), photo(), asked, lambda _result: None, lambda: False)
    assert refused.value.failure is Failure.NOT_THERE


@pytest.mark.weights
def test_a_mirrored_cut_is_near_by_features_and_others_are_near_by_pixels(lite0: engine.LoadedNetwork) -> None:
    images = {one.name: one.image for one in library.photographs()}
    found: list[Result] = []
    for name in ("flower", "astronaut"):
        neighbours.look(lite0, images[name], {}, found.append, lambda: False)
    flower, astronaut = (result.figures for result in found)
    assert flower["by_features"][0]["file"] == "flower-cut"
    assert flower["by_features"][0]["similarity"] > 0.8
    assert flower["by_pixels"][0]["sample"] != "flower"
    assert astronaut["by_pixels"][0]["sample"] == "coffee"
    assert flower["among"] == len(images) - 1  # the photo itself is no neighbour of its own
    named = {row["file"] for by in ("by_features", "by_pixels") for row in flower[by]}
    assert named == found[0].files.keys()


@pytest.mark.weights
def test_similarities_fall_and_lie_between_minus_one_and_one(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    found: list[Result] = []
    neighbours.look(lite0, cat, {}, found.append, lambda: False)
    for by in ("by_features", "by_pixels"):
        values = [row["similarity"] for row in found[0].figures[by]]
        assert values == sorted(values, reverse=True)
        assert len(values) == neighbours.NEAREST
        assert all(-1 <= value <= 1 for value in values)


def test_describing_the_library_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        neighbours.look(random_network("squeezenet1_1"), photo(), {}, lambda _result: None, lambda: True)
