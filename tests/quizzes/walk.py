"""Every address of the site that a learner can ask for, taken from the resolver: a new one has to be walked or exempted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import URLResolver, get_resolver

from lessons.modes import MODE_SLUGS
from quizzes.models import Attempt, Misconception, Question, ReviewCard, ReviewSitting

EXEMPT: Mapping[str, str] = {
    "admin/": "for admins alone: who may look at every row",
    "courses/<slug:course>/lessons/<slug:lesson>/pictures/": "bytes of a picture, by its hash",
    "courses/<slug:course>/lessons/<slug:lesson>/films/": "bytes of a picture",
    "traces/": "runs of networks: inference may not import quizzes, so it knows no question",
    "training/": "the same",
    "uploads/": "the same",
    "samples/": "the same",
    "networks/": "the same",
    "api/v1/networks": "the same",
    "api/v1/traces": "the same",
    "api/v1/opened-traces": "the same",
    "api/v1/samples": "the same",
    "api/v1/measurements": "the same",
    "api/v1/training-runs": "the same",
    "password/": "passwords: accounts may not import quizzes",
    "developers/": "the names of the API's fields, the same for everybody",
    "api/v1/openapi.json": "the same",
    "healthz": "how the site's processes do, the same for everybody; asks Redis, which takes seconds where there is none",
    "readyz": "the same",
    "metrics": "the same",
    "me/tokens/<": "POST alone, to take back a token: accounts may not import quizzes",
}
"""How the routes begin that are not walked, and why nothing of a key can be there."""

WRITES: Mapping[str, str] = {
    "quizzes/<int:quiz_id>/attempts/": "leads to the attempt, which is walked",
    "api/v1/quizzes/<quiz_id>/attempts": "test_leaks.answers_about posts to it",
    "quizzes/<int:quiz_id>/skip/": "leads back to the lesson, which is walked",
    "quizzes/<int:quiz_id>/predictions/<slug:mode>/outcome/": "beforehand/test_leaks posts to it",
    "api/v1/attempts/<attempt_id>/questions/<position>/outcome": "beforehand/test_leaks posts to it",
    "attempts/<uuid:attempt_id>/redo/": "leads to the redo, which is walked",
    "attempts/<uuid:attempt_id>/<int:position>/draft/": "test_leaks.answers_about posts to it",
    "attempts/<uuid:attempt_id>/<int:position>/hint/": "test_leaks.answers_about posts to it",
    "attempts/<uuid:attempt_id>/<int:position>/steps/": "test_leaks.answers_about posts to it",
    "attempts/<uuid:attempt_id>/<int:position>/another/": "test_leaks.answers_about posts to it",
    "api/v1/attempts/<attempt_id>/questions/<position>/another": "test_leaks.answers_about posts to it",
    "api/v1/attempts/<attempt_id>/questions/<position>": "test_leaks.answers_about puts to it",
    "api/v1/attempts/<attempt_id>/questions/<position>/hint": "test_leaks.answers_about posts to it",
    "api/v1/attempts/<attempt_id>/questions/<position>/steps/<step>": "test_leaks.answers_about posts to it",
    "api/v1/attempts/<attempt_id>/finish": "answers with the finished attempt, which is walked",
    "me/review/start/": "leads to the card that is asked, which is walked",
    "me/review/<uuid:sitting_id>/next/": "the same",
    "me/review/<uuid:sitting_id>/end/": "leads to the end of the sitting, which is walked",
    "me/review/cards/<int:card_id>/": "leads back to a page that is walked",
    "attempts/<uuid:attempt_id>/<int:position>/review/": "leads back to the question, which is walked",
    "api/v1/me/reviews/<sitting_id>/next": "test_leaks.a_review_by_script posts to it",
    "api/v1/me/reviews/<sitting_id>/end": "answers with the sitting, which is walked",
    "api/v1/me/reviews/<sitting_id>/cards/<position>": "answers with a rating and a date",
    "api/v1/me/reviews/cards/<card_id>": "answers with nothing",
    "sign-out/": "accounts may not import quizzes",
    "me/tokens/": "accounts may not import quizzes",
    "theme/": "web may not import quizzes",
}
"""Routes that refuse to be read, and where what they answer to a write is searched."""

_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")


def routes() -> list[str]:
    """Every address pattern of the site, as its urlconf writes it."""
    return list(_inside(get_resolver().url_patterns, ""))


def _inside(patterns: Sequence[Any], before: str) -> Iterator[str]:
    for pattern in patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _inside(pattern.url_patterns, route)
        else:
            yield route


def is_exempt(route: str) -> bool:
    return any(route.startswith(beginning) for beginning in EXEMPT)


def arguments_of(attempt: Attempt) -> dict[str, list[str]]:
    """What an address of each argument is asked with: everything there is of it around an attempt."""
    version = attempt.quiz_version.lesson_version
    sittings = ReviewSitting.objects.values_list("pk", flat=True)
    course, slugs = version.lesson.course, Misconception.objects.values_list("slug", flat=True)
    return {
        "course": [course.slug],
        "slug": [course.slug, *slugs],  # of a course in the API, of a misconception on its page
        "misconception": list(slugs),
        "lesson": [version.lesson.slug],
        "mode": list(MODE_SLUGS),
        "attempt_id": [str(attempt.pk)],
        "position": [str(question.position) for question in attempt.questions.all()],
        "step": ["1"],
        "quiz_id": [str(attempt.quiz_version.quiz_id)],
        "person_id": [str(attempt.user_id)],
        "uid": list(Question.objects.values_list("uid", flat=True)),
        "number": ["1"],
        "name": ["questions.yaml"],
        "sitting_id": [str(pk) for pk in sittings] or [str(uuid4())],
        "card_id": [str(pk) for pk in ReviewCard.objects.values_list("pk", flat=True)] or ["1"],
    }


def addresses(attempt: Attempt, *, studio: bool = False) -> Iterator[tuple[str, str]]:
    """(route, address) of everything that is walked, of the studio or of the rest.

    Raises LookupError for a route with an argument of which nobody has said what it can be.
    """
    known = arguments_of(attempt)
    for route in routes():
        if is_exempt(route) or route.startswith("studio/") != studio:
            continue
        names = _ARGUMENT.findall(route)
        if unknown := [name for name in names if name not in known]:
            raise LookupError(
                f"“{route}” is not walked for leaks: say in tests/quizzes/walk.py what {unknown} can be, or exempt it"
            )
        for values in product(*(known[name] for name in names)):
            filled = iter(values)
            yield route, "/" + _ARGUMENT.sub(lambda _match, filled=filled: next(filled), route)  # type: ignore[misc]


def walk(visitor: Client, attempt: Attempt) -> Iterator[tuple[str, str, Any]]:
    """(route, address, response) of everything that can be read, as a page and as a script asks for a part of it."""
    for route, address in addresses(attempt):
        query = {"lesson": attempt.quiz_version.lesson_version.lesson.slug} if route == "api/v1/quizzes" else None
        yield route, address, visitor.get(address, query)
        if "attempt_id" in route and not route.startswith("api/"):
            yield route, f"{address} partial", visitor.get(address, headers={"HX-Request": "true"})
