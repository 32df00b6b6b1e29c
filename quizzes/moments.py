"""Moments as questions.yaml writes them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Annotated

from django.utils.translation import gettext as _
from pydantic import BeforeValidator


def read_moment(value: object) -> datetime:
    """The moment that words such as 2026-11-24T14:00:00Z mean, in UTC. ValueError for anything without a time and its zone."""
    problem = ValueError(_("Write a day and a time with its zone, such as 2026-11-24T14:00:00Z or 2026-11-24T15:00+01:00."))
    if not isinstance(value, str) or "T" not in value:
        raise problem
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise problem
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter at both ends of the calendar
        raise problem from None


def with_zone(words: str, zone: tzinfo) -> str:
    """The words as questions.yaml writes a moment: a day and a time without a zone are those of this zone.

    What is no moment stays as it is, for the checks to name.
    """
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        return words
    if ":" not in words or (moment.tzinfo and "T" in words):
        return words
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


Moment = Annotated[datetime, BeforeValidator(read_moment)]
"""A moment in UTC, written with any time zone."""
