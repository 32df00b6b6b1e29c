"""Slowing down who guesses: tries are counted in the database, so that every web process counts the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import LimitedAction


@dataclass(frozen=True)
class Limit:
    """At most `tries` within `window` by whatever `of` names."""

    of: tuple[str, ...]
    tries: int
    window: timedelta

    @property
    def key(self) -> str:
        return hashlib.sha256("\x1f".join(self.of).encode()).hexdigest()


def sign_in_limits(*, email: str, address: str) -> list[Limit]:
    """What stops guessing one password, and guessing many accounts from one place.

    The address alone gets a high limit, because a whole classroom may share one; the account alone gets one as well,
    so that many addresses can't take turns at it.
    """
    quarter = timedelta(minutes=15)
    return [
        Limit(("sign-in", email, address), 5, quarter),
        Limit(("sign-in", email), 20, quarter),
        Limit(("sign-in-from", address), 100, quarter),
    ]


def reset_limits(*, email: str, address: str) -> list[Limit]:
    """Keeps anyone from filling a mailbox with reset letters."""
    hour = timedelta(hours=1)
    return [Limit(("reset", email), 3, hour), Limit(("reset-from", address), 30, hour)]


def sign_up_limits(*, address: str) -> list[Limit]:
    """Lets a class sign up at once, and no list of addresses be tried."""
    return [Limit(("sign-up-from", address), 100, timedelta(hours=1))]


def wait(limits: list[Limit], *, now: datetime) -> timedelta | None:
    """How long until the next try is allowed; None when it is allowed now."""
    waits = []
    for limit in limits:
        times = (
            LimitedAction.objects.filter(key=limit.key, at__gt=now - limit.window).order_by("-at").values_list("at", flat=True)
        )
        counted = list(times[: limit.tries])
        if len(counted) == limit.tries:
            waits.append(counted[-1] + limit.window - now)
    return max(waits, default=None)


def count(limits: list[Limit], *, now: datetime) -> None:
    """Writes down one try."""
    LimitedAction.objects.bulk_create(LimitedAction(key=limit.key, at=now) for limit in limits)


def forgive(limits: list[Limit]) -> None:
    """Forgets the tries of who proved to be the owner; what an address did to others stays counted."""
    LimitedAction.objects.filter(key=limits[0].key).delete()


def forget_old(*, now: datetime) -> None:
    """Removes what no window reaches any more."""
    LimitedAction.objects.filter(at__lt=now - timedelta(days=1)).delete()
