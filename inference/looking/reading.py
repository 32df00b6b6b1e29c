"""A look's figures as pages show them: numbers written out, each with the sentence that says what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inference.looking.photographs import photograph
from inference.presenting import FileView, ResultView

Figures = Mapping[str, Any]


def number(value: float | None) -> str:
    """A number in five significant figures, with a real minus sign."""
    if value is None:
        return "–"
    return f"{value:.5g}".replace("-", "−").replace("e−0", "e−").replace("e+0", "e+")


def in_per_cent(share: float) -> str:
    """A part of a whole in whole per cent, never "0%" or "100%": a part is more than nothing and less than all."""
    if share < 0.01:
        return _("less than 1%")
    return _("more than 99%") if share > 0.99 else f"{share:.0%}"


# --- maps ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MapsView:
    """A sheet of a stage's maps."""

    stage: str
    sheet: FileView
    sentences: Sequence[str]
    alt: str
    rows: Sequence[Mapping[str, Any]]
    columns: int
    tile: str
    grid: str
    channels: str


def read_maps(result: ResultView) -> MapsView:
    """The sheet with its scale, its silent channels and its rows in words."""
    told = result.figures
    height, width = told["grid"]
    sentences = [_maps_shown(told), _maps_scale(told), _silent(told)]
    return MapsView(
        stage=told["stage"],
        sheet=result.files["sheet"],
        sentences=[sentence for sentence in sentences if sentence],
        alt=_("Feature maps of %(stage)s: choose a cell to see its arithmetic") % {"stage": told["stage"]},
        rows=[
            {
                "channel": row["channel"],
                "maximum": number(row["maximum"]),
                "lowest": number(row["lowest"]),
                "highest": number(row["highest"]),
                "mean": number(row["mean"]),
                "silent": row["silent"],
            }
            for row in told["told"]
        ],
        columns=told["columns"],
        tile="{},{}".format(*told["tile"]),
        grid=f"{height},{width}",
        channels=",".join(str(channel) for channel in told["shown"]),
    )


def _maps_shown(told: Figures) -> str:
    counts = {"shown": len(told["shown"]), "channels": told["channels"], "stage": told["stage"]}
    height, width = told["grid"]
    if height * width == 1:
        return _("All %(channels)d numbers of %(stage)s, row by row.") % counts
    counts |= {"height": height, "width": width}
    match told["wanted"]:
        case "varied":
            return _("The %(shown)d of %(channels)d channels that vary most here, each %(height)d × %(width)d cells.") % counts
        case "all":
            return _("All %(channels)d channels, row by row, each %(height)d × %(width)d cells.") % counts
    return (
        ngettext(
            "%(shown)d chosen channel of %(channels)d, %(height)d × %(width)d cells.",
            "%(shown)d chosen channels of %(channels)d, each %(height)d × %(width)d cells.",
            counts["shown"],
        )
        % counts
    )


def _maps_scale(told: Figures) -> str:
    if told["shared_scale"]:
        maximum = {"maximum": number(told["maximum"])}
        if told["signed"]:
            return _("One scale for all: blue is −%(maximum)s, white 0, red %(maximum)s.") % maximum
        return _("One scale for all: dark is 0, bright %(maximum)s.") % maximum
    if told["signed"]:
        return _("Each has its own scale: blue is below 0, white 0, red above, up to its own largest magnitude.")
    return _("Each has its own scale: dark is 0, bright its own maximum.")


def _silent(told: Figures) -> str:
    silent = told["silent"]
    if not silent:
        return ""
    listed = ", ".join(str(channel) for channel in silent[:24]) + ("…" if len(silent) > 24 else "")
    return ngettext(
        "%(count)d channel is silent on this image, the same number in every cell: %(listed)s. On another it may answer.",
        "%(count)d channels are silent on this image, the same number in every cell: %(listed)s. On another they may answer.",
        len(silent),
    ) % {"count": len(silent), "listed": listed}


