"""What readers may see: courses by their newest release, lessons in the version it pins, and where a person left off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.markdown import heading_id
from lessons.models import Course, Lesson, LessonVersion, Membership, Release, Visit
from web.problems import Problem

SAME_VISIT = timedelta(minutes=1)

HEAVY = ("body", "files", "facts", "outputs", "pictures")
"""Columns of a version that a list of lessons never needs."""

FOR_WORDS = ("facts", "pictures")
"""Those of them that its objectives' words are made with."""


@dataclass(frozen=True, slots=True)
class CourseCard:
    """A course as the catalogue shows it."""

    course: Course
    lessons: list[LessonVersion]  # without their heavy columns

    @property
    def minutes(self) -> int:
        return sum(version.meta.get("minutes", 0) for version in self.lessons)


def _newest_release(course: OuterRef | Course) -> QuerySet[Release, int]:
    return Release.objects.filter(course=course).order_by("-number").values_list("pk", flat=True)[:1]


def current_release(course: Course) -> Release | None:
    """The release that readers see; none before the first one."""
    return course.releases.order_by("-number").first()


def lessons_of(course: Course, *, whole: bool = False) -> list[LessonVersion]:
    """The current release's lessons in order, each with its lesson and course; without heavy columns unless the `whole`."""
    versions = LessonVersion.objects.filter(release_lessons__release=Subquery(_newest_release(course)))
    versions = versions.select_related("lesson__course").order_by("release_lessons__position")
    return list(versions if whole else versions.defer(*HEAVY))


def neighbours(version: LessonVersion) -> tuple[LessonVersion | None, LessonVersion | None]:
    """The lessons before and after this one in the course as readers see it."""
    lessons = lessons_of(version.lesson.course)
    place = next((index for index, other in enumerate(lessons) if other.pk == version.pk), None)
    if place is None:
        return None, None
    return (lessons[place - 1] if place else None, lessons[place + 1] if place + 1 < len(lessons) else None)


def current_version(lesson: Lesson) -> LessonVersion | None:
    """The version of a lesson that readers see; none while it is not in the current release."""
    newest = _newest_release(lesson.course)
    return (
        LessonVersion.objects.filter(lesson=lesson, release_lessons__release=Subquery(newest))
        .select_related("lesson__course")
        .first()
    )


def visible_lesson(course_slug: str, lesson_slug: str, *, person: User | None) -> LessonVersion:
    """The version that readers see, with its lesson and course.

    Problem 404 when there is none; to the course's authors it says where the draft is.
    """
    newest = _newest_release(OuterRef("lesson__course"))
    version = (
        LessonVersion.objects.filter(
            lesson__slug=lesson_slug, lesson__course__slug=course_slug, release_lessons__release=Subquery(newest)
        )
        .select_related("lesson__course")
        .first()
    )
    if version is None:
        raise _no_lesson(course_slug, lesson_slug, person)
    return version


def _no_lesson(course_slug: str, lesson_slug: str, person: User | None) -> Problem:
    lesson = Lesson.objects.filter(slug=lesson_slug, course__slug=course_slug).select_related("course").first()
    if lesson and may_edit(person, lesson.course):
        return Problem(
            404, _("Not published yet"), _("Learners can’t see this lesson yet. Preview and publish it in the studio.")
        )
    return Problem(404, _("No such lesson"), _("There is no lesson at this address. Look for it in the list of courses."))


def visible_course(slug: str, *, person: User | None) -> CourseCard:
    """A course with its current lessons; Problem 404 when it has none."""
    course = Course.objects.filter(slug=slug).first()
    lessons = lessons_of(course) if course else []
    if course and lessons:
        return CourseCard(course, lessons)
    if course and may_edit(person, course):
        raise Problem(
            404, _("Not published yet"), _("Learners can’t see this course yet. Publish a lesson of it in the studio.")
        )
    raise Problem(404, _("No such course"), _("There is no course at this address. Look for it in the list of courses."))


def catalogue(*, for_words: bool = False) -> list[CourseCard]:
    """Every course that has something to read, in the catalogue's order; `for_words` where objectives are to be shown."""
    newest = _newest_release(OuterRef("lesson__course"))
    versions = (
        LessonVersion.objects.filter(release_lessons__release=Subquery(newest))
        .select_related("lesson__course")
        .defer(*(set(HEAVY) - set(FOR_WORDS if for_words else ())))
        .order_by("lesson__course__position", "lesson__course__pk", "release_lessons__position")
    )
    cards: dict[int, CourseCard] = {}
    for version in versions:
        course = version.lesson.course
        cards.setdefault(course.pk, CourseCard(course, [])).lessons.append(version)
    return list(cards.values())


def first_run(cards: Sequence[CourseCard]) -> str:
    """The address of the first lesson in which a network can be run; empty when there is none."""
    versions = (version for card in cards for version in card.lessons)
    return next((lesson_url(version, "run") for version in versions if "run" in version.meta.get("modes", [])), "")


def lesson_url(version: LessonVersion, mode: str = "read") -> str:
    """The address of the lesson in one of its modes."""
    return reverse("lessons:mode", args=[version.lesson.course.slug, version.lesson.slug, mode])


def objective_url(version: LessonVersion, objective: str) -> str:
    """Where the lesson teaches an objective: at the heading that it names, else where it begins."""
    objectives = {one["id"]: one for one in version.meta.get("objectives", [])}
    section = objectives.get(objective, {}).get("section", "")
    return f"{lesson_url(version)}#{heading_id(section)}" if section else lesson_url(version)


def may_edit(person: User | None, course: Course) -> bool:
    """Whether this person may work on the course: its authors and owner, as long as they are instructors, and admins."""
    if person is None or not person.is_active or not person.is_instructor:
        return False
    return person.is_admin or Membership.objects.filter(course=course, user=person).exists()


def courses_of(person: User) -> QuerySet[Course]:
    """The courses that this person may work on."""
    if not person.is_active or not person.is_instructor:
        return Course.objects.none()
    if person.is_admin:
        return Course.objects.all()
    return Course.objects.filter(memberships__user=person)


def record_visit(*, person: User, lesson: Lesson, mode: str, now: datetime) -> None:
    """Keeps where this person was last in the lesson; a reload within a minute writes nothing."""
    visit = Visit.objects.filter(user=person, lesson=lesson).first()
    if visit and visit.mode == mode and now - visit.at < SAME_VISIT:
        return
    Visit.objects.update_or_create(user=person, lesson=lesson, defaults={"mode": mode, "at": now})


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody left off."""

    version: LessonVersion
    mode: str

    @property
    def url(self) -> str:
        return lesson_url(self.version, self.mode)


def left_off(person: User) -> Place | None:
    """The lesson and mode this person visited last, while it is still published."""
    visit = Visit.objects.filter(user=person).order_by("-at").select_related("lesson__course").first()
    if visit is None:
        return None
    version = current_version(visit.lesson)
    return Place(version, visit.mode) if version else None


def next_position(course: Course) -> int:
    """The place after the course's last lesson."""
    last = Lesson.objects.filter(course=course).aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def lesson_named(slug: str) -> LessonVersion:
    """The published lesson of that slug, in whichever course comes first; Problem 404 when there is none."""
    newest = _newest_release(OuterRef("lesson__course"))
    version = (
        LessonVersion.objects.filter(Q(lesson__slug=slug), release_lessons__release=Subquery(newest))
        .select_related("lesson__course")
        .order_by("lesson__course__position", "pk")
        .first()
    )
    if version is None:
        raise _no_lesson("", slug, None)
    return version
