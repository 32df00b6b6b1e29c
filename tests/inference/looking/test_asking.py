"""What may be asked of looks: every field is checked before a worker hears of it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from inference.looking.asking import attention_layers, options_of, stages_of
from inference.looking.views import place_on_sheet
from tests.inference.looking.conftest import NETWORK, TRANSFORMER
from web.problems import Problem

pytestmark = [pytest.mark.django_db, pytest.mark.torch, pytest.mark.usefixtures("known")]


def test_stages_are_offered_with_their_grids_and_without_preprocessing() -> None:
    by_name = {stage.name: stage for stage in stages_of(NETWORK)}
    assert by_name["features4"].shape == "80×14×14"
    assert by_name["classifier"].shape == "1000"
    assert not {"decode", "normalise", "softmax"} & by_name.keys()
    tokens = {stage.name: stage for stage in stages_of(TRANSFORMER)}
    assert (tokens["conv_proj"].channels, tokens["conv_proj"].height, tokens["conv_proj"].width) == (768, 14, 14)


def test_attention_is_offered_where_there_is_some() -> None:
    assert attention_layers(NETWORK) == 0
    assert attention_layers(TRANSFORMER) == 12


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"look": "neighbours", "stage": "ignored"}, {"look": "neighbours"}),
        ({"look": "grad_cam"}, {"look": "grad_cam"}),
        ({"look": "grad_cam", "class_index": "281"}, {"look": "grad_cam", "class_index": 281}),
        ({"look": "maps", "stage": "features4"}, {"look": "maps", "stage": "features4", "shared_scale": False}),
        (
            {"look": "maps", "stage": "features4", "shared_scale": "on", "channels": "3, 1, 5-7, 6"},
            {"look": "maps", "stage": "features4", "shared_scale": True, "channels": [1, 3, 5, 6, 7]},
        ),
        (
            {"look": "maps", "stage": "features8", "channels": " all "},
            {"look": "maps", "stage": "features8", "shared_scale": False, "channels": "all"},
        ),
        (
            {"look": "unit", "stage": "features4", "channel": "79", "y": "13", "x": "0"},
            {"look": "unit", "stage": "features4", "channel": 79, "y": 13, "x": 0},
        ),
        (
            {"look": "unit", "stage": "features4", "layer": "features.4.0.block.1.0", "channel": "239", "y": "13", "x": "0"},
            {"look": "unit", "stage": "features4", "layer": "features.4.0.block.1.0", "channel": 239, "y": 13, "x": 0},
        ),
    ],
)
def test_a_form_becomes_options(asked: dict[str, str], options: dict[str, object]) -> None:
    assert options_of(NETWORK, asked) == options


def test_attention_is_asked_for_by_layer_head_and_token() -> None:
    assert options_of(TRANSFORMER, {"look": "attention"}) == {"look": "attention"}
    asked = {"look": "attention", "layer": "11", "head": "3", "query": "3, 5"}
    assert options_of(TRANSFORMER, asked) == {"look": "attention", "layer": 11, "head": 3, "query": [3, 5]}
    rolled = {"look": "attention", "layer": "rollout", "head": "mean", "query": "class"}
    assert options_of(TRANSFORMER, rolled) == {"look": "attention", "layer": "rollout", "query": "class"}


@pytest.mark.parametrize(
    ("network", "asked", "field"),
    [
        (NETWORK, {}, "look"),
        (NETWORK, {"look": "into the future"}, "look"),
        (NETWORK, {"look": "maps"}, "stage"),
        (NETWORK, {"look": "maps", "stage": "softmax"}, "stage"),
        (NETWORK, {"look": "maps", "stage": "features4", "channels": "80"}, "channels"),
        (NETWORK, {"look": "maps", "stage": "features4", "channels": "7-3"}, "channels"),
        (NETWORK, {"look": "maps", "stage": "features4", "channels": "some"}, "channels"),
        (NETWORK, {"look": "maps", "stage": "features8", "channels": "0-1000"}, "channels"),
        (NETWORK, {"look": "unit", "stage": "features4", "channel": "80", "y": "0", "x": "0"}, "channel"),
        (NETWORK, {"look": "unit", "stage": "features4", "channel": "0", "y": "14", "x": "0"}, "y"),
        (NETWORK, {"look": "unit", "stage": "features4", "channel": "0", "y": "0", "x": "-1"}, "x"),
        (NETWORK, {"look": "unit", "stage": "features4", "channel": "0", "y": "0", "x": "٣"}, "x"),
        (NETWORK, {"look": "unit", "stage": "features4", "layer": "../x", "channel": "0", "y": "0", "x": "0"}, "layer"),
        (NETWORK, {"look": "grad_cam", "class_index": "1000"}, "class_index"),
        (NETWORK, {"look": "attention"}, "look"),
        (TRANSFORMER, {"look": "attention", "layer": "12"}, "layer"),
        (TRANSFORMER, {"look": "attention", "head": "first"}, "head"),
        (TRANSFORMER, {"look": "attention", "query": "everything"}, "query"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(network: str, asked: dict[str, str], field: str) -> None:
    with pytest.raises(Problem) as refused:
        options_of(network, asked)
    assert refused.value.status == 422
    assert refused.value.detail.endswith(".")
    assert refused.value.extra["field"] == field


INSIDE = {"look": "unit", "stage": "features4", "layer": "features.4.0.block.1.0", "channel": "0", "y": "0", "x": "0"}


@pytest.mark.parametrize(
    ("network", "asked", "field"),
    [
        (NETWORK, INSIDE | {"channel": "100000"}, "channel"),
        (NETWORK, INSIDE | {"y": "-1"}, "y"),
        (NETWORK, INSIDE | {"x": "9" * 120}, "x"),
        (TRANSFORMER, {"look": "attention", "head": "123456"}, "head"),
        (TRANSFORMER, {"look": "attention", "head": "first"}, "head"),
    ],
)
def test_how_many_there_are_is_not_made_up_where_only_the_worker_knows(network: str, asked: dict[str, str], field: str) -> None:
    with pytest.raises(Problem) as refused:
        options_of(network, asked)
    assert (refused.value.status, refused.value.extra["field"]) == (422, field)
    assert "there are" not in refused.value.detail
    assert "is 0." in refused.value.detail


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    some.dictionaries(
        some.sampled_from(["stage", "channels", "shared_scale", "channel", "y", "x", "layer", "head", "query", "class_index"]),
        some.one_of(some.text(max_size=12), some.integers().map(str), some.sampled_from(["features4", "all", "1-2", "class"])),
    ),
    some.sampled_from(["maps", "unit", "grad_cam", "attention", "neighbours", ""]),
)
def test_whatever_is_asked_there_is_an_answer(asked: dict[str, str], look: str) -> None:
    try:
        assert options_of(NETWORK, {**asked, "look": look})["look"] == look
    except Problem as problem:
        assert problem.status == 422


@given(some.integers(0, 15), some.integers(0, 13), some.integers(0, 13), some.integers(0, 7), some.integers(0, 7))
def test_a_pixel_of_the_sheet_is_the_cell_that_is_drawn_there(number: int, y: int, x: int, down: int, right: int) -> None:
    figures = {"tile": [112, 112], "grid": [14, 14], "columns": 4, "shown": list(range(100, 116))}
    at_y, at_x = number // 4 * 112 + y * 8 + down, number % 4 * 112 + x * 8 + right
    assert place_on_sheet(figures, at_x, at_y) == {"channel": 100 + number, "y": y, "x": x}


@given(some.integers(0, 99_999), some.integers(0, 99_999))
def test_a_pixel_outside_the_sheet_is_still_some_cell(x: int, y: int) -> None:
    figures = {"tile": [56, 56], "grid": [7, 7], "columns": 3, "shown": [4, 8, 9, 11]}
    place = place_on_sheet(figures, x, y)
    assert place["channel"] in figures["shown"]
    assert 0 <= place["y"] < 7
    assert 0 <= place["x"] < 7
