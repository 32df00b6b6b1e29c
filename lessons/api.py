"""Courses and lessons for programs: the same services as the pages."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Schema

from accounts import people
from accounts.auth import cookie_or_bearer
from lessons import services
from lessons.models import LessonVersion
from lessons.modes import modes_of
from lessons.services import CourseCard
from lessons.words import body_html
from web.problems import REFUSALS, ProblemOut

PAGE = 50

router = Router(tags=["courses"], auth=cookie_or_bearer)


class LessonOut(Schema):
    slug: str
    title: str
    subtitle: str
    level: str
    minutes: int
    tags: list[str]
    version: int
    url: str


class CourseOut(Schema):
    slug: str
    title: str
    subtitle: str
    summary: str
    subject: str
    tags: list[str]
    level: Literal["beginner", "intermediate", "advanced"]
    prerequisites: list[str]
    language: str
    minutes: int
    lesson_count: int
    url: str


class CoursesOut(Schema):
    items: list[CourseOut]
    next: str | None


class CourseWithLessonsOut(CourseOut):
    lessons: list[LessonOut]


class ObjectiveOut(Schema):
    id: str
    text: str


class ModeOut(Schema):
    slug: str
    title: str
    group: Literal["understand", "investigate", "do", "keep"]
    url: str


class SourceOut(Schema):
    title: str
    url: str


class SampleOutputOut(Schema):
    """What a code sample printed when it was recorded, or what it needs (`missing`)."""

    id: str
    output: str
    raised: str
    message: str
    warnings: list[str]
    missing: str
    torch: str
    torchvision: str
    python: str


class WholeLessonOut(LessonOut):
    objectives: list[ObjectiveOut]
    modes: list[ModeOut]
    networks: list[str]
    insight: str
    sources: list[SourceOut]
    markdown: str
    html: str
    outputs: list[SampleOutputOut]


@router.get(
    "/courses", response={200: CoursesOut, **REFUSALS, 422: ProblemOut}, summary="The courses that have something to read"
)
def courses(request: HttpRequest, offset: Query[int] = 0) -> dict[str, Any]:
    """A page of the catalogue; `next` leads to the one after it."""
    start = min(max(offset, 0), 10**6)
    cards = services.catalogue()
    more = urlencode({"offset": start + PAGE})
    return {
        "items": [_course(request, card) for card in cards[start : start + PAGE]],
        "next": request.build_absolute_uri(f"{request.path}?{more}") if len(cards) > start + PAGE else None,
    }


@router.get("/courses/{slug}", response={200: CourseWithLessonsOut, **REFUSALS}, summary="A course and its lessons in order")
def course(request: HttpRequest, slug: str) -> dict[str, Any]:
    """A course with its current lessons."""
    card = services.visible_course(slug, person=people.current(request))
    return _course(request, card) | {"lessons": [_lesson(request, version) for version in card.lessons]}


@router.get(
    "/courses/{slug}/lessons/{lesson}",
    response={200: WholeLessonOut, **REFUSALS},
    summary="A lesson as learners see it",
)
def lesson(request: HttpRequest, slug: str, lesson: str) -> dict[str, Any]:
    """A lesson's words, as Markdown and as HTML, with its modes and recorded outputs."""
    version = services.visible_lesson(slug, lesson, person=people.current(request))
    meta = version.meta
    return _lesson(request, version) | {
        "objectives": meta["objectives"],
        "modes": [
            {
                "slug": mode.slug,
                "title": str(mode.title),
                "group": mode.group,
                "url": request.build_absolute_uri(services.lesson_url(version, mode.slug)),
            }
            for mode in modes_of(version)
        ],
        "networks": meta["networks"],
        "insight": meta["insight"],
        "sources": meta["sources"],
        "markdown": version.body,
        "html": str(body_html(version)),
        "outputs": [{"id": name, **output} for name, output in version.outputs.items() if output],
    }


def _course(request: HttpRequest, card: CourseCard) -> dict[str, Any]:
    names = ("slug", "title", "subtitle", "summary", "subject", "tags", "level", "prerequisites", "language")
    return {
        **{name: getattr(card.course, name) for name in names},
        "minutes": card.minutes,
        "lesson_count": len(card.lessons),
        "url": request.build_absolute_uri(reverse("lessons:course", args=[card.course.slug])),
    }


def _lesson(request: HttpRequest, version: LessonVersion) -> dict[str, Any]:
    return {
        "slug": version.lesson.slug,
        "title": version.title,
        "subtitle": version.subtitle,
        "level": version.meta["level"],
        "minutes": version.meta["minutes"],
        "tags": version.meta["tags"],
        "version": version.number,
        "url": request.build_absolute_uri(services.lesson_url(version)),
    }
