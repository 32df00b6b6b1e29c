"""Courses, their lessons' order and their authors: everything the studio writes that is no draft."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.drafts import new_lesson_text, save_draft
from lessons.models import Course, CourseRole, Lesson, Membership
from lessons.schema import LESSON_FILE
from lessons.services import next_position
from studio.conflicts import ClashError, fingerprint
from studio.documents import Values

COURSE_FIELDS = ("title", "subtitle", "summary", "slug", "subject", "tags", "level", "language")
LONGEST_UID = 64


class TakenError(ValueError):
    """The name is somebody else's already; `field` says which one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def create_course(*, title: str, slug: str, uid: str, owner: User, language: str) -> Course:
    """A new empty course that `owner` owns. Raises TakenError."""
    _refuse_taken(slug=slug, uid=uid)
    try:
        with transaction.atomic():
            course = Course.objects.create(uid=uid, slug=slug, title=title, language=language, position=Course.objects.count())
            Membership.objects.create(course=course, user=owner, role=CourseRole.OWNER)
    except IntegrityError:  # somebody took the name a moment ago
        _refuse_taken(slug=slug, uid=uid)
        raise
    return course


def _refuse_taken(*, slug: str, uid: str) -> None:
    if Course.objects.filter(slug=slug).exists():
        raise TakenError("slug", _("Another course has the address “%(slug)s”. Choose another.") % {"slug": slug})
    if Course.objects.filter(uid=uid).exists():
        raise TakenError("uid", _("Another course has the lasting name “%(uid)s”. Choose another.") % {"uid": uid})


def course_values(course: Course) -> Values:
    """What the course's form shows."""
    values: Values = {name: getattr(course, name) for name in COURSE_FIELDS}
    return {**values, "tags": list(course.tags), "prerequisites": "\n".join(course.prerequisites)}


def save_course(*, course: Course, values: Mapping[str, Any], revision: int) -> None:
    """Stores the form's values, if nobody stored others since `revision`. Raises ClashError, TakenError."""
    slug = values["slug"] or course.slug
    if Course.objects.exclude(pk=course.pk).filter(slug=slug).exists():
        raise TakenError("slug", _("Another course has the address “%(slug)s”. Choose another.") % {"slug": slug})
    stored = {name: values[name] for name in COURSE_FIELDS} | {
        "slug": slug,
        "prerequisites": [line.strip() for line in values["prerequisites"].split("\n") if line.strip()],
        "revision": revision + 1,
    }
    if not Course.objects.filter(pk=course.pk, revision=revision).update(**stored):
        course.refresh_from_db()
        theirs = course_values(course)
        raise ClashError(theirs, None, fingerprint(theirs))


def create_lesson(*, course: Course, title: str, slug: str, author: User, now: datetime) -> Lesson:
    """A new lesson at the end of the course, with a draft to begin from. Raises TakenError."""
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=course.pk)
        if Lesson.objects.filter(course=course, slug=slug).exists():
            raise TakenError(
                "slug", _("Another lesson of this course has the address “%(slug)s”. Choose another.") % {"slug": slug}
            )
        lesson = Lesson.objects.create(course=course, uid=_free_uid(slug), slug=slug, position=next_position(course))
        text = new_lesson_text(uid=lesson.uid, slug=slug, title=title)
        save_draft(lesson=lesson, files={LESSON_FILE: text}, revision=0, author=author, now=now)
    return lesson


def _free_uid(slug: str) -> str:
    """The slug, or the slug with the first number that makes it unique on this site."""
    taken = set(Lesson.objects.filter(uid__startswith=slug[: LONGEST_UID - 5]).values_list("uid", flat=True))
    uid, number = slug[:LONGEST_UID], 1
    while uid in taken:
        number += 1
        uid = f"{slug[: LONGEST_UID - 5]}-{number}"
    return uid


def move_lesson(*, lesson: Lesson, up: bool) -> None:
    """Swaps the lesson with its neighbour. Learners see the new order with the next publication."""
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=lesson.course_id)
        order = list(Lesson.objects.filter(course_id=lesson.course_id))
        place = next(index for index, other in enumerate(order) if other.pk == lesson.pk)
        neighbour = place - 1 if up else place + 1
        if not 0 <= neighbour < len(order):
            return
        order[place], order[neighbour] = order[neighbour], order[place]
        for position, other in enumerate(order):
            if other.position != position:
                Lesson.objects.filter(pk=other.pk).update(position=position)


def add_author(*, course: Course, email: str) -> User:
    """The instructor of that address, now an author of the course. Raises TakenError when that can't be."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise TakenError("email", _("Nobody here has this address. Ask them to sign up first."))
    if not user.is_instructor:
        raise TakenError("email", _("This person is a learner. Ask whoever runs this site to make them an instructor first."))
    _membership, created = Membership.objects.get_or_create(course=course, user=user, defaults={"role": CourseRole.AUTHOR})
    if not created:
        raise TakenError("email", _("This person is an author of the course already."))
    return user


def remove_author(*, course: Course, user_id: int) -> User | None:
    """The author who was removed; None for an owner (a course keeps its owner) or somebody who is no member."""
    membership = (
        Membership.objects.filter(course=course, user_id=user_id, role=CourseRole.AUTHOR).select_related("user").first()
    )
    if membership is None:
        return None
    membership.delete()
    return membership.user
