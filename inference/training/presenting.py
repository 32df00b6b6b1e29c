"""A training run, and a head's trial, as pages, API and events show them: values made from rows, document and stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from inference import facts, jobs
from inference.models import Trace
from inference.presenting import (
    ResultView,
    Status,
    address,
    loading_sentence,
    queued_sentence,
    result_of,
    status_of,
    told_so_far,
)
from inference.training import services, wording
from inference.training.curves import (
    BaselineView,
    EpochView,
    accuracy_chart,
    baseline_view,
    best_of,
    epoch_view,
    in_words,
    loss_chart,
)
from inference.training.outcome import (
    ConfusionView,
    DataView,
    HeadView,
    confusion_view,
    data_view,
    features_sentence,
    head_view,
)
from inference.training_contracts import DataName, Strategy
from inference.wording import failure, status_title
from web.charts import Chart

# --- a run ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One of a run's settings, in words."""

    title: str
    value: str


@dataclass(frozen=True, slots=True)
class TrainingView:
    """Everything that a page, the API or an event says about a training run."""

    id: str
    status: Status
    sentence: str
    title: str
    data: str
    data_title: str
    network: str
    network_title: str
    strategy: str
    options: Mapping[str, Any]
    settings: tuple[Setting, ...]
    place: int
    examples: DataView | None
    baselines: tuple[BaselineView, ...]
    features: str
    epochs: tuple[EpochView, ...]
    of: int
    loss_chart: Chart | None
    accuracy_chart: Chart | None
    confusion: ConfusionView | None
    summary: tuple[str, ...]
    prediction: str
    verdict: str
    head: HeadView | None
    results: tuple[ResultView, ...]
    error: str
    error_code: str
    next_action: str
    made_by: Mapping[str, Any]
    milliseconds: float | None
    is_own: bool
    is_kept: bool
    is_private: bool
    url: str
    events_url: str
    cancel_url: str
    again: Mapping[str, Any]
    after: str
    expires_at: datetime | None
    created_at: datetime

    @property
    def is_final(self) -> bool:
        return self.status.is_final

    @property
    def ran(self) -> int:
        """How many epochs have run."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def epochs_in_words(self) -> list[tuple[EpochView, str]]:
        return in_words(self.epochs)

    @property
    def measured_during(self) -> bool:
        """Whether the training figures were taken while it learned, so that they lag behind."""
        return any(one.measured_during for one in self.epochs)

    @property
    def best_baseline(self) -> BaselineView | None:
        return best_of(self.baselines)

    @property
    def threads(self) -> int:
        return int(self.made_by.get("threads") or 1)


def present_training(trace: Trace, *, person: User | None = None, share_token: str = "") -> TrainingView:
    """The run as `person` may see it; `share_token` goes into the addresses of whoever came by the owner's link."""
    job = trace.job
    told = told_so_far(job)
    results = tuple(result_of(trace, result, share_token=share_token) for result in told.get("results", ()))
    by_what = _by_what(results)
    data = str(job.options.get("data", ""))
    status = status_of(trace, has_stages=bool(results))
    epochs = tuple(epoch_view(result.figures) for result in by_what.get("epoch", ()))
    of = epochs[-1].of if epochs else int(job.options.get("epochs") or 0)
    baselines = tuple(baseline_view(result.figures) for result in by_what.get("baseline", ()))
    confusion = _last(by_what, "confusion")
    error, action = failure(job.failure) if status == Status.FAILED else ("", "")
    place = jobs.place_in_line(job) if status == Status.QUEUED else 0
    is_own = person is not None and trace.owner_id == person.pk
    known = facts.facts_of(job.network) or {}
    names = services.set_names([trace]) if is_own else {}
    set_name = names.get(str(job.options.get("photo_set") or ""), "")
    return TrainingView(
        id=str(trace.pk),
        status=status,
        sentence=_sentence(trace, status, epochs=epochs, place=place, milliseconds=told.get("milliseconds")),
        title=wording.what_trained(job.options, set_name=set_name),
        data=data,
        data_title=set_name or wording.data_title(data),
        network=job.network,
        network_title=str(known.get("title") or job.network),
        strategy=str(job.options.get("strategy", "")),
        options=job.options,
        settings=settings_of(job.options, network_title=str(known.get("title") or job.network), set_name=set_name),
        place=place,
        examples=data_view(_last(by_what, "data"), data=data),
        baselines=baselines,
        features=features_sentence(_last(by_what, "features")),
        epochs=epochs,
        of=of,
        loss_chart=loss_chart(epochs, of),
        accuracy_chart=accuracy_chart(epochs, of, best_of(baselines)),
        confusion=confusion_view(confusion, data=data),
        summary=tuple(wording.summary(confusion.figures, data=data)) if confusion is not None else (),
        prediction=trace.prediction,
        verdict=wording.verdict(trace.prediction, confusion.figures) if confusion is not None else "",
        head=head_view(trace, _last(by_what, "head"), data=data, share_token=share_token),
        results=results,
        error=error,
        error_code=job.failure if status == Status.FAILED else "",
        next_action=action,
        made_by=told.get("made_by") or {},
        milliseconds=told.get("milliseconds"),
        is_own=is_own,
        is_kept=trace.pinned,
        is_private="photo_set" in job.options,
        url=address("trace", trace, share_token),
        events_url=address("training_events", trace, share_token),
        cancel_url=reverse("inference:cancel", args=[trace.pk]) if is_own and not status.is_final else "",
        again=again_of(trace) if is_own and status in (Status.FAILED, Status.CANCELLED) else {},
        after=services.last_event(told),
        expires_at=trace.expires_at,
        created_at=trace.created_at,
    )


