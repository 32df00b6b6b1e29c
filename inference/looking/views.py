"""Look inside a finished run: its maps, its evidence, its attention, one unit, its neighbours."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_safe

from accounts import people
from inference import services, telling
from inference.looking.asking import LOOKABLE, request_look_on
from inference.looking.showing import FIELDS, FIELDS_OF, look_view, traced_beside
from inference.models import Trace
from inference.presenting import address, present, told_so_far
from web.problems import Problem, json_response, not_found
from web.redirects import safe_next

LONGEST_FIELD = 400


@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The looks that can be taken at this photo; a POST takes one and shows it, as a page or, for a script, as JSON."""
    person = people.current(request)
    token = request.GET.get("share", "")
    found = services.trace_for(trace_id=trace_id, person=person, share_token=token)
    if found.job.kind not in LOOKABLE:
        raise not_found()
    if request.method == "POST":
        return _take(request, found)
    view = look_view(request, found, person=person, share_token=token)
    response = render(request, "inference/looking/look.html", {"look": view})
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _take(request: HttpRequest, found: Trace) -> HttpResponse:
    as_json = request.accepts("application/json") and not request.accepts("text/html")
    asked = {name: request.POST.get(name, "").replace("\x00", "")[:LONGEST_FIELD] for name in ("look", *FIELDS)}
    try:
        run = request_look_on(trace=found, owner=people.ensure(request), asked=asked, now=timezone.now())
    except Problem as problem:
        if as_json:
            return json_response(problem)
        raise
    what = str(run.job.options["look"])
    if not as_json:
        return redirect(_page_with(request, found, what, run))
    view = present(run, person=people.current(request))
    html = render_to_string("inference/looking/_taken.html", {"run": view, "scripted": True}, request=request)
    return JsonResponse({**telling.trace_json(view), "look": what, "html": html}, status=202)


def _page_with(request: HttpRequest, found: Trace, what: str, run: Trace) -> str:
    """The page that asked, with this look beside those that it showed already."""
    parts = urlsplit(safe_next(request, address("look", found)))
    query = dict(parse_qsl(parts.query))
    query |= {name: request.POST[f"keep_{name}"][:40] for name in FIELDS_OF if request.POST.get(f"keep_{name}")}
    query = {name: value for name, value in query.items() if name not in FIELDS}
    return urlunsplit(parts._replace(query=urlencode({**query, what: str(run.pk)}), fragment=what))


@require_safe
def pick(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """From a click on a sheet of maps to the form that asks for the unit there, filled in."""
    person = people.current(request)
    found = services.trace_for(trace_id=trace_id, person=person)
    told = [result for result in told_so_far(found.job).get("results", ()) if result["name"].startswith("maps:")]
    if not told:
        raise not_found()
    figures = told[0]["figures"]
    place = place_on_sheet(figures, _pixel(request, "x"), _pixel(request, "y"))
    base = traced_beside(found, person=person) or found
    query = {"maps": str(found.pk), "stage": figures["stage"], **place}
    return redirect(f"{address('look', base)}?{urlencode(query)}#unit")


def _pixel(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def place_on_sheet(figures: dict[str, Any], x: int, y: int) -> dict[str, int]:
    """The channel, row and column that lie at a pixel of a sheet of maps; beside the maps, the nearest there is."""
    (tile_height, tile_width), (height, width) = figures["tile"], figures["grid"]
    column = min(x // tile_width, figures["columns"] - 1)
    number = min(y // tile_height * figures["columns"] + column, len(figures["shown"]) - 1)
    inside_y, inside_x = min(y % tile_height, tile_height - 1), min(x - column * tile_width, tile_width - 1)
    return {
        "channel": figures["shown"][number],
        "y": inside_y * height // tile_height,
        "x": inside_x * width // tile_width,
    }
