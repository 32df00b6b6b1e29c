"""What a trained network sees is what the traced steps make of a picture, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from inference.engine import networks
from inference.engine.preprocessing import preprocess
from inference.engine.training.pixels import Preparation, sheet

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("network", ["efficientnet_lite0", "resnet50"])
@pytest.mark.parametrize("size", [(451, 300), (25, 25), (60, 200)])
def test_pixels_and_numbers_are_the_usual_steps(network: str, size: tuple[int, int], cat: Image.Image) -> None:
    record = networks.record(network)
    how = record.weights_named(record.default_weights).preprocessing
    preparation = Preparation.at(how, 128)
    photo = cat.resize(size)
    *_, last = preprocess(photo, replace(how, resize_size=128, crop_size=128))
    assert isinstance(last.output, torch.Tensor)
    assert torch.equal(preparation.numbers(preparation.pixels(photo)[None]), last.output)


def test_a_sheet_has_rows_and_columns() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    drawn = sheet([Image.new("RGB", (9, 5), colour) for colour in colours], columns=2, tile=4)
    assert drawn.size == (10, 10)
    corners = np.asarray(drawn)[::6, ::6]
    assert corners.tolist() == [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [23, 25, 26]]]
    assert np.asarray(drawn)[0, 4].tolist() == [23, 25, 26]
