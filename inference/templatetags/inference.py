"""Figures as people read them. `{% load inference %}`."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def figure(value: float | None) -> str:
    """A count in three digits: 25,557,032 as "25.6 M"; below ten thousand as it is; a dash for none."""
    if value is None:
        return "–"
    if value < 10_000:
        return f"{value:,.0f}"
    rounded = float(f"{value:.3g}")  # first: 999,950 are 1.00 M, and not 1000 k
    size, unit = next((size, unit) for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if rounded >= size)
    scaled = rounded / size
    return f"{scaled:.{max(0, 2 - len(str(int(scaled))) + 1)}f} {unit}"
