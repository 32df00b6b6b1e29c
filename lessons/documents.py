"""YAML as authors write it, read with the line of everything, so that every complaint says where.

Read with PyYAML's safe scanner and our own small resolver: only true/false are booleans (`no` and `yes` are words),
dates stay text, keys may not repeat, and anchors and tags are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar, get_args

import yaml
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lessons.parts import Finding

Path = tuple[str | int, ...]
Shape = TypeVar("Shape", bound=BaseModel)

DEEPEST = 20
"""Levels of nesting that a document may have: far more than any needs, far fewer than the parser's stack."""

LARGEST = 1_000_000
"""Characters that a document may have."""


class _Loader(yaml.SafeLoader):
    """The plain values that every version of YAML reads alike: null, true and false, integers, decimals. The rest is text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for tag, pattern, first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", list("tf")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?$", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)

_KNOWN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}


@dataclass(slots=True)
class Document:
    """A YAML document's value, and the line of each thing in it."""

    file: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of what the path leads to, or of the nearest thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def complain(self, path: Path, message: str) -> None:
        self.findings.append(Finding(self.file, self.line(path), message))


def read_yaml(text: str, file: str, *, first_line: int = 1) -> Document:
    """The document with its lines; what is wrong with it as YAML is in its findings, and then its value may be partial."""
    document = Document(file)
    if len(text) > LARGEST:
        document.findings.append(Finding(file, 0, _("The file is too long. Split the lesson in two.")))
        return document
    try:
        node = _scanned(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or ""
        message = _("This is not YAML: %(problem)s. Look at the indentation, colons and quotes.") % {"problem": problem}
        document.findings.append(Finding(file, (mark.line if mark else 0) + first_line, message))
        return document
    except (yaml.YAMLError, RecursionError) as error:
        message = _("This is not YAML: %(problem)s.") % {"problem": str(error).splitlines()[0] if str(error) else error}
        document.findings.append(Finding(file, first_line, message))
        return document
    if node is not None:
        document.value = _build(node, (), document, first_line)
    return document


@lru_cache(maxsize=4)
def _scanned(text: str) -> yaml.Node | None:
    """The document's nodes, which nobody changes; raises YAMLError.

    Scanning takes longest of all, and one page of the studio asks for the same text several times.
    """
    node: yaml.Node | None = _Loader(_without_aliases(text)).get_single_node()
    return node


def _without_aliases(text: str) -> str:
    """The text again; raises a marked error where an anchor, an alias or depth would make a small file a huge value."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        problem = ""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            problem = _("& and * are not used here; write the value out, or put it in quotes")
        elif depth > DEEPEST:
            problem = _("it is nested too deeply")
        if problem:
            mark: Any = event.start_mark  # the stubs know a second kind of mark, of the C parser, which is not used here
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
    return text


def _build(node: yaml.Node, path: Path, document: Document, first_line: int) -> Any:
    line = node.start_mark.line + first_line
    document.lines.setdefault(path, line)
    if node.tag not in _KNOWN_TAGS:
        document.complain(path, _("Tags such as %(tag)s are not used here. Remove it.") % {"tag": node.tag})
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, first_line)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), document, first_line) for index, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, document: Document, first_line: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key_node, item in node.value:
        line = key_node.start_mark.line + first_line
        if not isinstance(key_node, yaml.ScalarNode):
            document.findings.append(Finding(document.file, line, _("A field's name must be a word.")))
            continue
        key = key_node.value
        if key in value:
            message = _("“%(field)s” is given twice. Keep one of them.") % {"field": key}
            document.findings.append(Finding(document.file, line, message))
            continue
        document.lines[*path, key] = line
        value[key] = _build(item, (*path, key), document, first_line)
    return value


def _scalar(node: yaml.Node) -> Any:
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text == "true"
    if kind == "int":
        return int(text) if len(text) < 20 else text
    if kind == "float":
        return float(text)
    return text


def validated(document: Document, shape: type[Shape]) -> Shape | None:
    """The document as `shape`, or none: then its findings hold one sentence for each thing that is wrong."""
    if document.findings:
        return None
    if not isinstance(document.value, dict):
        document.complain((), _("Expected fields, one “name: value” a line."))
        return None
    try:
        return shape.model_validate(document.value)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            document.complain(located(details, document.value), sentence(details, shape, value=document.value))
        return None


def located(details: ErrorDetails, value: Any) -> Path:
    """Where in a value a pydantic error is: without the names of the shapes that it was tried against."""
    path: list[str | int] = []
    steps = details["loc"]
    for place, step in enumerate(steps):
        is_last = place == len(steps) - 1  # what is missing is not there either
        is_shape = place > 0 and isinstance(steps[place - 1], int) and isinstance(value, dict) and value.get("kind") == step
        if not is_last and (is_shape or (isinstance(step, str) and isinstance(value, dict) and step not in value)):
            continue
        path.append(step)
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            value = None
    if details["type"].startswith("union_tag"):
        path.append(details["ctx"]["discriminator"].strip("'"))
    return tuple(path)


def sentence(details: ErrorDetails, shape: type[BaseModel], *, value: Any = None) -> str:
    """What a pydantic error in a value means to an author, and what to do."""
    if details["type"] == "extra_forbidden":
        return _unknown_field(str(details["loc"][-1]), _fields_at(shape, details["loc"][:-1]))
    path = located(details, value)
    context = details.get("ctx", {})
    said = _SENTENCES.get(details["type"], gettext_lazy("“%(field)s”: %(problem)s."))
    return str(said) % {
        "field": ".".join(str(part + 1 if isinstance(part, int) else part) for part in path),
        "problem": context.get("error", details["msg"]),
        "choices": context.get("expected") or context.get("expected_tags", ""),
        "least": context.get("min_length", 1),
        "most": context.get("max_length", ""),
    }


_EMPTY = gettext_lazy("“%(field)s” is empty or too short: at least %(least)s.")
_LONG = gettext_lazy("“%(field)s” is too long: at most %(most)s.")
_CHOICE = gettext_lazy("“%(field)s” must be one of: %(choices)s.")
_WHOLE = gettext_lazy("“%(field)s” must be a whole number.")
_FIELDS = gettext_lazy("“%(field)s” must have fields of its own, one “name: value” a line.")
_SENTENCES: dict[str, Promise] = {
    "missing": gettext_lazy("“%(field)s” is missing. Add it."),
    "string_type": gettext_lazy("“%(field)s” must be text. Put it in quotes."),
    "string_too_short": _EMPTY,
    "too_short": _EMPTY,
    "string_too_long": _LONG,
    "too_long": _LONG,
    "list_type": gettext_lazy("“%(field)s” must be a list: [one, two], or one “- …” a line."),
    "literal_error": _CHOICE,
    "union_tag_invalid": _CHOICE,
    "union_tag_not_found": gettext_lazy("“%(field)s” is missing. Add it."),
    "enum": _CHOICE,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": gettext_lazy("“%(field)s” must be true or false."),
    "model_type": _FIELDS,
    "dict_type": _FIELDS,
    "model_attributes_type": _FIELDS,
    "value_error": gettext_lazy("“%(field)s”: %(problem)s"),
}
"""What each kind of pydantic's errors is called for authors."""


def _unknown_field(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return _("There is no field “%(field)s” here. Did you mean “%(near)s”?") % {"field": name, "near": near[0]}
    return _("There is no field “%(field)s” here. Fields: %(known)s.") % {"field": name, "known": ", ".join(known)}


def _fields_at(shape: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The fields that may stand where the path leads."""
    models = [shape]
    for part in path:
        if isinstance(part, int):
            continue
        holding = [model for model in models if part in model.model_fields]
        shapes = [model for model in models if _is_shape_of(model, part)] if len(models) > 1 else []
        models = shapes or [inner for model in holding for inner in _models_in(model.model_fields[part].annotation)]
    return sorted({name for model in models for name in model.model_fields})


def _is_shape_of(model: type[BaseModel], tag: str) -> bool:
    """Whether the model is the one of several shapes that a value with this tag has."""
    return any(tag in get_args(field.annotation) for field in model.model_fields.values())


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


FENCE = "---"


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A lesson.md taken apart: YAML between two --- lines, then Markdown."""

    yaml: str
    body: str
    body_line: int  # the line of the file on which the body begins


def split_front_matter(text: str) -> FrontMatter | None:
    """The two halves of a lesson.md; none when it does not begin with a line --- that another one closes."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return None
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return FrontMatter("\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2)
    return None
