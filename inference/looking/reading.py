"""A look's figures as pages show them: numbers written out, each with the sentence that says what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inference.looking.numbers import in_per_cent, number
from inference.looking.photographs import photograph
from inference.looking.unit_steps import Figures, StepView, read_step
from inference.presenting import FileView, ResultView

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
        steps=[read_step(step) for step in told["steps"]],
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
