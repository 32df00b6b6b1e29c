"""A mistake's figures become sentences, a chart and rows: computed, and never misleading about an unchanged first choice."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string

from inference.breaking.reading import read, sentences
from inference.contracts import MISTAKES, MistakeName
from inference.presenting import ResultView
from tests.inference.breaking.conftest import changed


def said(broken: dict[str, ResultView], name: MistakeName) -> str:
    return " ".join(sentences(broken[name].figures))


def test_an_unchanged_first_choice_is_said_beside_how_far_the_outputs_are_apart(broken: dict[str, ResultView]) -> None:
    assert said(broken, MistakeName.SOFTMAX_TWICE).startswith(
        "The first choice stays “tiger cat”, with 0.1% instead of 39.5%; the outputs differ by 0.83 bits of 1."
        " Whoever looks at the first choice alone sees no mistake."
    )
    assert "On this photo it hardly shows." in said(broken, MistakeName.NO_NORMALISATION)


def test_outputs_that_hardly_differ_are_not_told_as_equal(broken: dict[str, ResultView]) -> None:
    hardly = changed(broken[MistakeName.NO_NORMALISATION], divergence_bits=0.0004)
    assert "the outputs differ by less than 0.001 bits of 1." in " ".join(sentences(hardly.figures))


def test_a_changed_first_choice_says_where_the_right_one_went(broken: dict[str, ResultView]) -> None:
    assert said(broken, MistakeName.ZERO_TO_255).startswith(
        "The first choice was “tiger cat” with 39.5% and is “pillow” now; “tiger cat” falls to rank 22 with 0.4%."
        " The outputs differ by 0.85 bits of 1."
    )
    assert "because two were close" in said(broken, MistakeName.BGR)


def test_where_the_runs_part(broken: dict[str, ResultView]) -> None:
    assert "later stages even it out in part" in said(broken, MistakeName.BGR)
    assert "grows on the way" in said(broken, MistakeName.TRAIN_MODE)
    assert "the mistake is made after it" in said(broken, MistakeName.SOFTMAX_TWICE)
    assert "Only the names beside them have moved" in said(broken, MistakeName.LABEL_OFFSET)
    assert "stages have another shape" in said(broken, MistakeName.WRONG_SIZE)


def test_an_error_is_a_result(broken: dict[str, ResultView]) -> None:
    told = read(broken[MistakeName.NO_BATCH])
    assert told.error == "ValueError: expected 4D input (got 3D input)"
    assert told.sentences == (
        "The run ends in an error at stage “features0”. Nothing is predicted, and nothing goes wrong unnoticed.",
    )
    assert told.chart is None
    assert [row.broken for row in told.rows] == [None] * 5


def test_what_makes_no_difference_says_so_and_why(broken: dict[str, ResultView]) -> None:
    stages = [{**stage, "relative_l2": 2e-7} for stage in broken[MistakeName.TRAIN_MODE].figures["stages"]]
    same: dict[str, Any] = {"divergence_bits": 1e-9, "stages": stages, "layers": {"batch_norms": 0, "dropouts": 0}}
    [sentence] = sentences(changed(broken[MistakeName.TRAIN_MODE], **same).figures)
    assert "no batch normalisation and no dropout" in sentence
    same["layers"] = {"batch_norms": 1, "dropouts": 0}
    [sentence] = sentences(changed(broken[MistakeName.TRAIN_MODE], **same).figures)
    assert "on this photo and network the mistake makes no difference" in sentence


def test_a_choice_that_is_all_but_certain_is_not_told_as_certain(broken: dict[str, ResultView]) -> None:
    (right, *others) = broken[MistakeName.SOFTMAX_TWICE].figures["correct_top_k"]
    sure = changed(broken[MistakeName.SOFTMAX_TWICE], correct_top_k=[{**right, "probability": 0.9999}, *others])
    assert "with 0.1% instead of more than 99.9%" in sentences(sure.figures)[0]


def test_an_output_that_is_no_number_is_said(broken: dict[str, ResultView]) -> None:
    lost = changed(broken[MistakeName.ZERO_TO_255], divergence_bits=None, same_first=None, top_k=[])
    assert "not numbers" in read(lost).sentences[0]


def test_the_chart_has_every_stage_of_the_network_and_its_table(broken: dict[str, ResultView]) -> None:
    told = read(broken[MistakeName.BGR])
    assert told.chart is not None
    assert told.chart.labels[0] == "features.0"
    assert told.chart.labels[-1] == "softmax"
    assert len(told.chart.rows) == len(broken[MistakeName.BGR].figures["stages"]) - 1


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_told_as_a_piece_of_a_page(broken: dict[str, ResultView], name: MistakeName) -> None:
    html = render_to_string("inference/results/_mistake.html", {"trace": {"id": "0"}, "result": broken[name]})
    told = read(broken[name])
    assert told.title in html.replace("&#x27;", "'")
    assert html.count('<figure class="code') >= 2
    assert "style=" not in html
