"""The list of networks: sorted, by family, or only those that can predict here. No database here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that the list can be sorted by; numbers begin with the largest when they are asked for first."""

    name: str
    title: str | Promise
    of: Callable[[Row], Any]
    is_number: bool = True


def _weights(name: str) -> Callable[[Row], Any]:
    return lambda row: (row.get("weights") or {}).get(name)


COLUMNS: Sequence[Column] = (
    Column("title", _("Network"), lambda row: str(row["title"]).casefold(), is_number=False),
    Column("family", _("Family"), lambda row: str(row["family"]).casefold(), is_number=False),
    Column("year", _("Year"), lambda row: row.get("year")),
    Column("parameters", _("Parameters"), lambda row: row.get("parameters")),
    Column("macs", _("Multiply-adds"), lambda row: row.get("macs")),
    Column("side", _("Input side"), lambda row: row.get("input_size")),
    Column("top1", _("First choice right"), _weights("top1")),
    Column("size", _("File"), _weights("size_mb")),
)
_BY_NAME = {column.name: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Order:
    """How the list was asked for. What nobody offered is as if it had not been asked for."""

    column: Column | None = None
    descending: bool = False
    family: str = ""
    here: bool = False

    @classmethod
    def asked(cls, query: Mapping[str, str]) -> Order:
        """The order that an address asks for: ?sort=parameters, ?sort=-parameters, ?family=ResNet, ?here=1."""
        sort = query.get("sort", "")
        return cls(
            column=_BY_NAME.get(sort.removeprefix("-")),
            descending=sort.startswith("-"),
            family=query.get("family", "")[:80],
            here=query.get("here") == "1",
        )

    def query(self, column: Column | None = None) -> str:
        """The address' query for the same list sorted by a column; by the same column again turns it round."""
        turned = not self.descending if column is self.column else bool(column and column.is_number)
        sort = f"{'-' if turned else ''}{column.name}" if column else ""
        return urlencode({name: value for name, value in self._filters(sort).items() if value})

    def _filters(self, sort: str) -> dict[str, str]:
        return {"sort": sort, "family": self.family, "here": "1" if self.here else ""}


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading: where it leads, and how the list is sorted by it now (as aria-sort says it)."""

    title: str | Promise
    query: str
    direction: str
    is_number: bool


def headings(order: Order) -> list[Heading]:
    """The headings of all columns in the list as it is sorted now."""
    turned = "descending" if order.descending else "ascending"
    return [
        Heading(column.title, order.query(column), turned if column is order.column else "", column.is_number)
        for column in COLUMNS
    ]


def arranged(rows: Sequence[Row], order: Order) -> list[Row]:
    """The rows that were asked for, in the order asked for; what a column does not know of stands at the end."""
    wanted = [row for row in rows if order.family in ("", row["family"]) and (not order.here or _weights("available")(row))]
    if order.column is None:
        return wanted
    of = order.column.of
    known = sorted((row for row in wanted if of(row) is not None), key=of, reverse=order.descending)
    return known + [row for row in wanted if of(row) is None]


def families(rows: Sequence[Row]) -> list[str]:
    """The families there are, by name."""
    return sorted({str(row["family"]) for row in rows if row["family"]}, key=str.casefold)
