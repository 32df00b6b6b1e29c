"""What publishing still needs of a lesson's fields, each beside the input where it is written.

A draft may lack anything, so that no form refuses what is unfinished. The checks have the last word; this tells an author
what their schema will say while the input is before them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lessons.documents import sentence
from lessons.modes import all_modes
from lessons.schema import LESSON_FILE, LessonMeta
from studio.documents import LESSON_FIELDS, LessonText, Values, field_at
from studio.editing import Files
from studio.forms import Need

WHAT_MODES_NEED: Mapping[str, str] = {
    "run": "run_network",
    "follow": "networks",
    "look-inside": "look_network",
    "break": "break_network",
    "train": "train_network",
}
"""The input without which a mode can't be shown, by mode."""


def needs_of_lesson(files: Files) -> list[Need]:
    """What the draft's lesson.md still needs. Raises UnreadableError when no form shows it."""
    document = LessonText(files.get(LESSON_FILE, ""))
    told = list(_of_schema(document.data))
    names = [need.name for need in told]
    return told + [need for need in _of_modes(document.values) if need.name not in names]


def _of_schema(data: Mapping[str, Any]) -> Iterator[Need]:
    try:
        LessonMeta.model_validate(data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            name = field_at(LESSON_FIELDS, details["loc"])
            if name and details["type"] != "extra_forbidden":  # no form has an input for an unknown field
                yield Need(name, partial(_sentence, details))


def _sentence(details: ErrorDetails, label: str) -> str:
    """The schema's sentence, with the input's name in place of the document's."""
    if "error" in details.get("ctx", {}):  # one of our own, which stands beside its input and needs no name
        return str(details["ctx"]["error"])
    return sentence({**details, "loc": (label,)}, LessonMeta)


def _of_modes(values: Values) -> Iterator[Need]:
    titles = {mode.slug: str(mode.title) for mode in all_modes()}
    for mode, name in WHAT_MODES_NEED.items():
        if mode in values["modes"] and not values[name]:
            words = _("Learners have %(mode)s, but it has no network. Choose one, or take the mode away above.")
            said = words % {"mode": titles.get(mode, mode)}
            yield Need(name, lambda _label, said=said: said)  # type: ignore[misc]
