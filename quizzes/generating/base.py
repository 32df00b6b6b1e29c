"""What a template is and what it draws: codes and figures alone, no Django. `words` says them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from quizzes.generating.networks import Network

Facts = Mapping[str, Mapping[str, Any]]
"""Network → its facts, nested as `inference.facts.facts_of` gives them."""

Value = int | float | str | tuple[int | float, ...]
Figures = dict[str, Value]

MOST_DISTRACTORS = 3
KEYS = ("a", "b", "c", "d", "e", "f")


class NotDrawable(LookupError):
    """The facts allow no such question: of this network, or of any."""


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
    """One question as drawn: its public part (stem, the options' texts), its key, and all that is said after an answer."""

    template: str
    seed: int
    network: str
    stem: Phrase
    options: tuple[DrawnOption, ...]
    right: str
    hint: Phrase
    solution: tuple[Phrase, ...]
    answer: Phrase

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


Ask = Callable[[Random, Network, Sequence[Network]], Sketch]
"""Takes chance, the network it is about and all known ones; raises NotDrawable for a network it cannot ask about."""


@dataclass(frozen=True, slots=True)
class Template:
    """A question without its figures. `allows` says of which networks it can be asked."""

    name: str
    misconceptions: frozenset[str]
    allows: Callable[[Network], bool]
    ask: Ask = field(repr=False)

    def networks(self, facts: Facts) -> list[str]:
        """The networks that it can be asked of, by name."""
        return [network.id for network in _known(facts) if self.allows(network)]

    def draw(self, seed: int, facts: Facts, parameters: Mapping[str, str] | None = None) -> Drawn:
        """The question that this seed gives: the same for the same facts. Raises NotDrawable."""
        unknown = set(parameters or {}) - {"network"}
        if unknown:
            raise NotDrawable(", ".join(sorted(unknown)))
        known = _known(facts)
        wanted = (parameters or {}).get("network")
        possible = [network for network in known if self.allows(network) and wanted in (None, network.id)]
        if not possible:
            raise NotDrawable(wanted or self.name)
        # A seed of its own for each template: else the third stage would come with the third network everywhere.
        chance = Random(f"{self.name}:{seed}")  # noqa: S311 - a seed has to give the same question again
        network = chance.choice(possible)
        sketch = self.ask(chance, network, known)
        options, right = _options(sketch, chance)
        return Drawn(
            template=self.name,
            seed=seed,
            network=network.id,
            stem=sketch.stem,
            options=options,
            right=right,
            hint=sketch.hint,
            solution=sketch.solution,
            answer=sketch.answer,
        )


def _known(facts: Facts) -> list[Network]:
    return [Network(name, facts[name]) for name in sorted(facts)]


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
