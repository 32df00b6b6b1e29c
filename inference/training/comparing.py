"""Two training runs side by side: what was different about them, and whether what came out differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from inference.training import wording
from inference.training.curves import BaselineView, by_epoch
from inference.training.presenting import TrainingView
from web.charts import Chart, Series

ABSENT = "–"
"""In place of a setting that a run's strategy doesn't have: it differs, but only because the strategies do."""


@dataclass(frozen=True, slots=True)
class ComparedSetting:
    """One setting of both runs."""

    title: str
    values: tuple[str, str]

    @property
    def differs(self) -> bool:
        return self.values[0] != self.values[1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, A and B."""

    runs: tuple[TrainingView, TrainingView]
    settings: tuple[ComparedSetting, ...]
    charts: tuple[Chart, ...]
    sentences: tuple[str, ...]


def compare(first: TrainingView, second: TrainingView) -> Comparison:
    """What is the same about two runs, what differs, and what that came to."""
    return Comparison(
        runs=(first, second),
        settings=_settings(first, second),
        charts=tuple(chart for chart in (_accuracy(first, second), _loss(first, second)) if chart is not None),
        sentences=tuple(_sentences(first, second)),
    )


def _settings(first: TrainingView, second: TrainingView) -> tuple[ComparedSetting, ...]:
    values = [{one.title: one.value for one in run.settings} for run in (first, second)]
    titles = list(dict.fromkeys([*values[0], *values[1]]))
    return tuple(ComparedSetting(title, (values[0].get(title, ABSENT), values[1].get(title, ABSENT))) for title in titles)


def _accuracy(first: TrainingView, second: TrainingView) -> Chart | None:
    of = max(first.of, second.of)
    if not first.epochs or not second.epochs:
        return None
    series = [
        Series(name, by_epoch(run.epochs, of, "validation_accuracy", factor=100))
        for name, run in ((_("A, validation"), first), (_("B, validation"), second))
    ]
    baseline = _common_baseline(first, second)
    if baseline is not None and baseline.accuracy is not None:
        series.append(Series(_("best trivial baseline: %(name)s") % {"name": baseline.title}, [100 * baseline.accuracy] * of))
    return Chart(
        title=_("Validation accuracy, % of the examples"),
        labels=[str(epoch) for epoch in range(1, of + 1)],
        series=series,
        axis=_("Epoch"),
        decimals=1,
        scale=100,
        summary=_("Validation accuracy by epoch: A ends at %(first)s, B at %(second)s.")
        % {
            "first": wording.percent(first.epochs[-1].validation_accuracy),
            "second": wording.percent(second.epochs[-1].validation_accuracy),
        },
    )


def _loss(first: TrainingView, second: TrainingView) -> Chart | None:
    of = max(first.of, second.of)
    if not first.epochs or not second.epochs:
        return None
    return Chart(
        title=_("Validation loss (mean cross-entropy, nats)"),
        labels=[str(epoch) for epoch in range(1, of + 1)],
        series=[
            Series(_("A, validation"), by_epoch(first.epochs, of, "validation_loss")),
            Series(_("B, validation"), by_epoch(second.epochs, of, "validation_loss")),
        ],
        axis=_("Epoch"),
        summary=_("Validation loss by epoch: A ends at %(first)s, B at %(second)s.")
        % {
            "first": wording.loss(first.epochs[-1].validation_loss),
            "second": wording.loss(second.epochs[-1].validation_loss),
        },
    )


def _common_baseline(first: TrainingView, second: TrainingView) -> BaselineView | None:
    """The better of both runs' baselines, where they are judged by the same examples."""
    found = [one for one in (first.best_baseline, second.best_baseline) if one is not None]
    return max(found, key=lambda one: one.accuracy or 0.0, default=None) if _same_examples(first, second) else None


def _same_examples(first: TrainingView, second: TrainingView) -> bool:
    """Whether both are judged by the same validation examples."""
    if first.data != second.data:
        return False
    if not first.is_private:
        return True
    return [first.options.get(name) for name in ("photos", "seed")] == [second.options.get(name) for name in ("photos", "seed")]


def _sentences(first: TrainingView, second: TrainingView) -> Sequence[str]:
    told = [_difference_of_settings(first, second)]
    if first.confusion is None or second.confusion is None:
        told.append(_("The accuracies can be compared when both runs are done."))
    elif not _same_examples(first, second):
        told.append(_("They are judged by different examples, so their accuracies say nothing about which one is better."))
    else:
        told.append(_difference_of_accuracy(first, second))
    told += [_difference_of_time(first, second)]
    return [sentence for sentence in told if sentence]


def _difference_of_settings(first: TrainingView, second: TrainingView) -> str:
    differing = [one for one in _settings(first, second) if one.differs and ABSENT not in one.values]
    if not differing:
        return _("The settings are the same: these are the same run.")
    listed = "; ".join(
        _("%(title)s: %(first)s in A, %(second)s in B") % {"title": one.title, "first": one.values[0], "second": one.values[1]}
        for one in differing
    )
    if len(differing) == 1:
        return _("One thing differs. %(listed)s.") % {"listed": listed}
    return _("%(count)d things differ, so no single one explains what came out. %(listed)s.") % {
        "count": len(differing),
        "listed": listed,
    }


def _difference_of_accuracy(first: TrainingView, second: TrainingView) -> str:
    """Which is right more often, unless each one's accuracy lies in the other's interval."""
    one, other = first.confusion, second.confusion
    if one is None or other is None or one.accuracy is None or other.accuracy is None:
        return ""
    told = {"first": one.percent, "second": other.percent}
    if one.accuracy == other.accuracy:
        return _("Both are right on %(first)s of the validation examples.") % told
    better = _("A") if one.accuracy > other.accuracy else _("B")
    apart = _outside(one.accuracy, other.interval) and _outside(other.accuracy, one.interval)
    told |= {"better": better}
    if apart:
        words = _("%(better)s is right more often: %(first)s for A, %(second)s for B, each outside the other’s interval.")
        return words % told
    return _("%(first)s for A, %(second)s for B: with so many examples that can be chance; their intervals overlap.") % told


def _outside(value: float, ends: Sequence[float]) -> bool:
    return bool(ends) and not ends[0] <= value <= ends[1]


def _difference_of_time(first: TrainingView, second: TrainingView) -> str:
    if not first.milliseconds or not second.milliseconds:
        return ""
    told = {"first": f"{first.milliseconds / 1000:.1f}", "second": f"{second.milliseconds / 1000:.1f}"}
    words = _("A took %(first)s s, B %(second)s s.") % told
    devices = {run.made_by.get("device") for run in (first, second)}
    return words if len(devices) == 1 else words + " " + _("They ran on different devices.")
