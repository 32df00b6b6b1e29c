"""What stops a lesson from being published, and what is only warned about. Run before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from inference.models import Proof
from inference.proofs import Snippet, proof_of, stale_proof_of
from inference.samples import all_samples
from lessons import markdown
from lessons.drafts import Contents
from lessons.facts import FactMissing, Facts, live_facts
from lessons.films import SUFFIX as FILM_SUFFIX
from lessons.models import Course, Lesson
from lessons.modes import all_modes
from lessons.parts import Finding, PartContext, Severity, folder_parts
from lessons.samples import problem_with
from lessons.schema import LESSON_FILE, LessonDocument, LessonMeta, read_lesson
from lessons.standing import unproved

Proofs = Callable[[Snippet], Proof | None]


class PublishCheck(Protocol):
    """A check of settings.PUBLISH_CHECKS: a callable that says what else is wrong."""

    def __call__(self, *, contents: Contents, context: PartContext) -> Sequence[Finding]: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """Contents that were checked: what is wrong, and what was read on the way."""

    contents: Contents
    document: LessonDocument
    context: PartContext | None  # none: the front matter has errors, so that nothing else could be asked
    findings: list[Finding]


def check_contents(
    contents: Contents, *, lesson: Lesson, course: Course, proofs: Proofs = proof_of, facts: Facts | None = None
) -> Checked:
    """Everything that is wrong with a lesson's contents, in the order of files and lines."""
    facts = facts or live_facts()
    document = read_lesson(contents.files.get(LESSON_FILE, ""))
    findings = [*document.findings]
    findings += markdown.check(
        document.body,
        facts=facts,
        file=LESSON_FILE,
        first_line=document.body_line,
        pictures=contents.pictures,
        files=contents.files,
        is_lesson=True,
    )
    findings += _check_samples(document, proofs)
    findings += _check_files(contents, document)
    context = None
    if document.meta:
        meta = document.meta
        context = PartContext(course, lesson, meta.model_dump(), facts, proofs, contents.pictures)
        findings += _check_identity(document, meta, lesson, course)
        findings += _check_words(document, meta, contents, facts)
        findings += _check_networks(document, meta, facts)
        findings += _check_modes(document, meta, contents)
        for part in folder_parts():
            if part.filename in contents.files:
                findings += part.check(contents.files[part.filename], context)
        for path in settings.PUBLISH_CHECKS:
            check: PublishCheck = import_string(path)
            findings += check(contents=contents, context=context)
    return Checked(contents, document, context, sorted(set(findings)))


def _check_samples(document: LessonDocument, proofs: Proofs) -> Iterator[Finding]:
    for sample in markdown.samples_of(document.body, first_line=document.body_line):
        proof = proofs(sample.snippet)
        stale = None if proof else stale_proof_of(sample.snippet)
        if problem := unproved(stale) if stale else problem_with(sample, proof):
            yield Finding(LESSON_FILE, sample.line, problem)


def _check_files(contents: Contents, document: LessonDocument) -> Iterator[Finding]:
    known = {LESSON_FILE, *(part.filename for part in folder_parts())}
    shown = {film.file for film in markdown.films_of(document.body)}
    for name in sorted(contents.files.keys() - known - shown):
        if name.endswith(FILM_SUFFIX):
            message = _("No block shows this recorded run. Remove it, or show it: ::: trace %(name)s")
            yield Finding(name, 0, message % {"name": name}, Severity.WARNING)
            continue
        yield Finding(
            name,
            0,
            _("Nothing reads this file. Remove it, or rename it to one of: %(known)s.") % {"known": ", ".join(sorted(known))},
        )
    if LESSON_FILE not in contents.files:
        yield Finding(LESSON_FILE, 0, _("The lesson has no lesson.md. Add it."))


def _check_identity(document: LessonDocument, meta: LessonMeta, lesson: Lesson, course: Course) -> Iterator[Finding]:
    if lesson.uid and meta.uid != lesson.uid:
        message = _("A lesson keeps its uid for good. Put “%(uid)s” back.") % {"uid": lesson.uid}
        yield Finding(LESSON_FILE, document.line("uid"), message)
    others = Lesson.objects.exclude(pk=lesson.pk)
    if course.pk and others.filter(course=course, slug=meta.slug).exists():
        message = _("Another lesson of this course has the slug “%(slug)s”. Choose another.") % {"slug": meta.slug}
        yield Finding(LESSON_FILE, document.line("slug"), message)
    if others.filter(uid=meta.uid).exists():
        yield Finding(LESSON_FILE, document.line("uid"), _("Another lesson has this uid. Make up a new one."))


