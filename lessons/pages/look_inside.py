"""Look inside: say what you expect, then look at what the network makes of a photo, down to the numbers of one unit."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference import services
from inference.contracts import RunKind
from inference.looking.showing import look_view
from inference.models import JobState, Trace
from inference.samples import all_samples
from inference.views import run_context
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from lessons.words import words_html
from web.problems import Problem

SKIPPED = "none"


class LookInsideMode:
    """Closer looks at a photo in the lesson's network; see lessons.modes.Mode."""

    slug = "look-inside"
    title: str | Promise = _("Look inside")
    group = Group.INVESTIGATE.value
    order = 10
    template = "lessons/look_inside.html"
    partial = "lessons/_look_inside.html"

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson names a network to look into."""
        return bool(version.meta.get("look"))

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The question first; with `?guess=` the looks at the run that `?trace=` or `?photo=` names."""
        return page.render(self.template, self.context(page))

    def context(self, page: LessonPage) -> dict[str, Any]:
        told = page.version.meta["look"]
        found = _run_of(page, told["network"], told["samples"])
        predict = dict(told["predict"]) if told.get("predict") else None
        guess = page.request.GET.get("guess", "")
        kept = {name: page.request.GET[name] for name in ("trace", "photo") if name in page.request.GET}
        here = page.url() + (f"?{urlencode(kept | ({'guess': guess} if guess else {}))}" if kept or guess else "")
        is_asked = predict is not None and not _is_guess(guess, predict["options"])
        run = run_context(page.request, network=told["network"], samples=told["samples"] or None, next_url=here)
        context: dict[str, Any] = {
            "run": run,
            "kept": kept,
            "here": here,
            "skip": SKIPPED,
            "predict": predict,
            "is_asked": is_asked,
        }
        if predict is not None and not is_asked:
            context |= {
                "said": "" if guess == SKIPPED else predict["options"][int(guess)],
                "why": words_html(page.version, predict["why"], level="full") if predict["why"] else "",
            }
        if found is not None and not is_asked:
            context["look"] = look_view(page.request, found, person=page.person, next_url=here)
        return context


def _is_guess(guess: str, options: list[str]) -> bool:
    return guess == SKIPPED or (guess.isascii() and guess.isdigit() and len(guess) < 3 and int(guess) < len(options))


def _run_of(page: LessonPage, network: str, wanted: list[str]) -> Trace | None:
    """The finished run to look into: the one that the address names, or the house's of a photo of the lesson."""
    try:
        named = services.trace_for(trace_id=UUID(page.request.GET.get("trace", "")), person=page.person)
    except (ValueError, Problem):
        named = None
    if (
        named is not None
        and named.job.kind == RunKind.TRACE
        and named.job.state == JobState.DONE
        and named.job.network == network
    ):
        return named
    photos = wanted or [sample.id for sample in all_samples()]
    if page.request.GET.get("photo") in photos:
        photos = [page.request.GET["photo"], *photos]
    stored = (services.stored_trace(network=network, sample=photo) for photo in photos)
    return next((trace for trace in stored if trace is not None), None)
