"""Misconceptions for programs: the same values as the pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema

from accounts import people
from accounts.auth import cookie_or_bearer
from lessons.services import visible_course
from quizzes.api import never_kept
from quizzes.misconceptions.presenting import MisconceptionPage, page_of, probes_of
from quizzes.misconceptions.services import readable, readable_named
from web.problems import REFUSALS

router = Router(tags=["courses"], auth=cookie_or_bearer)


class MisconceptionPageOut(Schema):
    slug: str
    title: str
    belief: str = Field(description="What people think, as HTML.")
    why: str = Field(description="Why it fails, as HTML.")
    mistake: str = Field(description="What POST /traces takes as a mistake to make it happen; empty where nothing can be run.")
    lesson: str
    url: str
    practise_url: str


class MisconceptionsOut(Schema):
    items: list[MisconceptionPageOut]
    next: str | None = None


class ProbeOut(Schema):
    stem: str
    url: str


class ProbedMisconceptionOut(MisconceptionPageOut):
    questions: list[ProbeOut] = Field(
        description="The practice questions that probe it, of those of which you were told so in an answer’s feedback."
    )


@router.get(
    "/courses/{slug}/misconceptions",
    response={200: MisconceptionsOut, **REFUSALS},
    summary="What people get wrong in a course",
)
def misconceptions(request: HttpRequest, slug: str) -> dict[str, Any]:
    """Every misconception of the course’s lessons, in their order."""
    course = visible_course(slug, person=people.current(request)).course
    return {"items": [_told(request, page_of(one)) for one in readable(course)], "next": None}


@router.get(
    "/courses/{slug}/misconceptions/{misconception}",
    response={200: ProbedMisconceptionOut, **REFUSALS},
    summary="One misconception",
)
@never_kept
def misconception(request: HttpRequest, response: HttpResponse, slug: str, misconception: str) -> dict[str, Any]:
    """A misconception with the practice questions that you know to probe it."""
    person = people.current(request)
    one = readable_named(slug, misconception, person=person)
    probes = [
        {"stem": str(probe.stem), "url": request.build_absolute_uri(probe.url)} for probe in probes_of(one, person=person)
    ]
    return _told(request, page_of(one)) | {"questions": probes}


def _told(request: HttpRequest, page: MisconceptionPage) -> dict[str, str]:
    return {
        "slug": page.slug,
        "title": page.title,
        "belief": str(page.belief),
        "why": str(page.why),
        "mistake": str(page.mistake or ""),
        "lesson": page.lesson_slug,
        "url": request.build_absolute_uri(page.url),
        "practise_url": request.build_absolute_uri(page.practise_url) if page.practise_url else "",
    }
