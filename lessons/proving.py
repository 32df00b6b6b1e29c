"""Runs the snippets of a course folder, or of a course's drafts, and says what disagrees with what is written.

Only the command `check_content` calls this. What an author asks for in the studio is run by `inference.sandbox.engine`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from django.utils.translation import gettext as _
from PIL import Image

from inference.models import Proof
from inference.proofs import (
    LockEntry,
    Snippet,
    dump_lock,
    is_fresh,
    keep_runs,
    load_lock,
    needs_run,
    proofs_of,
    result_of,
    snippet_sha256,
    store_proofs,
)
from inference.sandbox.run import run_snippets
from inference.sandbox.snippets import SnippetResult, without_addresses
from lessons.checks import check_contents
from lessons.drafts import Contents, Pictures, contents_of, open_draft
from lessons.facts import live_facts
from lessons.folders import LessonFolder, read_folder
from lessons.models import Course, Lesson
from lessons.parts import Finding, Severity
from lessons.releases import snippets_in
from lessons.schema import LESSON_FILE, LOCK_FILE
from lessons.standing import Standing, State, ended_by, standings_in

Report = Callable[[int, int], None]
"""Told, as each snippet ends, how many have ended and how many there are."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What running everything showed."""

    findings: list[Finding]  # what is wrong with the content
    behind: list[Finding]  # where the lock file is behind the content; recording cures these
    standings: list[Standing]  # how each snippet's proof stands, the lock file taken into account
    entries: dict[str, LockEntry]  # what to record: every snippet that came to its own end, or that cannot run here


@dataclass(frozen=True, slots=True)
class _Place:
    """One use of a snippet, written as the lock file writes it: "lesson-folder/lesson.md#sample-id"."""

    where: str
    snippet: Snippet


def prove_folder(path: Path, *, report: Report, recording: bool = False, only_needed: bool = False) -> Proved:
    """Runs every snippet of the course folder; findings name what fails, and what differs from the lock file.

    With `only_needed` those are run that the lock file has no fresh record of, and the record is believed of the others. Who
    is `recording` is told how the proofs will stand.
    Raises NotLoadable for a folder that cannot be read, and LockError for a lock file that cannot.
    """
    folder = read_folder(path)
    recorded = load_lock(folder.lock)
    places = [
        _Place(f"{lesson.name}/{where}", snippet) for lesson in folder.lessons for where, snippet in snippets_in(lesson.files)
    ]
    known = {sha256: entry.result for sha256, entry in recorded.items() if is_fresh(entry.result)}
    ran = _run(places, report, known=known if only_needed else {})
    results = {sha256: _settled(result, known.get(sha256)) for sha256, result in ran.items()}
    course = Course.objects.filter(uid=folder.document.uid).first() or Course(uid=folder.document.uid)
    findings = [
        *_stopped(places, results),
        *_warned(places, results),
        *(finding for lesson in folder.lessons for finding in _lesson_findings(lesson, course, results)),
    ]
    standings = [
        replace(standing, where=f"{lesson.name}/{standing.where}")
        for lesson in folder.lessons
        for standing in _standings(lesson.files, results)
    ]
    if not recording:
        standings = [_by_the_record(standing, results, recorded) for standing in standings]
    behind = [*_behind(places, results, recorded)]
    return Proved(sorted(set(findings)), sorted(set(behind)), standings, _entries(places, results))


