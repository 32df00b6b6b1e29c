"""YAML documents changed in place: what an author did not touch keeps its bytes, its comments and its order.

A document is edited as a tree of spans: a value that stayed the same is copied from the old text, one that changed is written
anew at its place. The result is read back before it is handed out, so a document that this cannot edit in place (anchors,
merge keys, doubled keys) is written anew as a whole and never as something that means something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

from lessons.documents import read_yaml

IDENTITIES = ("uid", "id", "slug")
"""Keys that say which item of a list another one is the successor of."""

Path: TypeAlias = tuple[str | int, ...]


class UnreadableError(ValueError):
    """The text is not what a form can show; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _CannotEditError(Exception):
    """The text holds something whose spans do not nest."""


class _Dumper(yaml.SafeDumper):
    """Writes lists indented below their key and texts of several lines as blocks, as a person would."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # YAML reads these three as line ends too: in a block they would come back as something else.
    block = "\n" in text and not any(mark in text for mark in "\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


_Dumper.add_representer(str, _represent_text)
# Lessons read 1e5 as a number, which PyYAML's writer takes for a word: it must be told to quote such a word.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789")
)


def load(text: str) -> Any:
    """The document's value as lessons read it (None for an empty one). Raises UnreadableError."""
    document = read_yaml(text, "")
    if document.findings:
        first = min(document.findings)
        raise UnreadableError(first.line, first.message)
    return document.value


def dump(value: Any) -> str:
    """The value as a document that reads back as the same value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types; 1, 1.0 and true are three things in a document."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def rewrite(text: str, value: Any) -> str:
    """The document that reads as `value`, written with as much of `text` as still holds. Raises UnreadableError for `text`."""
    old = load(text)
    if same(old, value):
        return text
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return text + dump(value) if not text or text.endswith("\n") else f"{text}\n{dump(value)}"
    try:
        start, end = node.start_mark.index, _end(text, node)
        edited = text[:start] + _edit(text, node, old, value) + (text[end:] or "\n")
        if same(load(edited), value):
            return edited
    except (_CannotEditError, UnreadableError):
        pass
    return dump(value)


def path_at(text: str, line: int) -> Path:
    """The way (keys and indices) to the deepest value that stands on a line counted from 1; () when none does."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return ()
    return () if node is None else _path_at(node, line - 1)


def line_of(text: str, path: Path) -> int:
    """The line, counted from 1, where the value at `path` (or the last part of the way that exists) begins."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return _line(error)
    line = 0
    for step in path:
        for child_step, first, child in _children(node):
            if child_step == step:
                line, node = first, child
                break
        else:
            break
    return line + 1


def _line(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark is not None else 1


def _children(node: yaml.Node | None) -> Iterator[tuple[str | int, int, yaml.Node]]:
    """Each child's key or index, the line where it begins, and the child."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield index, value.start_mark.line, value


def _path_at(node: yaml.Node, line: int) -> Path:
    before = [child for child in _children(node) if child[1] <= line]
    if len([first for _, first, _ in before if first == line]) > 1:
        return ()  # several values share the line: what is meant is all of them
    if not before:
        return ()
    step, _, child = before[-1]
    return (step, *_path_at(child, line)) if line <= child.end_mark.line else (step,)


