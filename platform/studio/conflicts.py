"""What two authors made of the same thing, side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from studio.documents import Values
from studio.forms import RowKind, Sheet

CONTEXT_LINES = 2


class ClashError(Exception):
    """Somebody else changed the same thing since the form was opened; `theirs` is None when they deleted it."""

    def __init__(self, theirs: Values | None, author: User | None, fingerprint: str) -> None:
        super().__init__("changed by somebody else")
        self.theirs = theirs
        self.author = author
        self.fingerprint = fingerprint


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: kept, "theirs" (only they have it) or "mine"; a gap stands for equal lines left out."""

    whose: str  # "both", "theirs", "mine", "gap"
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs."""

    name: str
    label: str
    theirs: str
    mine: str

    @property
    def lines(self) -> list[Line]:
        return list(compared(self.theirs, self.mine))


def fingerprint(values: Mapping[str, Any] | None) -> str:
    """A short name for exactly these values: a form carries that of what it was opened with."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def differences(sheet: Sheet, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[Difference]:
    """Every field of the sheet that differs, in the sheet's order."""
    labels = {name: str(field.label or name) for name, field in sheet.form.fields.items()}
    labels |= {name: str(kind.title) for name, kind in sheet.kinds.items()}
    return [
        Difference(name, label, in_words(sheet, name, theirs.get(name)), in_words(sheet, name, mine.get(name)))
        for name, label in labels.items()
        if in_words(sheet, name, theirs.get(name)) != in_words(sheet, name, mine.get(name))
    ]


def in_words(sheet: Sheet, name: str, value: Any) -> str:
    """A field's value as text to read."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return "\n".join(_row_in_words(sheet.kinds.get(name), number, row) for number, row in enumerate(value, start=1))
    return "" if value is None else str(value)


def _row_in_words(kind: RowKind | None, number: int, row: Any) -> str:
    if kind is None or not isinstance(row, Mapping):
        return str(row)
    said = [f"{field.label or key}: {_word(row[key])}" for key, field in kind.form.base_fields.items() if row.get(key)]
    for key, inner in kind.inner.items():
        rows = [_row_in_words(inner, place, one) for place, one in enumerate(row.get(key) or [], start=1)]
        said += [f"{inner.title}:", *("   " + one.replace("\n", "\n   ") for one in rows)] if rows else []
    return f"{number}. " + "\n   ".join(line for one in said for line in one.split("\n"))


def _word(value: Any) -> str:
    if value is True:
        return _("yes")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def compared(theirs: str, mine: str) -> Iterator[Line]:
    """Both texts line by line, with long equal stretches left out."""
    ours, others = mine.split("\n"), theirs.split("\n")
    blocks = SequenceMatcher(None, others, ours).get_opcodes()
    for place, (tag, start, stop, my_start, my_stop) in enumerate(blocks):
        if tag == "equal":
            yield from _equal(others[start:stop], first=place == 0, last=place == len(blocks) - 1)
            continue
        yield from (Line("theirs", text) for text in others[start:stop])
        yield from (Line("mine", text) for text in ours[my_start:my_stop])


def _equal(lines: list[str], *, first: bool, last: bool) -> Iterator[Line]:
    if len(lines) <= 2 * CONTEXT_LINES + 1:
        yield from (Line("both", text) for text in lines)
        return
    if not first:
        yield from (Line("both", text) for text in lines[:CONTEXT_LINES])
    yield Line("gap", "")
    if not last:
        yield from (Line("both", text) for text in lines[-CONTEXT_LINES:])
