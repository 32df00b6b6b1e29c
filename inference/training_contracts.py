"""What a training run may be asked for, and what it says: names that cross the wall between the engine and the site.

Standard library only, so that a page can check what was asked without loading torch. `checked(options)` is what both sides
call; it raises `OptionRefused`, which names the option and what would be allowed.

Options of RunKind.TRAINING, JSON's values; what is left out is as usual for that strategy and data:

| option | is |
|---|---|
| `data` | a `DataName` |
| `strategy` | a `Strategy`; frozen where it is left out |
| `epochs` `learning_rate` `seed` | numbers within `knobs(strategy, data)` |
| `labels_per_class` | how many examples of each class are trained on; not for own photos, which are all used |
| `blocks` | fine-tuning only: how many of the network's last stages are trained, 1 to 10, or "all" |
| `batch_norm` | fine-tuning only: a `BatchNorm` |
| `standardisation` | frozen only: a `Standardisation` |
| `classes` `labels` | own photos only: the classes' names (2 to 5), and for each of `material.photos` the index of its class |

Other keys (such as which uploads the photos are) are the site's own and are not looked at. Own photos come in the order of
`labels`. The network sees 128 × 128 pixels of each (224 where it takes nothing else): reduce them to some 400 pixels on their
shorter side before they are handed over, a hundred photographs of 12 megapixels are 3.6 GB.

Results of a training run, in this order. Accuracies and shares are 0 to 1; losses are mean cross-entropies in nats and null
where they are not finite; `observation` is {"code": an `Observation`, …its figures}; classes of the shipped data are codes
(`SHIPPED[data].classes`), of own photos the learner's words.

`data` + file `examples` (three of each class, one row a class)
:   `data` `classes` `train` `validation` (numbers of examples) `train_per_class` `validation_per_class` (lists)
    `available_per_class` `size` ([height, width] of the pictures; null where they differ) `input_size` (side in pixels of what
    the network sees) `split` (a `Split`) `folds` (0, but for cross-validation) `labels_from` (a `LabelsFrom`) `seed`
    `threshold` (tissue: mean DAB above it is "much") `sources` [{`package`, `version`, `file`, `credit`, `licence`, `url`}]
    `warnings` [a `DataWarning`]
`baseline:<name>`
:   `name` (a `Baseline`) `accuracy` `interval` [low, high] `correct` `validation` `inputs` (numbers it sees of an example)
`features` (frozen only)
:   `count` `dimension` `barely_varying` (features whose deviation over the training examples is below `floor`) `floor`
    `smallest_deviation` `standardisation` `seconds` `cached`
`epoch:<n>`
:   `epoch` `of` `train_loss` `validation_loss` `train_accuracy` `validation_accuracy` `learning_rate` `seconds` `observation`
    `train_measured` ("after": over the whole training set after the epoch, as the validation figures are; from scratch
    "during": over each batch before its step, in training mode, because a young network's running statistics lag behind)
`confusion` + file `mistaken` (up to 12 of the validation examples that came out wrong, the surest first; where there are any)
:   `classes` `matrix` (rows: the true class, columns: the predicted one) `per_class` [{`class_index`, `examples`, `correct`,
    `recall` (null without examples), `interval`, `precision` (null where nothing was predicted so)}] `accuracy` `correct`
    `validation` `interval` [low, high] `confidence` (0.95) `interval_method` ("wilson") `interval_source` (address)
    `mean_confidence` (the mean probability of what was predicted) `mistaken` [{`truth`, `predicted`, `probability`}, as in the
    file] `wrong` (the places of all that came out wrong in the data set's order, which is the same in every run on the same
    pictures) `of_epoch` `best_baseline` {`name`, `accuracy`} `against_baseline` (a `Verdict`) `observation` (of the whole
    curve)
`head` + file `checkpoint`
:   `classes` `strategy` `features` `parameters` (of the head) `trained_parameters` (of all that was trained) `trained_stages`
    (names) `bytes` `of_epoch` `seconds` (of the whole run) `input_size` (side in pixels of what the network sees)
    `validation_accuracy` (null for a head of cross-validation, which is trained on all photos: the accuracy is that of its
    folds' heads) `format`

After an epoch whose loss is no number the run stops; `of_epoch` is then the last one before, or 0: the head as it began.

`Observation`'s figures: `since` (the epoch from which on it holds), `best_epoch`, `best_validation_loss`, `validation_loss`,
`train_loss`, `first_train_loss`, `train_accuracy`, `validation_accuracy`, `best_validation_accuracy`, `chance`,
`knowing_nothing`: those that its
docstring names. Any of them is null where it is not finite.

Options of RunKind.TRIAL: `head_of` is the site's; the checkpoint is `material.files["head"]`, the photo `material.photos[0]`.
It emits Predicted, with the head's classes, and

`trial` + file `input` (what the network saw)
:   `classes` `probabilities` `logits` (lists, by class) `strategy` `data` `input_size` `entropy` (bits) `highest_entropy`
    (log2 of the number of classes) `of_epoch`
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

Name = TypeVar("Name", bound=StrEnum)


class DataName(StrEnum):
    """The data sets that a run can be trained on."""

    TEXTURES = "textures"
    FACES = "faces"
    DIGITS = "digits"
    TISSUE = "tissue"
    OWN = "own"  # a learner's own photos


class Strategy(StrEnum):
    """What is trained."""

    FROZEN = "frozen"  # a new head on the features of the network as it is
    FINETUNE = "finetune"  # a new head, and the network's last stages or all of it, from their trained weights
    SCRATCH = "scratch"  # all of it, from random numbers


class BatchNorm(StrEnum):
    """What fine-tuning does with the running statistics of batch normalisation."""

    FIXED = "fixed"  # they stay those of pre-training: evaluation mode
    UPDATED = "updated"  # they follow the new batches: training mode, in the stages that are trained


class Standardisation(StrEnum):
    """What happens to frozen features before the head sees them."""

    FLOORED = "floored"  # minus their mean, by their deviation, but by no less than 0.05
    UNFLOORED = "unfloored"  # by their deviation plus 1e-6, however small: the loss may explode
    NONE = "none"


class Split(StrEnum):
    """How training and validation examples are kept apart."""

    HALVES = "halves"  # the left half of each picture trains, the right half validates
    ORDER = "order"  # the first half of the library's list trains, the second half validates
    HELD_OUT = "held_out"  # some of a learner's photos are held out, drawn by the seed
    CROSS_VALIDATION = "cross_validation"  # each photo is held out once, and judged by a head that has not seen it


class LabelsFrom(StrEnum):
    """Who says what an example is."""

    PICTURE = "picture"  # the picture it was cut from
    LIBRARY = "library"  # the library's own labels
    STAIN = "stain"  # computed from the picture's DAB channel: a rule, not a pathologist
    LEARNER = "learner"


class DataWarning(StrEnum):
    """What a reader has to know before believing an accuracy."""

    ONE_PICTURE_PER_CLASS = "one_picture_per_class"  # a class is one photograph: nothing is said about other photographs
    ONE_SLIDE = "one_slide"  # all patches are of one patient: a split by patients can't be shown
    LABELS_LEAK = "labels_leak"  # the labels were computed from the colours that the networks see
    GREY = "grey"  # grey pictures, given to a network of colour photographs as three equal channels
    TINY = "tiny"  # pictures enlarged several times over
    FEW = "few"  # so few validation examples that the interval is wide


class Baseline(StrEnum):
    """The trivial competitors of a network."""

    MAJORITY = "majority"  # always the most frequent class of the training examples
    MEAN_COLOUR = "mean_colour"  # logistic regression on the mean of each colour channel
    MEAN_AND_DEVIATION = "mean_and_deviation"  # … on mean and standard deviation of each colour channel
    PIXELS = "pixels"  # … on the raw pixels, at most 16 × 16 of them
    SMALL_NETWORK = "small_network"  # three convolutions, trained from scratch


class Observation(StrEnum):
    """What a curve shows, computed from its figures; never from what one would expect."""

    BEGINNING = "beginning"  # too few epochs to say anything
    IMPROVING = "improving"  # validation loss still falls: since, best_validation_loss
    PLATEAU = "plateau"  # validation loss has stood still: since, best_epoch, best_validation_loss
    # validation loss rises while validation accuracy does not fall: since, best_epoch, best_validation_loss, validation_loss,
    # best_validation_accuracy, validation_accuracy
    OVERCONFIDENT = "overconfident"
    OVERFITTING = "overfitting"  # validation loss rises and validation accuracy falls: as above
    NOT_LEARNING = "not_learning"  # training accuracy stays at chance: train_accuracy, chance
    # the network is so sure of what is wrong that its validation loss is more than twice that of one that knew nothing,
    # ln(classes): validation_loss, knowing_nothing, validation_accuracy
    WORSE_THAN_KNOWING_NOTHING = "worse_than_knowing_nothing"
    UNSTEADY = "unsteady"  # validation loss jumps: best_epoch, best_validation_loss, validation_loss
    DIVERGING = "diverging"  # training loss above where it began: train_loss, first_train_loss
    DIVERGED = "diverged"  # a loss is no longer a finite number; the run stops, and the last finite epoch stands: since


class Verdict(StrEnum):
    """A run against the best trivial baseline on the same validation examples."""

    BEATS = "beats"  # its accuracy lies above the baseline's interval
    TIES = "ties"
    LOSES = "loses"


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that an option may have, and the one that it has unless something else is asked for."""

    lowest: float
    highest: float
    usual: float

    def allows(self, value: object) -> bool:
        """Whether `value` is such a number: a whole one where the range's own are."""
        whole = isinstance(self.usual, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            return False
        return math.isfinite(value) and self.lowest <= value <= self.highest


@dataclass(frozen=True, slots=True)
class Shipped:
    """A data set that comes with an installed library."""

    name: DataName
    classes: tuple[str, ...]  # codes
    labels_per_class: Range
    validation: int  # how many examples the runs are judged by


SHIPPED: Mapping[DataName, Shipped] = {
    shipped.name: shipped
    for shipped in (
        Shipped(DataName.TEXTURES, ("brick", "grass", "gravel"), Range(1, 32, 5), 96),
        Shipped(DataName.FACES, ("face", "no_face"), Range(1, 50, 50), 100),
        Shipped(DataName.DIGITS, tuple("0123456789"), Range(1, 50, 30), 300),
        Shipped(DataName.TISSUE, ("little", "much"), Range(1, 50, 30), 128),
    )
}

EPOCHS: Mapping[Strategy, Range] = {
    Strategy.FROZEN: Range(1, 100, 30),
    Strategy.FINETUNE: Range(1, 30, 10),
    Strategy.SCRATCH: Range(1, 60, 15),
}
LEARNING_RATES: Mapping[Strategy, Range] = {
    Strategy.FROZEN: Range(1e-6, 10.0, 3e-3),
    Strategy.FINETUNE: Range(1e-6, 1.0, 1e-4),
    Strategy.SCRATCH: Range(1e-6, 1.0, 1e-3),
}
SEEDS = Range(0, 2**31 - 1, 1)
BLOCKS = Range(1, 10, 2)
ALL_BLOCKS = "all"

OWN_CLASSES = Range(2, 5, 2)
OWN_PHOTOS_PER_CLASS = Range(2, 20, 10)
CLASS_NAME_CHARACTERS = 40

TRAINABLE_PARAMETERS = 12_000_000
"""Networks with more are used frozen only: their checkpoints would be hundreds of megabytes, their epochs minutes on a CPU."""

INTERVAL_METHOD = "wilson"
INTERVAL_SOURCE = "https://doi.org/10.1080/01621459.1927.10502953"

CHECKPOINT_FORMAT = "forward-pass-head/1"
CHECKPOINT_MEDIA_TYPE = "application/octet-stream"
CHECKPOINT_BYTES = 64 * 1024**2
"""A checkpoint is smaller than this; nothing larger is read."""

FLOOR = 0.05
"""The least deviation that a feature is divided by: some of a network's features barely vary on a small data set."""


class OptionRefused(ValueError):
    """An option that makes no sense: which, what it was, and what is allowed (a Range, names, or how many)."""

    def __init__(self, option: str, value: object, allowed: Range | Sequence[str]) -> None:
        super().__init__(f"{option}: {value!r} is not allowed")
        self.option, self.value, self.allowed = option, value, allowed


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What is trained, in full: nothing is left to be guessed, so that the same options give the same curves."""

    data: DataName
    strategy: Strategy
    epochs: int
    learning_rate: float
    seed: int
    labels_per_class: int  # 0: all there are, of own photos
    blocks: int | str  # 0 where nothing of the network is trained
    batch_norm: BatchNorm
    standardisation: Standardisation
    classes: tuple[str, ...]
    labels: tuple[int, ...]  # of own photos


def checked(options: Mapping[str, Any]) -> TrainingOptions:
    """The options in full, as they are understood; raises OptionRefused at the first that makes no sense."""
    data = _named(options, "data", DataName, None)
    strategy = _named(options, "strategy", Strategy, Strategy.FROZEN)
    is_own = data is DataName.OWN
    classes, labels = _own(options) if is_own else (SHIPPED[data].classes, ())
    return TrainingOptions(
        data=data,
        strategy=strategy,
        epochs=int(_number(options, "epochs", EPOCHS[strategy])),
        learning_rate=float(_number(options, "learning_rate", LEARNING_RATES[strategy])),
        seed=int(_number(options, "seed", SEEDS)),
        labels_per_class=0 if is_own else int(_number(options, "labels_per_class", SHIPPED[data].labels_per_class)),
        blocks=_blocks(options) if strategy is Strategy.FINETUNE else 0,
        batch_norm=_named(options, "batch_norm", BatchNorm, BatchNorm.FIXED),
        standardisation=_named(options, "standardisation", Standardisation, Standardisation.FLOORED),
        classes=classes,
        labels=labels,
    )


def knobs(strategy: Strategy, data: DataName) -> dict[str, Range]:
    """The numbers that can be chosen for a run, by option."""
    ranges = {"epochs": EPOCHS[strategy], "learning_rate": LEARNING_RATES[strategy], "seed": SEEDS}
    if data is not DataName.OWN:
        ranges["labels_per_class"] = SHIPPED[data].labels_per_class
    if strategy is Strategy.FINETUNE:
        ranges["blocks"] = BLOCKS
    return ranges


def _named(options: Mapping[str, Any], option: str, names: type[Name], usual: Name | None) -> Name:
    value = options.get(option, usual)
    if value not in list(names):
        raise OptionRefused(option, value, tuple(names))
    return names(value)


def _number(options: Mapping[str, Any], option: str, allowed: Range) -> float:
    value = options.get(option, allowed.usual)
    if not allowed.allows(value):
        raise OptionRefused(option, value, allowed)
    return float(value) if isinstance(allowed.usual, float) else int(value)


def _blocks(options: Mapping[str, Any]) -> int | str:
    if options.get("blocks") == ALL_BLOCKS:
        return ALL_BLOCKS
    return int(_number(options, "blocks", BLOCKS))


def _own(options: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The classes' names and each photo's class."""
    classes, labels = options.get("classes"), options.get("labels")
    if not isinstance(classes, list | tuple) or not OWN_CLASSES.allows(len(classes)):
        raise OptionRefused("classes", classes, OWN_CLASSES)
    for name in classes:
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= CLASS_NAME_CHARACTERS or classes.count(name) > 1:
            raise OptionRefused("classes", name, Range(1, CLASS_NAME_CHARACTERS, 10))
    if not isinstance(labels, list | tuple):
        raise OptionRefused("labels", labels, OWN_PHOTOS_PER_CLASS)
    places = Range(0, len(classes) - 1, 0)
    for label in labels:
        if not places.allows(label):
            raise OptionRefused("labels", label, places)
    for index in range(len(classes)):
        if not OWN_PHOTOS_PER_CLASS.allows(labels.count(index)):
            raise OptionRefused("labels", labels.count(index), OWN_PHOTOS_PER_CLASS)
    return tuple(classes), tuple(labels)
