"""Every network has a card, and the card agrees with what torchvision's documentation cites."""

from __future__ import annotations

import inspect
import re

import pytest
from torchvision.models import get_model_builder

from inference.engine import networks
from inference.engine.cards import card_of

pytestmark = pytest.mark.torch

ALL = networks.torchvision_networks()


@pytest.mark.parametrize("network", networks.network_ids())
def test_a_card_says_family_paper_and_year(network: str) -> None:
    card = card_of(network)
    assert card is not None
    assert card.family
    assert card.authors
    month = re.fullmatch(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.\d{4,5}", card.url)
    assert month
    assert card.year == 2000 + int(month[1])
    assert 1 <= int(month[2]) <= 12


@pytest.mark.parametrize("network", [name for name in ALL if not name.startswith("squeezenet")])
def test_the_paper_is_the_one_that_torchvisions_documentation_cites(network: str) -> None:
    """Except of SqueezeNet, where it cites a repository."""
    cited = re.search(r"<https?://arxiv\.org/abs/([\d.]+?)(?:v\d+)?>", inspect.getdoc(get_model_builder(network)) or "")
    card = card_of(network)
    assert cited
    assert card
    assert card.url.endswith(cited[1])


@pytest.mark.parametrize(
    ("network", "title", "family"),
    [
        ("densenet121", "DenseNet-121", "DenseNet"),
        ("efficientnet_b0", "EfficientNet-B0", "EfficientNet"),
        ("efficientnet_lite0", "EfficientNet-Lite0", "EfficientNet-Lite"),
        ("efficientnet_v2_s", "EfficientNetV2-S", "EfficientNetV2"),
        ("mnasnet0_75", "MnasNet 0.75", "MnasNet"),
        ("resnext50_32x4d", "ResNeXt-50 32x4d", "ResNeXt"),
        ("shufflenet_v2_x0_5", "ShuffleNet V2 ×0.5", "ShuffleNet V2"),
        ("squeezenet1_0", "SqueezeNet 1.0", "SqueezeNet"),
        ("swin_v2_b", "Swin V2-B", "Swin Transformer V2"),
        ("vgg19_bn", "VGG-19-BN", "VGG"),
        ("wide_resnet50_2", "Wide ResNet-50-2", "Wide ResNet"),
    ],
)
def test_networks_are_called_what_their_papers_call_them(network: str, title: str, family: str) -> None:
    record = networks.record(network)
    assert (record.title, record.family) == (title, family)


def test_titles_tell_all_networks_apart() -> None:
    titles = [networks.record(network).title for network in networks.network_ids()]
    assert len(set(titles)) == len(titles)


def test_torchvisions_words_about_weights_come_without_markup() -> None:
    for network in ALL:
        for weights in networks.record(network).weights:
            assert not re.search(r"[`<>]|\s\s", weights.said)
            assert weights.said.strip() == weights.said