# --- one unit -----------------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class UnitView:
    """One unit: its number, the steps to it, and the other units that the stage offers."""

    title: str
    steps: Sequence[StepView]
    value: str
    proof: str
    layers: Sequence[Mapping[str, Any]]
    figures: Figures


def read_unit(result: ResultView) -> UnitView:
    """The arithmetic in words."""
    told = result.figures
    where = {"place": told["layer"] or told["stage"], "channel": told["channel"], "y": told["y"], "x": told["x"]}
    title = _("%(place)s, channel %(channel)d, row %(y)d, column %(x)d") % where
    figures = {
        "value": number(told["value"]),
        "again": number(told["recomputed"]),
        "difference": number(abs(told["value"] - told["recomputed"])),
    }
    proof = _(
        "The network itself has %(value)s there. Computed again from the figures above: %(again)s. They differ by"
        " %(difference)s, which is how a sum of 32-bit numbers is rounded."
    )
    return UnitView(
        title=title,
        steps=[_step(step) for step in told["steps"]],
        value=figures["value"],
        proof=proof % figures,
        layers=[_layer(layer, told) for layer in told["layers"]],
        figures=told,
    )


def _layer(layer: Figures, told: Figures) -> Mapping[str, Any]:
    """A layer of the stage with the place in its grid that lies where the chosen one lies."""
    _channels, height, width = told["shape"]
    kernel = "×".join(str(side) for side in layer.get("kernel", ()))
    place = {
        "channel": min(told["channel"], layer["channels"] - 1),
        "y": min(told["y"] * layer["height"] // height, layer["height"] - 1),
        "x": min(told["x"] * layer["width"] // width, layer["width"] - 1),
    }
    return {
        **layer,
        "label": f"{layer['path']} ({kernel}, {layer['channels']}×{layer['height']}×{layer['width']})"
        if kernel
        else f"{layer['path']} ({layer['channels']}×{layer['height']}×{layer['width']})",
        "current": layer["path"] == told["layer"],
        **place,
        "query": urlencode({"stage": told["stage"], "layer": layer["path"], **place}),
    }


def _step(told: Figures) -> StepView:
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


# --- what it sees -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldView:
    """A unit's receptive field: what it can see, and what moves it on this photo."""

    title: str
    theoretical: FileView | None
    effective: FileView | None
    sentences: Sequence[str]
    moved: Sequence[str]


def read_field(result: ResultView) -> FieldView:
    """Both fields in words."""
    told = result.figures
    where = {"place": told["layer"] or told["stage"], "channel": told["channel"], "y": told["y"], "x": told["x"]}
    return FieldView(
        title=_("What channel %(channel)d of %(place)s sees at row %(y)d, column %(x)d") % where,
        theoretical=result.files.get("theoretical"),
        effective=result.files.get("effective"),
        sentences=_seen(told),
        moved=_moved(told),
    )


_THROUGH: Mapping[str, Promise] = {
    "attention": gettext_lazy("On the way there is attention, which lets places look at each other."),
    "average": gettext_lazy("On the way there is an average over the whole grid, as squeeze-and-excitation takes."),
}


def _seen(told: Figures) -> list[str]:
    top, left, bottom, right = told["box"]
    through = [str(_THROUGH[name]) for name in told["through"] if name in _THROUGH]
    if told["whole"]:
        sentences = [_("It can see the whole picture."), *through]
    else:
        figures = {"height": bottom - top, "width": right - left, "share": in_per_cent(told["share"]), "top": top, "left": left}
        sentence = _(
            "It can see %(height)d × %(width)d pixels from row %(top)d, column %(left)d on: %(share)s of the picture. What is"
            " dimmed can’t change its number, whatever the weights are."
        )
        sentences = [sentence % figures, *through]
    if told["reach"]:
        top, left, bottom, right = told["reach"]
        size = {"height": bottom - top, "width": right - left}
        if size["height"] * size["width"] > told["size"][0] * told["size"][1] * told["share"] + 1:
            sentence = _("Its windows reach over %(height)d × %(width)d pixels; what lies beyond the edge is padding.")
            sentences.append(sentence % size)
    return sentences


def _moved(told: Figures) -> list[str]:
    if not told["pixels"]:
        return [_("No pixel moves its number a little: it is cut off to where nothing small changes it.")]
    counts = {"half": told["pixels"]["0.5"], "most": told["pixels"]["0.95"], "all": told["size"][0] * told["size"][1]}
    sentence = _("On this photo %(half)d of %(all)d pixels hold half of its gradient, and %(most)d hold 95%%.")
    sentences = [sentence % counts]
    if told["of"] == "sum":
        sentences.append(_("The number itself was cut off, so this is the gradient of the weighted sum before it."))
    return sentences


# --- evidence, attention, neighbours ------------------------------------------------------------------------------------


def evidence_sentences(result: ResultView) -> list[str]:
    """What Grad-CAM found for a class."""
    told = result.figures
    names = {"label": told["label"], "target": told["target"]}
    if not told["positive"]:
        return [_("No positive evidence for “%(label)s” at %(target)s: nothing is drawn.") % names]
    sentences = [_("Where the evidence for “%(label)s” lies, by Grad-CAM at %(target)s: the brighter, the more.") % names]
    grid = told.get("grid") or []
    if len(grid) == 2:
        sentence = _("It was computed on a grid of %(rows)d × %(columns)d cells: evidence for a class, not its outline.")
        sentences.append(sentence % {"rows": grid[0], "columns": grid[1]})
    return sentences


_REACHES: Mapping[str, Promise] = {
    "all": gettext_lazy("Every token may look at every other."),
    "window": gettext_lazy("It may look inside its own window alone."),
    "shifted_window": gettext_lazy("It may look inside its own window alone; in this layer the windows are shifted."),
    "grid": gettext_lazy("It may look at the cells of a coarse grid that lie apart."),
}


def attention_sentences(result: ResultView) -> list[str]:
    """What one token attends to."""
    told = result.figures
    who = _("the class token") if told["query"] == "class" else _("the patch in row %d, column %d") % tuple(told["query"])
    if told["layer"] == "rollout":
        first = _("What %(who)s attends to, followed through all layers (attention rollout).") % {"who": who}
    elif told["head"] == "mean":
        first = _("What %(who)s attends to in layer %(layer)d: the mean of its %(heads)d heads.") % {
            "who": who,
            "layer": told["layer"],
            "heads": told["heads"],
        }
    else:
        first = _("What %(who)s attends to in layer %(layer)d, head %(head)d of %(heads)d.") % {
            "who": who,
            "layer": told["layer"],
            "head": told["head"],
            "heads": told["heads"],
        }
    sentences = [first, str(_REACHES.get(told["reach"], ""))]
    sentences.append(
        _("Spread over %(entropy)s bits of %(even)s that would be even. It shows what was looked at, not why.")
        % {"entropy": f"{told['entropy']:.1f}", "even": f"{told['entropy_of_even']:.1f}"}
    )
    return [sentence for sentence in sentences if sentence]


@dataclass(frozen=True, slots=True)
class NeighbourView:
    """A photograph that is like the photo."""

    title: str
    credit: str
    similarity: str
    file: FileView | None


def neighbours(result: ResultView, by: str) -> list[NeighbourView]:
    """The photographs most alike, by "by_features" or "by_pixels"."""
    found = []
    for row in result.figures[by]:
        known = photograph(row["sample"])
        title = _("%(title)s, a mirrored cut") % {"title": known.title} if row["cut"] else str(known.title)
        similarity = f"{row['similarity']:.2f}".replace("-", "−")
        found.append(NeighbourView(title, known.credit, similarity, result.files.get(row["file"])))
    return found


def neighbours_sentence(result: ResultView) -> str:
    """How both lists were made."""
    told = result.figures
    return _(
        "Among %(among)d photographs and cuts of them. By pixels: the input reduced to %(cells)d × %(cells)d cells. By"
        " features: the %(features)d numbers that enter the network’s head. Both are cosine similarities, from −1 to 1."
    ) % {"among": told["among"], "cells": told["cells"], "features": told["features"]}
