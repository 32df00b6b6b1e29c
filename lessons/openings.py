"""What the rooms above put before a mode's page: `settings.LESSON_OPENINGS` names functions from a lesson's page to an opening.

An opening may tell of one person, so a page that has one is kept by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from lessons.modes import LessonPage


@dataclass(frozen=True, slots=True)
class Opening:
    """Something to do before the page: it never stands in the way of the page itself."""

    html: SafeString
    styles: tuple[str, ...] = ()  # static files that it needs
    scripts: tuple[str, ...] = ()
    predicts: bool = False  # it asks what will come out, so that the page itself doesn't ask a second time


def openings_of(page: LessonPage) -> list[Opening]:
    """Every opening that some room has for this page, in the settings' order; a preview has none."""
    if page.version.pk is None:
        return []
    found: list[Opening | None] = [import_string(path)(page) for path in settings.LESSON_OPENINGS]
    return [opening for opening in found if opening is not None]
