"""One small room per kind of question, and the way to it from a question's `kind`."""

from __future__ import annotations

from quizzes.questions.base import Answer, Asks, Choice, Fault, Key, Kind, Score
from quizzes.questions.multiple import Credit, MultipleChoice
from quizzes.questions.numeric import Numeric
from quizzes.questions.output import CodeOutput
from quizzes.questions.single import SingleChoice

__all__ = ["KINDS", "Answer", "Asks", "Choice", "Credit", "Fault", "Key", "Kind", "Score", "UnknownKind", "kind_named"]

KINDS: dict[str, Kind] = {kind.name: kind for kind in (SingleChoice(), MultipleChoice(), Numeric(), CodeOutput())}


class UnknownKind(LookupError):
    """A question's kind that has no room here."""


def kind_named(name: str) -> Kind:
    """The room of a kind of question; raises UnknownKind."""
    try:
        return KINDS[name]
    except KeyError as error:
        raise UnknownKind(name) from error
