"""Drafts, checks, publishing, course folders: what the studio and the commands call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.checks import check_contents
from lessons.drafts import Conflict, Contents, add_picture, contents_of, open_draft, require_author, save_draft
from lessons.folders import FolderReport, NotLoadable, export_folder, load_folder
from lessons.models import Course, Draft, Lesson, LessonVersion
from lessons.parts import Finding, Severity, errors
from lessons.releases import make_version, release

__all__ = [
    "Conflict",
    "Contents",
    "Finding",
    "FolderReport",
    "NotLoadable",
    "NotPublishable",
    "Severity",
    "add_picture",
    "check_draft",
    "contents_of",
    "errors",
    "export_folder",
    "load_folder",
    "open_draft",
    "publish",
    "relist",
    "save_draft",
    "unlist",
]


class NotPublishable(Exception):
    """Checks found errors; `findings` says where and what to do. Nothing was written."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def check_draft(draft_or_files: Draft | Mapping[str, str], *, course: Course, lesson: Lesson | None = None) -> list[Finding]:
    """What is wrong with a draft, or with files that are not saved yet (name their `lesson` where there is one)."""
    if isinstance(draft_or_files, Draft):
        contents, lesson = contents_of(draft_or_files), draft_or_files.lesson
    else:
        pictures = open_draft(lesson).pictures if lesson and lesson.pk else {}
        contents = Contents(draft_or_files, pictures)
    return check_contents(contents, lesson=lesson or Lesson(course=course), course=course).findings


def publish(*, lesson: Lesson, author: User, note: str, now: datetime, revision: int | None = None) -> LessonVersion:
    """The version that learners see from now on: the draft's, in a new release of the course.

    All in one transaction, checks included. `revision` is the draft's that the author saw. Raises Conflict when the draft is
    another one by now, NotPublishable, and Problem 403 for people who are no authors. Publishing what is published already
    changes nothing.
    """
    course = lesson.course
    require_author(author, course)
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=course.pk)
        Lesson.objects.select_for_update().get(pk=lesson.pk)  # a save waits until what is published here is decided
        lesson.refresh_from_db()
        draft = open_draft(lesson)
        if revision is not None and draft.revision != revision:
            raise Conflict(draft, {})
        checked = check_contents(contents_of(draft), lesson=lesson, course=course)
        if errors(checked.findings):
            raise NotPublishable(checked.findings)
        version = make_version(checked, lesson=lesson, author=author, now=now)
        release(course, {lesson.pk: version}, author=author, note=note or _("Edited in the studio"), now=now)
        if draft.pk:
            Draft.objects.filter(pk=draft.pk).update(base_version=version.number)
    return version


def unlist(*, lesson: Lesson, author: User, note: str, now: datetime) -> None:
    """Takes a lesson out of what learners see; its versions, and the attempts at them, stay."""
    _list(lesson, False, author=author, note=note, now=now)


def relist(*, lesson: Lesson, author: User, note: str, now: datetime) -> None:
    """Shows a lesson again that was taken out, in its newest version."""
    _list(lesson, True, author=author, note=note, now=now)


def _list(lesson: Lesson, listed: bool, *, author: User, note: str, now: datetime) -> None:
    require_author(author, lesson.course)
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=lesson.course_id)
        Lesson.objects.filter(pk=lesson.pk).update(listed=listed)
        release(lesson.course, {}, author=author, note=note, now=now)
    lesson.listed = listed
