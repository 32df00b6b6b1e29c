"""What a template of this room is: it lists every question that a recording allows, and a seed takes one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from quizzes.reading.recordings import RecordedStage, Recording
from quizzes.sketching.base import Belief, Drawn, Figures, NotDrawable, Phrase, Sketch, Table, Value, drawn_from

RATIO = 1.15
"""Two figures are told apart when the larger one is at least so many times the smaller: times are measured, and vary."""

COUNTED = 1.02
"""The same for counts, which come out alike every time: so far apart that three digits show it."""

POINTS = 3.0
"""Two percentages are told apart when there are at least so many points between them."""

FEWEST_DISTRACTORS = 2

Cases = Callable[[Recording], Iterator[Sketch]]
"""Every question that a recording allows, always in the same order; what is too near to call is left out."""


@dataclass(frozen=True, slots=True)
class Template:
    """A question to be read out of a recorded run."""

    name: str
    misconceptions: frozenset[str]
    cases: Cases = field(repr=False)
    names_classes: bool = False  # whether what it shows says what the network saw in the photo

    def sketches(self, recording: Recording) -> list[Sketch]:
        """Every question that can be asked of the recording: those that at least two beliefs get wrong."""
        return [sketch for sketch in self.cases(recording) if _misleads_enough(sketch)]

    def allows(self, recording: Recording) -> bool:
        """Whether it can be asked of the recording at all."""
        return bool(self.sketches(recording))

    def draw(self, seed: int, recording: Recording) -> Drawn:
        """The question that this seed gives: the same for the same recording. Raises NotDrawable."""
        sketches = self.sketches(recording)
        if not sketches:
            raise NotDrawable(self.name)
        chance = Random(f"{self.name}:{seed}")  # noqa: S311 - a seed has to give the same question again
        sketch = chance.choice(sketches)
        return drawn_from(sketch, template=self.name, seed=seed, network=recording.network, chance=chance)


def _misleads_enough(sketch: Sketch) -> bool:
    return len({belief.text for belief in sketch.beliefs} - {sketch.right}) >= FEWEST_DISTRACTORS


def differ(one: float, other: float, *, ratio: float = RATIO) -> bool:
    """Whether two figures are so far apart that nobody can take one for the other."""
    low, high = sorted((one, other))
    return high >= ratio * low and high > 0


def points_apart(one: float, other: float) -> bool:
    """Whether two percentages are so far apart that rounding can't bring them together."""
    return abs(one - other) >= POINTS


def percent(part: float, whole: float) -> int:
    """A share as it is written in options."""
    return round(100 * part / whole)


def leader(
    stages: Iterable[RecordedStage], figure: Callable[[RecordedStage], float], *, ratio: float = COUNTED
) -> RecordedStage | None:
    """The stage where the figure is largest; none where another comes near."""
    ranked = sorted(stages, key=figure, reverse=True)
    if not ranked or (len(ranked) > 1 and not differ(figure(ranked[0]), figure(ranked[1]), ratio=ratio)):
        return None
    return ranked[0]


def columns(stages: Iterable[RecordedStage], names: tuple[str, ...]) -> tuple[tuple[Value | None, ...], ...]:
    """A row for each stage, with the figures of these names."""
    return tuple(tuple(getattr(stage, name) for name in names) for stage in stages)


def stage_table(recording: Recording, stages: Iterable[RecordedStage], *names: str) -> Table:
    """The stages as a table: their titles, and the figures of these names."""
    every = ("title", *names)
    return Table(caption(recording, "stages"), every, columns(stages, every))


def caption(recording: Recording, what: str) -> Phrase:
    """What ran on which photo, above a table."""
    return Phrase.of(f"caption.{what}", network=recording.network, photo=recording.photo)


def beliefs_of(template: str, figures: Figures) -> Callable[..., Belief]:
    """Makes the template's beliefs: each has the feedback `template.slug`, with these figures and its own."""

    def belief(slug: str, text: Phrase, **more: Value) -> Belief:
        return Belief(text, slug, Phrase.of(f"{template}.{slug}", **{**figures, **more}))

    return belief
