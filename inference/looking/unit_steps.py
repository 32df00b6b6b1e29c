"""The steps of a unit's arithmetic in words: what each does, its calculation, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inference.looking.numbers import number

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a unit's arithmetic: what is done, the calculation, and what comes out."""

    kind: str
    title: str
    sentence: str
    calculation: str
    after: str
    channels: Sequence[Mapping[str, Any]] = ()  # of a weighted sum
    is_patch: bool = False  # whether each channel is a grid, not one number
    others: str = ""
    others_count: int = 0
    bias: str = ""
    window: Sequence[Sequence[str]] = ()  # of a pool


def read_step(told: Figures) -> StepView:
    """One step in words, whatever kind it is."""
    readers = {
        "convolution": _convolution,
        "linear": _linear,
        "batch_norm": _normalisation,
        "layer_norm": _normalisation,
        "nonlinearity": _nonlinearity,
        "sum": _combined,
        "product": _combined,
        "max_pool": _max_pool,
        "average": _average,
        "constant": _constant,
    }
    return readers.get(told["kind"], _mixed)(told)


def _convolution(told: Figures) -> StepView:
    kernel = "×".join(str(side) for side in told["kernel"])
    sentences = [
        _("The window lies at rows %(top)d to %(bottom)d and columns %(left)d to %(right)d of what came in.")
        % {
            "top": told["top"],
            "bottom": told["top"] + (told["kernel"][0] - 1) * told["dilation"][0],
            "left": told["left"],
            "right": told["left"] + (told["kernel"][1] - 1) * told["dilation"][1],
        }
    ]
    if told["outside"]:
        sentences.append(
            ngettext(
                "%(count)d of its cells lies outside, in the padding: it counts as 0.",
                "%(count)d of its cells lie outside, in the padding: they count as 0.",
                told["outside"],
            )
            % {"count": told["outside"]}
        )
    sentences.append(_channels_in(told))
    if told["scaled_by"]:
        sentence = _("What comes in was scaled channel by channel in %(path)s, by squeeze-and-excitation.")
        sentences.append(sentence % {"path": told["scaled_by"]})
    is_patch = told["kernel"] != [1, 1]
    return StepView(
        kind="convolution",
        title=_("Convolution %(kernel)s: %(path)s") % {"kernel": kernel, "path": told["path"]},
        sentence=" ".join(sentences),
        calculation="",
        after=number(told["after"]),
        channels=[_channel(row, is_patch=is_patch) for row in told["shown"]],
        is_patch=is_patch,
        others=number(told["others"]["sum"]),
        others_count=told["others"]["count"],
        bias=number(told["bias"]) if told["bias"] is not None else "",
    )


def _channels_in(told: Figures) -> str:
    if told["groups"] == 1:
        return ngettext("It weighs %(count)d channel.", "It weighs all %(count)d channels.", told["in_channels"]) % {
            "count": told["in_channels"]
        }
    if told["in_channels"] == 1:
        return _("It is depthwise: of %(all)d channels it weighs channel %(first)d alone.") % {
            "all": told["all_channels"],
            "first": told["first_channel"],
        }
    return _("It is grouped: of %(all)d channels it weighs %(first)d to %(last)d.") % {
        "all": told["all_channels"],
        "first": told["first_channel"],
        "last": told["first_channel"] + told["in_channels"] - 1,
    }


def _channel(row: Figures, *, is_patch: bool) -> Mapping[str, Any]:
    """One input channel: its patch beside its kernel, row by row, or its one number and its one weight."""
    told = {"channel": row["channel"], "sum": number(row["sum"]), "scale": number(row["scale"]) if "scale" in row else ""}
    if not is_patch:
        return told | {"value": number(row["patch"][0][0]), "weight": number(row["kernel"][0][0])}
    rows = [
        [{"value": number(value), "weight": number(weight)} for value, weight in zip(values, weights, strict=True)]
        for values, weights in zip(row["patch"], row["kernel"], strict=True)
    ]
    return told | {"rows": rows}


def _linear(told: Figures) -> StepView:
    return StepView(
        kind="linear",
        title=_("Linear layer: %(path)s") % {"path": told["path"]},
        sentence=_("It weighs all %(count)d numbers that come in.") % {"count": told["in_channels"]},
        calculation="",
        after=number(told["after"]),
        channels=[
            {
                "channel": row["channel"],
                "value": number(row["value"]),
                "weight": number(row["weight"]),
                "sum": number(row["sum"]),
                "scale": "",
            }
            for row in told["shown"]
        ],
        others=number(told["others"]["sum"]),
        others_count=told["others"]["count"],
        bias=number(told["bias"]) if told["bias"] is not None else "",
    )