def _end(text: str, node: yaml.Node) -> int:
    """Where the value really ends: PyYAML lets blocks run on over blank lines and comments to the next thing."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(node, yaml.MappingNode) else last)
    start = node.start_mark.index
    return start + len(text[start : node.end_mark.index].rstrip())


def _edit(text: str, node: yaml.Node, old: Any, new: Any) -> str:
    """The text of `new` at the place of `node`."""
    if same(old, new):
        return text[node.start_mark.index : _end(text, node)]
    if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and new and not node.flow_style:
        return _edit_mapping(text, node, old, new)
    if isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new and not node.flow_style:
        return _edit_list(text, node, old, new)
    if isinstance(new, dict | list) and new:
        raise _CannotEditError  # a block cannot begin where a word stood: the pair or item around it is written anew
    # Dumping within a list gives the scalar the quoting it needs in a block.
    return _indented(dump([new])[2:].rstrip("\n"), node.start_mark.column)


def _edit_mapping(text: str, node: yaml.MappingNode, old: dict[Any, Any], new: dict[Any, Any]) -> str:
    if len(old) != len(node.value):
        raise _CannotEditError
    column = node.start_mark.column
    plain_lead = "\n" + " " * column
    pieces: list[tuple[str, str]] = []  # what stands before a pair (line end, comments, indent) and the pair
    end = node.start_mark.index
    for name, (key, value) in zip(old, node.value, strict=True):
        lead = _lead(text, end, key.start_mark.index)
        end = _end(text, value)
        if name in new:
            kept = same(old[name], new[name])
            pieces.append(
                (lead, text[key.start_mark.index : end] if kept else _edit_pair(text, (key, value), old[name], new[name]))
            )
    pieces += [(plain_lead, _pair(name, value, column)) for name, value in new.items() if name not in old]
    return _joined(pieces, plain_lead)


def _edit_pair(text: str, pair: tuple[yaml.Node, yaml.Node], old: Any, new: Any) -> str:
    key, value = pair
    try:
        if isinstance(new, dict | list):
            return text[key.start_mark.index : value.start_mark.index] + _edit(text, value, old, new)
    except _CannotEditError:
        pass
    return _pair(key.value, new, key.start_mark.column)


def _edit_list(text: str, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> str:
    if len(old) != len(node.value):
        raise _CannotEditError
    column = node.start_mark.column
    plain_lead = "\n" + " " * column
    leads: list[str] = []
    end = node.start_mark.index
    for item in node.value:
        dash = text.rindex("-", end, item.start_mark.index) if item.start_mark.index > end else -1
        if dash < 0:
            raise _CannotEditError
        leads.append(_lead(text, end, dash) or plain_lead)
        end = _end(text, item)
    pieces: list[tuple[str, str]] = []
    for value, origin in zip(new, successors(old, new), strict=True):
        if origin is None:
            pieces.append((plain_lead, _item(value, column)))
            continue
        item = node.value[origin]
        try:
            pieces.append((leads[origin], "- " + _edit(text, item, old[origin], value)))
        except _CannotEditError:
            pieces.append((leads[origin], _item(value, column)))
    return _joined(pieces, plain_lead)


def successors(old: list[Any], new: list[Any]) -> list[int | None]:
    """For each new item the index of the old item that it continues: the equal one, or the one of the same identity."""
    free = dict(enumerate(old))
    found: list[int | None] = [None] * len(new)
    for matches in (same, _same_identity):
        for place, item in enumerate(new):
            if found[place] is None:
                origin = next((index for index, candidate in free.items() if matches(candidate, item)), None)
                if origin is not None:
                    found[place] = origin
                    del free[origin]
    for place, item in enumerate(new):
        if found[place] is None and place in free and isinstance(item, dict) and isinstance(free[place], dict):
            found[place] = place
            del free[place]
    return found


def _same_identity(one: Any, other: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    return any(one.get(name) is not None and same(one.get(name), other.get(name)) for name in IDENTITIES)


def _lead(text: str, start: int, stop: int) -> str:
    """What stands between two pieces; it holds a line end, unless it is the first piece's."""
    lead = text[start:stop]
    if lead and "\n" not in lead:
        raise _CannotEditError
    return lead


def _joined(pieces: list[tuple[str, str]], plain_lead: str) -> str:
    first, *others = (piece for _, piece in pieces)
    return first + "".join((lead or plain_lead) + piece for (lead, _), piece in zip(pieces[1:], others, strict=True))


def _pair(name: Any, value: Any, column: int) -> str:
    return _indented(dump({name: value}).rstrip("\n"), column)


def _item(value: Any, column: int) -> str:
    return _indented(dump([value]).rstrip("\n"), column)


def _indented(text: str, column: int) -> str:
    """The text with every line but the first moved to the right; blank lines stay blank."""
    first, *others = text.split("\n")
    return "\n".join([first, *(" " * column + line if line else line for line in others)])