def _by_what(results: Sequence[ResultView]) -> dict[str, list[ResultView]]:
    found: dict[str, list[ResultView]] = {}
    for result in results:
        found.setdefault(result.what, []).append(result)
    return found


def _last(by_what: Mapping[str, list[ResultView]], what: str) -> ResultView | None:
    return by_what[what][-1] if what in by_what else None


def _sentence(trace: Trace, status: Status, *, epochs: Sequence[EpochView], place: int, milliseconds: float | None) -> str:
    """The one line that says where a run stands."""
    match status:
        case Status.QUEUED:
            return queued_sentence(trace.job, place=place)
        case Status.DONE:
            return _done(len(epochs), milliseconds or 0)
        case Status.CANCELLED:
            return _("Stopped. The epochs that ran are kept below.") if epochs else _("Stopped before it began.")
        case Status.FAILED:
            return _("The run stopped early.")
        case Status.RUNNING:
            return _running(epochs)
    return loading_sentence(trace.job.kind, tries=trace.job.tries)


def _running(epochs: Sequence[EpochView]) -> str:
    if epochs:
        return epoch_sentence(epochs[-1])
    return _("The examples are there. Baselines and features come before the first epoch.")


def epoch_sentence(epoch: EpochView) -> str:
    """How far a run has come: "Epoch 3 of 10: right on 92.5% of the validation examples." """
    return _("Epoch %(epoch)d of %(of)d: right on %(accuracy)s of the validation examples.") % {
        "epoch": epoch.epoch,
        "of": epoch.of,
        "accuracy": wording.percent(epoch.validation_accuracy),
    }


def _done(epochs: int, milliseconds: float) -> str:
    count = ngettext("%(count)d epoch", "%(count)d epochs", epochs) % {"count": epochs}
    return _("Done: %(epochs)s, %(seconds)s s in all.") % {"epochs": count, "seconds": f"{milliseconds / 1000:.1f}"}


def settings_of(options: Mapping[str, Any], *, network_title: str, set_name: str = "") -> tuple[Setting, ...]:
    """A run's settings in words; those that its strategy doesn't look at are left out."""
    strategy, data = str(options.get("strategy", "")), str(options.get("data", ""))
    told = [
        Setting(_("Data set"), set_name or wording.data_title(data)),
        Setting(_("Network"), network_title),
        Setting(_("What is trained"), wording.strategy_title(strategy)),
    ]
    if strategy == Strategy.FINETUNE:
        told.append(Setting(wording.option_title("blocks"), wording.blocks_title(options.get("blocks", 0))))
        told.append(Setting(_("Batch normalisation"), wording.batch_norm_title(str(options.get("batch_norm", "")))))
    if strategy == Strategy.FROZEN:
        title = wording.standardisation_title(str(options.get("standardisation", "")))
        told.append(Setting(_("Features are divided"), title))
    told.append(Setting(wording.option_title("epochs"), str(options.get("epochs", ""))))
    told.append(Setting(wording.option_title("learning_rate"), wording.rate(options.get("learning_rate"))))
    if data != DataName.OWN:
        told.append(Setting(wording.option_title("labels_per_class"), str(options.get("labels_per_class", ""))))
    told.append(Setting(wording.option_title("seed"), str(options.get("seed", ""))))
    return tuple(told)


def again_of(trace: Trace) -> dict[str, Any]:
    """The form's values that ask for the same run once more."""
    options = trace.job.options
    photo_set = options.get("photo_set")
    asked = ("strategy", "epochs", "learning_rate", "batch_norm", "standardisation", "seed")
    told: dict[str, Any] = {name: options[name] for name in asked if name in options}
    if options.get("blocks"):  # 0 where nothing of the network is trained
        told["blocks"] = str(options["blocks"])
    if not photo_set:
        told["labels_per_class"] = options.get("labels_per_class")
    dataset = f"set:{photo_set}" if photo_set else options.get("data")
    return {"network": trace.job.network, "dataset": dataset, "prediction": trace.prediction, **told}


# --- runs in lists --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A run in its owner's list: without its curves."""

    id: str
    url: str
    title: str
    network_title: str
    outcome: str
    status: Status
    status_title: str
    has_head: bool
    is_kept: bool
    created_at: datetime


def rows_of(traces: Sequence[Trace]) -> list[TrainingRow]:
    """The person's runs for their list."""
    names, titles = services.set_names(list(traces)), facts.titles()
    return [_row(trace, titles, names.get(str(trace.job.options.get("photo_set") or ""), "")) for trace in traces]


def _row(trace: Trace, titles: Mapping[str, str], set_name: str) -> TrainingRow:
    status = status_of(trace, has_stages=True)
    return TrainingRow(
        id=str(trace.pk),
        url=address("trace", trace),
        title=wording.what_trained(trace.job.options, set_name=set_name),
        network_title=titles.get(trace.job.network, trace.job.network),
        outcome=wording.what_came_out(trace.job.document or {}),
        status=status,
        status_title=status_title(status),
        has_head=services.has_head(trace.job) and not trace.is_cancelled,
        is_kept=trace.pinned,
        created_at=trace.created_at,
    )
