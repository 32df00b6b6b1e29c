"""Values and names that cross the wall between the engine and the site. Standard library only.

The engine emits codes and numbers; every sentence is the site's, so that it can be translated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_NETWORK = "efficientnet_lite0"
"""The network whose weights come with the installation: a fresh machine can predict with it."""

INSPECTED_NETWORKS = (DEFAULT_NETWORK, "resnet50", "vgg16", "efficientnet_b0", "vit_b_16")
"""The networks whose facts are computed at set-up."""

ENGINE_VERSION = "1"
"""Part of every job's key: raise it when a trace of the same image would come out differently."""


class StageKind(StrEnum):
    """Where in the pipeline a stage stands."""

    PREPROCESSING = "preprocessing"
    FEATURES = "features"
    HEAD = "head"
    OUTPUT = "output"


class Failure(StrEnum):
    """Why a trace failed. The site has one sentence, and one next action, for each."""

    WEIGHTS_MISSING = "weights_missing"  # details: network, weights, file, url, folder
    WEIGHTS_DAMAGED = "weights_damaged"  # details: network, weights, file, expected, found
    UNKNOWN_NETWORK = "unknown_network"  # details: network
    UNKNOWN_WEIGHTS = "unknown_weights"  # details: network, weights
    IMAGE_UNREADABLE = "image_unreadable"
    OUT_OF_MEMORY = "out_of_memory"
    NO_GPU = "no_gpu"  # details: device
    DEADLINE = "deadline"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    INTERNAL = "internal"


class EngineError(Exception):
    """A run that could not be made; `failure` names the reason and `details` carries its figures."""

    def __init__(self, failure: Failure, **details: str | int | float) -> None:
        super().__init__(f"{failure}: {details}")
        self.failure = failure
        self.details = details


class Cancelled(Exception):
    """Raised inside a run when `cancelled()` said so; whatever was emitted before stands."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a network: what goes in, what is done, what comes out. The shapes' axes are what `layout` says."""

    name: str  # short, unique within the network, without a dot: "resize", "layer3", "features7-13", "softmax"
    kind: StageKind
    # A code: "decode", "resize", "crop", "to_tensor", "normalise", "convolution", "patch_embedding", "average_pool",
    # "flatten", "class_token", "linear", "softmax", or a block's class in lower case: "bottleneck", "mbconv" …
    operation: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int = 0
    macs: int = 0  # multiply-accumulates for one image
    flops: int = 0  # as torch's FlopCounterMode counts them: twice the multiply-accumulates
    layer_paths: tuple[str, ...] = ()  # dotted, as PyTorch names them
    blocks: int = 0  # how many repeated blocks were folded into this stage
    layout: str = ""  # "HWC" for a decoded picture, "NCHW", "NHWC", "NLC", "NC"
    details: dict[str, str | int | float | bool | list[int] | list[float]] = field(
        default_factory=dict
    )  # what a sentence about it needs: size, mean, std, interpolation …
    title: str = ""  # the same stage as PyTorch's own names say it: "layer3", "features.7–13"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one stage's output on one image."""

    mean: float
    std: float
    minimum: float
    maximum: float
    silent_channels: int = 0  # channels without variation on this image; not "dead"
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """What the data looks like at one point: an encoded image and how to read it."""

    content: bytes
    media_type: str  # "image/jpeg": encoding WebP would take as long as running the network
    width: int
    height: int
    scale: str  # "photo", "unsigned" (viridis from 0), "signed" (RdBu, symmetric)
    maximum: float = 0.0  # the largest magnitude drawn
    channels_shown: tuple[int, ...] = ()
    maxima: tuple[float, ...] = ()  # each channel shown is drawn on its own scale: from 0, or from -m, to its m


@dataclass(frozen=True, slots=True)
class Prediction:
    rank: int
    class_index: int
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What made a trace: with these the same figures come out again."""

    engine: str
    network: str
    weights: str
    weights_sha256: str
    torch: str
    torchvision: str
    device: str
    dtype: str
    threads: int
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class StageRan:
    """Emitted when a stage has run. `index` counts from 0 over all `total` stages."""

    index: int
    total: int
    stage: Stage
    milliseconds: float
    statistics: Statistics | None
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """Emitted once, after the last stage."""

    top_k: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """Emitted last: the run is whole."""

    made_by: MadeBy
    milliseconds: float


Event = StageRan | Predicted | Finished
