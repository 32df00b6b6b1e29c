"""A question's words: as HTML for its pages, as plain text for comparing, and the facts that they show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import get_language

from lessons.facts import Facts, Recorder
from lessons.figures import write_figure
from lessons.markdown import Level, facts_used, render
from lessons.models import LessonVersion

_OF_A_VERSION = (":::", "![")
"""What a block or a picture begins with: these look things up in the lesson's version, and may come to something else later."""

_CODE_OR_FIGURE = re.compile(r"(?P<code>```.*?```|`[^`\n]+`)|\{\{(?P<figure>[^{}\n]*)\}\}", re.DOTALL)


def shown(text: str, *, facts: Mapping[str, Any], version: LessonVersion | None) -> SafeString:
    """Markdown as safe HTML, with frozen facts."""
    return _html(text, facts, version, "full")


def shown_inline(text: str, *, facts: Mapping[str, Any], version: LessonVersion | None) -> SafeString:
    """An option's words as safe HTML: without a paragraph around them, unless they take several lines (printed output)."""
    return _html(text, facts, version, "full" if "\n" in text.strip() else "inline")


def _html(text: str, facts: Mapping[str, Any], version: LessonVersion | None, level: Level) -> SafeString:
    if any(mark in text for mark in _OF_A_VERSION):
        return render(text, facts=facts, lesson_version=version, level=level, prefix="q-")
    return _kept(text, json.dumps(facts, sort_keys=True), level, get_language())


@lru_cache(maxsize=4096)
def _kept(text: str, facts: str, level: Level, _language: str | None) -> SafeString:
    """The same words with the same figures are the same HTML for everybody who reads this language."""
    return render(text, facts=json.loads(facts), level=level, prefix="q-")


def filled(text: str, facts: Facts) -> str:
    """The text with its figures written out, code left as it is; raises BadFigure for one that cannot be."""
    return _CODE_OR_FIGURE.sub(lambda match: match["code"] or write_figure(match["figure"], facts), text)


def compared(text: str) -> str:
    """What two options have in common when a reader could not tell them apart: case, blanks and code marks left out."""
    return " ".join(text.replace("`", "").split()).casefold()


def record_facts(texts: Iterable[str], facts: Recorder) -> None:
    """Makes the recorder look up, and so remember, every fact that the texts show."""
    for text in texts:
        facts_used(text, facts)
