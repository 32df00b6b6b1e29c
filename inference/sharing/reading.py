"""Reading a trace document that anybody may have written: strictly, with one sentence for each thing that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from inference.sharing.pictures import BadPicture, checked
from inference.sharing.schema import FAMILY, FORMAT, DrawnPicture, PictureFile, TraceDocument

MAXIMUM_BYTES = 2 * 1024 * 1024
DEEPEST = 12
MOST_FIELDS = 100  # in one place: each that is not known would become a sentence
TOLD_AT_MOST = 5


class NotReadable(Exception):
    """A file that is no trace document; `sentences` say what is wrong and where."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class ReadTrace:
    """A document that was understood, and the bytes of its pictures by where they stand."""

    document: TraceDocument
    stages: Mapping[int, bytes]
    results: Mapping[tuple[str, str], bytes]  # (result's name, file's key)
    photo: bytes | None


def read_trace(content: bytes | str) -> ReadTrace:
    """The trace that a file holds; raises NotReadable, and nothing else, for whatever else it holds."""
    document = read_document(content)
    bad: list[str] = []

    def bytes_of(picture: PictureFile | None, where: str) -> bytes | None:
        if picture is None:
            return None
        try:
            return checked(picture.content, media_type=picture.media_type, width=picture.width, height=picture.height)
        except BadPicture as problem:
            bad.append(_("The picture “%(where)s” is not taken: %(problem)s.") % {"where": where, "problem": problem})
            return None

    stages = {stage.index: bytes_of(stage.picture, f"stages[{stage.index}].picture") for stage in document.stages}
    results: dict[tuple[str, str], bytes | None] = {
        (result.name, key): bytes_of(file, f"results[{index}].files.{key}")
        for index, result in enumerate(document.results)
        for key, file in files_of(result.files)
    }
    photo = bytes_of(document.photo.picture, "photo.picture")
    if bad:
        raise NotReadable(*bad[:TOLD_AT_MOST])
    return ReadTrace(
        document,
        {index: kept for index, kept in stages.items() if kept is not None},
        {key: kept for key, kept in results.items() if kept is not None},
        photo,
    )


def files_of(files: Any) -> Iterator[tuple[str, DrawnPicture]]:
    """A result's files by their keys; those that are not there are left out."""
    for key in type(files).model_fields:
        if (file := getattr(files, key)) is not None:
            yield key, file


def read_document(content: bytes | str) -> TraceDocument:
    """The document without a look at its pictures; raises NotReadable."""
    value = _value_of(_text_of(content))
    if not isinstance(value, dict) or "format" not in value:
        raise NotReadable(_not_a_trace())
    _refuse_other_format(value["format"])
    _refuse_strange_text(value)
    try:
        return TraceDocument.model_validate(value)
    except ValidationError as error:
        raise NotReadable(*_sentences(error)) from error


def _text_of(content: bytes | str) -> str:
    if len(content) > MAXIMUM_BYTES:
        raise NotReadable(_("The file is larger than %(megabytes)d MB; a trace has about a tenth of one.") % {"megabytes": 2})
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadable(_not_a_trace()) from error


def _not_a_trace() -> str:
    return _("This file is no trace. Choose the .json file that “Download this run” gave you.")


