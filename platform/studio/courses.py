"""What the studio needs of courses beyond lessons' own services: the course as a form, and people by their address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from lessons.authoring import CourseConflict, save_course
from lessons.folders import course_text
from lessons.models import Course, Lesson
from studio import yamltext
from studio.conflicts import ClashError, fingerprint
from studio.documents import COURSE_FIELDS, Values, show, write
from web.problems import Problem


def course_values(course: Course) -> Values:
    """What the course's form shows."""
    return show(COURSE_FIELDS, yamltext.load(_text(course)))


def store_course(*, course: Course, values: Mapping[str, Any], revision: int, author: User) -> Course:
    """The course as the form says. Raises ClashError when somebody else changed it since `revision`, NotACourse for errors."""
    text = _text(course)
    text = yamltext.rewrite(text, write(COURSE_FIELDS, yamltext.load(text), values))
    try:
        return save_course(course=course, text=text, revision=revision, author=author)
    except CourseConflict as conflict:
        theirs = course_values(conflict.course)
        raise ClashError(theirs, None, fingerprint(theirs)) from None


def _text(course: Course) -> str:
    return course_text(course, list(Lesson.objects.filter(course=course).values_list("slug", flat=True)))


def instructor_of(email: str) -> User:
    """The person of that address; Problem 422 for nobody."""
    person = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if person is None:
        raise Problem(422, _("Nobody"), _("Nobody here has this address. Ask them to sign up first."))
    return person