def prove_drafts(course: Course, *, now: datetime, report: Report, only_needed: bool = True) -> Proved:
    """Runs the snippets of the course's drafts, or of what is published where there is none, and keeps the proofs.

    Publishing from the studio then finds them fresh. With `only_needed` those that have a fresh proof are not run again.
    """
    lessons = [lesson for lesson in course.lessons.all() if open_draft(lesson).files]
    contents = {lesson: contents_of(open_draft(lesson)) for lesson in lessons}
    places = [
        _Place(f"{lesson.slug}/{where}", snippet)
        for lesson in lessons
        for where, snippet in snippets_in(contents[lesson].files)
    ]
    fresh = proofs_of([place.snippet for place in places]) if only_needed else {}
    results = _run(places, report, known={sha256: result_of(proof) for sha256, proof in fresh.items()})
    keep_runs(results, now=now)
    findings = [*_stopped(places, results), *_warned(places, results)]
    for lesson in lessons:
        checked = check_contents(contents[lesson], lesson=lesson, course=course)
        findings += [replace(finding, file=f"{lesson.slug}/{finding.file}") for finding in checked.findings]
    standings = [
        replace(standing, where=f"{lesson.slug}/{standing.where}")
        for lesson in lessons
        for standing in _standings(contents[lesson].files, results)
    ]
    return Proved(sorted(set(findings)), [], standings, _entries(places, results))


def record(path: Path, proved: Proved, *, now: datetime) -> Path:
    """Writes the lock file beside the course and keeps its proofs in the database; returns the lock file's path."""
    lock = path / LOCK_FILE
    lock.write_text(dump_lock(proved.entries), encoding="utf-8")
    store_proofs({sha256: entry.result for sha256, entry in proved.entries.items()}, now=now)
    return lock


def _run(places: list[_Place], report: Report, *, known: Mapping[str, SnippetResult]) -> dict[str, SnippetResult]:
    """What every snippet came to: by what is known of it, or else by running it. What is missing may be here by now."""
    used = {snippet_sha256(place.snippet): place.snippet for place in places}
    believed = {
        sha256: known[sha256] for sha256, snippet in used.items() if sha256 in known and not needs_run(snippet, known[sha256])
    }
    snippets = {sha256: snippet for sha256, snippet in used.items() if sha256 not in believed}
    ended = 0

    def done(_snippet: Snippet) -> None:
        nonlocal ended
        ended += 1
        report(ended, len(snippets))

    report(0, len(snippets))
    return believed | run_snippets(snippets.values(), done=done)


def _settled(result: SnippetResult, recorded: SnippetResult | None) -> SnippetResult:
    """What counts of a run: where its weights are not, what was recorded where they are."""
    return recorded if result.missing and recorded else result


def _standings(files: Mapping[str, str], results: Mapping[str, SnippetResult]) -> Iterator[Standing]:
    """How the proofs of one lesson's snippets stand by these runs."""

    def latest(snippet: Snippet) -> Proof | None:
        result = results.get(snippet_sha256(snippet))
        return None if result is None or result.stopped else as_proof(snippet, result)

    for standing in standings_in(files, latest, live_facts()):
        stopped = results[snippet_sha256(standing.snippet)].stopped
        yield replace(standing, state=State.FAILED, sentence=ended_by(stopped)) if stopped else standing


def _by_the_record(standing: Standing, results: Mapping[str, SnippetResult], recorded: Mapping[str, LockEntry]) -> Standing:
    """The standing as the lock file has it: its record may be missing, of other versions, or say something else."""
    sha256 = snippet_sha256(standing.snippet)
    if standing.state is not State.FRESH:
        return standing
    if sha256 not in recorded:
        return replace(standing, state=State.MISSING, sentence=_not_recorded())
    result, entry = results[sha256], recorded[sha256].result
    if _said(entry) != _said(result):
        return replace(standing, state=State.FAILED, sentence=_another_output(result, entry))
    return standing if is_fresh(entry) else replace(standing, state=State.STALE, sentence=_other_versions(entry))


def _lesson_findings(folder: LessonFolder, course: Course, results: Mapping[str, SnippetResult]) -> Iterator[Finding]:
    """What publishing would say of the lesson with these runs as its proofs."""

    def proof(snippet: Snippet) -> Proof | None:
        result = results.get(snippet_sha256(snippet))
        return None if result is None or result.stopped else as_proof(snippet, result)

    lesson = Lesson.objects.filter(course__uid=course.uid, slug=folder.name).first() or Lesson(course=course, slug=folder.name)
    checked = check_contents(Contents(folder.files, _pictures(folder)), lesson=lesson, course=course, proofs=proof)
    for finding in checked.findings:
        yield replace(finding, file=f"{folder.name}/{finding.file}")