def _check_words(document: LessonDocument, meta: LessonMeta, contents: Contents, facts: Facts) -> Iterator[Finding]:
    """The pieces of Markdown that stand in the front matter; their lines are their fields' own."""
    texts: list[tuple[tuple[str | int, ...], str]] = [(("insight",), meta.insight)]
    if meta.run and meta.run.predict:
        texts.append((("run", "predict", "why"), meta.run.predict.why))
    if meta.look and meta.look.predict:
        texts.append((("look", "predict", "why"), meta.look.predict.why))
    if meta.train:
        texts.append((("train", "about"), meta.train.about))
        texts.append((("train", "predict", "why"), meta.train.predict.why if meta.train.predict else ""))
    for index, case in enumerate(meta.mistakes.cases if meta.mistakes else []):
        texts += [(("mistakes", "cases", index, "story"), case.story), (("mistakes", "cases", index, "why"), case.why)]
    texts += [(("objectives", index, "text"), objective.text) for index, objective in enumerate(meta.objectives)]
    known = markdown.headings_of(document.body)
    for index, objective in enumerate(meta.objectives):
        if objective.section and objective.section not in known:
            message = _("The text has no heading “%(section)s”. Write one of its headings, word for word: %(known)s.")
            told = {"section": objective.section, "known": "; ".join(known) or _("none")}
            yield Finding(LESSON_FILE, document.line("objectives", index, "section"), message % told)
    for path, text in texts:
        line = document.line(*path)
        yield from markdown.check(text, facts=facts, file=LESSON_FILE, first_line=line, pictures=contents.pictures)
    if not meta.insight:
        yield Finding(LESSON_FILE, 1, _("The lesson has no key insight. One sentence to remember helps."), Severity.WARNING)
    if not meta.objectives:
        message = _("The lesson has no objectives. Say what the learner can do afterwards.")
        yield Finding(LESSON_FILE, document.line("objectives"), message, Severity.WARNING)


def _check_networks(document: LessonDocument, meta: LessonMeta, facts: Facts) -> Iterator[Finding]:
    named: list[tuple[tuple[str | int, ...], str]] = [(("networks", index), name) for index, name in enumerate(meta.networks)]
    if meta.run:
        named.append((("run", "network"), meta.run.network))
    if meta.look:
        named.append((("look", "network"), meta.look.network))
    if meta.mistakes:
        named.append((("mistakes", "network"), meta.mistakes.network))
    if meta.train:
        named.append((("train", "network"), meta.train.network))
    for path, name in named:
        try:
            facts(f"{name}.title")
        except FactMissing:
            message = _(
                "Nothing is known about the network “%(network)s”. Check its name, or compute it:"
                " manage.py compute_facts %(network)s."
            )
            yield Finding(LESSON_FILE, document.line(*path), message % {"network": name})
    samples = {sample.id for sample in all_samples()}
    shown: list[tuple[tuple[str | int, ...], str]] = [
        (("run", "samples", index), sample) for index, sample in enumerate(meta.run.samples if meta.run else [])
    ]
    shown += [(("look", "samples", index), sample) for index, sample in enumerate(meta.look.samples if meta.look else [])]
    shown += [
        (("mistakes", "cases", index, "sample"), case.sample)
        for index, case in enumerate(meta.mistakes.cases if meta.mistakes else [])
    ]
    for path, sample in shown:
        if sample not in samples:
            message = _("There is no sample photo “%(sample)s”. Photos: %(known)s.")
            yield Finding(LESSON_FILE, document.line(*path), message % {"sample": sample, "known": ", ".join(sorted(samples))})


def _check_modes(document: LessonDocument, meta: LessonMeta, contents: Contents) -> Iterator[Finding]:
    served = {mode.slug for mode in all_modes()}
    has_samples = bool(markdown.samples_of(document.body))
    for index, mode in enumerate(meta.modes):
        line = document.line("modes", index)
        if mode not in served:
            message = _("The mode “%(mode)s” isn’t served on this site yet; learners won’t see it.") % {"mode": mode}
            yield Finding(LESSON_FILE, line, message, Severity.WARNING)
        if mode == "run" and meta.run is None:
            yield Finding(LESSON_FILE, line, _("The mode “run” needs a field “run” with a network."))
        if mode == "follow" and not meta.networks:
            yield Finding(LESSON_FILE, line, _("The mode “follow” needs a field “networks” with the networks to follow."))
        if mode == "look-inside" and meta.look is None:
            yield Finding(LESSON_FILE, line, _("The mode “look-inside” needs a field “look” with a network."))
        if mode == "break" and meta.mistakes is None:
            yield Finding(LESSON_FILE, line, _("The mode “break” needs a field “mistakes” with a network and cases."))
        if mode == "train" and meta.train is None:
            yield Finding(LESSON_FILE, line, _("The mode “train” needs a field “train” with a network and data sets."))
        if mode == "code" and not has_samples:
            yield Finding(LESSON_FILE, line, _("The mode “code” needs a code sample: ```python id=…"))
        if mode in ("practise", "test") and "questions.yaml" not in contents.files:
            yield Finding(LESSON_FILE, line, _("The mode “%(mode)s” needs questions in questions.yaml.") % {"mode": mode})
