"""Drafts: what authors work on. A save says which revision it began from; nobody overwrites another unknowingly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from inference.sharing.reading import NotReadable, read_trace
from lessons.models import Course, Draft, Lesson, LessonFile, LessonVersion
from lessons.pictures import MAXIMUM_BYTES, measure, without_metadata
from lessons.services import current_version, may_edit
from web.problems import Problem

FILE_MAX_CHARACTERS = 400_000

Pictures = Mapping[str, Mapping[str, Any]]


class Conflict(Exception):
    """Somebody saved in between. `draft` is what they saved, `files` what was not saved: nothing is lost, both are shown."""

    def __init__(self, draft: Draft, files: Mapping[str, str]) -> None:
        super().__init__(_("Somebody else saved this lesson while you were writing."))
        self.draft = draft
        self.files = dict(files)


@dataclass(frozen=True, slots=True)
class Contents:
    """A lesson's part of a course folder: its texts, and its pictures by their content."""

    files: Mapping[str, str]
    pictures: Pictures = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The same for the same texts and pictures, wherever they are kept."""
        pictures = {name: picture["sha256"] for name, picture in self.pictures.items()}
        return hashlib.sha256(json.dumps([dict(self.files), pictures], sort_keys=True).encode()).hexdigest()


def contents_of(holder: Draft | LessonVersion) -> Contents:
    """What a draft or a version holds."""
    return Contents(holder.files, holder.pictures)


def require_author(person: User | None, course: Course) -> None:
    """Raises Problem 403 unless the person may work on the course."""
    if not may_edit(person, course):
        raise Problem(403, _("Not your course"), _("Only this course’s authors can change it. Ask its owner to add you."))


def open_draft(lesson: Lesson) -> Draft:
    """The lesson's draft; where there is none yet, an unsaved one (revision 0) that begins from what learners see."""
    draft = Draft.objects.filter(lesson=lesson).select_related("updated_by").first()
    if draft:
        return draft
    version = current_version(lesson)
    return Draft(
        lesson=lesson,
        revision=0,
        files=dict(version.files) if version else {},
        pictures=dict(version.pictures) if version else {},
        base_version=version.number if version else 0,
    )


def save_draft(
    *,
    lesson: Lesson,
    files: Mapping[str, str],
    revision: int,
    author: User,
    now: datetime,
    pictures: Pictures | None = None,
) -> Draft:
    """The draft as saved, one revision on. `revision` is the one its author began from (0: none yet).

    Raises Conflict when another revision was saved in between, Problem 403 for people who are no authors of the course.
    Without `pictures` the draft keeps those it has.
    """
    require_author(author, lesson.course)
    _refuse_unusable(files)
    with transaction.atomic():
        Lesson.objects.select_for_update().get(pk=lesson.pk)
        opened = open_draft(lesson)
        if opened.revision != revision:
            raise Conflict(opened, files)
        opened.files = dict(files)
        if pictures is not None:
            opened.pictures = {name: dict(picture) for name, picture in pictures.items()}
        opened.revision += 1
        opened.updated_at, opened.updated_by = now, author
        opened.save()
    return opened


def _refuse_unusable(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        if not isinstance(text, str) or "\x00" in text or len(text) > FILE_MAX_CHARACTERS:
            raise Problem(
                422, _("Too long"), _("%(file)s is too long, or is no text. Shorten it and save again.") % {"file": name}
            )


def add_picture(*, lesson: Lesson, name: str, content: bytes, author: User | None, now: datetime) -> dict[str, Any]:
    """Keeps a picture for the lesson's draft, without its metadata: a photo tells where its author lives.

    Returns {sha256, width, height}. Raises Problem 422 for what is no picture.
    """
    if author is not None:
        require_author(author, lesson.course)
    picture = keep_picture(lesson, name, without_metadata(name, content))
    if author is not None:
        with transaction.atomic():
            Lesson.objects.select_for_update().get(pk=lesson.pk)
            draft = open_draft(lesson)
            draft.pictures = {**draft.pictures, name: picture}
            draft.revision += 1
            draft.updated_at, draft.updated_by = now, author
            draft.save()
    return picture


def add_recording(*, lesson: Lesson, name: str, content: bytes, author: User, now: datetime) -> Draft:
    """The draft with a recorded run beside its lesson.md. Raises Problem 403 for no author, 422 for what is no such file."""
    require_author(author, lesson.course)
    try:
        read_trace(content)
    except NotReadable as error:
        raise Problem(422, _("Not a recorded run"), str(error), sentences=list(error.sentences)) from error
    text = content.decode("utf-8-sig")
    _refuse_unusable({name: text})
    with transaction.atomic():
        Lesson.objects.select_for_update().get(pk=lesson.pk)
        draft = open_draft(lesson)
        draft.files = {**draft.files, name: text}
        draft.revision += 1
        draft.updated_at, draft.updated_by = now, author
        draft.save()
    return draft


def keep_picture(lesson: Lesson, name: str, content: bytes) -> dict[str, Any]:
    """Stores a picture as it is, by its content, once; returns {sha256, width, height}.

    Raises Problem 422 for what is no picture, and for one that tells where it was taken.
    """
    width, height = measure(name, content)
    sha256 = hashlib.sha256(content).hexdigest()
    if not LessonFile.objects.filter(lesson=lesson, name=name, sha256=sha256).exists():
        suffix = PurePosixPath(name).suffix.lower()
        stored = LessonFile(lesson=lesson, name=name, sha256=sha256, width=width, height=height)
        stored.file.save(f"{sha256[:32]}{suffix}", ContentFile(content), save=False)
        stored.save(force_insert=True)
    return {"sha256": sha256, "width": width, "height": height}


def read_picture(upload: UploadedFile[Any]) -> bytes:
    """The bytes of an uploaded picture; raises Problem 422 when there are too many."""
    if (upload.size or 0) > MAXIMUM_BYTES:
        raise Problem(422, _("Too large"), _("A lesson’s picture may have 5 MB. Make it smaller and try again."))
    content: bytes = upload.read()
    return content


def new_lesson_text(*, uid: str, slug: str, title: str) -> str:
    """A lesson.md to begin with."""
    fields = {"uid": uid, "slug": slug, "title": json.dumps(title, ensure_ascii=False)}
    lines = [*(f"{name}: {value}" for name, value in fields.items()), "level: beginner", "minutes: 10", "objectives: []"]
    return "\n".join(["---", *lines, "modes: [read]", "---", "", f"## {_('First section')}", "", ""])
