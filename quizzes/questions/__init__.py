"""One small room per kind of question, and the way to it from a question's `kind`."""

from __future__ import annotations

from quizzes.questions import single
from quizzes.questions.base import Answer, Fault, Key, Kind, Score

__all__ = ["KIND_NAMES", "Answer", "Fault", "Key", "Kind", "Score", "UnknownKind", "kind_named"]

KIND_NAMES = (single.NAME,)


class UnknownKind(LookupError):
    """A question's kind that has no room here."""


def kind_named(name: str) -> Kind:
    """The room of a kind of question; raises UnknownKind."""
    if name == single.NAME:
        return single.SingleChoice()
    raise UnknownKind(name)
