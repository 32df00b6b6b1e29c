"""Break a finished run: the same photo and network, with mistakes of one's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts import people
from inference import services
from inference.breaking.services import BREAKABLE, request_mistakes_on
from inference.breaking.wording import TELLINGS, Telling
from inference.contracts import MistakeName
from inference.models import Trace
from inference.presenting import TraceView, address, present
from web.problems import Problem, not_found

PLACES: Sequence[tuple[str | Promise, Sequence[MistakeName]]] = (
    (
        _("Before the network: the picture"),
        (
            MistakeName.NEAREST,
            MistakeName.SQUASHED,
            MistakeName.NOT_CROPPED,
            MistakeName.WRONG_SIZE,
            MistakeName.BGR,
        ),
    ),
    (
        _("Before the network: the numbers"),
        (
            MistakeName.ZERO_TO_255,
            MistakeName.NO_NORMALISATION,
            MistakeName.OTHER_MEAN_STD,
            MistakeName.NORMALISED_TWICE,
            MistakeName.CHANNELS_LAST,
            MistakeName.NOT_PERMUTED,
            MistakeName.NO_BATCH,
        ),
    ),
    (_("In the network and after it"), (MistakeName.TRAIN_MODE, MistakeName.SOFTMAX_TWICE, MistakeName.LABEL_OFFSET)),
)
"""Where each mistake is made, in the order of the way."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A mistake to tick."""

    name: str
    telling: Telling


@require_http_methods(["GET", "HEAD", "POST"])
def break_trace(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The mistakes that can be made on this photo; a POST makes those that were ticked and leads to that run."""
    person = people.current(request)
    token = request.GET.get("share", "")
    found = services.trace_for(trace_id=trace_id, person=person, share_token=token)
    view = present(found, person=person, share_token=token)
    if found.job.kind not in BREAKABLE:
        raise not_found()
    if request.method == "POST":
        return _make(request, found, view)
    return _page(request, view)


def _make(request: HttpRequest, found: Trace, view: TraceView) -> HttpResponse:
    try:
        run = request_mistakes_on(
            trace=found, owner=people.ensure(request), names=request.POST.getlist("mistakes"), now=timezone.now()
        )
    except Problem as problem:
        if problem.status not in (409, 422, 429):
            raise
        response = _page(request, view, problem=problem)
        for name, value in problem.headers.items():
            response[name] = value
        return response
    return redirect(address("trace", run))


def _page(request: HttpRequest, view: TraceView, *, problem: Problem | None = None) -> HttpResponse:
    ticked = request.POST.getlist("mistakes")
    groups = [(title, [Choice(str(name), TELLINGS[name]) for name in names]) for title, names in PLACES]
    context: dict[str, Any] = {
        "trace": view,
        "groups": groups,
        "ticked": ticked,
        "problem": problem,
        "may_run": bool(view.photo.url),
        "is_done": view.is_final and bool(view.top_k),
    }
    response = render(request, "inference/breaking/break.html", context, status=problem.status if problem else 200)
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, private=True, no_cache=True)
    return response
