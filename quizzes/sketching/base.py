"""A question as it is sketched and as it is drawn: codes and figures alone, no Django."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

Value = int | float | str | tuple[int | float, ...]
Figures = dict[str, Value]

MOST_DISTRACTORS = 3
KEYS = ("a", "b", "c", "d", "e", "f")


class NotDrawable(LookupError):
    """What it would be drawn from allows no such question."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to be said: a code, and the figures its sentence needs."""

    code: str
    figures: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, code: str, **figures: Value) -> Phrase:
        return cls(code, tuple(sorted(figures.items())))

    def __getitem__(self, name: str) -> Value:
        return dict(self.figures)[name]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that a question shows below its words: a code for each column, and none where a figure is asked for."""

    caption: Phrase
    columns: tuple[str, ...]
    rows: tuple[tuple[Value | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Belief:
    """An answer that a misconception leads to; `feedback` says how it came about."""

    text: Phrase
    misconception: str
    feedback: Phrase


@dataclass(frozen=True, slots=True)
class DrawnOption:
    """One option of a drawn question; `misconception` is the slug of what leads to it, empty for the right one."""

    key: str
    text: Phrase
    misconception: str
    feedback: Phrase


@dataclass(frozen=True, slots=True)
class Drawn:
    """One question as drawn: its public part (stem, table, options’ texts), its key, and all that is said after an answer."""

    template: str
    seed: int
    network: str
    stem: Phrase
    options: tuple[DrawnOption, ...]
    right: str
    hint: Phrase
    solution: tuple[Phrase, ...]
    answer: Phrase
    table: Table | None = None

    def option(self, key: str) -> DrawnOption:
        """The option with this key; raises KeyError."""
        return {option.key: option for option in self.options}[key]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a template asks once its chances have been taken: the right answer, and those that beliefs lead to."""

    stem: Phrase
    right: Phrase
    beliefs: Sequence[Belief]
    why: Phrase  # the feedback on the right option
    hint: Phrase
    solution: tuple[Phrase, ...]
    answer: Phrase
    table: Table | None = None


def drawn_from(sketch: Sketch, *, template: str, seed: int, network: str, chance: Random) -> Drawn:
    """The sketch with at most three distractors and an order of options by chance; raises NotDrawable where no belief errs."""
    options, right = _options(sketch, chance)
    return Drawn(
        template=template,
        seed=seed,
        network=network,
        stem=sketch.stem,
        options=options,
        right=right,
        hint=sketch.hint,
        solution=sketch.solution,
        answer=sketch.answer,
        table=sketch.table,
    )


def _options(sketch: Sketch, chance: Random) -> tuple[tuple[DrawnOption, ...], str]:
    """Options in an order that says nothing, and the key of the right one."""
    beliefs = _distinct(sketch.right, sketch.beliefs)
    if not beliefs:
        raise NotDrawable(sketch.stem.code)
    chosen = chance.sample(beliefs, min(MOST_DISTRACTORS, len(beliefs)))
    offered = [Belief(sketch.right, "", sketch.why), *chosen]
    chance.shuffle(offered)
    options = tuple(
        DrawnOption(key, belief.text, belief.misconception, belief.feedback) for key, belief in zip(KEYS, offered, strict=False)
    )
    return options, next(option.key for option in options if option.text == sketch.right)


def _distinct(right: Phrase, beliefs: Iterable[Belief]) -> list[Belief]:
    """Those that lead to another answer than the right one, and each to its own: a belief may happen to be right here."""
    seen = {right}
    kept = []
    for belief in beliefs:
        if belief.text not in seen:
            seen.add(belief.text)
            kept.append(belief)
    return kept
