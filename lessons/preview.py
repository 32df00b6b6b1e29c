"""A draft as learners would see it, by the learner's own templates; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import people
from inference.proofs import proof_of
from lessons.drafts import Pictures
from lessons.facts import live_facts
from lessons.models import Lesson, LessonVersion
from lessons.modes import LessonPage, Mode
from lessons.pages.break_ import BreakMode
from lessons.pages.code import CodeMode
from lessons.pages.follow import FollowMode
from lessons.pages.look_inside import LookInsideMode
from lessons.pages.read import ReadMode
from lessons.pages.run import RunMode
from lessons.pages.train import TrainMode
from lessons.parts import Finding
from lessons.releases import freeze
from lessons.schema import LESSON_FILE, LessonMeta, read_lesson

MODES = {
    mode.slug: mode for mode in (ReadMode(), RunMode(), FollowMode(), LookInsideMode(), BreakMode(), TrainMode(), CodeMode())
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What to render: `template` is the whole page, `partial` the mode's part of it; both take `context`."""

    template: str
    partial: str
    context: dict[str, Any]
    findings: list[Finding]  # what is wrong with the front matter; then the page is shown without it


def preview(
    request: HttpRequest,
    *,
    lesson: Lesson,
    files: Mapping[str, str],
    pictures: Pictures | None = None,
    mode: str = "read",
) -> Preview:
    """The lesson as these files would show it, in one of this room's modes (another one: in "read")."""
    version, findings = unsaved_version(lesson, files, pictures or {})
    shown: list[Mode] = [one for one in MODES.values() if one.slug in version.meta["modes"] and one.offered(version)]
    chosen = next((one for one in MODES.values() if one in shown and one.slug == mode), MODES["read"])
    page = LessonPage(
        request=request,
        course=lesson.course,
        lesson=lesson,
        version=version,
        person=people.current(request),
        mode=chosen,
        modes=shown or [chosen],
        frame={"preview": True},
    )
    return Preview(chosen.template, chosen.partial, page.context(**chosen.context(page)), findings)


def unsaved_version(lesson: Lesson, files: Mapping[str, str], pictures: Pictures) -> tuple[LessonVersion, list[Finding]]:
    """A version that is never saved, made of whatever can be read."""
    document = read_lesson(files.get(LESSON_FILE, ""))
    meta = document.meta or LessonMeta(uid=lesson.uid or "preview", slug=lesson.slug or "preview", title=_("(no title yet)"))
    kept = freeze(document, meta, live_facts(), proof_of)
    version = LessonVersion(
        lesson=lesson,
        number=0,
        title=meta.title,
        subtitle=meta.subtitle,
        meta=meta.model_dump(),
        body=document.body,
        files=dict(files),
        pictures={name: dict(picture) for name, picture in pictures.items()},
        facts=kept.facts,
        outputs=kept.outputs,
    )
    return version, document.findings
