"""A training run from what was asked for to the head that is kept, told as it happens."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.contracts import (
    Asked,
    Attachment,
    Emit,
    EngineError,
    Failure,
    Finished,
    Material,
    Picture,
    Result,
    RunRequest,
)
from inference.engine import pictures
from inference.engine.cache import NetworkCache
from inference.engine.clock import milliseconds
from inference.engine.training import baselines, data, division, judging
from inference.engine.training.checkpoint import Checkpoint
from inference.engine.training.curve import Epoch, finite, observe
from inference.engine.training.data import DataSet, Examples
from inference.engine.training.division import Division
from inference.engine.training.features import Features
from inference.engine.training.learner import Said, judged, out_of_memory_named, reproducible, together
from inference.engine.training.pixels import sheet, stopper
from inference.engine.training.strategies import Task, Trainees, finetune, frozen, scratch, side_of
from inference.training_contracts import (
    CHECKPOINT_BYTES,
    CHECKPOINT_FORMAT,
    CHECKPOINT_MEDIA_TYPE,
    DataName,
    OptionRefused,
    Strategy,
    TrainingOptions,
    checked,
)

EXAMPLES_PER_CLASS = 3
MISTAKEN = 12
TILE = 64  # pixels

_features = Features()


def run_training(request: RunRequest, material: Material, warm: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """Trains what is asked for, emitting results as `training_contracts` lists them.

    Raises Cancelled between two batches, and EngineError: options that make no sense, missing weights or data, no memory.
    """
    began = time.perf_counter()
    task = _task(request, material, warm, cancelled)
    with reproducible(task.options.seed, threads=warm.threads), out_of_memory_named():
        emit(_about_data(task, side_of(task)))
        competitors = baselines.baselines(
            task.data, task.division, seed=task.options.seed, stop_if_cancelled=task.stop_if_cancelled
        )
        for result in competitors:
            emit(result)
        ran = _Run(task, _trainees(task), emit)
        for result in ran.trainees.results:
            emit(result)
        ran.all_epochs()
        emit(ran.confusion(baselines.best(competitors)))
        emit(ran.head(began))
    emit(Finished(ran.trainees.made_by, milliseconds(time.perf_counter() - began)))


def _task(request: RunRequest, material: Material, warm: NetworkCache, cancelled: Asked) -> Task:
    options = _understood(request.options)
    if options.data is DataName.OWN:
        if len(material.photos) != len(options.labels):
            raise EngineError(Failure.TRAINING_REFUSED, option="labels", value=len(material.photos), network=request.network)
        dataset = data.own(material.photos, options.labels, options.classes)
    else:
        dataset = data.shipped(options.data)
    return Task(
        network=request.network,
        weights=str(request.options.get("weights", "")),
        options=options,
        data=dataset,
        division=_divided(dataset, options),
        warm=warm,
        stop_if_cancelled=stopper(cancelled),
    )


def _understood(options: Any) -> TrainingOptions:
    try:
        return checked(options)
    except OptionRefused as error:
        raise EngineError(Failure.TRAINING_REFUSED, option=error.option, value=str(error.value)) from error


def _divided(dataset: DataSet, options: TrainingOptions) -> Division:
    """Own photos are too few to hold many out: a head, which is cheap, is cross-validated; a whole network is not."""
    labels = dataset.examples.labels
    if options.data is not DataName.OWN:
        return division.of_pool(
            labels, pool=dataset.pool, labels_per_class=options.labels_per_class, seed=options.seed, how=dataset.split
        )
    divide = division.cross_validation if options.strategy is Strategy.FROZEN else division.held_out_once
    return divide(labels, seed=options.seed)


def _trainees(task: Task) -> Trainees:
    match task.options.strategy:
        case Strategy.FROZEN:
            return frozen(task, _features)
        case Strategy.FINETUNE:
            return finetune(task)
        case Strategy.SCRATCH:
            return scratch(task)


def _about_data(task: Task, side: int) -> Result:
    dataset, divided = task.data, task.division
    training = dataset.examples.chosen(divided.training)
    held_out = dataset.examples.chosen(divided.held_out)
    number = len(dataset.classes)
    sizes = {(picture.height, picture.width) for picture in dataset.examples.pictures}
    figures = {
        "data": str(dataset.name),
        "classes": list(dataset.classes),
        "train": len(training),
        "validation": len(held_out),
        "train_per_class": training.per_class(number),
        "validation_per_class": held_out.per_class(number),
        "available_per_class": dataset.examples.chosen(range(dataset.pool)).per_class(number),
        "size": list(sizes.pop()) if len(sizes) == 1 else None,
        "input_size": side,
        "split": str(divided.how),
        "folds": len(divided.folds) if divided.is_cross_validation else 0,
        "labels_from": str(dataset.labels_from),
        "seed": task.options.seed,
        "threshold": dataset.threshold,
        "sources": [source.figures() for source in dataset.sources],
        "warnings": [str(warning) for warning in dataset.warnings],
    }
    return Result("data", figures, {"examples": _examples(training, number)})


def _examples(training: Examples, classes: int) -> Picture:
    """A row of each class' first examples."""
    columns = min(EXAMPLES_PER_CLASS, *training.per_class(classes))
    places = np.concatenate([np.flatnonzero(training.labels == index)[:columns] for index in range(classes)])
    return pictures.photograph(sheet(training.chosen(places).pictures, columns=columns, tile=TILE))


