"""A version's words as HTML. A version never changes, so what was made of it once is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.core.cache import cache
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from lessons.films import filled
from lessons.markdown import Level, render, sample_html, samples_of
from lessons.models import LessonVersion

KEEP_SECONDS = 24 * 60 * 60


def body_html(version: LessonVersion) -> SafeString:
    """The lesson's prose with figures, samples, outputs, blocks and films."""
    return filled(
        _kept(
            version,
            "body",
            lambda: render(version.body, facts=version.facts, outputs=version.outputs, lesson_version=version),
        )
    )


def words_html(version: LessonVersion, text: str, *, level: Level = "inline") -> SafeString:
    """A piece of Markdown from the version's front matter."""
    return _kept(
        version, level + text, lambda: render(text, facts=version.facts, lesson_version=version, level=level, prefix="m-")
    )


def samples_html(version: LessonVersion) -> SafeString:
    """Every code sample of the lesson with its recorded output."""

    def make() -> SafeString:
        return format_html_join(
            "", "{}", ((sample_html(sample, version.outputs.get(sample.id)),) for sample in samples_of(version.body))
        )

    return _kept(version, "samples", make)


def _kept(version: LessonVersion, text: str, make: Callable[[], SafeString]) -> SafeString:
    if version.pk is None:  # a preview
        return make()
    about = [
        version.pk,
        version.created_at.isoformat(),
        version.files_sha256,
        version.lesson.slug,
        version.lesson.course.slug,
        get_language(),
        text,
    ]
    # The number is of the form of what is kept, placeholders of films included: it is counted on when that changes.
    key = "lessons.words:2:" + hashlib.sha256(repr(about).encode()).hexdigest()
    html = cache.get(key)
    if html is None:
        html = str(make())
        cache.set(key, html, KEEP_SECONDS)
    return SafeString(html)
