"""A mistake's result, read: both first choices beside each other, how far the stages are apart, and a sentence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference.breaking import wording
from inference.breaking.code import CONTEXT, Repair, repair_of
from inference.breaking.wording import Telling
from inference.contracts import MistakeName
from inference.presenting import FileView, PredictionView, ResultView
from web.charts import Chart, Series

ROUNDING = 1e-4
"""A difference below this is that of the last digits, not of a mistake."""

LITTLE = 0.05
"""Bits below which two outputs differ little: a first choice may change all the same when two were close."""

HEALED = 0.5
"""The share of the largest difference, left at the logits, at which later stages have evened it out."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A rank: what should have been there, and what is."""

    rank: int
    correct: PredictionView | None
    broken: PredictionView | None


@dataclass(frozen=True, slots=True)
class InputView:
    """What the network was handed: its shape and range in words, and its picture where it is one."""

    shape: str
    values: str
    picture: FileView | None
    alt: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A stage: how far it is from the right one, in words where it can't be measured."""

    title: str
    shape: str
    correct_shape: str
    value: float | None

    @property
    def said(self) -> str:
        return _("another shape") if self.value is None else f"{self.value:.2f}"


@dataclass(frozen=True, slots=True)
class BrokenView:
    """Everything that a page shows of one mistake."""

    name: MistakeName
    telling: Telling
    sentences: tuple[str, ...]
    rows: tuple[Beside, ...]
    error: str
    chart: Chart | None
    differences: tuple[Difference, ...]
    inputs: tuple[InputView, ...]  # the right one, then the wrong one
    repair: Repair
    context: str = CONTEXT

    @property
    def title(self) -> str:
        return str(self.telling.title)


def read(result: ResultView) -> BrokenView:
    """The result "mistake:<name>" as a page shows it."""
    figures = result.figures
    name = MistakeName(figures["slug"])
    differences = tuple(_difference(stage) for stage in figures["stages"])
    return BrokenView(
        name=name,
        telling=wording.TELLINGS[name],
        sentences=tuple(sentences(figures)),
        rows=tuple(_rows(figures)),
        error=_error_line(figures["error"]),
        chart=_chart(wording.title(name), differences[1:]),
        differences=differences,
        inputs=inputs(result),
        repair=repair_of(name, figures["preprocessing"]),
    )


def inputs(result: ResultView) -> tuple[InputView, ...]:
    """What the network is handed when it is done right, then what it was handed."""
    figures, files = result.figures, result.files
    right = _input(figures["correct_input"], files.get("correct_input"), _("The network’s input, done right"))
    if figures["input"] is None:
        return (right,)
    return (right, _input(figures["input"], files.get("input"), _("The network’s input, with the mistake")))


def _input(told: Mapping[str, Any], picture: FileView | None, alt: str) -> InputView:
    values = _("%(minimum)s to %(maximum)s, mean %(mean)s") % {
        key: _number(told[key]) for key in ("minimum", "maximum", "mean")
    }
    return InputView(_shape(told["shape"]), values, picture, alt)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}".replace("-", "−")


def _rows(figures: Mapping[str, Any]) -> list[Beside]:
    both = zip_longest(_predictions(figures["correct_top_k"]), _predictions(figures["top_k"]))
    return [Beside(rank, correct, broken) for rank, (correct, broken) in enumerate(both, start=1)]


def _predictions(rows: Sequence[Mapping[str, Any]]) -> list[PredictionView]:
    return [PredictionView(row["rank"], row["class_index"], row["label"], row["probability"]) for row in rows]


def _error_line(error: Mapping[str, str] | None) -> str:
    """The error as Python prints it."""
    return f"{error['type']}: {error['message']}" if error else ""


# --- what the figures come to ---------------------------------------------------------------------------------------------


def sentences(figures: Mapping[str, Any]) -> list[str]:
    """What the mistake did, in one to three sentences, each computed from the run's figures."""
    if figures["error"] is not None:
        return [_raised(figures["error"])]
    if figures["divergence_bits"] is None:
        return [_("What comes out are not numbers any more: somewhere they grew beyond what a float can hold.")]
    if _is_nothing(figures):
        return [_nothing(figures)]
    return [_answer(figures), *_warning(figures), _way(figures)]


def _raised(error: Mapping[str, str]) -> str:
    if error["stage"]:
        return _("The run ends in an error at stage “%(stage)s”. Nothing is predicted, and nothing goes wrong unnoticed.") % {
            "stage": error["stage"]
        }
    return _("The run ends in an error before the network begins. Nothing is predicted, and nothing goes wrong unnoticed.")


def _is_nothing(figures: Mapping[str, Any]) -> bool:
    measured = [stage["relative_l2"] for stage in figures["stages"] if stage["relative_l2"] is not None]
    return bool(figures["divergence_bits"] < ROUNDING and all(value < ROUNDING for value in measured))


def _nothing(figures: Mapping[str, Any]) -> str:
    if figures["slug"] == MistakeName.TRAIN_MODE and not any(figures["layers"].values()):
        return _("Nothing changes: this network has no batch normalisation and no dropout, so both modes compute the same.")
    return _("Nothing changes beyond the last digits: on this photo and network the mistake makes no difference.")


