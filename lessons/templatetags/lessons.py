"""Small words of the lessons' pages. `{% load lessons %}`"""

from __future__ import annotations

from collections.abc import Iterable

from django import template

from lessons.models import Course, LessonVersion

register = template.Library()


@register.filter
def labels(about: LessonVersion | Course, subject: str = "") -> list[str]:
    """The subject and the tags, each once whatever its capitals: {% for label in version|labels:course.subject %}"""
    tags = about.tags if isinstance(about, Course) else about.meta.get("tags", [])
    return _once([subject, *tags])


def _once(words: Iterable[str]) -> list[str]:
    seen: dict[str, str] = {}
    for word in words:
        if word:
            seen.setdefault(word.casefold(), word)
    return list(seen.values())
