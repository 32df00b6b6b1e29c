"""Every pair of colours that stands on a page meets WCAG AA in both themes; the colours are read from app.css itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.ROOT / "platform/web/static/web/app.css").read_text()
TEXT, SHAPE = 4.5, 3.0  # WCAG 2.2: 1.4.3 for text, 1.4.11 for what one must see to use the page

PAIRS = [
    *[(ink, ground, TEXT) for ink in ("ink", "ink2") for ground in ("paper", "sheet", "sunk")],
    *[("ink", wash, TEXT) for wash in ("action-wash", "wrong-wash", "right-wash", "hint-wash")],
    *[("ink2", wash, TEXT) for wash in ("wrong-wash", "right-wash", "hint-wash", "action-wash")],
    *[("edge", ground, SHAPE) for ground in ("paper", "sheet")],
    *[(one, ground, TEXT) for one in ("action", "wrong", "right", "hint") for ground in ("paper", "sheet", "sunk")],
    *[(one, f"{one}-wash", TEXT) for one in ("action", "wrong", "right", "hint")],
    *[("action", wash, TEXT) for wash in ("wrong-wash", "right-wash", "hint-wash")],
    ("on-action", "action", TEXT),
    ("paper", "ink", TEXT),
    *[("print", ground, TEXT) for ground in ("film", "film-frame")],
    *[("film-text", ground, TEXT) for ground in ("film", "film-frame")],
    *[(series, ground, SHAPE) for series in ("series1", "series2") for ground in ("sheet", "paper", "sunk")],
    ("series2", "sheet", TEXT),  # names of classes and functions in code
]


def tokens(theme: str) -> dict[str, str]:
    """Token → colour in a theme."""
    found = re.findall(r"--([a-z0-9-]+):\s*(?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));", CSS)
    return {name: both or (light if theme == "light" else dark) for name, light, dark, both in found}


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_itself_is_right():
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_pair_is_readable(theme):
    palette = tokens(theme)
    weak = {
        f"{one} on {ground}": round(ratio, 2)
        for one, ground, least in PAIRS
        if (ratio := contrast(palette[one], palette[ground])) < least
    }
    assert weak == {}


def test_no_colour_is_used_that_is_not_a_token():
    body = CSS[CSS.index("/* Ground */") : CSS.index("@media print")]
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b|rgba?\(|hsla?\(", body) == []


def test_the_stylesheet_stays_small():
    assert len(CSS.encode()) <= 25_000
