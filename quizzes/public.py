"""The public part of a question: what may be shown before an answer. Built without ever touching a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quizzes.models import QuestionVersion


@dataclass(frozen=True, slots=True)
class PublicOption:
    key: str  # the author's id: it stays on the server, since authors tend to begin with the right one
    text: str  # Markdown


@dataclass(frozen=True, slots=True)
class PublicQuestion:
    """A question as one learner is asked it: options in their own order, and no truth."""

    kind: str
    about: str
    difficulty: str
    objective: str
    stem: str  # Markdown
    facts: Mapping[str, Any]
    options: tuple[PublicOption, ...]  # none where the learner writes


def public_question(version: QuestionVersion, order: Sequence[str]) -> PublicQuestion:
    """The public part of a question version, its options in the order that was drawn."""
    texts = {option.key: option.text for option in version.options.all()}
    return PublicQuestion(
        kind=version.kind,
        about=version.get_about_display(),
        difficulty=version.get_difficulty_display(),
        objective=version.objective,
        stem=version.stem,
        facts=version.facts,
        options=tuple(PublicOption(key, texts[key]) for key in order),
    )
