"""When a sitting with a time limit ends. Pure arithmetic over the server's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

GRACE = timedelta(seconds=5)
"""How long after the deadline a write still counts: it was sent in time, and the network was slow."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What one person gets on top: a share of the exam's minutes, and minutes."""

    percent: int = 0
    minutes: int = 0


class Window(Enum):
    """Whether a sitting can begin."""

    EARLY = auto()
    OPEN = auto()
    OVER = auto()


def extra_time(minutes: int | None, extra: Extra) -> timedelta:
    """How much longer a sitting of so many minutes lasts for this person."""
    return timedelta(minutes=extra.minutes + (minutes or 0) * extra.percent / 100)


def deadline_of(*, started_at: datetime, minutes: int | None, closes_at: datetime | None, extra: Extra) -> datetime | None:
    """When a sitting that began then must be handed in; none without a limit. Extra time lengthens either limit."""
    more = extra_time(minutes, extra)
    ends = [started_at + timedelta(minutes=minutes) + more] if minutes else []
    if closes_at is not None:
        ends.append(closes_at + more)
    return min(ends, default=None)


def window_at(now: datetime, *, opens_at: datetime | None, closes_at: datetime | None) -> Window:
    """Whether a sitting can begin now. Extra time lengthens a sitting, and lets nobody begin later."""
    if opens_at is not None and now < opens_at:
        return Window.EARLY
    if closes_at is not None and now >= closes_at:
        return Window.OVER
    return Window.OPEN


def is_over(deadline_at: datetime | None, now: datetime) -> bool:
    """Whether nothing is taken any more: the deadline and its grace are past."""
    return deadline_at is not None and now > deadline_at + GRACE


def seconds_left(deadline_at: datetime, now: datetime) -> int:
    """Whole seconds until the deadline, never below 0."""
    return max(0, int((deadline_at - now).total_seconds()))
