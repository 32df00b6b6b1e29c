"""What every page knows: the site's name, its version and the chosen theme."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

THEMES = ("system", "light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """The names that web/base.html uses, for any request."""
    return {
        "SITE_NAME": settings.SITE_NAME,
        "SITE_VERSION": settings.SITE_VERSION,
        "theme": theme_of(request),
        "many_languages": len(settings.LANGUAGES) > 1,
    }


def theme_of(request: HttpRequest) -> str:
    """The reader's choice, light or dark; without one the device decides, which is "system"."""
    chosen = request.COOKIES.get("theme", "system")
    return chosen if chosen in THEMES else "system"
