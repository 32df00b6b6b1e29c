"""Which misconceptions readers may read, and where: those of lessons that the course's newest release shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.models import Course, LessonVersion
from lessons.services import current_release, lessons_of, visible_course
from quizzes.models import Misconception
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Readable:
    """A misconception and the version of its lesson that readers see."""

    misconception: Misconception
    version: LessonVersion

    @property
    def url(self) -> str:
        return misconception_url(self.version.lesson.course, self.misconception.slug)


def readable(course: Course) -> list[Readable]:
    """Every misconception that readers of the course may read, in the order of its lessons; none before the first release."""
    versions = lessons_of(course, whole=True)
    rows = Misconception.objects.filter(lesson__in=[version.lesson_id for version in versions]).order_by("pk")
    by_lesson: dict[int, list[Misconception]] = {}
    for row in rows:
        by_lesson.setdefault(row.lesson_id, []).append(row)
    return [Readable(row, version) for version in versions for row in by_lesson.get(version.lesson_id, ())]


def readable_slugs(course: Course, slugs: Iterable[str]) -> frozenset[str]:
    """Those of these slugs that have a page now: a key keeps the words of a misconception that its course has dropped since."""
    release = current_release(course)
    if release is None:
        return frozenset()
    rows = Misconception.objects.filter(
        course=course, slug__in=list(slugs), lesson__versions__release_lessons__release=release
    ).values_list("slug", flat=True)
    return frozenset(rows)


def readable_named(course_slug: str, slug: str, *, person: User | None) -> Readable:
    """One misconception of a published course. Problem 404 where readers may read no such one."""
    course = visible_course(course_slug, person=person).course
    found = next((one for one in readable(course) if one.misconception.slug == slug), None)
    if found is None:
        raise Problem(
            404,
            _("No such misconception"),
            _("This course has no misconception at this address. Look for it in the course’s list."),
        )
    return found


def misconception_url(course: Course, slug: str) -> str:
    """The address of a misconception's page."""
    return reverse("misconceptions:misconception", args=[course.slug, slug])


def list_url(course: Course) -> str:
    """The address of a course's list of misconceptions; empty while it has none to read."""
    release = current_release(course)
    if release is None:
        return ""
    shown = Misconception.objects.filter(course=course, lesson__versions__release_lessons__release=release).exists()
    return reverse("misconceptions:list", args=[course.slug]) if shown else ""
