"""Two training runs side by side: what was different about them, and whether what came out differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inference.training import wording
from inference.training.curves import BaselineView, by_epoch
from inference.training.outcome import ConfusionView
from inference.training.pairing import Pairs, paired
from inference.training.presenting import TrainingView
from inference.training_contracts import Split
from web.charts import Chart, Series

ABSENT = "–"
"""In place of a setting that a run's strategy doesn't have: it differs, but only because the strategies do."""

BY_CHANCE = 0.05
"""A difference that comes up at least this often by chance may be chance: what the intervals' 95 % leave over."""


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
    pairs: Pairs | None  # None where they can't be paired; a sentence says why


def compare(first: TrainingView, second: TrainingView) -> Comparison:
    """What is the same about two runs, what differs, and what that came to."""
    pairs = _pairs(first, second)
    return Comparison(
        runs=(first, second),
        settings=_settings(first, second),
        charts=tuple(chart for chart in (_accuracy(first, second), _loss(first, second)) if chart is not None),
        sentences=tuple(_sentences(first, second, pairs)),
        pairs=pairs,
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
    return None if _judged_apart(first, second) else max(found, key=lambda one: one.accuracy or 0.0, default=None)


def _judged_apart(first: TrainingView, second: TrainingView) -> str:
    """Why the two are judged by different validation examples, in a sentence; empty where they are judged by the same.

    The shipped data's validation examples are the same whatever the seed draws to train on. Of own photos each is judged once
    where they are cross-validated; where some are held out, the seed says which.
    """
    one, other = first.examples, second.examples
    why = ""
    if first.data != second.data:
        why = _("They are judged by different examples: the data sets differ.")
    elif _photos(first) != _photos(second):
        why = _("They are judged by different examples: the photos differ.")
    elif one is None or other is None:  # one has not begun: nothing is compared yet
        why = ""
    elif one.split != other.split:
        why = _("They are judged by different examples: one by photos that were held out, the other by all photos in turn.")
    elif one.split == Split.HELD_OUT and first.options.get("seed") != second.options.get("seed"):
        why = _("They are judged by different examples: each seed holds out other photos.")
    elif [source.package for source in one.sources] != [source.package for source in other.sources]:
        why = _("They may be judged by different examples: the pictures come from different versions of a package.")
    return why


def _photos(run: TrainingView) -> tuple[Any, Any]:
    """Which own photos, each with its class; none of shipped data."""
    return run.options.get("photos"), run.options.get("labels")


def _pairs(first: TrainingView, second: TrainingView) -> Pairs | None:
    """Both heads on the same examples; None where they are judged by others, or one of them doesn't tell which were wrong."""
    one, other = first.confusion, second.confusion
    if one is None or other is None or one.wrong is None or other.wrong is None or _judged_apart(first, second):
        return None
    return paired(one.wrong, other.wrong, examples=one.validation)


def _sentences(first: TrainingView, second: TrainingView, pairs: Pairs | None) -> Sequence[str]:
    told = [_difference_of_settings(first, second)]
    apart = _judged_apart(first, second)
    if first.confusion is None or second.confusion is None:
        told.append(_("The accuracies can be compared when both runs are done."))
    elif apart:
        told += [apart, _("Their accuracies say nothing about which one is better.")]
    elif pairs is not None:
        told += _difference_in_pairs(pairs)
    else:
        told.append(
            _("For one of them it was not kept which examples came out wrong, so here only their intervals are compared.")
        )
        told.append(_difference_of_accuracy(first.confusion, second.confusion))
    told += [_difference_of_time(first, second)]
    return [sentence for sentence in told if sentence]


def _difference_in_pairs(pairs: Pairs) -> Sequence[str]:
    """Which head is better, by the examples that only one of them is right on."""
    if pairs.examples == pairs.agreeing:
        return [_("They are right and wrong on the same of the %(count)d validation examples.") % {"count": pairs.examples}]
    told = {
        "examples": pairs.examples,
        "first": pairs.first_alone,
        "second": pairs.second_alone,
        "agreeing": pairs.agreeing,
    }
    words = _(
        "Of the %(examples)d validation examples A alone is right on %(first)d, B alone on %(second)d; on the other"
        " %(agreeing)d both are right or both wrong."
    )
    return [words % told, *_chance(pairs)]


def _chance(pairs: Pairs) -> Sequence[str]:
    """Whether chance explains the difference, and what a difference that it doesn't explain is about."""
    if pairs.chance == 1:
        return [_("Two equally good heads differ at least as much every time: nothing tells them apart.")]
    told = {"chance": wording.chance(pairs.chance), "better": _("A") if pairs.first_alone > pairs.second_alone else _("B")}
    if pairs.chance >= BY_CHANCE:
        words = _(
            "With two equally good heads a difference this large comes up by chance in %(chance)s comparisons: this may be"
            " chance."
        )
        return [words % told]
    words = _(
        "With two equally good heads a difference this large comes up by chance in %(chance)s comparisons: on such examples"
        " %(better)s is better."
    )
    return [words % told, _("That holds for these two heads. Whether it is the settings’ doing, other seeds tell.")]


def _difference_of_settings(first: TrainingView, second: TrainingView) -> str:
    differing = [one for one in _settings(first, second) if one.differs and ABSENT not in one.values]
    if not differing:
        return _sameness(first, second)
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


def _sameness(first: TrainingView, second: TrainingView) -> str:
    """What to say of runs whose settings are the same: photos may have come into the set, other weights onto the site."""
    if first.options == second.options:
        return _("The settings are the same: these are the same run.")
    if _photos(first) != _photos(second):
        return _("The settings are the same, the photos are not.")
    return _("The settings are the same, the network’s weights are not.")


def _difference_of_accuracy(one: ConfusionView, other: ConfusionView) -> str:
    """Which is right more often, unless each one's accuracy lies in the other's interval."""
    if one.accuracy is None or other.accuracy is None:
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
