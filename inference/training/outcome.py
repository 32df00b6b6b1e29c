"""What a training run is about and what came of it: its examples, its confusion matrix, its head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inference.models import Trace
from inference.presenting import FileView, ResultView, address
from inference.training import wording


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of the data: how many examples there are to learn from, and to be judged by."""

    title: str
    train: int
    validation: int


@dataclass(frozen=True, slots=True)
class SourceView:
    """Where a data set's pictures come from."""

    credit: str
    licence: str
    url: str
    package: str


@dataclass(frozen=True, slots=True)
class DataView:
    """What is trained on."""

    classes: tuple[ClassRow, ...]
    train: int
    validation: int
    sizes: str
    split: str
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    sources: tuple[SourceView, ...]
    examples: FileView | None
    alt: str


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """One true class: what its examples were taken for, and how many came out right."""

    title: str
    cells: tuple[tuple[int, bool], ...]  # how many, and whether that is right
    recall: str
    interval: str


@dataclass(frozen=True, slots=True)
class MistakenView:
    """One of the examples that came out wrong, in words."""

    truth: str
    predicted: str
    percent: str


@dataclass(frozen=True, slots=True)
class ConfusionView:
    """How the head did on each class."""

    titles: tuple[str, ...]
    rows: tuple[ConfusionRow, ...]
    accuracy: float | None
    percent: str
    interval: tuple[float, ...]
    interval_words: str
    interval_source: str
    mistaken: tuple[MistakenView, ...]
    validation: int
    wrong: tuple[int, ...] | None  # places of the examples that came out wrong; None of runs from before this was kept
    picture: FileView | None


@dataclass(frozen=True, slots=True)
class HeadView:
    """What a run leaves to be tried and taken along."""

    classes: tuple[str, ...]
    bytes: int
    parameters: int
    trained_parameters: int
    input_size: int
    of_epoch: int
    format: str
    strategy: str
    url: str
    file_name: str


def data_view(result: ResultView | None, *, data: str) -> DataView | None:
    """The examples as their event tells of them; None before it."""
    if result is None:
        return None
    told = result.figures
    classes = [wording.class_title(data, code) for code in told.get("classes", ())]
    counts = zip(classes, told.get("train_per_class", ()), told.get("validation_per_class", ()), strict=False)
    sentences = [
        wording.labels_sentence(str(told.get("labels_from", "")), threshold=told.get("threshold")),
        wording.split_sentence(str(told.get("split", "")), folds=told.get("folds") or 0),
    ]
    return DataView(
        classes=tuple(ClassRow(title, train, validation) for title, train, validation in counts),
        train=told.get("train", 0),
        validation=told.get("validation", 0),
        sizes=_sizes(told),
        split=str(told.get("split", "")),
        sentences=tuple(sentence for sentence in sentences if sentence),
        warnings=tuple(filter(None, (wording.warning(code) for code in told.get("warnings", ())))),
        sources=tuple(_source(one) for one in told.get("sources", ())),
        examples=result.files.get("examples"),
        alt=_("Some training examples, one row a class: %(classes)s") % {"classes": ", ".join(classes)},
    )


def _sizes(told: Mapping[str, Any]) -> str:
    """How large the pictures are, and what the network sees of them."""
    size, seen = told.get("size"), told.get("input_size")
    if not size:
        return _("The network sees each at %(seen)s × %(seen)s pixels.") % {"seen": seen}
    return _("Each is %(width)s × %(height)s pixels; the network sees it at %(seen)s × %(seen)s.") % {
        "width": size[1],
        "height": size[0],
        "seen": seen,
    }


def _source(told: Mapping[str, Any]) -> SourceView:
    return SourceView(
        credit=str(told.get("credit") or ""),
        licence=str(told.get("licence") or ""),
        url=str(told.get("url") or ""),
        package=f"{told.get('package', '')} {told.get('version', '')}".strip(),
    )


def features_sentence(result: ResultView | None) -> str:
    """What the frozen network made of the examples, in a sentence."""
    if result is None:
        return ""
    told = result.figures
    return _(
        "The frozen network turned each of %(count)s examples into %(dimension)s features, once, in %(seconds)s s; the head"
        " learns from those. %(still)s of them vary by less than %(floor)s over the training examples."
    ) % {
        "count": told.get("count"),
        "dimension": told.get("dimension"),
        "seconds": f"{told.get('seconds') or 0:.1f}",
        "still": told.get("barely_varying"),
        "floor": told.get("floor"),
    }


def confusion_view(result: ResultView | None, *, data: str) -> ConfusionView | None:
    """The confusion matrix as its event tells it; None before it."""
    if result is None:
        return None
    told = result.figures
    titles = tuple(wording.class_title(data, code) for code in told["classes"])
    per_class = {one["class_index"]: one for one in told.get("per_class", ())}
    rows = tuple(
        ConfusionRow(
            title=titles[truth],
            cells=tuple((count, truth == predicted) for predicted, count in enumerate(row)),
            recall=wording.percent(per_class.get(truth, {}).get("recall")),
            interval=wording.interval(per_class.get(truth, {}).get("interval")),
        )
        for truth, row in enumerate(told["matrix"])
    )
    return ConfusionView(
        titles=titles,
        rows=rows,
        accuracy=told.get("accuracy"),
        percent=wording.percent(told.get("accuracy")),
        interval=tuple(told.get("interval") or ()),
        interval_words=wording.interval(told.get("interval")),
        interval_source=str(told.get("interval_source") or ""),
        mistaken=tuple(
            MistakenView(
                wording.class_title(data, _class_of(told["classes"], one["truth"])),
                wording.class_title(data, _class_of(told["classes"], one["predicted"])),
                wording.percent(one.get("probability")),
            )
            for one in told.get("mistaken", ())
        ),
        validation=told.get("validation") or 0,
        wrong=tuple(told["wrong"]) if "wrong" in told else None,
        picture=result.files.get("mistaken"),
    )


def _class_of(classes: Sequence[str], told: int | str) -> str:
    return classes[told] if isinstance(told, int) else told


def head_view(trace: Trace, result: ResultView | None, *, data: str, share_token: str) -> HeadView | None:
    """The head as its event tells of it; None before it."""
    if result is None or "checkpoint" not in result.files:
        return None
    told = result.figures
    return HeadView(
        classes=tuple(wording.class_title(data, code) for code in told.get("classes", ())),
        bytes=told.get("bytes") or 0,
        parameters=told.get("parameters") or 0,
        trained_parameters=told.get("trained_parameters") or 0,
        input_size=told.get("input_size") or 0,
        of_epoch=told.get("of_epoch") or 0,
        format=str(told.get("format") or ""),
        strategy=str(told.get("strategy") or trace.job.options.get("strategy", "")),
        url=address("head", trace, share_token),
        file_name=head_file_name(trace),
    )


def head_file_name(trace: Trace) -> str:
    """What a head's file is called where it is taken along."""
    return f"{trace.job.network}-{trace.job.options.get('data', 'head')}-{str(trace.pk)[:8]}.pt"
