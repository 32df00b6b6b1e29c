"""The modes of a lesson: what one must offer, and which ones are served.

Four are this room's own; `settings.LESSON_MODES` names those of the rooms above. A lesson shows the modes that it
declares and that some class serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from lessons.openings import openings_of

if TYPE_CHECKING:
    from accounts.models import User
    from lessons.models import Course, Lesson, LessonVersion


class Group(models.TextChoices):
    """The four groups of modes, in the order of the strip."""

    UNDERSTAND = "understand", _("Understand")
    INVESTIGATE = "investigate", _("Investigate")
    DO = "do", _("Do")
    KEEP = "keep", _("Keep")


MODE_SLUGS = ("read", "run", "follow", "look-inside", "break", "train", "code", "practise", "test", "review")
"""What a lesson may declare: the ten modes. One that no class serves yet is declared in vain, and said so."""

_BUILT_IN = (
    "lessons.pages.read.ReadMode",
    "lessons.pages.run.RunMode",
    "lessons.pages.follow.FollowMode",
    "lessons.pages.look_inside.LookInsideMode",
    "lessons.pages.break_.BreakMode",
    "lessons.pages.train.TrainMode",
    "lessons.pages.code.CodeMode",
)


class Mode(Protocol):
    """One way to work with a lesson: a page at `/courses/{course}/lessons/{lesson}/{slug}/`."""

    slug: str
    title: str | Promise
    group: str  # a value of Group
    order: int  # within the group

    def offered(self, version: LessonVersion) -> bool:
        """Whether this version has what the mode needs."""

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The page, for every HTTP method it takes."""


@dataclass(frozen=True, slots=True)
class ModeLink:
    """One entry of the mode strip."""

    slug: str
    title: str
    group: str
    url: str
    current: bool

    @property
    def label(self) -> str:
        return self.title


@dataclass(slots=True)
class LessonPage:
    """One lesson in one mode, as one person asked for it."""

    request: HttpRequest
    course: Course
    lesson: Lesson
    version: LessonVersion
    person: User | None  # none: nobody is known yet
    mode: Mode
    modes: Sequence[Mode]  # those this version shows, in the strip's order
    previous: LessonVersion | None = None
    next: LessonVersion | None = None
    frame: Mapping[str, Any] = field(default_factory=dict)  # more for the frame, e.g. that this is a preview

    def url(self, slug: str = "") -> str:
        """The address of this lesson in the named mode, or in this one."""
        return reverse("lessons:mode", args=[self.course.slug, self.lesson.slug, slug or self.mode.slug])

    def links(self) -> list[ModeLink]:
        """The mode strip."""
        return [
            ModeLink(mode.slug, str(mode.title), mode.group, self.url(mode.slug), mode.slug == self.mode.slug)
            for mode in self.modes
        ]

    def has(self, slug: str) -> bool:
        """Whether the lesson shows this mode."""
        return any(mode.slug == slug for mode in self.modes)

    @property
    def following(self) -> ModeLink | None:
        """The mode after this one; none after the last."""
        links = self.links()
        after = [links[index + 1] for index, link in enumerate(links[:-1]) if link.current]
        return after[0] if after else None

    @property
    def door(self) -> str:
        """Where "start learning" leads: what this lesson begins with, a run where it has one."""
        return self.url("run" if self.has("run") else "read")

    def context(self, **more: Any) -> dict[str, Any]:
        """What `lessons/lesson.html` needs, with what the mode adds."""
        return {"page": self, **self.frame, **more}

    def render(self, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        """The mode's template, which extends `lessons/lesson.html`, inside the lesson's frame."""
        openings = openings_of(self)
        is_predicted = any(opening.predicts for opening in openings)
        context = self.context(openings=openings, is_predicted=is_predicted, **(context or {}))
        response = render(self.request, template, context, status=status)
        if openings:
            add_never_cache_headers(response)
        return response


def all_modes() -> list[Mode]:
    """Every mode that some class serves, in the order of the strip."""
    groups = Group.values
    modes: list[Mode] = [import_string(path)() for path in (*_BUILT_IN, *settings.LESSON_MODES)]
    return sorted(modes, key=lambda mode: (groups.index(mode.group), mode.order))


def modes_of(version: LessonVersion, modes: Sequence[Mode] | None = None) -> list[Mode]:
    """The modes that this version declares, that some class serves, and that have what they need here."""
    declared = version.meta.get("modes", [])
    return [mode for mode in modes or all_modes() if mode.slug in declared and mode.offered(version)]
