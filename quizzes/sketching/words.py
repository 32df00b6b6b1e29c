"""How drawn questions are said: a phrase by its room's sentences, a figure by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from lessons.figures import billions, millions, plain
from quizzes.sketching.base import Phrase, Value


@dataclass(frozen=True, slots=True)
class Misconception:
    """What people believe who choose a drawn option, and why it fails; `mistake` is its runnable form's name, if any."""

    slug: str
    title: str
    belief: str
    why: str
    mistake: str = ""


def said(phrase: Phrase, sentences: Mapping[str, str | Promise]) -> str:
    """The phrase as Markdown in the language of whoever asks; raises KeyError for a code without a sentence."""
    figures: dict[str, str] = {}
    for name, value in phrase.figures:
        figures[name] = written(name, value)
        figures[f"{name}_raw"] = str(value)  # within code, where 2,048 would be two arguments
    return str(sentences[phrase.code]) % figures


_MARKS = re.compile(r"[\\`*_{}\[\]<>#$|~]")


def escaped(words: str) -> str:
    """The words with nothing left in them that means something to Markdown: labels and titles come from elsewhere."""
    return _MARKS.sub(r"\\\g<0>", words)


def written(name: str, value: Value) -> str:
    """A figure as text: numbers grouped, large ones in millions or billions, shapes with ×, colours in parentheses."""
    if name in ("macs", "grown") and isinstance(value, int):
        return billions(value)
    if name.endswith("adds") and isinstance(value, int):
        return millions(value)
    if name == "stages" and isinstance(value, tuple):
        return ", ".join(plain(each) for each in value)
    if name.endswith(("label", "photo")) and isinstance(value, str):
        return escaped(value)
    if isinstance(value, tuple) and not name.endswith("shape"):
        return f"({', '.join(_ungrouped(each) for each in value)})"
    return plain(value)


def _ungrouped(value: float) -> str:
    """A number within parentheses, where a comma stands between two numbers and in none, and a minus sign is one."""
    return f"{value:.6g}".replace("-", "−")
