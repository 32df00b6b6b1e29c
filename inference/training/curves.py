"""The curve of a training run, epoch by epoch, beside its trivial baselines: figures, words, charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inference.training import wording
from web.charts import Chart, Series


@dataclass(frozen=True, slots=True)
class BaselineView:
    """A trivial competitor and how often it is right."""

    name: str
    title: str
    accuracy: float | None
    percent: str
    interval: str
    inputs: int


@dataclass(frozen=True, slots=True)
class EpochView:
    """One epoch's figures, and what the curve shows by then."""

    epoch: int
    of: int
    train_loss: float | None
    validation_loss: float | None
    train_accuracy: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    measured_during: bool  # the training figures are of the batches before each step, not of the set after the epoch
    observed: str
    observation: str
    code: str

    @property
    def figures(self) -> tuple[str, ...]:
        """Losses and accuracies as the table of epochs has them."""
        return (
            wording.loss(self.train_loss),
            wording.loss(self.validation_loss),
            wording.percent(self.train_accuracy),
            wording.percent(self.validation_accuracy),
        )

    @property
    def rate(self) -> str:
        return wording.rate(self.learning_rate)


def baseline_view(told: Mapping[str, Any]) -> BaselineView:
    """A baseline as its event tells it."""
    return BaselineView(
        name=str(told["name"]),
        title=wording.baseline_title(str(told["name"])),
        accuracy=told.get("accuracy"),
        percent=wording.percent(told.get("accuracy")),
        interval=wording.interval(told.get("interval")),
        inputs=told.get("inputs") or 0,
    )


def best_of(baselines: Sequence[BaselineView]) -> BaselineView | None:
    """The trivial competitor that is right most often."""
    return max(baselines, key=lambda one: one.accuracy or 0.0, default=None)


def epoch_view(told: Mapping[str, Any]) -> EpochView:
    """An epoch as its event tells it."""
    return EpochView(
        epoch=told["epoch"],
        of=told["of"],
        train_loss=told.get("train_loss"),
        validation_loss=told.get("validation_loss"),
        train_accuracy=told.get("train_accuracy"),
        validation_accuracy=told.get("validation_accuracy"),
        learning_rate=told.get("learning_rate") or 0.0,
        seconds=told.get("seconds") or 0.0,
        measured_during=told.get("train_measured") == "during",
        observed=wording.observed(told.get("observation")),
        observation=wording.observation(told.get("observation")),
        code=str((told.get("observation") or {}).get("code", "")),
    )


def in_words(epochs: Sequence[EpochView]) -> list[tuple[EpochView, str]]:
    """Each epoch with what the curve shows by then: a sentence where that is news, and at the end; else a word or two."""
    told = []
    for number, one in enumerate(epochs):
        is_news = number == len(epochs) - 1 or number == 0 or epochs[number - 1].code != one.code
        told.append((one, one.observation if is_news else one.observed))
    return told


def by_epoch(epochs: Sequence[EpochView], of: int, name: str, *, factor: float = 1.0) -> list[float | None]:
    """One of the figures for each epoch from 1 to `of`, None where it hasn't run."""
    values = {one.epoch: getattr(one, name) for one in epochs}
    return [None if values.get(epoch) is None else factor * values[epoch] for epoch in range(1, of + 1)]


def loss_chart(epochs: Sequence[EpochView], of: int) -> Chart | None:
    """Both losses by epoch; None before the first."""
    if not epochs:
        return None
    last = epochs[-1]
    return Chart(
        title=_("Loss (mean cross-entropy, nats)"),
        labels=[str(epoch) for epoch in range(1, of + 1)],
        series=[
            Series(_("training"), by_epoch(epochs, of, "train_loss")),
            Series(_("validation"), by_epoch(epochs, of, "validation_loss")),
        ],
        axis=_("Epoch"),
        summary=_("Loss by epoch: in epoch %(epoch)d %(train)s on the training and %(validation)s on the validation examples.")
        % {"epoch": last.epoch, "train": wording.loss(last.train_loss), "validation": wording.loss(last.validation_loss)},
    )


def accuracy_chart(epochs: Sequence[EpochView], of: int, baseline: BaselineView | None) -> Chart | None:
    """Both accuracies by epoch against the best baseline; None before the first epoch."""
    if not epochs:
        return None
    last = epochs[-1]
    series = [
        Series(_("training"), by_epoch(epochs, of, "train_accuracy", factor=100)),
        Series(_("validation"), by_epoch(epochs, of, "validation_accuracy", factor=100)),
    ]
    if baseline is not None and baseline.accuracy is not None:
        name = _("best trivial baseline: %(name)s") % {"name": baseline.title}
        series.append(Series(name, [100 * baseline.accuracy] * of))
    told = {
        "epoch": last.epoch,
        "train": wording.percent(last.train_accuracy),
        "validation": wording.percent(last.validation_accuracy),
        "baseline": baseline.percent if baseline else "–",
    }
    return Chart(
        title=_("Accuracy, % of the examples"),
        labels=[str(epoch) for epoch in range(1, of + 1)],
        series=series,
        axis=_("Epoch"),
        decimals=1,
        scale=100,
        summary=_(
            "Accuracy by epoch: in epoch %(epoch)d %(train)s of the training and %(validation)s of the validation examples; the"
            " best trivial baseline is right on %(baseline)s."
        )
        % told,
    )
