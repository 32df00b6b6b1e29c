"""What the rooms above add to a course's page and to the home page.

`settings.COURSE_LINKS` names functions from a course to its links, `settings.HOME_LINKS` functions from a person to theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import User
from lessons.models import Course


@dataclass(frozen=True, slots=True)
class CourseLink:
    """A page about a whole course."""

    title: str
    url: str
    about: str


@dataclass(frozen=True, slots=True)
class HomeLink:
    """Something that waits for a person."""

    title: str
    url: str


def home_links_of(person: User) -> list[HomeLink]:
    """Everything that waits for this person in some room, in the settings' order."""
    return [link for path in settings.HOME_LINKS for link in import_string(path)(person)]


def links_of(course: Course) -> list[CourseLink]:
    """Every link that some room has for this course, in the settings' order."""
    return [link for path in settings.COURSE_LINKS for link in import_string(path)(course)]
