"""What a curve shows: one observation, computed from the figures of the epochs so far. Knows no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from inference.training_contracts import Observation

# Where a movement is larger than noise. They are choices, made on the curves that the shipped data give.
_RISE = 0.05  # of the best validation loss
_LEAST_RISE = 0.005  # nats: a loss of 0.0001 that doubles is no news
_GAIN = 0.01  # of the best validation loss
_LEAST_GAIN = 0.001  # nats
_FALL = 0.01  # of accuracy
_PATIENCE = 3  # epochs
_ABOVE_CHANCE = 0.05  # of accuracy
_JUMP = 0.2  # of the best validation loss
_FAR = 2  # times the loss of knowing nothing: a young head is a little above it


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's figures: mean cross-entropies in nats, accuracies from 0 to 1. A loss may be infinite or not a number."""

    train_loss: float
    validation_loss: float
    train_accuracy: float
    validation_accuracy: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.train_loss) and math.isfinite(self.validation_loss)


def finite(number: float) -> float | None:
    """The number, or None where JSON has none for it."""
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class _Curve:
    """All epochs so far, and what a network that has learned nothing would reach."""

    epochs: Sequence[Epoch]
    knowing_nothing: float  # the loss of equal probabilities for all classes
    chance: float

    @property
    def last(self) -> Epoch:
        return self.epochs[-1]

    @property
    def best_at(self) -> int:
        """The place of the epoch with the lowest validation loss."""
        return min(range(len(self.epochs)), key=lambda at: self.epochs[at].validation_loss)

    @property
    def best(self) -> Epoch:
        return self.epochs[self.best_at]

    def since_best(self) -> dict[str, float]:
        """The last epoch's validation beside the best one's."""
        return {
            "best_epoch": self.best_at + 1,
            "best_validation_loss": self.best.validation_loss,
            "validation_loss": self.last.validation_loss,
            "best_validation_accuracy": self.best.validation_accuracy,
            "validation_accuracy": self.last.validation_accuracy,
        }


Said = dict[str, Any]


def observe(epochs: Sequence[Epoch], *, classes: int, chance: float) -> Said:
    """What the epochs so far show: {"code": an Observation, …its figures}.

    `classes` is their number, `chance` the accuracy of always saying the most frequent class. Epochs count from 1.
    """
    curve = _Curve(epochs, math.log(classes), chance)
    return next(said for rule in _RULES if (said := rule(curve)) is not None)


def _diverged(curve: _Curve) -> Said | None:
    if curve.last.is_finite:
        return None
    return _said(Observation.DIVERGED, since=1 + next(at for at, epoch in enumerate(curve.epochs) if not epoch.is_finite))


def _beginning(curve: _Curve) -> Said | None:
    return _said(Observation.BEGINNING) if len(curve.epochs) == 1 else None


def _diverging(curve: _Curve) -> Said | None:
    first, last = curve.epochs[0].train_loss, curve.last.train_loss
    if last <= max(curve.knowing_nothing, (1 + _RISE) * first):
        return None
    return _said(Observation.DIVERGING, train_loss=last, first_train_loss=first)


def _not_learning(curve: _Curve) -> Said | None:
    recent = curve.epochs[-_PATIENCE:]
    if len(recent) < _PATIENCE or any(epoch.train_accuracy > curve.chance + _ABOVE_CHANCE for epoch in recent):
        return None
    return _said(Observation.NOT_LEARNING, train_accuracy=curve.last.train_accuracy, chance=curve.chance)


def _unsteady(curve: _Curve) -> Said | None:
    """The validation loss went up and down by turns, far each time, over the last four steps."""
    losses = [epoch.validation_loss for epoch in curve.epochs[-5:]]
    steps = [after - before for before, after in pairwise(losses)]
    far = max(_JUMP * curve.best.validation_loss, _LEAST_RISE)
    if len(steps) < 4 or any(abs(step) <= far for step in steps) or any(one * other > 0 for one, other in pairwise(steps)):
        return None
    return _said(Observation.UNSTEADY, **curve.since_best())


def _risen(curve: _Curve) -> Said | None:
    """The validation loss has been clearly above its best for two epochs: one alone may be noise."""
    best = curve.best
    bound = best.validation_loss + max(_RISE * best.validation_loss, _LEAST_RISE)
    after = curve.epochs[curve.best_at + 1 :]
    if len(after) < 2 or any(epoch.validation_loss <= bound for epoch in after[-2:]):
        return None
    fell = best.validation_accuracy - curve.last.validation_accuracy > _FALL
    code = Observation.OVERFITTING if fell else Observation.OVERCONFIDENT
    return _said(code, since=curve.best_at + 1, **curve.since_best())


def _worse_than_knowing_nothing(curve: _Curve) -> Said | None:
    """The validation loss never was as low as without any knowledge and is far above it, while the training loss is below."""
    if curve.last.validation_loss <= _FAR * curve.knowing_nothing or curve.last.train_loss >= curve.knowing_nothing:
        return None
    if curve.best.validation_loss <= curve.knowing_nothing:
        return None
    return _said(
        Observation.WORSE_THAN_KNOWING_NOTHING,
        validation_loss=curve.last.validation_loss,
        knowing_nothing=curve.knowing_nothing,
        validation_accuracy=curve.last.validation_accuracy,
    )


def _improving_or_not(curve: _Curve) -> Said:
    """When the validation loss was last clearly lower than the lowest that counted before it."""
    gained_at, counted = 0, curve.epochs[0].validation_loss
    for at, epoch in enumerate(curve.epochs):
        if counted - epoch.validation_loss > max(_GAIN * counted, _LEAST_GAIN):
            gained_at, counted = at, epoch.validation_loss
    code = Observation.PLATEAU if len(curve.epochs) - 1 - gained_at >= _PATIENCE else Observation.IMPROVING
    return _said(code, since=gained_at + 1, best_epoch=curve.best_at + 1, best_validation_loss=curve.best.validation_loss)


_RULES: tuple[Callable[[_Curve], Said | None], ...] = (
    _diverged,
    _beginning,
    _diverging,
    _not_learning,
    _unsteady,
    _worse_than_knowing_nothing,
    _risen,
    _improving_or_not,
)
"""The first that has something to say is told; the last one always has."""


def _said(code: Observation, **figures: float) -> Said:
    return {"code": str(code), **{name: finite(figure) for name, figure in figures.items()}}
