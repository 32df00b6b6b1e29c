"""Cards: what no weights' record states. Who published a network, when, and how torchvision's differs from the paper.

torchvision's documentation names the papers, but not all of them, and some with another title than the paper has. The year is
that of the first version on arXiv, the title that of the newest. A licence is only told where its text was read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Note(StrEnum):
    """In what a network here differs from its paper. The site has a sentence for each."""

    ONE_COLUMN = "one_column"  # AlexNet: torchvision/models/alexnet.py follows the one-column version of "One weird trick"
    STRIDE_IN_THREE_BY_THREE = "stride_in_three_by_three"  # ResNet "V1.5": torchvision/models/resnet.py, class Bottleneck
    BATCH_NORM_ADDED = "batch_norm_added"  # GoogLeNet: torchvision/models/googlenet.py, class BasicConv2d
    THREE_FOR_FIVE = "three_for_five"  # GoogLeNet: the same file, class Inception; pytorch/vision issue 906
    AUXILIARY_HEAD = "auxiliary_head"  # Inception v3: the second head is stored with the weights, and runs in training only
    NO_SQUEEZE_AND_EXCITATION = "no_squeeze_and_excitation"  # EfficientNet-Lite: tensorflow/tpu, efficientnet/lite/README.md


@dataclass(frozen=True, slots=True)
class Card:
    """Where networks come from. `family` is what people call all networks of one paper."""

    family: str
    paper: str
    authors: str
    url: str
    year: int  # of the paper's first version
    notes: tuple[Note, ...] = ()


def card_of(network: str) -> Card | None:
    """The card of a network; None of one that is not in the table."""
    return next((card for pattern, card in _CARDS if re.fullmatch(pattern, network)), None)


_EFFICIENTNET = "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
_RESNET = Card("ResNet", "Deep Residual Learning for Image Recognition", "He et al.", "https://arxiv.org/abs/1512.03385", 2015)

_CARDS: tuple[tuple[str, Card], ...] = (
    (
        "alexnet",
        Card(
            "AlexNet",
            "One weird trick for parallelizing convolutional neural networks",
            "Krizhevsky",
            "https://arxiv.org/abs/1404.5997",
            2014,
            (Note.ONE_COLUMN,),
        ),
    ),
    ("convnext_.*", Card("ConvNeXt", "A ConvNet for the 2020s", "Liu et al.", "https://arxiv.org/abs/2201.03545", 2022)),
    (
        r"densenet\d+",
        Card("DenseNet", "Densely Connected Convolutional Networks", "Huang et al.", "https://arxiv.org/abs/1608.06993", 2016),
    ),
    (
        "efficientnet_lite.*",
        Card(
            "EfficientNet-Lite",
            _EFFICIENTNET,
            "Tan and Le",
            "https://arxiv.org/abs/1905.11946",
            2019,
            (Note.NO_SQUEEZE_AND_EXCITATION,),
        ),
    ),
    (
        "efficientnet_v2_.*",
        Card(
            "EfficientNetV2",
            "EfficientNetV2: Smaller Models and Faster Training",
            "Tan and Le",
            "https://arxiv.org/abs/2104.00298",
            2021,
        ),
    ),
    (r"efficientnet_b\d", Card("EfficientNet", _EFFICIENTNET, "Tan and Le", "https://arxiv.org/abs/1905.11946", 2019)),
    (
        "googlenet",
        Card(
            "GoogLeNet",
            "Going Deeper with Convolutions",
            "Szegedy et al.",
            "https://arxiv.org/abs/1409.4842",
            2014,
            (Note.BATCH_NORM_ADDED, Note.THREE_FOR_FIVE),
        ),
    ),
    (
        "inception_v3",
        Card(
            "Inception",
            "Rethinking the Inception Architecture for Computer Vision",
            "Szegedy et al.",
            "https://arxiv.org/abs/1512.00567",
            2015,
            (Note.AUXILIARY_HEAD,),
        ),
    ),
    (
        "maxvit_.*",
        Card("MaxViT", "MaxViT: Multi-Axis Vision Transformer", "Tu et al.", "https://arxiv.org/abs/2204.01697", 2022),
    ),
    (
        r"mnasnet\d_\d+",
        Card(
            "MnasNet",
            "MnasNet: Platform-Aware Neural Architecture Search for Mobile",
            "Tan et al.",
            "https://arxiv.org/abs/1807.11626",
            2018,
        ),
    ),
    (
        "mobilenet_v2",
        Card(
            "MobileNetV2",
            "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
            "Sandler et al.",
            "https://arxiv.org/abs/1801.04381",
            2018,
        ),
    ),
    (
        "mobilenet_v3_.*",
        Card("MobileNetV3", "Searching for MobileNetV3", "Howard et al.", "https://arxiv.org/abs/1905.02244", 2019),
    ),
    (
        "regnet_.*",
        Card("RegNet", "Designing Network Design Spaces", "Radosavovic et al.", "https://arxiv.org/abs/2003.13678", 2020),
    ),
    (r"resnet(18|34)", _RESNET),
    (
        r"resnet(50|101|152)",
        Card(_RESNET.family, _RESNET.paper, _RESNET.authors, _RESNET.url, _RESNET.year, (Note.STRIDE_IN_THREE_BY_THREE,)),
    ),
    (
        "resnext.*",
        Card(
            "ResNeXt",
            "Aggregated Residual Transformations for Deep Neural Networks",
            "Xie et al.",
            "https://arxiv.org/abs/1611.05431",
            2016,
        ),
    ),
    (
        "shufflenet_v2_.*",
        Card(
            "ShuffleNet V2",
            "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
            "Ma et al.",
            "https://arxiv.org/abs/1807.11164",
            2018,
        ),
    ),
    (
        r"squeezenet1_\d",
        Card(
            "SqueezeNet",
            "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
            "Iandola et al.",
            "https://arxiv.org/abs/1602.07360",
            2016,
        ),
    ),
    (
        "swin_v2_.*",
        Card(
            "Swin Transformer V2",
            "Swin Transformer V2: Scaling Up Capacity and Resolution",
            "Liu et al.",
            "https://arxiv.org/abs/2111.09883",
            2021,
        ),
    ),
    (
        "swin_.*",
        Card(
            "Swin Transformer",
            "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
            "Liu et al.",
            "https://arxiv.org/abs/2103.14030",
            2021,
        ),
    ),
    (
        "vgg.*",
        Card(
            "VGG",
            "Very Deep Convolutional Networks for Large-Scale Image Recognition",
            "Simonyan and Zisserman",
            "https://arxiv.org/abs/1409.1556",
            2014,
        ),
    ),
    (
        "vit_.*",
        Card(
            "Vision Transformer",
            "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
            "Dosovitskiy et al.",
            "https://arxiv.org/abs/2010.11929",
            2020,
        ),
    ),
    (
        "wide_resnet.*",
        Card("Wide ResNet", "Wide Residual Networks", "Zagoruyko and Komodakis", "https://arxiv.org/abs/1605.07146", 2016),
    ),
)

LICENCES = {
    # torchvision's README, "Pre-trained Model License", and the file itself
    "https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "CC BY-NC 4.0",
}
"""What a licence is called, by the address that a weights' record states for it."""