def _normalisation(told: Figures) -> StepView:
    told = {"mean": 0.0, "variance": 1.0, **told}
    if told["kind"] == "batch_norm":
        title = _("Batch normalisation: %(path)s")
        sentence = _("Mean and variance are running statistics of the training data, one pair for each channel.")
    else:
        title = _("Layer normalisation: %(path)s")
        sentence = _("Mean and variance are those of the %(count)d numbers at this place, on this photo.") % {
            "count": told["over"]
        }
    deviation = f"√({number(told['variance'])} + {number(told['epsilon'])})"
    calculation = f"({number(told['before'])} − {_signed(told['mean'])}) ÷ {deviation}"
    if told["weight"] is not None:
        calculation += f" × {_signed(told['weight'])}"
    if told["bias"] is not None:
        calculation += f" + {_signed(told['bias'])}"
    return StepView(told["kind"], title % {"path": told["path"]}, sentence, calculation, number(told["after"]))


def _signed(value: float | None) -> str:
    """A number inside a calculation: a negative one in brackets."""
    written = number(value)
    return f"({written})" if written.startswith("−") else written


_NONLINEARITIES: Mapping[str, tuple[str, Promise]] = {
    "relu": ("ReLU", gettext_lazy("What is below 0 becomes 0.")),
    "relu6": ("ReLU6", gettext_lazy("What is below 0 becomes 0, what is above 6 becomes 6.")),
    "hardtanh": ("Hardtanh", gettext_lazy("What lies outside its bounds is brought to them.")),
    "silu": ("SiLU", gettext_lazy("The number times its sigmoid.")),
    "gelu": ("GELU", gettext_lazy("The number times the share of a normal distribution that lies below it.")),
    "hardswish": ("Hardswish", gettext_lazy("The number times a straight line from 0 at −3 to 1 at 3.")),
    "hardsigmoid": ("Hardsigmoid", gettext_lazy("A straight line from 0 at −3 to 1 at 3.")),
    "sigmoid": ("Sigmoid", gettext_lazy("Squeezed between 0 and 1.")),
    "tanh": ("Tanh", gettext_lazy("Squeezed between −1 and 1.")),
}


def _nonlinearity(told: Figures) -> StepView:
    name, sentence = _NONLINEARITIES.get(told["name"], (told["name"], ""))
    calculation = f"{name}({number(told['before'])})"
    title = _("Nonlinearity: %(name)s") % {"name": name}
    return StepView("nonlinearity", title, str(sentence), calculation, number(told["after"]))


_SOURCES: Mapping[str, Promise] = {
    "shortcut": gettext_lazy("The shortcut is added: what passed the block by, from %(path)s."),
    "scale": gettext_lazy("One scale for the whole channel, from %(path)s."),
    "learned": gettext_lazy("A learned number, the same for every photo: %(path)s."),
    "number": gettext_lazy("A fixed number."),
}


def _combined(told: Figures) -> StepView:
    path = told["from"] or _("the block’s input")
    if told["kind"] == "sum":
        title, sign = _("Sum: %(path)s"), "+"
    else:
        title, sign = _("Product: %(path)s"), "×"
    calculation = f"{number(told['before'])} {sign} {_signed(told['other'])}"
    sentence = str(_SOURCES[told["source"]]) % {"path": path}
    return StepView(told["kind"], title % {"path": told["path"] or "forward"}, sentence, calculation, number(told["after"]))


def _max_pool(told: Figures) -> StepView:
    row, column = told["picked"]
    sentence = _("The largest of the window stays: the one at row %(row)d, column %(column)d, which is followed here.")
    return StepView(
        kind="max_pool",
        title=_("Max pool: %(path)s") % {"path": told["path"]},
        sentence=sentence % {"row": row, "column": column},
        calculation="",
        after=number(told["after"]),
        window=_written(told["window"]),
    )


def _average(told: Figures) -> StepView:
    return StepView(
        kind="average",
        title=_("Average: %(path)s") % {"path": told["path"] or "mean"},
        sentence=_("This unit is no convolution: it is the mean of these %(count)d numbers.") % {"count": told["count"]},
        calculation=f"{number(told['sum'])} ÷ {told['count']}",
        after=number(told["after"]),
        window=_written(told["window"]),
    )


def _written(window: Sequence[Sequence[float]]) -> list[list[str]]:
    return [[number(value) for value in row] for row in window]


def _constant(told: Figures) -> StepView:
    sentence = _("This number is learned, not computed: it is the same for every photo.")
    return StepView("constant", told["path"] or _("A constant"), sentence, "", number(told["after"]))


def _mixed(told: Figures) -> StepView:
    sentence = _(
        "This number is not one weighted sum with fixed weights, so it is told and not taken apart. Choose one of the layers"
        " below: the units of convolutions and linear layers can be."
    )
    return StepView("mixed", told["name"].replace("_", " "), sentence, "", number(told["after"]))
