"""What a drawer of variants gives: one drawn question in words. `quizzes.variants` names the drawers and stores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from quizzes.sketching.base import Drawn, Phrase
from quizzes.sketching.words import Misconception as Belief

Recipe = Mapping[str, Any]
"""What a template's row keeps in place of words, and its drawer reads: JSON."""


@dataclass(frozen=True, slots=True)
class VariantOption:
    """One option in words; `belief` is what leads to it, none for a right one."""

    key: str
    text: str  # Markdown
    feedback: str  # Markdown
    belief: Belief | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One drawn question in words: Markdown without `{{ figures }}`, for there are no facts beside it."""

    stem: str
    options: tuple[VariantOption, ...]
    right: tuple[str, ...]  # the keys of the right options
    hint: str
    solution: tuple[str, ...]
    answer: str
    kind: str = "single"  # a room of quizzes.questions
    rule: Mapping[str, Any] = field(default_factory=dict)  # the kind's own, as KeyRevision.rule
    of_run: str = ""  # the trace of a learner's own photo that it was read from: nobody else is asked it


class Drawer(Protocol):
    """Draws the variants of one kind of template.

    A drawer serves one piece of work (an attempt that begins, five samples for an author) and is thrown away after it, so it
    may keep what it looked up: an attempt with five generated questions reads the facts once.
    """

    def draw(self, recipe: Recipe, seed: int) -> Variant:
        """The variant that this seed gives, in the language that is active: the same for the same seed and facts.

        Raises NotDrawable where what it is drawn from is not there (yet), or allows no such question.
        """

    def title(self, recipe: Recipe) -> str:
        """What a template of this recipe asks, in a few words: for cards and lists, which show no variant."""

    def misconceptions(self, recipe: Recipe) -> frozenset[str]:
        """The slugs of what may lead to distractors of its variants; none for a recipe that it does not know."""

    def belief(self, slug: str) -> Belief:
        """What one of these says, in the language that is active."""


def in_words(
    drawn: Drawn,
    *,
    worded: Callable[[Phrase], str],
    misconception: Callable[[str], Belief],
    stem: str = "",
    of_run: str = "",
) -> Variant:
    """A drawn question by its room's words, in the language that is active; `stem` where it is more than its phrase."""
    return Variant(
        stem=stem or worded(drawn.stem),
        options=tuple(
            VariantOption(
                key=option.key,
                text=worded(option.text),
                feedback=worded(option.feedback),
                belief=misconception(option.misconception) if option.misconception else None,
            )
            for option in drawn.options
        ),
        right=(drawn.right,),
        hint=worded(drawn.hint),
        solution=tuple(worded(step) for step in drawn.solution),
        answer=worded(drawn.answer),
        of_run=of_run,
    )
