"""The lessons' dialect of Markdown: CommonMark with tables, footnotes, formulas, figures `{{ … }}` and `:::` blocks.

HTML is not part of it: it is shown as the text it is.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

CONTAINERS = ("predict", "insight", "note", "warning")
"""Blocks that hold Markdown and end with a line `:::`."""

DEEPEST = 20
"""How deeply blocks, lists and quotes may stand in each other."""

_BLOCK = re.compile(r"^:::+[ \t]*(?P<name>[A-Za-z][\w-]*)?[ \t]*(?P<rest>.*)$")
_FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,})")
_CAPTION = re.compile(r"^Table:[ \t]+(?P<caption>[^\n]+)$")


def dialect() -> MarkdownIt:
    """A parser of the dialect. It keeps nothing between texts."""
    md = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False, "maxNesting": DEEPEST})
    md.enable(["table", "strikethrough"])
    md.disable(["html_block", "html_inline"])
    md.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False)
    md.use(footnote_plugin, inline=False)
    md.block.ruler.before("fence", "block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.inline.ruler.before("backticks", "figure", _figure)
    md.core.ruler.after("inline", "captions", _captions)
    md.core.ruler.after("captions", "pictures", _pictures)
    md.core.ruler.after("pictures", "lines", _lines)
    return md


def _figure(state: StateInline, silent: bool) -> bool:
    """`{{ expression }}` becomes a token "figure"."""
    if not state.src.startswith("{{", state.pos):
        return False
    end = state.src.find("}}", state.pos + 2, state.posMax)
    if end < 0 or "{" in state.src[state.pos + 2 : end]:
        return False
    if not silent:
        token = state.push("figure", "", 0)
        token.content = state.src[state.pos + 2 : end].strip()
    state.pos = end + 2
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`::: name rest`: a container of CONTAINERS up to its `:::`, or any other name on a line of its own."""
    if state.is_code_block(start) or not (match := _BLOCK.match(_line(state, start))):
        return False
    if silent:
        return True
    name, rest = match["name"] or "", match["rest"].strip()
    if name in CONTAINERS:
        _container(state, start, end, name, rest)
        return True
    token = state.push("block" if name else "stray_end", "", 0)
    token.info, token.content, token.map, token.block = name, rest, [start, start + 1], True
    closed = (
        bool(name)
        and start + 1 < end
        and _line(state, start + 1).strip(": \t") == ""
        and _line(state, start + 1).startswith(":::")
    )
    state.line = start + 2 if closed else start + 1
    return True


def _container(state: StateBlock, start: int, end: int, name: str, rest: str) -> None:
    close = _closing_line(state, start + 1, end)
    opening = state.push("container_open", "div", 1)
    opening.info, opening.content, opening.block = name, rest, True
    opening.map = [start, close if close is not None else end]
    opening.meta = {"closed": close is not None}
    inner_end = end if close is None else close
    parent, line_max = state.parentType, state.lineMax
    state.parentType, state.lineMax = "container", inner_end
    state.md.block.tokenize(state, start + 1, inner_end)
    state.parentType, state.lineMax = parent, line_max
    closing = state.push("container_close", "div", -1)
    closing.info, closing.block = name, True
    state.line = inner_end if close is None else close + 1


def _closing_line(state: StateBlock, start: int, end: int) -> int | None:
    """The line of the `:::` that closes a container opened just before; containers inside it close first."""
    depth, fence = 1, ""
    number = start
    while number < end:
        line = _line(state, number)
        number += 1
        if fence:
            fence = "" if line.startswith(fence) and not line.strip(fence[0] + " ") else fence
            continue
        if mark := _FENCE.match(line):
            fence = mark["mark"]
            continue
        match = _BLOCK.match(line)
        if match is None:
            continue
        if match["name"] in CONTAINERS:
            depth += 1
        elif match["name"]:  # a block of one line may have a closing line of its own right below
            below = _line(state, number) if number < end else ""
            number += below.startswith(":::") and not below.strip(": \t")
        else:
            depth -= 1
            if depth == 0:
                return number - 1
    return None


def _captions(state: StateCore) -> None:
    """A paragraph "Table: words" right before or after a table becomes its caption."""
    tokens = state.tokens
    for index, token in enumerate(tokens):
        if token.type != "table_open":
            continue
        close = next(
            at for at in range(index, len(tokens)) if tokens[at].type == "table_close" and tokens[at].level == token.level
        )
        for at in (index - 3, close + 1):
            if (
                0 <= at < len(tokens) - 2
                and tokens[at].type == "paragraph_open"
                and _caption(state, token, tokens[at : at + 3])
            ):
                break


def _caption(state: StateCore, table: Token, paragraph: list[Token]) -> bool:
    """Whether the paragraph was the table's caption, and so went into the table."""
    opening, inline, closing = paragraph
    match = _CAPTION.match(inline.content)
    if match is None or opening.hidden:
        return False
    words: list[Token] = []
    state.md.inline.parse(match["caption"], state.md, state.env, words)
    table.meta = {"caption": words}
    opening.hidden = closing.hidden = True
    inline.children = []
    return True


def _pictures(state: StateCore) -> None:
    """A paragraph that is one image and nothing else stands on its own, so that its title can be a caption."""
    for index, token in enumerate(state.tokens):
        if token.type != "inline" or state.tokens[index - 1].type != "paragraph_open":
            continue
        children = token.children or []
        if len(children) == 1 and children[0].type == "image":
            children[0].meta = {"alone": True}
            state.tokens[index - 1].hidden = state.tokens[index + 1].hidden = True


def _lines(state: StateCore) -> None:
    """Every inline token learns the line it stands on, counted from 0 in the text."""
    for token in state.tokens:
        line = token.map[0] if token.map else 0
        for child in [*(token.children or []), *token.meta.get("caption", [])]:
            child.meta = {**child.meta, "line": line}
            line += child.type in ("softbreak", "hardbreak")
