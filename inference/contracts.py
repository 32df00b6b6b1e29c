"""Values and names that cross the wall between the engine and the site. Standard library only.

The engine emits codes and numbers; every sentence is the site's, so that it can be translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_NETWORK = "efficientnet_lite0"
"""The network whose weights come with the installation: a fresh machine can predict with it."""

INSPECTED_NETWORKS = (DEFAULT_NETWORK, "resnet50", "vgg16", "efficientnet_b0", "vit_b_16")
"""The networks whose facts are computed at set-up."""

ENGINE_VERSION = "3"
"""Part of every job's key: raise it when a trace of the same image would come out differently."""


class RunKind(StrEnum):
    """What a run does. Each kind has its function in the engine, and the site a way to ask for it and to show it."""

    TRACE = "trace"  # one photo through a network, stage by stage
    LOOK = "look"  # one closer look at a photo in a network: a stage's maps, evidence, attention, one unit, neighbours
    MISTAKE = "mistake"  # a photo with a mistake made on purpose, beside the correct run
    TRAINING = "training"  # a head, or more, trained on a data set
    TRIAL = "trial"  # a photo through a network with a learner's own head
    MEASUREMENT = "measurement"  # how long a network takes on this machine
    DOWNLOAD = "download"  # a weights' file into the weights folder
    PROOF = "proof"  # an author's snippets, run in the sandbox; of no network
    OPENED = "opened"  # nothing runs: a trace that somebody opened from a file, and that this site can't vouch for


PHOTO_KINDS = (RunKind.TRACE, RunKind.LOOK, RunKind.MISTAKE, RunKind.TRIAL)
"""The kinds of runs that are of one photo."""


UNSEEN_KINDS = (RunKind.PROOF,)
"""The kinds of runs that no page of runs shows, not even to whoever asked: the studio shows them to a lesson's authors."""


class MistakeName(StrEnum):
    """The mistakes that can be made on purpose, in the order in which they happen on a photo's way through a network."""

    # in the preprocessing
    NEAREST = "nearest"  # resized by the nearest pixel
    SQUASHED = "squashed"  # resized to a square instead of cropped to one
    NOT_CROPPED = "not_cropped"  # resized, and then nothing cut off
    WRONG_SIZE = "wrong_size"  # cropped to half the side that the weights were trained with
    BGR = "bgr"  # blue first, as OpenCV reads
    ZERO_TO_255 = "zero_to_255"  # bytes as numbers, neither divided nor normalised
    NO_NORMALISATION = "no_normalisation"  # divided by 255 and left at that
    OTHER_MEAN_STD = "other_mean_std"  # another recipe's mean and deviation
    NORMALISED_TWICE = "normalised_twice"
    CHANNELS_LAST = "channels_last"  # height × width × channels read as if it were channels × height × width
    NOT_PERMUTED = "not_permuted"  # height × width × channels handed over as it is
    NO_BATCH = "no_batch"  # one photo without the axis that counts photos
    # in the network
    TRAIN_MODE = "train_mode"  # train() left on
    # in the output
    SOFTMAX_TWICE = "softmax_twice"
    LABEL_OFFSET = "label_offset"  # labels looked up one place beside


MISTAKES = tuple(MistakeName)


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
    DOWNLOAD_UNREACHABLE = "download_unreachable"  # details: network, weights, file, url, host, reason
    DOWNLOAD_REFUSED = "download_refused"  # 404 and the like; details: network, weights, file, url, status, reason
    DOWNLOAD_INTERRUPTED = "download_interrupted"  # what came is kept; details: network, weights, file, url, came, total
    DOWNLOAD_WRONG = "download_wrong"  # another hash: nothing is kept; details: network, weights, file, url, expected, found
    DISK_FULL = "disk_full"  # details: network, weights, file, folder; missing and free in bytes where they are known
    FOLDER_UNWRITABLE = "folder_unwritable"  # details: network, weights, file, folder, reason
    TOO_LARGE = "too_large"  # to be measured; details: network
    UNKNOWN_NETWORK = "unknown_network"  # details: network
    UNKNOWN_WEIGHTS = "unknown_weights"  # details: network, weights
    IMAGE_UNREADABLE = "image_unreadable"
    NOT_THERE = "not_there"  # details: what (stage, channel, pixel, class, layer, head, query, unit), and how many there are
    TRAINING_REFUSED = "training_refused"  # details: option, value, network where it is about one
    DATA_MISSING = "data_missing"  # details: package, file
    HEAD_DAMAGED = "head_damaged"  # not a checkpoint of this engine, or cut short; details: reason
    HEAD_FOREIGN = "head_foreign"  # of another network, or of other weights of it; details: network, weights, wanted
    NO_SANDBOX = "no_sandbox"  # the worker's machine has not all of its fences, or PROOFS is off there
    NOT_ALLOWED = "not_allowed"  # whoever asked may not work on the lesson any more
    OUT_OF_MEMORY = "out_of_memory"
    NO_GPU = "no_gpu"  # details: device
    DEADLINE = "deadline"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    INTERNAL = "internal"


def is_measurable(parameters: int, macs: float) -> bool:
    """Whether a network may be measured while others wait: about a second a pass and a gigabyte at most on one core."""
    return parameters <= 200_000_000 and macs <= 40e9


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


class Drawn(Protocol):
    """Pixels that nobody has encoded yet: that is for whoever writes the file, beside the network that runs."""

    def encoded(self, media_type: str) -> bytes:
        """The file."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the data looks like at one point: an image and how to read it."""

    drawn: bytes | Drawn
    media_type: str
    width: int
    height: int
    scale: str  # "photo", "unsigned" (viridis from 0), "signed" (RdBu, symmetric)
    maximum: float = 0.0  # the largest magnitude drawn
    channels_shown: tuple[int, ...] = ()
    maxima: tuple[float, ...] = ()  # each channel shown is drawn on its own scale: from 0, or from -m, to its m

    @property
    def content(self) -> bytes:
        """The file. Pixels are encoded now, and again whenever this is asked."""
        return self.drawn if isinstance(self.drawn, bytes) else self.drawn.encoded(self.media_type)


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
    batch: int = 1  # photographs in the same pass: others give other last digits


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


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a run made, such as a trained head."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Result:
    """Emitted when a run has found out something that is not a stage: evidence for a class, an epoch's figures.

    `name` is unique within the run and begins with what it is: "grad_cam:281", "epoch:3". Figures are JSON's values, codes and
    numbers without sentences; files stand under short names.
    """

    name: str
    figures: Mapping[str, Any]
    files: Mapping[str, Picture | Attachment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a worker is asked to run, without the rows it came from. `options`, JSON's values, were checked by the site."""

    kind: RunKind
    network: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Material:
    """What a run works on, read from where the site keeps it."""

    photos: tuple[Image.Image, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


Event = StageRan | Predicted | Result | Finished

Emit = Callable[[Event], None]
"""Tells a run's events, as they happen, to whoever asked for it."""

Asked = Callable[[], bool]
"""Whether a run is to be stopped: nobody wants it any more."""
