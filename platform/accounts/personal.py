"""This room's part of what a person may take along or have erased (settings.PERSONAL_DATA)."""

from __future__ import annotations

from typing import Any

from accounts.models import User


def export(user: User) -> dict[str, Any]:
    """The account itself and its tokens, without their secrets."""
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "timezone": user.timezone,
        "joined_at": user.joined_at,
        "seen_at": user.seen_at,
        "api_tokens": list(user.api_tokens.values("name", "created_at", "used_at")),
    }


def erase(user: User) -> None:
    """Takes the tokens away; the account's row goes last, after every room."""
    user.api_tokens.all().delete()


def merge(guest: User, user: User) -> None:
    """A guest's choice of time zone, where the account still has the default."""
    if user.timezone == "UTC" and guest.timezone != "UTC":
        user.timezone = guest.timezone
        user.save(update_fields=["timezone"])
