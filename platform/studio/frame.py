"""What every page about one lesson or course shows around its own matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from inference.proof_runs import prover, why_not
from lessons.models import Course, Lesson
from lessons.publishing import open_draft
from lessons.schema import LESSON_FILE
from lessons.services import current_version, lesson_url
from studio.access import author_of, owns
from studio.documents import LessonText
from studio.editing import Saved
from studio.yamltext import UnreadableError

TABS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("lesson", lambda: _("Lesson")),
    ("questions", lambda: _("Questions")),
    ("misconceptions", lambda: _("Misconceptions")),
    ("pictures", lambda: _("Pictures")),
    ("recordings", lambda: _("Recorded runs")),
    ("check", lambda: _("Check")),
    ("publish", lambda: _("Publish")),
    ("history", lambda: _("History")),
    ("answers", lambda: _("Answers")),
    ("documents", lambda: _("Documents")),
)


def lesson_frame(request: HttpRequest, lesson: Lesson, tab: str = "") -> dict[str, Any]:
    """The lesson, its draft, what learners see of it, and the tabs."""
    draft = open_draft(lesson)
    version = current_version(lesson)
    tab = tab or (request.resolver_match.url_name or "" if request.resolver_match else "")
    tab = {"question": "questions", "document": "documents", "proofs": "check"}.get(tab, tab)
    return {
        "course": lesson.course,
        "why_not_proving": lambda: why_not(prover()),  # Redis is asked by those pages alone that say it
        "lesson": lesson,
        "draft": draft,
        "version": version,
        "lesson_title": title_of(lesson, draft.files),
        "learners_url": lesson_url(version) if version else "",
        "changed": bool(draft.pk) and (version is None or version.files != draft.files or version.pictures != draft.pictures),
        "tabs": [
            {"title": title(), "url": reverse(f"studio:{name}", args=[lesson.course.slug, lesson.slug]), "current": name == tab}
            for name, title in TABS
        ],
    }


def saved_sentence(lesson: Lesson, saved: Saved) -> str:
    """What of the lesson is saved now, and what learners see of it, in one line."""
    version = current_version(lesson)
    if version:
        seen = _("learners see version %(number)s") % {"number": version.number}
    else:
        seen = _("learners don’t see this lesson yet") if lesson.listed else _("the lesson is withdrawn")
    if not saved.draft.pk:
        return _("Nothing is changed; %(seen)s.") % {"seen": seen}
    time = date_format(timezone.localtime(saved.draft.updated_at), "H:i")
    said = _("Draft saved %(time)s; %(seen)s.") % {"time": time, "seen": seen}
    if saved.merged_with:
        said += " " + _("%(name)s changed other parts meanwhile; both are kept.") % {"name": saved.merged_with}
    return said


def course_frame(request: HttpRequest, course: Course) -> dict[str, Any]:
    """The course, and whether the person owns it."""
    return {"course": course, "is_owner": owns(author_of(request), course)}


def title_of(lesson: Lesson, files: dict[str, str]) -> str:
    """The title that the draft gives the lesson, or its address while there is none to read."""
    try:
        return str(LessonText(files.get(LESSON_FILE, "")).values["title"]) or lesson.slug
    except UnreadableError:
        return lesson.slug
