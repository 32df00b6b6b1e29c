"""Versions and releases: what was checked becomes rows that never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from inference.proofs import Snippet
from lessons import markdown
from lessons.checks import Checked, Proofs
from lessons.facts import FactMissing, Facts, Recorder
from lessons.films import ask_for_house_runs
from lessons.models import Course, Lesson, LessonVersion, PublishLog, Release, ReleaseLesson
from lessons.parts import LessonPart, folder_parts
from lessons.samples import recorded
from lessons.schema import LessonDocument, LessonMeta
from lessons.services import current_release, lessons_of


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a version keeps beside its words."""

    facts: dict[str, Any]
    outputs: dict[str, Any]


def freeze(document: LessonDocument, meta: LessonMeta, facts: Facts, proofs: Proofs) -> Frozen:
    """Every fact that the lesson's own words and its Follow page show, and every recorded output."""
    recorder = Recorder(facts)
    texts = [document.body, meta.insight, *(objective.text for objective in meta.objectives)]
    if meta.run and meta.run.predict:
        texts.append(meta.run.predict.why)
    if meta.look and meta.look.predict:
        texts.append(meta.look.predict.why)
    if meta.train:
        texts += [meta.train.about, meta.train.predict.why if meta.train.predict else ""]
    for case in meta.mistakes.cases if meta.mistakes else []:
        texts += [case.story, case.why]
    for text in texts:
        markdown.render(text, facts=recorder)
    for network in dict.fromkeys([*meta.networks, *([meta.run.network] if meta.run else [])]):
        try:
            recorder(network)
        except FactMissing:
            continue
    samples = markdown.samples_of(document.body)
    return Frozen(recorder.kept, {sample.id: recorded(sample, proofs(sample.snippet)) for sample in samples})


def make_version(checked: Checked, *, lesson: Lesson, author: User | None, now: datetime) -> LessonVersion:
    """The lesson's version with these contents: a new one, or the newest one again when nothing in it would change."""
    document, context = checked.document, checked.context
    if document.meta is None or context is None:
        raise ValueError("contents with errors cannot become a version")
    kept = freeze(document, document.meta, context.facts, context.proofs)
    newest = lesson.versions.order_by("-number").first()
    if newest and (newest.files_sha256, newest.facts, newest.outputs) == (checked.contents.sha256, kept.facts, kept.outputs):
        return newest
    version = LessonVersion.objects.create(
        lesson=lesson,
        number=newest.number + 1 if newest else 1,
        title=document.meta.title,
        subtitle=document.meta.subtitle,
        meta=document.meta.model_dump(),
        body=document.body,
        files=dict(checked.contents.files),
        files_sha256=checked.contents.sha256,
        pictures={name: dict(picture) for name, picture in checked.contents.pictures.items()},
        facts=kept.facts,
        outputs=kept.outputs,
        created_at=now,
        created_by=author,
    )
    for part in folder_parts():
        if part.filename in checked.contents.files:
            part.publish(checked.contents.files[part.filename], context, version)
    ask_for_house_runs(markdown.films_of(document.body), now=now)
    if lesson.slug != document.meta.slug:
        lesson.slug = document.meta.slug
        lesson.save(update_fields=["slug"])
    return version


def release(
    course: Course, versions: Mapping[int, LessonVersion], *, author: User | None, note: str, now: datetime
) -> Release | None:
    """A new release that shows these versions (by lesson) and keeps the others; none when readers would see no change.

    Lessons stand in the course's order; those that are no longer listed, and those never published, are left out.
    """
    shown = {version.lesson_id: version for version in lessons_of(course)}
    wanted = {**shown, **versions}
    pinned = [
        version
        for lesson in Lesson.objects.filter(course=course, listed=True)
        if (version := wanted.get(lesson.pk) or lesson.versions.order_by("-number").first())
    ]
    if [version.pk for version in pinned] == [version.pk for version in shown.values()]:
        return None
    last = current_release(course)
    new = Release.objects.create(
        course=course, number=last.number + 1 if last else 1, note=note, published_at=now, published_by=author
    )
    ReleaseLesson.objects.bulk_create(
        ReleaseLesson(release=new, position=position, lesson_version=version) for position, version in enumerate(pinned)
    )
    changed = [version for pk, version in versions.items() if shown.get(pk) != version]
    PublishLog.objects.bulk_create(
        PublishLog(lesson_version=version, release=new, actor=author, at=now, note=note) for version in changed
    )
    return new


def snippets_in(files: Mapping[str, str], parts: Iterable[LessonPart] | None = None) -> list[tuple[str, Snippet]]:
    """Every snippet whose proof these files need, each with the place that uses it: "lesson.md#sample-id"."""
    document = LessonDocument(files.get("lesson.md", ""))
    found = [(f"lesson.md#{sample.id}", sample.snippet) for sample in markdown.samples_of(document.body)]
    for part in folder_parts() if parts is None else parts:
        if part.filename in files:
            snippets: Sequence[tuple[str, Snippet]] = part.snippets(files[part.filename])
            found += [(f"{part.filename}#{name}", snippet) for name, snippet in snippets]
    return found
