"""Looks at transformers and convolutional networks, written out: every result has its words and its template."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string

from inference.contracts import Picture, Result
from inference.engine.explaining import LOOKS, library
from inference.looking.numbers import in_per_cent, number
from inference.looking.photographs import photograph
from inference.presenting import FileView, ResultView
from tests.inference.engine.test_units import photo, random_network

pytestmark = pytest.mark.torch

STAGES = {"resnet18": "layer2", "vit_b_16": "encoder_layer_0-2", "swin_t": "features2-3", "maxvit_t": "blocks1"}


def seen(name: str, options: dict[str, Any]) -> str:
    """What a look found, as a page shows it."""
    found: list[Result] = []
    LOOKS[options["look"]](random_network(name), photo(), options, found.append, lambda: False)  # type: ignore[arg-type]
    return "".join(_rendered(result) for result in found)


def _rendered(result: Result) -> str:
    files = {
        key: FileView(f"/{key}", file.media_type, file.width, file.height, file.scale, file.maximum)
        for key, file in result.files.items()
        if isinstance(file, Picture)
    }
    view = ResultView(result.name, result.figures, files, photo="/crop")
    html = render_to_string(view.templates, {"result": view, "trace": {"id": "00000000-0000-0000-0000-000000000000"}})
    assert html.strip(), result.name
    return html


@pytest.mark.parametrize("name", STAGES)
def test_a_unit_and_its_field_are_written_out(name: str) -> None:
    html = seen(name, {"look": "unit", "stage": STAGES[name], "channel": 1, "y": 2, "x": 3})
    assert "The network itself has" in html
    assert "The shortcut is added" in html
    assert "What it can see." in html
    assert ("looks at each other" in html or "attention" in html) == (name != "resnet18")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (9 / 50_176, "less than 1%"),
        (0.0099, "less than 1%"),
        (0.01, "1%"),
        (0.5, "50%"),
        (0.99, "99%"),
        (0.9951, "more than 99%"),
    ],
)
def test_a_part_of_the_picture_is_never_nothing_and_never_all_of_it(share: float, words: str) -> None:
    assert in_per_cent(share) == words


def test_a_tiny_field_is_less_than_one_per_cent_of_the_picture() -> None:
    html = seen("resnet18", {"look": "unit", "stage": "stem", "channel": 1, "y": 20, "x": 20})
    assert "It can see 11 × 11 pixels from row 75, column 75 on: less than 1% of the picture." in html


@pytest.mark.parametrize("name", STAGES)
def test_maps_are_written_out_with_their_scale(name: str) -> None:
    html = seen(name, {"look": "maps", "stage": STAGES[name]})
    assert "that vary most here" in html
    assert "Each has its own scale" in html
    shared = seen(name, {"look": "maps", "stage": STAGES[name], "channels": [2, 0], "shared_scale": True})
    assert "2 chosen channels" in shared
    assert "One scale for all" in shared


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "maxvit_t"])
def test_attention_is_written_out(name: str) -> None:
    html = seen(name, {"look": "attention", "layer": 0, "head": 0, "query": [1, 2]})
    assert "the patch in row 1, column 2 attends to in layer 0, head 0" in html


def test_silent_channels_are_silent_on_this_image_and_not_dead() -> None:
    network = random_network("resnet18")
    network.model.get_submodule("layer1.1.bn2").bias[7] = -1e6
    try:
        html = seen("resnet18", {"look": "maps", "stage": "layer1", "channels": [7]})
    finally:
        network.model.get_submodule("layer1.1.bn2").bias[7] = 0.0
    assert "silent on this image, the same number in every cell" in html
    assert "dead" not in html


def test_no_evidence_is_said_and_nothing_is_drawn() -> None:
    figures = {"class_index": 3, "label": "owl", "target": "layer4", "positive": False, "maximum": 0.0, "grid": [7, 7]}
    html = _rendered(Result("grad_cam:3", figures))
    assert "No positive evidence for “owl” at layer4" in html
    assert "data-heat" not in html


def test_every_photograph_that_is_compared_with_has_a_title_and_a_credit() -> None:
    names = {one.sample for one in library.photographs()}
    assert len(names) >= 15
    for name in names:
        assert photograph(name).credit, name
        assert str(photograph(name).title) != name


def test_numbers_are_written_with_five_figures_and_a_real_minus_sign() -> None:
    assert [number(value) for value in (0.0, -1.5, 123456.789, 1e-7, -2.5e-9, None)] == [
        "0",
        "−1.5",
        "1.2346e+5",
        "1e−7",
        "−2.5e−9",
        "–",
    ]
