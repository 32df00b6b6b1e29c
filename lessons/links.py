"""What the rooms above add to a course's page: `settings.COURSE_LINKS` names functions from a course to its links."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from lessons.models import Course


@dataclass(frozen=True, slots=True)
class CourseLink:
    """A page about a whole course."""

    title: str
    url: str
    about: str


def links_of(course: Course) -> list[CourseLink]:
    """Every link that some room has for this course, in the settings' order."""
    return [link for path in settings.COURSE_LINKS for link in import_string(path)(course)]
