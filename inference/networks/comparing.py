"""Networks side by side: figures, charts, and their stages aligned by how small the grid has become. No database here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inference import grids, wording
from web.charts import Chart, Series

MOST = 6
FEWEST = 2
_POOLS = ("average_pool", "flatten", "class_token")


def asked(values: Sequence[str]) -> list[str]:
    """The networks' ids in an address: ?networks=a,b and ?networks=a&networks=b mean the same; each counts once."""
    names = [name.strip() for value in values for name in value.split(",")]
    return list(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True)
class Cell:
    """One stage of one network, in a few words."""

    title: str
    does: str
    shape: str
    blocks: int


@dataclass(frozen=True, slots=True)
class Aligned:
    """A row of stages whose grids are about the same part of the photograph's side; for each network those it has there."""

    label: str
    cells: tuple[tuple[Cell, ...], ...]


def aligned(known: Sequence[Mapping[str, Any]]) -> list[Aligned]:
    """The stages of several networks, row by row: 1/2, 1/4 … of the input's side, then the vector, then the scores."""
    placed: dict[float, list[list[Cell]]] = {}
    for column, network in enumerate(known):
        for stage in (network.get("stages") or {}).values():
            if stage.get("kind") == "output":
                continue  # the same softmax for all
            row = placed.setdefault(_place(stage, side=int(network["input_size"])), [[] for _network in known])
            row[column].append(_cell(stage))
    return [Aligned(_label(place), tuple(map(tuple, placed[place]))) for place in sorted(placed)]


_VECTOR, _SCORES = 100.0, 101.0


def _place(stage: Mapping[str, Any], *, side: int) -> float:
    """Where a stage belongs: the power of two by which its grid is smaller than the photograph, or past all grids."""
    grid = grids.side_of(stage) or 1
    halvings = grids.halvings(grid, of=side)
    if halvings is not None and (stage.get("kind") == "features" or grid > 1):
        return float(halvings)
    pools_scores = (stage.get("details") or {}).get("scores")
    return _VECTOR if stage.get("operation") in _POOLS and not pools_scores else _SCORES


def _label(place: float) -> str:
    if place == _VECTOR:
        return _("to a vector")
    if place == _SCORES:
        return _("to scores")
    return _("whole") if place == 0 else f"1/{2 ** int(place)}"


def _cell(stage: Mapping[str, Any]) -> Cell:
    return Cell(
        title=str(stage.get("title") or ""),
        does=wording.stage_title(str(stage.get("operation") or ""), ""),
        shape=wording.shape(stage.get("output_shape") or ()),
        blocks=int(stage.get("blocks") or 0),
    )


def charts(rows: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """One bar chart for each figure that at least two networks have."""
    drawn = (
        (_("Parameters, in millions"), [_scaled(row.get("parameters"), 1e6) for row in rows], 1),
        (_("Multiply-adds for one photo, in thousand millions"), [_scaled(row.get("macs"), 1e9) for row in rows], 2),
        (_("First choice right, per cent"), [(row.get("weights") or {}).get("top1") for row in rows], 1),
        (_("Time of one pass here, in milliseconds"), [_median(row) for row in rows], 1),
    )
    labels = [str(row["title"]) for row in rows]
    return [
        Chart(title, labels, [Series(title, values)], decimals=decimals)
        for title, values, decimals in drawn
        if sum(value is not None for value in values) >= FEWEST
    ]


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _median(row: Mapping[str, Any]) -> float | None:
    measured = row.get("measured")
    return None if measured is None else float(measured.median_ms)


def shares(known: Mapping[str, Any]) -> list[Chart]:
    """Where in one network its parameters are and where the work is done: per cent of the whole, stage by stage."""
    stages = [stage for stage in (known.get("stages") or {}).values() if stage.get("kind") in ("features", "head")]
    labels = [str(stage.get("title") or "") for stage in stages]
    drawn = ((_("Parameters, per cent of all"), "parameters"), (_("Multiply-adds, per cent of all"), "macs"))
    charts = []
    for title, key in drawn:
        whole = sum(int(stage.get(key) or 0) for stage in stages)
        if whole:
            values = [100 * int(stage.get(key) or 0) / whole for stage in stages]
            charts.append(Chart(title, labels, [Series(title, values)], decimals=1))
    return charts
