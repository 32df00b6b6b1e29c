"""Questions to be read out of a recorded run, as one reads a film. No Django, but for `words`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from quizzes.reading.answers import LEFT_FOR_OTHERS, SECOND_CLASS, SILENT
from quizzes.reading.base import Template
from quizzes.reading.maps import FIRST_CELLS, NEVER_SEEN, NUMBERS_OUT, SHRINKING
from quizzes.reading.recordings import Recording
from quizzes.reading.work import SHARE_OF_WORK, SLOWEST, USES_OF_A_WEIGHT
from quizzes.sketching.base import Drawn, NotDrawable

__all__ = ["READINGS", "Drawn", "NotDrawable", "Recording", "Template", "UnknownReading", "reading_named"]

READINGS: Mapping[str, Template] = MappingProxyType(
    {
        template.name: template
        for template in (
            FIRST_CELLS,
            NUMBERS_OUT,
            SHRINKING,
            NEVER_SEEN,
            SHARE_OF_WORK,
            USES_OF_A_WEIGHT,
            SLOWEST,
            SECOND_CLASS,
            LEFT_FOR_OTHERS,
            SILENT,
        )
    }
)
"""Every template of this room by its name."""


class UnknownReading(LookupError):
    """A name that no template of this room has."""


def reading_named(name: str) -> Template:
    """The template of that name; raises UnknownReading."""
    try:
        return READINGS[name]
    except KeyError as error:
        raise UnknownReading(name) from error
