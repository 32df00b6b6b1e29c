"""Numbers of a look as pages write them."""

from __future__ import annotations

from django.utils.translation import gettext as _


def number(value: float | None) -> str:
    """A number in five significant figures, with a real minus sign."""
    if value is None:
        return "–"
    return f"{value:.5g}".replace("-", "−").replace("e−0", "e−").replace("e+0", "e+")


def in_per_cent(share: float) -> str:
    """A part of a whole in whole per cent, never "0%" or "100%": a part is more than nothing and less than all."""
    if share < 0.01:
        return _("less than 1%")
    return _("more than 99%") if share > 0.99 else f"{share:.0%}"
