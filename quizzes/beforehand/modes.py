"""What stands around the questions before a lesson: the lesson's first mode, under another title."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lessons.pages.read import ReadMode


class PretestMode(ReadMode):
    """The lesson's own door; see lessons.modes.Mode."""

    title: str | Promise = _("Before the lesson")