def _value_of(text: str) -> Any:
    """The JSON value; fields that are given twice, NaN and endless nesting are refused."""
    if not text.strip():
        raise NotReadable(_("The file is empty. Choose another one."))
    try:
        value = json.loads(text, object_pairs_hook=_fields, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        if not text.lstrip().startswith("{"):
            raise NotReadable(_not_a_trace()) from error
        message = _("The file is not whole JSON: it can’t be read from line %(line)d, column %(column)d on. Download it again.")
        raise NotReadable(message % place) from error
    except (RecursionError, ValueError) as error:
        raise NotReadable(_not_a_trace()) from error
    if _depth(value) > DEEPEST:
        raise NotReadable(_not_a_trace())
    return value


def _fields(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:
        raise NotReadable(_not_a_trace())
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise NotReadable(_("The field “%(name)s” is given twice in one place of the file.") % {"name": _short(name)})
        fields[name] = value
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise NotReadable(_("The file holds %(name)s where a number must stand.") % {"name": name})


def _depth(value: Any) -> int:
    """How deeply a value is nested, counted no further than is needed to refuse it."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        level = [
            inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)
        ]
        depth += 1
    return depth


def _refuse_other_format(told: Any) -> None:
    if told == FORMAT:
        return
    if isinstance(told, str) and told.startswith(FAMILY) and len(told) < 60:
        message = _(
            "The file has the format “%(found)s”; this site reads “%(known)s”. Open it where it was made, or ask whoever runs"
            " this site for a newer version."
        )
        raise NotReadable(message % {"found": told, "known": FORMAT})
    raise NotReadable(_not_a_trace())


def _refuse_strange_text(value: Any, where: str = "") -> None:
    """Raises NotReadable for characters that no database keeps or that turn a line's direction."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_strange_text(name, where)
            _refuse_strange_text(inner, f"{where}.{_short(name)}".removeprefix("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_strange_text(inner, f"{where}[{index}]")
    elif isinstance(value, str) and any(_is_strange(character) for character in value):
        message = _("“%(where)s” holds a character that can’t be shown. Download the trace again.")
        raise NotReadable(message % {"where": where})


def _is_strange(character: str) -> bool:
    code = ord(character)
    return code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069


_SENTENCES: dict[str, Promise] = {
    "missing": gettext_lazy("“%(where)s” is missing."),
    "extra_forbidden": gettext_lazy("“%(where)s” is not part of this format."),
    "string_type": gettext_lazy("“%(where)s” must be text."),
    "string_too_long": gettext_lazy("“%(where)s” is too long."),
    "string_too_short": gettext_lazy("“%(where)s” is empty."),
    "string_pattern_mismatch": gettext_lazy("“%(where)s” is written in a way that the format doesn’t allow."),
    "too_long": gettext_lazy("“%(where)s” has too many entries: at most %(most)s."),
    "too_short": gettext_lazy("“%(where)s” has too few entries: at least %(least)s."),
    "int_type": gettext_lazy("“%(where)s” must be a whole number."),
    "int_from_float": gettext_lazy("“%(where)s” must be a whole number."),
    "float_type": gettext_lazy("“%(where)s” must be a number."),
    "finite_number": gettext_lazy("“%(where)s” must be a finite number."),
    "bool_type": gettext_lazy("“%(where)s” must be true or false."),
    "list_type": gettext_lazy("“%(where)s” must be a list."),
    "dict_type": gettext_lazy("“%(where)s” must have fields of its own."),
    "model_type": gettext_lazy("“%(where)s” must have fields of its own."),
    "literal_error": gettext_lazy("“%(where)s” must be one of: %(choices)s."),
    "greater_than_equal": gettext_lazy("“%(where)s” is too small."),
    "less_than_equal": gettext_lazy("“%(where)s” is too large."),
    "value_error": gettext_lazy("“%(where)s”: %(problem)s."),
}
_OTHERWISE = gettext_lazy("“%(where)s” has a value that can’t stand there.")


def _sentences(error: ValidationError) -> Iterator[str]:
    found = list(dict.fromkeys(_sentence(details) for details in error.errors(include_url=False, include_input=False)))
    yield from found[:TOLD_AT_MOST]
    more = len(found) - TOLD_AT_MOST
    if more > 0:
        yield ngettext("There is %(more)d more problem.", "There are %(more)d more problems.", more) % {"more": more}


def _sentence(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    return str(_SENTENCES.get(details["type"], _OTHERWISE)) % {
        "where": _where(details["loc"]),
        "most": context.get("max_length", ""),
        "least": context.get("min_length", ""),
        "choices": context.get("expected", ""),
        "problem": context.get("error", ""),
    }


def _where(path: tuple[int | str, ...]) -> str:
    """A place in the file as programs write it: stages[3].statistics.mean."""
    said = "".join(f"[{part}]" if isinstance(part, int) else f".{_short(part)}" for part in path)
    return said.removeprefix(".") or _("the document")


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"
