"""Ways into a lesson that other rooms add beside "Start learning": `settings.LESSON_DOORS` names functions that know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from lessons.models import LessonVersion
from lessons.services import lesson_url


@dataclass(frozen=True, slots=True)
class Door:
    """One way into a lesson."""

    title: str
    url: str
    about: str


def start_url(version: LessonVersion) -> str:
    """Where "Start learning" leads: what the lesson begins with, a run where it has one."""
    return lesson_url(version, "run" if "run" in version.meta.get("modes", []) else "read")


def doors_of(versions: Sequence[LessonVersion]) -> dict[int, list[Door]]:
    """Version id → the doors that some room has for it, in the settings' order. Each room is asked once for all versions."""
    shown = [version for version in versions if version.pk is not None]
    found: dict[int, list[Door]] = {version.pk: [] for version in shown}
    for path in settings.LESSON_DOORS:
        doors: Mapping[int, Door] = import_string(path)(shown)
        for version, door in doors.items():
            found[version].append(door)
    return found
