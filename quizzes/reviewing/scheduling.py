"""When a card comes back: FSRS (https://github.com/open-spaced-repetition/py-fsrs), without chance and without its clock.

A card comes back after whole days, never within a sitting: what was missed is explained and tried again on the spot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, cast

from fsrs import Card, Scheduler
from fsrs import Rating as FsrsRating
from fsrs.card import CardDict

from quizzes.reviewing.rules import Rating

LONGEST_DAYS = 365
"""Courses change: nothing is put off for longer than a year."""

FIRST_AFTER = timedelta(days=1)
"""When a card is asked that was made without an answer."""

_SCHEDULER = Scheduler(learning_steps=(), relearning_steps=(), maximum_interval=LONGEST_DAYS, enable_fuzzing=False)
_NO_ID = 0  # the library's cards want one; ours have their own

LIBRARY = f"fsrs {version('fsrs')}"
"""What computes the dates."""

PARAMETERS = hashlib.sha256(_SCHEDULER.to_json().encode()).hexdigest()
"""Hash of all that its dates depend on besides the reviews."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A card after a review: what the scheduler remembers of it, and when it is due."""

    state: Mapping[str, Any]
    due_at: datetime


def review(state: Mapping[str, Any], rating: Rating, *, at: datetime) -> Scheduled:
    """The card after this rating; an empty `state` is a card that was never asked."""
    at = at.astimezone(UTC)
    reviewed, _log = _SCHEDULER.review_card(_card(state, at), FsrsRating(rating), review_datetime=at)
    return Scheduled(cast(Mapping[str, Any], reviewed.to_dict()), reviewed.due)


def replay(reviews: Iterable[tuple[Rating, datetime]]) -> Scheduled | None:
    """The card after these ratings, the oldest first; none without any."""
    scheduled: Scheduled | None = None
    for rating, at in reviews:
        scheduled = review(scheduled.state if scheduled else {}, rating, at=at)
    return scheduled


def chance_at(state: Mapping[str, Any], now: datetime) -> float | None:
    """The chance (0..1) that the card is still known; none for one that was never asked."""
    if not state:
        return None
    now = now.astimezone(UTC)
    return float(_SCHEDULER.get_card_retrievability(_card(state, now), current_datetime=now))


def intervals(state: Mapping[str, Any], *, at: datetime) -> dict[Rating, timedelta]:
    """How long each rating would put the card off."""
    return {rating: review(state, rating, at=at).due_at - at for rating in Rating}


def _card(state: Mapping[str, Any], at: datetime) -> Card:
    return Card.from_dict(cast(CardDict, dict(state))) if state else Card(card_id=_NO_ID, due=at)
