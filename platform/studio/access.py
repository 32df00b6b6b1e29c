"""Who may open what in the studio: a course's authors and owner, and admins. To everyone else a course is not there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest, HttpResponseBase

from accounts import people
from accounts.models import User
from lessons.models import Course, CourseRole, Lesson, Membership
from lessons.services import may_edit
from web.problems import not_found

View = Callable[..., HttpResponseBase]


def author_of(request: HttpRequest) -> User:
    """The instructor or admin asking; only for views that one of the decorators here guards."""
    return cast(User, people.current(request))


def owns(person: User, course: Course) -> bool:
    """Whether this person decides who else works on the course."""
    return person.is_admin or Membership.objects.filter(course=course, user=person, role=CourseRole.OWNER).exists()


def for_course(view: View) -> View:
    """The view with the course in place of its slug, for those who may edit it."""

    @people.instructor_required
    @functools.wraps(view)
    def guarded(request: HttpRequest, course: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, _course(request, course), *args, **kwargs)

    return guarded


def for_lesson(view: View) -> View:
    """The view with the lesson in place of both slugs, for those who may edit its course."""

    @people.instructor_required
    @functools.wraps(view)
    def guarded(request: HttpRequest, course: str, lesson: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = Lesson.objects.filter(course=_course(request, course), slug=lesson).select_related("course").first()
        if found is None:
            raise not_found()
        return view(request, found, *args, **kwargs)

    return guarded


def _course(request: HttpRequest, slug: str) -> Course:
    course = Course.objects.filter(slug=slug).first()
    if course is None or not may_edit(people.current(request), course):
        raise not_found()
    return course
