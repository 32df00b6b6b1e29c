"""Courses and lessons as their authors set them up: create, describe, order, share."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.drafts import new_lesson_text, require_author
from lessons.folders import apply_document
from lessons.models import Course, CourseRole, Draft, Lesson, Membership
from lessons.parts import Finding
from lessons.releases import release
from lessons.schema import COURSE_FILE, LESSON_FILE, read_course
from lessons.services import next_position
from web.problems import Problem


class CourseConflict(Exception):
    """Somebody changed the course in between; `course` is what it says now."""

    def __init__(self, course: Course) -> None:
        super().__init__(_("Somebody else changed this course while you were writing."))
        self.course = course


class NotACourse(Exception):
    """The description of a course has errors; `findings` says which."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def free_slug(title: str, taken: Sequence[str]) -> str:
    """A slug made of the title that none of `taken` is."""
    base = slugify(title)[:70] or "untitled"
    return next(
        slug
        for slug in (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
        if slug not in taken
    )


def create_course(*, owner: User, title: str, now: datetime, slug: str = "", uid: str = "") -> Course:
    """A new course that its owner alone may work on; learners see it from its first release.

    Without a slug or uid one is made up; Problem 409 for one that is taken.
    """
    if not owner.is_instructor:
        raise Problem(403, _("For instructors"), _("Only instructors can create courses. Ask the person who runs this site."))
    if not title.strip():
        raise Problem(422, _("No title"), _("Give the course a title."))
    with transaction.atomic():
        taken = list(Course.objects.values_list("slug", flat=True))
        if slug in taken:
            raise Problem(
                409, _("Taken"), _("Another course has the address “%(slug)s”. Choose another.") % {"slug": slug}, field="slug"
            )
        if uid and Course.objects.filter(uid=uid).exists():
            raise Problem(
                409, _("Taken"), _("Another course has the uid “%(uid)s”. Choose another.") % {"uid": uid}, field="uid"
            )
        slug = slug or free_slug(title, taken)
        course = Course.objects.create(
            uid=uid or uuid.uuid4().hex, slug=slug, title=title.strip()[:200], position=Course.objects.count(), created_at=now
        )
        Membership.objects.create(course=course, user=owner, role=CourseRole.OWNER)
    return course


def save_course(*, course: Course, text: str, revision: int, author: User) -> Course:
    """The course as its course.yaml now says. Raises CourseConflict, NotACourse, and Problem 403 for people who are no authors.

    The uid stays; the order of `lessons` becomes the course's, at its next release.
    """
    require_author(author, course)
    document, findings = read_course(text)
    if document is None:
        raise NotACourse(findings)
    with transaction.atomic():
        kept = Course.objects.select_for_update().get(pk=course.pk)
        if kept.revision != revision:
            raise CourseConflict(kept)
        if document.uid != kept.uid:
            raise NotACourse(
                [Finding(COURSE_FILE, 1, _("A course keeps its uid for good. Put “%(uid)s” back.") % {"uid": kept.uid})]
            )
        if Course.objects.filter(slug=document.slug).exclude(pk=kept.pk).exists():
            message = _("Another course has the slug “%(slug)s”. Choose another.") % {"slug": document.slug}
            raise NotACourse([Finding(COURSE_FILE, 1, message)])
        apply_document(kept, document)
        kept.document, kept.revision = text, kept.revision + 1
        kept.save()
        _put_in_order(kept, document.lessons)
    return kept


def _put_in_order(course: Course, slugs: Sequence[str]) -> None:
    lessons = list(Lesson.objects.filter(course=course))
    lessons.sort(key=lambda lesson: (slugs.index(lesson.slug) if lesson.slug in slugs else len(slugs), lesson.position))
    for position, lesson in enumerate(lessons):
        Lesson.objects.filter(pk=lesson.pk).update(position=position)


def create_lesson(*, course: Course, author: User, title: str, now: datetime, slug: str = "") -> Lesson:
    """A new lesson at the end of the course with a draft to begin from; learners see it when it is published.

    Without a slug one is made of the title; Problem 409 for one that is taken.
    """
    require_author(author, course)
    if not title.strip():
        raise Problem(422, _("No title"), _("Give the lesson a title."))
    with transaction.atomic():
        taken = list(Lesson.objects.filter(course=course).values_list("slug", flat=True))
        if slug in taken:
            message = _("Another lesson of this course has the address “%(slug)s”. Choose another.")
            raise Problem(409, _("Taken"), message % {"slug": slug}, field="slug")
        slug = slug or free_slug(title, taken)
        lesson = Lesson.objects.create(
            course=course, uid=uuid.uuid4().hex, slug=slug, position=next_position(course), created_at=now
        )
        text = new_lesson_text(uid=lesson.uid, slug=slug, title=title.strip()[:200])
        Draft.objects.create(lesson=lesson, files={LESSON_FILE: text}, updated_at=now, updated_by=author)
    return lesson


def order_lessons(*, course: Course, author: User, lessons: Sequence[Lesson], now: datetime) -> None:
    """Puts the lessons in this order; learners see it at once."""
    require_author(author, course)
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=course.pk)
        _put_in_order(course, [lesson.slug for lesson in lessons])
        release(course, {}, author=author, note=_("Lessons in another order"), now=now)


def add_author(*, course: Course, owner: User, person: User, role: CourseRole = CourseRole.AUTHOR) -> Membership:
    """Lets an instructor work on the course; only its owner or an admin may."""
    _require_owner(owner, course)
    if not person.is_instructor:
        raise Problem(422, _("Not an instructor"), _("Only instructors can be authors. Ask the person who runs this site."))
    return Membership.objects.update_or_create(course=course, user=person, defaults={"role": role})[0]


def remove_author(*, course: Course, owner: User, person: User) -> None:
    """Ends an author's work on the course; its last owner stays."""
    _require_owner(owner, course)
    memberships = Membership.objects.filter(course=course)
    if not memberships.filter(role=CourseRole.OWNER).exclude(user=person).exists():
        raise Problem(409, _("The last owner"), _("A course needs an owner. Make somebody else the owner first."))
    memberships.filter(user=person).delete()


def _require_owner(person: User, course: Course) -> None:
    require_author(person, course)
    owns = Membership.objects.filter(course=course, user=person, role=CourseRole.OWNER).exists()
    if not (person.is_admin or owns):
        raise Problem(403, _("Not your course"), _("Only the course’s owner can change who works on it."))