def _answer(figures: Mapping[str, Any]) -> str:
    """What became of the right first choice, and how far the outputs are apart. "The same" alone would mislead."""
    right, wrong = figures["correct_top_k"][0], figures["top_k"][0]
    told = {
        "right": right["label"],
        "wrong": wrong["label"],
        "before": _percent(right["probability"]),
        "after": _percent(figures["first_probability"]),
        "rank": figures["first_rank"],
        "bits": _bits(figures["divergence_bits"]),
    }
    if figures["same_first"]:
        return (
            _(
                "The first choice stays “%(right)s”, with %(after)s instead of %(before)s; the outputs differ by %(bits)s"
                " bits of 1."
            )
            % told
        )
    return (
        _(
            "The first choice was “%(right)s” with %(before)s and is “%(wrong)s” now; “%(right)s” falls to rank %(rank)d with"
            " %(after)s. The outputs differ by %(bits)s bits of 1."
        )
        % told
    )


def _warning(figures: Mapping[str, Any]) -> list[str]:
    """What looking at the first choice alone would have told."""
    little = figures["divergence_bits"] < LITTLE
    if figures["same_first"] and not little:
        return [_("Whoever looks at the first choice alone sees no mistake.")]
    if figures["same_first"]:
        return [_("On this photo it hardly shows. On another one it may.")]
    if little:
        return [_("The outputs differ little, and the first choice changes all the same, because two were close.")]
    return []


def _way(figures: Mapping[str, Any]) -> str:
    """Where the two runs part, and whether they come together again."""
    stages = figures["stages"][1:]
    inside = [stage for stage in stages if stage["kind"] != "output"]
    measured = [stage for stage in inside if stage["relative_l2"] is not None]
    if measured and all(stage["relative_l2"] < ROUNDING for stage in measured) and len(measured) == len(inside):
        if stages[-1]["relative_l2"] < ROUNDING:
            return _("Every stage is the same, and so are the probabilities. Only the names beside them have moved.")
        return _("Every stage of the network is the same: the mistake is made after it.")
    if len(measured) < len(inside):
        return _other_shapes(measured, len(inside) - len(measured))
    return _healed_or_grown(measured)


def _other_shapes(measured: Sequence[Mapping[str, Any]], without: int) -> str:
    other = ngettext(
        "%(count)d stage has another shape and can’t be compared number by number.",
        "%(count)d stages have another shape and can’t be compared number by number.",
        without,
    ) % {"count": without}
    if not measured:
        return other
    then = _("After “%(stage)s” the difference is %(value)s times what belongs there.") % _told(measured[0])
    return f"{other} {then}"


def _healed_or_grown(measured: Sequence[Mapping[str, Any]]) -> str:
    first, last = measured[0], measured[-1]
    largest = max(measured, key=lambda stage: stage["relative_l2"])
    told = {
        "largest": largest["title"],
        "most": _times(largest),
        "first": first["title"],
        "least": _times(first),
        "last": last["title"],
        "left": _times(last),
    }
    if last["relative_l2"] <= HEALED * largest["relative_l2"]:
        return (
            _(
                "The difference is largest after “%(largest)s”, %(most)s times what belongs there, and down to %(left)s after"
                " “%(last)s”: later stages even it out in part."
            )
            % told
        )
    if last["relative_l2"] * HEALED >= first["relative_l2"]:
        return (
            _(
                "The difference grows on the way: %(least)s times what belongs there after “%(first)s”, %(left)s after"
                " “%(last)s”, at most %(most)s after “%(largest)s”."
            )
            % told
        )
    return (
        _(
            "The difference goes through the whole network: %(least)s times what belongs there after “%(first)s”, at most"
            " %(most)s after “%(largest)s”, %(left)s after “%(last)s”."
        )
        % told
    )


def _told(stage: Mapping[str, Any]) -> dict[str, str]:
    return {"stage": stage["title"], "value": _times(stage)}


def _times(stage: Mapping[str, Any]) -> str:
    return f"{stage['relative_l2']:.2f}"


def _percent(probability: float) -> str:
    if probability < 0.001:
        return _("less than 0.1%")
    written = f"{probability:.1%}"
    return _("more than 99.9%") if written == "100.0%" and probability < 1 else written


def _bits(value: float) -> str:
    if value < 0.001:
        return _("less than 0.001")
    return f"{value:.2f}" if value >= 0.01 else f"{value:.3f}"


# --- stage by stage ---------------------------------------------------------------------------------------------------------


def _difference(stage: Mapping[str, Any]) -> Difference:
    return Difference(stage["title"], _shape(stage["shape"]), _shape(stage["correct_shape"]), stage["relative_l2"])


def _shape(sizes: Sequence[int]) -> str:
    return " × ".join(str(size) for size in sizes)


def _chart(title: str, differences: Sequence[Difference]) -> Chart | None:
    """The stages' differences as bars; none where nothing was measured. The input, in other units, is told beside it."""
    if not any(difference.value for difference in differences):
        return None
    return Chart(
        title=_("%(mistake)s: how far each stage is from the right run") % {"mistake": title},
        labels=[difference.title for difference in differences],
        series=[Series(_("difference, in parts of the right values"), [difference.value for difference in differences])],
        axis=_("Stage"),
        decimals=2,
        summary=_("The difference of each stage’s output from the right run, in parts of the right output’s length."),
        scale=1.0,
    )