class _Run:
    """The epochs of one run and what comes of them."""

    def __init__(self, task: Task, trainees: Trainees, emit: Emit) -> None:
        self._task = task
        self.trainees = trainees
        self._emit = emit
        labels = task.data.examples.labels
        taught = np.bincount(np.concatenate([labels[fold.training] for fold in task.division.folds]))
        self._chance = float(taught.max() / taught.sum())
        self._epochs: list[Epoch] = []
        self._accuracy = 0.0
        self._of_epoch = 0  # the last one whose losses were finite: its head is kept

    def all_epochs(self) -> None:
        """Trains epoch after epoch, telling each; a loss that is no number any more ends it."""
        for number in range(1, self._task.options.epochs + 1):
            began = time.perf_counter()
            learned = [learner.learn(self._task.stop_if_cancelled) for learner in self.trainees.learners]
            epoch = judged(self._of_training(learned), self._of_held_out())
            self._epochs.append(epoch)
            self._emit(self._told(number, epoch, time.perf_counter() - began))
            if not epoch.is_finite:
                break
            for learner in self.trainees.learners:
                learner.keep()
            self._of_epoch = number
        for learner in self.trainees.learners:
            learner.go_back()

    def _of_training(self, learned: Sequence[Said]) -> Said:
        """What the learners of all folds said of their training examples: while they learned, or what they say now."""
        return together(
            [
                said if learner.during else learner.asked(learner.training, self._task.stop_if_cancelled)
                for learner, said in zip(self.trainees.folds, learned, strict=False)
            ]
        )

    def _of_held_out(self) -> Said:
        return together([learner.asked(learner.held_out, self._task.stop_if_cancelled) for learner in self.trainees.folds])

    def _told(self, number: int, epoch: Epoch, seconds: float) -> Result:
        figures = {
            "epoch": number,
            "of": self._task.options.epochs,
            "train_loss": finite(epoch.train_loss),
            "validation_loss": finite(epoch.validation_loss),
            "train_measured": "during" if self.trainees.kept.during else "after",
            "train_accuracy": epoch.train_accuracy,
            "validation_accuracy": epoch.validation_accuracy,
            "learning_rate": self._task.options.learning_rate,
            "seconds": round(seconds, 4),
            "observation": self._observed(),
        }
        return Result(f"epoch:{number}", figures)

    def _observed(self) -> dict[str, Any]:
        return observe(self._epochs, classes=len(self._task.data.classes), chance=self._chance)

    def confusion(self, baseline: dict[str, Any]) -> Result:
        """Who was taken for whom by the head that is kept, and how that compares with the best trivial competitor."""
        logits, truth = self._of_held_out()
        certain, predicted = logits.softmax(1).max(1)
        classes = self._task.data.classes
        figures = judging.confusion(predicted.numpy(), truth.numpy(), classes=len(classes))
        places = [int(place) for place in certain.argsort(descending=True, stable=True) if predicted[place] != truth[place]]
        mistaken = places[:MISTAKEN]
        figures |= {
            "classes": list(classes),
            "mean_confidence": float(certain.mean()),
            "mistaken": [
                {
                    "truth": int(truth[place]),
                    "predicted": int(predicted[place]),
                    "probability": float(certain[place]),
                }
                for place in mistaken
            ],
            "wrong": sorted(int(self._task.division.held_out[place]) for place in places),
            "of_epoch": self._of_epoch,
            "best_baseline": {"name": baseline["name"], "accuracy": baseline["accuracy"]},
            "against_baseline": str(judging.against(figures["accuracy"], baseline)),
            "observation": self._observed(),
        }
        self._accuracy = figures["accuracy"]
        return Result("confusion", figures, {"mistaken": self._drawn(mistaken)} if mistaken else {})

    def _drawn(self, places: Sequence[int]) -> Picture:
        asked = self._task.data.examples.chosen(self._task.division.held_out[list(places)]).pictures
        return pictures.photograph(sheet(asked, columns=min(4, len(asked)), tile=TILE))

    def head(self, began: float) -> Result:
        """The head as a file that can be kept, taken along and tried."""
        trainees, options = self.trainees, self._task.options
        exported = trainees.export()
        made_by = trainees.made_by
        content = Checkpoint(
            network=made_by.network,
            weights=made_by.weights,
            weights_sha256=made_by.weights_sha256,
            strategy=options.strategy,
            data=options.data,
            classes=self._task.data.classes,
            side=trainees.side,
            mean=trainees.how.mean,
            std=trainees.how.std,
            interpolation=trainees.how.interpolation,
            antialias=trainees.how.antialias,
            weight=exported.weight,
            bias=exported.bias,
            state=exported.state,
            standardisation=trainees.standardisation,
            recipe=_recipe(options),
            of_epoch=self._of_epoch,
            versions={"engine": made_by.engine, "torch": made_by.torch, "torchvision": made_by.torchvision},
        ).written()
        if len(content) > CHECKPOINT_BYTES:
            raise EngineError(Failure.TRAINING_REFUSED, option="blocks", value=str(options.blocks), network=made_by.network)
        figures = {
            "classes": list(self._task.data.classes),
            "strategy": str(options.strategy),
            "features": exported.weight.shape[1],
            "parameters": exported.weight.numel() + exported.bias.numel(),
            "trained_parameters": sum(
                parameter.numel() for parameter in trainees.kept.model.parameters() if parameter.requires_grad
            ),
            "trained_stages": list(trainees.trained_stages),
            "bytes": len(content),
            "of_epoch": self._of_epoch,
            "seconds": round(time.perf_counter() - began, 3),
            "input_size": trainees.side,
            "validation_accuracy": None if self._task.division.is_cross_validation else self._accuracy,
            "format": CHECKPOINT_FORMAT,
        }
        return Result("head", figures, {"checkpoint": Attachment(content, CHECKPOINT_MEDIA_TYPE)})


def _recipe(options: TrainingOptions) -> dict[str, Any]:
    """How it was trained; which photos were whose stays with the learner."""
    return {
        "epochs": options.epochs,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "labels_per_class": options.labels_per_class,
        "blocks": options.blocks,
        "batch_norm": str(options.batch_norm),
        "standardisation": str(options.standardisation),
    }
