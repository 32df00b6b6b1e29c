"""A room of training for the tests: an imitation of the engine's training that emits what it would, and photo sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import User
from inference.contracts import (
    Attachment,
    Cancelled,
    Event,
    Finished,
    MadeBy,
    Material,
    Picture,
    Predicted,
    Prediction,
    Result,
    RunKind,
    RunRequest,
)
from inference.models import PhotoSet, Trace
from inference.runs import run_job
from inference.training import services, sets
from inference.training_contracts import CHECKPOINT_FORMAT, CHECKPOINT_MEDIA_TYPE, checked
from tests.inference.conftest import NETWORK, NOW, photo_bytes, picture_bytes

CHECKPOINT = b"a head's file"


class ImitationTraining:
    """Emits the events of a training run, or of a head's trial; `between` is called before each epoch."""

    def __init__(self, between: Callable[[int], None] = lambda _epoch: None) -> None:
        self.between = between
        self.materials: list[Material] = []

    def perform(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> None:
        self.materials.append(material)
        events = self._trial(material) if request.kind == RunKind.TRIAL else self._training(request, cancelled)
        for event in events:
            emit(event)
        emit(Finished(MadeBy("1", NETWORK, "DEFAULT", "ab" * 32, "2.13.0", "0.28.0", "cpu", "float32", 1, seed=1), 1500.0))

    def _training(self, request: RunRequest, cancelled: Callable[[], bool]) -> Iterator[Event]:
        options = checked(request.options)
        classes, count = list(options.classes), len(options.classes)
        yield data(classes, is_own=bool(options.labels), name=str(options.data))
        yield baseline("majority", 1 / count)
        yield baseline("mean_colour", 0.6)
        yield Result("features", FEATURES)
        for epoch in range(1, options.epochs + 1):
            self.between(epoch)
            if cancelled():
                raise Cancelled
            yield epoch_of(epoch, options.epochs)
        yield confusion(classes)
        yield head(classes, strategy=str(options.strategy))

    def _trial(self, material: Material) -> Iterator[Event]:
        if material.files["head"] != CHECKPOINT:
            raise ValueError("another head's file")
        yield Predicted((Prediction(1, 0, "brick", 0.9), Prediction(2, 1, "grass", 0.07), Prediction(3, 2, "gravel", 0.03)))
        figures = {"classes": ["brick", "grass", "gravel"], "data": "textures", "entropy": 0.56, "highest_entropy": 1.58}
        yield Result("trial", figures, {"input": picture()})


def picture() -> Picture:
    return Picture(picture_bytes(), "image/webp", 8, 8, "photo")


def data(classes: list[str], *, is_own: bool = False, name: str = "textures") -> Result:
    figures = {
        "data": name,
        "classes": classes,
        "train": 5 * len(classes),
        "validation": 10 * len(classes),
        "train_per_class": [5] * len(classes),
        "validation_per_class": [10] * len(classes),
        "size": None if is_own else [64, 64],
        "input_size": 128,
        "split": "held_out" if is_own else "halves",
        "folds": 0,
        "labels_from": "learner" if is_own else "picture",
        "seed": 1,
        "threshold": None,
        "sources": [] if is_own else [SOURCE],
        "warnings": ["few"] if is_own else ["one_picture_per_class"],
    }
    return Result("data", figures, {"examples": picture()})


SOURCE = {
    "package": "scikit-image",
    "version": "0.26.0",
    "file": "data/brick.png",
    "credit": "CC0Textures, Bricks25",
    "licence": "CC0",
    "url": "https://example.org/bricks",
}
FEATURES = {
    "count": 45,
    "dimension": 1280,
    "barely_varying": 371,
    "floor": 0.05,
    "smallest_deviation": 0.0,
    "standardisation": "floored",
    "seconds": 2.5,
    "cached": False,
}


def baseline(name: str, accuracy: float) -> Result:
    figures = {"name": name, "accuracy": accuracy, "interval": [accuracy - 0.1, accuracy + 0.1], "inputs": 3, "validation": 30}
    return Result(f"baseline:{name}", figures)


def epoch_of(epoch: int, of: int, *, accuracy: float | None = None, observation: dict[str, Any] | None = None) -> Result:
    figures = {
        "epoch": epoch,
        "of": of,
        "train_loss": 1 / epoch,
        "validation_loss": 1.2 / epoch,
        "train_accuracy": 1.0,
        "validation_accuracy": min(0.9, 0.5 + 0.1 * epoch) if accuracy is None else accuracy,
        "learning_rate": 0.003,
        "seconds": 0.01,
        "observation": observation or {"code": "improving", "since": 1, "best_validation_loss": 1.2 / epoch},
    }
    return Result(f"epoch:{epoch}", figures)


def confusion(classes: list[str], **changed: Any) -> Result:
    count = len(classes)
    matrix = [[9 if truth == predicted else 0 for predicted in range(count)] for truth in range(count)]
    for truth in range(count):
        matrix[truth][(truth + 1) % count] = 1
    figures = {
        "classes": classes,
        "matrix": matrix,
        "per_class": [
            {"class_index": index, "examples": 10, "correct": 9, "recall": 0.9, "interval": [0.6, 0.98], "precision": 0.9}
            for index in range(count)
        ],
        "accuracy": 0.9,
        "correct": 9 * count,
        "validation": 10 * count,
        "interval": [0.744, 0.965],
        "confidence": 0.95,
        "interval_method": "wilson",
        "interval_source": "https://doi.org/10.1080/01621459.1927.10502953",
        "mean_confidence": 0.99,
        "mistaken": [{"truth": 0, "predicted": 1, "probability": 0.8}],
        "wrong": [10 * index for index in range(count)],
        "of_epoch": 3,
        "best_baseline": {"name": "mean_colour", "accuracy": 0.6},
        "against_baseline": "beats",
        "observation": {"code": "plateau", "since": 2, "best_epoch": 2, "best_validation_loss": 0.4},
    } | changed
    return Result("confusion", figures, {"mistaken": picture()})


def head(classes: list[str], *, strategy: str = "frozen") -> Result:
    figures = {
        "classes": classes,
        "strategy": strategy,
        "features": 1280,
        "parameters": 3843,
        "trained_parameters": 3843,
        "bytes": len(CHECKPOINT),
        "of_epoch": 3,
        "seconds": 1.5,
        "input_size": 128,
        "validation_accuracy": 0.9,
        "format": CHECKPOINT_FORMAT,
    }
    return Result("head", figures, {"checkpoint": Attachment(CHECKPOINT, CHECKPOINT_MEDIA_TYPE)})


def asked_for(owner: User | None, *, now: datetime = NOW, photo_set: PhotoSet | None = None, **wish: Any) -> Trace:
    """A run that a person asked for: textures, frozen, three epochs unless told otherwise."""
    prediction = wish.pop("prediction", "")
    network = wish.pop("network", NETWORK)
    wish = {"data": "textures", "epochs": 3} | wish
    return services.request_training(
        owner=owner, network=network, wish=wish, photo_set=photo_set, prediction=prediction, now=now
    )


def run(trace: Trace, training: ImitationTraining | None = None) -> Trace:
    """The run, run by the imitation."""
    run_job(job_id=trace.job_id, perform=(training or ImitationTraining()).perform, clock=lambda: NOW)
    return Trace.objects.select_related("job", "job__upload").get(pk=trace.pk)


def trained(owner: User, **wish: Any) -> Trace:
    """A finished run of a person's."""
    return run(asked_for(owner, **wish))


def photo(number: int, name: str = "") -> SimpleUploadedFile:
    """One of many photos, each another."""
    return SimpleUploadedFile(name or f"photo-{number}.jpg", photo_bytes(size=(40 + number, 40)), content_type="image/jpeg")


def large_photo(side: int = 1200) -> SimpleUploadedFile:
    content = photo_bytes(size=(side, side - 200))
    return SimpleUploadedFile("large.jpg", content, content_type="image/jpeg")


@pytest.fixture
def photo_set(learner: User) -> PhotoSet:
    """The learner's mugs and glasses, without photos."""
    return sets.create_photo_set(owner=learner, name="Kitchen", classes=["mug", "glass"], now=NOW)


@pytest.fixture
def filled_set(photo_set: PhotoSet) -> PhotoSet:
    """The same with three photos a class."""
    for index in range(2):
        files = [photo(10 * index + number) for number in range(3)]
        sets.add_photos(photo_set=photo_set, class_index=index, files=files, now=NOW)
    return photo_set


def side_of(content: bytes) -> tuple[int, int]:
    from io import BytesIO

    with Image.open(BytesIO(content)) as image:
        return image.size
