"""The course page's link to its misconceptions; `settings.COURSE_LINKS` names it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from lessons.links import CourseLink
from lessons.models import Course
from quizzes.misconceptions.services import list_url


def course_links(course: Course) -> list[CourseLink]:
    """The list of misconceptions; none while the course has none to read."""
    url = list_url(course)
    return [CourseLink(_("What people get wrong"), url, _("Each belief, why it fails, and its mistake to run."))] if url else []
