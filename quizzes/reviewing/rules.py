"""What an answer says of memory, what is asked in which order, and when it is enough. Pure rules.

They are explained in docs/decisions/0018-what-review-asks-and-how-much.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

MOST_CARDS = 20
"""Of one sitting."""

LONGEST = timedelta(minutes=10)
"""About as long as a sitting asks for more."""

LONGEST_OF_ONE = timedelta(minutes=2)
"""What one card counts at most: whoever leaves the page open was not at work."""

FEW = 3
"""What is offered after an absence instead of everything."""

ABSENCE = timedelta(days=7)
MANY = 10

GUESS, CERTAIN = "guess", "certain"


class Rating(IntEnum):
    """How well a card was known: FSRS's four grades."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the first answer to a question."""

    right: bool  # wholly; giving up and being right in part are not
    helped: bool  # a hint or a step of the solution was seen before it
    confidence: str = ""  # "guess", "likely", "certain"; empty: not said


def rating_of(known: Known) -> Rating:
    """Not right: Again. Right with help, or by a guess: Hard. Right and certain: Easy. Right: Good."""
    if not known.right:
        return Rating.AGAIN
    if known.helped or known.confidence == GUESS:
        return Rating.HARD
    return Rating.EASY if known.confidence == CERTAIN else Rating.GOOD


def is_certain_and_wrong(known: Known) -> bool:
    """Whether somebody was sure of what is not so: they will not look it up by themselves."""
    return not known.right and known.confidence == CERTAIN


@dataclass(frozen=True, slots=True)
class Waiting:
    """A card as the queue sees it."""

    card: int
    about: Hashable  # the question or insight: asked once in a sitting
    due_at: datetime
    chance: float | None  # that it is still known, 0..1; none: it was never asked
    certain_and_wrong: bool = False


def queue(cards: Iterable[Waiting], *, now: datetime, most: int = MOST_CARDS) -> list[Waiting]:
    """The due cards in the order in which they are asked, at most `most` of them, nothing twice.

    First what was certain and wrong, then what is most likely forgotten; what was never asked comes last, the oldest first.
    """
    chosen: dict[Hashable, Waiting] = {}
    for card in sorted((card for card in cards if card.due_at <= now), key=_urgency):
        chosen.setdefault(card.about, card)
    return list(chosen.values())[: max(0, most)]


def _urgency(card: Waiting) -> tuple[bool, bool, float, datetime, int]:
    never = card.chance is None
    return (not card.certain_and_wrong, never, 0.0 if card.chance is None else card.chance, card.due_at, card.card)


def offers_few(*, due: int, last: datetime | None, now: datetime) -> bool:
    """Whether "Start with 3" is offered: more than ten are due, and nothing was reviewed for seven days (or ever)."""
    return due > MANY and (last is None or now - last >= ABSENCE)


def is_enough(spans: Sequence[tuple[datetime, datetime]]) -> bool:
    """Whether a sitting has taken its ten minutes, from the times at which each card was asked and answered."""
    return sum((time_at(asked, answered) for asked, answered in spans), timedelta()) >= LONGEST


def time_at(asked: datetime, answered: datetime) -> timedelta:
    """How long somebody was at a card, as far as it counts: 0 to 2 minutes."""
    return min(max(answered - asked, timedelta()), LONGEST_OF_ONE)
