"""Tables that are computed from facts: networks side by side, and the stages of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference import wording
from lessons.facts import FactMissing, Facts
from lessons.figures import BadFigure, billions, percent, plain, shape, significant

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a comparison: its heading with the unit, the fact, and how it is written."""

    title: Any
    path: str
    write: Callable[[Any], str] = plain
    of_weights: bool = False  # the fact belongs to the network's default weights


def _points(value: Any) -> str:
    return plain(value) + "%"


COLUMNS: dict[str, Column] = {
    "family": Column(gettext_lazy("Family"), "family"),
    "parameters": Column(gettext_lazy("Parameters"), "parameters"),
    "macs": Column(gettext_lazy("Multiply-adds"), "macs", billions),
    "flops": Column(gettext_lazy("FLOPs"), "flops", billions),
    "feature_dim": Column(gettext_lazy("Features into the head’s last layer"), "feature_dim"),
    "conv_features": Column(gettext_lazy("Output before pooling, C×H×W"), "conv_features", shape),
    "input_size": Column(gettext_lazy("Input side, pixels"), "input_size"),
    "resize_size": Column(gettext_lazy("Resized side, pixels"), "resize_size"),
    "classes": Column(gettext_lazy("Classes"), "classes"),
    "depth": Column(gettext_lazy("Stages"), "depth"),
    "head.parameters": Column(gettext_lazy("Parameters in the head"), "head.parameters"),
    "head.parameters_share": Column(gettext_lazy("Share of parameters in the head"), "head.parameters_share", percent),
    "head.macs_share": Column(gettext_lazy("Share of multiply-adds in the head"), "head.macs_share", percent),
    "backbone.parameters": Column(gettext_lazy("Parameters in the backbone"), "backbone.parameters"),
    "acc1": Column(gettext_lazy("Top-1 accuracy of the default weights"), "acc1", _points, of_weights=True),
    "acc5": Column(gettext_lazy("Top-5 accuracy of the default weights"), "acc5", _points, of_weights=True),
    "size_mb": Column(gettext_lazy("Size of the default weights, MiB"), "size_mb", plain, of_weights=True),
    "licence": Column(gettext_lazy("Licence"), "licence", plain, of_weights=True),
}
"""Name → what a comparison of networks may show."""

DEFAULT_COLUMNS = ("parameters", "macs", "feature_dim", "input_size")


def network_rows(networks: Sequence[str], columns: Sequence[str], facts: Facts) -> list[dict[str, Any]]:
    """One row for each network with its cells in the order of the columns; raises BadFigure for a network without facts."""
    return [
        {"network": name, "title": title_of(name, facts), "cells": [_cell(name, COLUMNS[column], facts) for column in columns]}
        for name in networks
    ]


def _cell(network: str, column: Column, facts: Facts) -> str:
    try:
        path = column.path
        if column.of_weights:
            path = f"weights.{facts(f'{network}.default_weights')}.{path}"
        value = facts(f"{network}.{path}")
    except FactMissing:
        return MISSING
    return MISSING if value is None else column.write(value)


def title_of(network: str, facts: Facts) -> str:
    """The network's name for people; raises BadFigure when nothing is known about it."""
    try:
        return str(facts(f"{network}.title"))
    except FactMissing:
        raise BadFigure(
            _(
                "Nothing is known about the network “%(network)s”. Check its name, or compute it:"
                " manage.py compute_facts %(network)s."
            )
            % {"network": network}
        ) from None


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of a network, or one step before it, as a reader sees it. Shapes leave the batch out."""

    number: int
    name: str  # the engine's: what a trace calls this stage
    title: str  # what PyTorch calls it
    operation: str
    sentence: str
    input_shape: str
    output_shape: str
    parameters: str
    macs: str
    share: float  # of all multiply-adds, 0..1
    blocks: int

    @property
    def share_text(self) -> str:
        return percent(self.share) if self.share else MISSING

    @property
    def share_width(self) -> str:
        """The share as a bar's width, 0 to 100."""
        return f"{100 * self.share:.1f}"


def stage_rows(network: str, facts: Facts, *, preprocessing: bool = False) -> list[StageRow]:
    """The stages of a network in the order of the data, on request after the steps that come before it.

    Raises BadFigure when they are not known.
    """
    title_of(network, facts)
    try:
        stages: Mapping[str, Mapping[str, Any]] = facts(f"{network}.stages")
    except FactMissing:
        raise BadFigure(
            _("The stages of “%(network)s” are not known. Compute them: manage.py compute_facts %(network)s.")
            % {"network": network}
        ) from None
    steps = list(_steps_before(network, facts).items()) if preprocessing else []
    macs = sum(stage.get("macs") or 0 for stage in stages.values()) or 1
    return [_row(number, name, stage, macs) for number, (name, stage) in enumerate([*steps, *stages.items()], start=1)]


def _steps_before(network: str, facts: Facts) -> Mapping[str, Mapping[str, Any]]:
    try:
        steps: Mapping[str, Mapping[str, Any]] = facts(f"{network}.preprocessing")
    except FactMissing:
        return {}
    return steps


def _row(number: int, name: str, stage: Mapping[str, Any], all_macs: int) -> StageRow:
    title = str(stage.get("title") or name)
    operation = str(stage.get("operation") or name)  # a step before the network is called what it does
    blocks = int(stage.get("blocks") or 0)
    return StageRow(
        number=number,
        name=name,
        title=title,
        operation=wording.stage_title(operation, title),
        sentence=wording.stage_sentence(operation, blocks=blocks, details=stage.get("details") or stage),
        input_shape=wording.shape(stage.get("input_shape") or ()) or MISSING,
        output_shape=wording.shape(stage.get("output_shape") or ()) or MISSING,
        parameters=plain(stage.get("parameters") or 0),
        macs=_macs(stage.get("macs") or 0),
        share=(stage.get("macs") or 0) / all_macs,
        blocks=blocks,
    )


def version_of(network: str, facts: Facts) -> str:
    """The public version of torchvision that the network's facts were computed with; empty when they don't say."""
    try:
        return str(facts(f"{network}.torchvision")).partition("+")[0]
    except FactMissing:
        return ""


def _macs(value: float) -> str:
    if not value:
        return MISSING
    if value >= 1e9:
        return billions(value)
    if value >= 1e6:
        return _("%(number)s million") % {"number": significant(value / 1e6)}
    return plain(value)