def as_proof(snippet: Snippet, result: SnippetResult) -> Proof:
    """A run as the row it would be kept in, unsaved."""
    return Proof(
        snippet_sha256=snippet_sha256(snippet),
        torch=result.torch,
        torchvision=result.torchvision,
        python=result.python,
        output=result.output,
        raised=result.raised,
        message=result.message,
        warnings=list(result.warnings),
        missing=result.missing,
    )


def _pictures(folder: LessonFolder) -> Pictures:
    """What the checks need to know of a lesson's pictures; one that cannot be read is left out, and so is missed."""
    known = {}
    for name, content in folder.pictures.items():
        try:
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
        except OSError:
            continue
        known[name] = {"sha256": hashlib.sha256(content).hexdigest(), "width": width, "height": height}
    return known


def _stopped(places: list[_Place], results: Mapping[str, SnippetResult]) -> Iterator[Finding]:
    for place in places:
        stopped = results[snippet_sha256(place.snippet)].stopped
        if stopped:
            yield Finding(place.where, 0, ended_by(stopped))


def _warned(places: list[_Place], results: Mapping[str, SnippetResult]) -> Iterator[Finding]:
    """Samples that run and warn: what readers copy may stop working. (Questions say so themselves.)"""
    for place in places:
        if f"/{LESSON_FILE}#" in place.where:
            for warning in results[snippet_sha256(place.snippet)].warnings:
                yield Finding(place.where, 0, _("It warns: %(warning)s") % {"warning": warning}, Severity.WARNING)


def _behind(places: list[_Place], results: Mapping[str, SnippetResult], recorded: Mapping[str, LockEntry]) -> Iterator[Finding]:
    """Where the lock file is behind: no record, another output, records of snippets that are gone."""
    for place in places:
        sha256 = snippet_sha256(place.snippet)
        result, entry = results[sha256], recorded.get(sha256)
        if result.stopped:
            continue
        if entry is None:
            yield Finding(place.where, 0, _not_recorded())
        elif not result.missing and _said(entry.result) != _said(result):
            yield Finding(place.where, 0, _another_output(result, entry.result))
        elif not is_fresh(entry.result):
            yield Finding(place.where, 0, _other_versions(entry.result))
    used = {snippet_sha256(place.snippet) for place in places}
    for sha256 in sorted(recorded.keys() - used):
        message = _("The record %(sha256)s belongs to no snippet any more. Remove it: --record.") % {"sha256": sha256[:12]}
        yield Finding(LOCK_FILE, 0, message, Severity.WARNING)


def _not_recorded() -> str:
    return _("Its run is not recorded. Record it: manage.py check_content --record.")


def _another_output(now: SnippetResult, recorded: SnippetResult) -> str:
    message = _("It now gives “%(now)s”, but “%(recorded)s” is recorded. If that is right, record it: --record --all.")
    return message % {"now": _shortly(now), "recorded": _shortly(recorded)}


def _other_versions(recorded: SnippetResult) -> str:
    message = _("Its record is of torch %(torch)s and torchvision %(torchvision)s, so it is stale. Record it anew: --record.")
    return message % {"torch": recorded.torch, "torchvision": recorded.torchvision}


def _said(result: SnippetResult) -> tuple[str, str, str]:
    """What a run is compared by. Warnings are shown, and may come and go with other libraries."""
    return (without_addresses(result.output), without_addresses(result.error), result.missing)


def _shortly(result: SnippetResult) -> str:
    return (result.missing or result.error or result.output).strip()[:200]


def _entries(places: list[_Place], results: Mapping[str, SnippetResult]) -> dict[str, LockEntry]:
    """One entry for each snippet that came to its own end."""
    used: dict[str, list[str]] = {}
    for place in places:
        used.setdefault(snippet_sha256(place.snippet), []).append(place.where)
    entries = {}
    for sha256, where in used.items():
        if not results[sha256].stopped:
            entries[sha256] = LockEntry(results[sha256], tuple(where))
    return entries
