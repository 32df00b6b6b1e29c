"""Every code of the engine's has words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference import wording
from inference.contracts import Failure
from inference.presenting import PredictionView
from inference.templatetags.inference import figure

OPERATIONS = json.loads((Path(__file__).parent / "engine" / "golden" / "operations.json").read_text())
PREPROCESSING = ["decode", "resize", "crop", "to_tensor", "normalise"]


@pytest.mark.parametrize("operation", [*PREPROCESSING, *OPERATIONS])
def test_every_operation_has_a_title_and_a_sentence(operation: str) -> None:
    assert operation in wording.operations()
    sentence = wording.stage_sentence(operation)
    assert sentence.endswith(".")
    assert "_" not in sentence + wording.stage_title(operation)


def test_what_squeezenet_pools_are_scores_and_what_others_pool_are_features() -> None:
    assert wording.stage_sentence("average_pool", details={}).endswith("These are the features.")
    assert wording.stage_sentence("average_pool", details={"scores": True}).endswith("these are the scores.")


@pytest.mark.parametrize(("maximum", "written"), [(0.0123, "0.012"), (6.0, "6"), (123.4, "123"), (25_017.0, "25,017")])
def test_the_end_of_a_scale_is_written_as_people_write_numbers(maximum: float, written: str) -> None:
    assert wording.picture_note("unsigned", maximum=maximum) == f"Dark is 0; bright is up to {written}."
    assert wording.picture_note("signed", maximum=maximum).endswith(f"up to ±{written}.")


@pytest.mark.parametrize(
    ("count", "written"),
    [(None, "–"), (9_999, "9,999"), (10_000, "10.0 k"), (999_950, "1.00 M"), (25_557_032, "25.6 M"), (999_999_999, "1.00 G")],
)
def test_a_count_has_three_digits_and_a_unit(count: float | None, written: str) -> None:
    assert figure(count) == written


@pytest.mark.parametrize(
    ("probability", "written"),
    [(0.0004, "< 0.1%"), (0.624, "62.4%"), (0.9994, "99.9%"), (0.9999, "> 99.9%"), (1.0, "100.0%")],
)
def test_what_is_not_certain_is_not_written_as_if_it_were(probability: float, written: str) -> None:
    assert PredictionView(1, 282, "tiger cat", probability).percent == written


def test_an_operation_of_a_newer_torchvision_is_called_by_its_class() -> None:
    assert wording.stage_title("some_new_block") == "Some new block"
    assert wording.stage_sentence("some_new_block", blocks=3) == "3 blocks."


def test_a_run_of_blocks_that_another_kind_opens_says_what_each_does() -> None:
    sentence = wording.stage_sentence("inception_c", blocks=3, details={"opens_with": "inception_b"})
    assert sentence.startswith("3 blocks. The first: Filters and a pool halve the grid")
    assert "The others: Filters of 7×7" in sentence
    hostile = wording.stage_sentence("inception_c", blocks=3, details={"opens_with": [1, 2]})
    assert hostile == wording.stage_sentence("inception_c", blocks=3)


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_says_why_and_what_to_do(failure: Failure) -> None:
    reason, action = wording.failure(failure)
    assert reason.endswith(".")
    assert action.endswith(".")
    if failure is not Failure.INTERNAL:
        assert reason != wording.failure(Failure.INTERNAL)[0]


def test_every_difference_from_a_paper_has_a_sentence() -> None:
    """The codes are the engine's, read from its source: this process need not load torch."""
    source = (Path(__file__).parents[2] / "inference" / "engine" / "cards.py").read_text()
    codes = [line.split('"')[1] for line in source.splitlines() if line.startswith("    ") and '= "' in line and "#" in line]
    assert len(codes) == 6
    for code in codes:
        assert wording.note(code).endswith(".")
    assert wording.note("unheard-of") == ""
