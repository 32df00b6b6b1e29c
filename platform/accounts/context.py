"""What every page knows of the person asking."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts import people


def person(request: HttpRequest) -> dict[str, Any]:
    """`person` for templates: the user or guest, None for somebody new."""
    return {"person": people.current(request)}
