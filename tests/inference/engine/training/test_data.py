"""The shipped data sets are what the libraries carry, split as it is said, and never downloaded."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from skimage import data as of_skimage
from skimage.color import rgb2hed
from sklearn.datasets import load_digits

from inference.contracts import EngineError, Failure
from inference.engine.training import data
from inference.training_contracts import SHIPPED, DataName


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_said_of_a_data_set_holds(name: DataName) -> None:
    read = data.shipped(name)
    said = SHIPPED[name]
    labels = read.examples.labels
    assert read.classes == said.classes
    assert len(labels) - read.pool == said.validation
    assert np.bincount(labels[: read.pool]).min() >= said.labels_per_class.highest
    assert set(labels[read.pool :]) == set(range(len(said.classes)))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_picture_is_both_trained_on_and_judged_by(name: DataName) -> None:
    read = data.shipped(name)
    pixels = [picture.tobytes() for picture in read.examples.pictures]
    assert not set(pixels[: read.pool]) & set(pixels[read.pool :])


@pytest.mark.parametrize("name", SHIPPED)
def test_the_same_examples_come_in_the_same_order(name: DataName) -> None:
    one, other = data.shipped(name), data.shipped(name)
    assert [picture.tobytes() for picture in one.examples.pictures] == [p.tobytes() for p in other.examples.pictures]
    assert one.examples.labels.tolist() == other.examples.labels.tolist()


def test_textures_are_cut_from_the_left_and_judged_on_the_right() -> None:
    read = data.shipped(DataName.TEXTURES)
    brick = of_skimage.brick()
    assert np.array_equal(np.asarray(read.examples.pictures[0])[..., 0], brick[:64, :64])
    assert np.array_equal(np.asarray(read.examples.pictures[read.pool])[..., 0], brick[:64, 256:320])


def test_faces_are_scikit_images_first_hundred() -> None:
    read = data.shipped(DataName.FACES)
    expected = np.rint(of_skimage.lfw_subset()[0] * 255).astype(np.uint8)
    assert np.array_equal(np.asarray(read.examples.pictures[0])[..., 0], expected)
    assert read.examples.labels[: read.pool].tolist() == [0] * 50 + [1] * 50


def test_digits_are_scikit_learns() -> None:
    read = data.shipped(DataName.DIGITS)
    expected = np.rint(load_digits().images[0] / 16 * 255).astype(np.uint8)
    assert np.array_equal(np.asarray(read.examples.pictures[0])[..., 0], expected)


def test_the_brown_stain_is_scikit_images_dab_channel() -> None:
    picture = of_skimage.immunohistochemistry()[:64, :64]
    assert np.allclose(data.brown_stain(picture), rgb2hed(picture)[..., 2], atol=1e-12)


def test_tissue_is_labelled_by_its_stain_and_says_so() -> None:
    read = data.shipped(DataName.TISSUE)
    stained = [data.brown_stain(np.asarray(picture)).mean() for picture in read.examples.pictures]
    assert read.threshold is not None
    assert [bool(amount > read.threshold) for amount in stained] == read.examples.labels.astype(bool).tolist()
    assert {"labels_leak", "one_slide"} <= {str(warning) for warning in read.warnings}


def test_a_missing_file_is_named_and_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EngineError) as caught:
        data.shipped(DataName.TISSUE)
    assert caught.value.failure is Failure.DATA_MISSING
    assert caught.value.details == {"package": "scikit-image", "file": "data/ihc.png"}
