"""Whole pages that any layer may answer with."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from web.context import site
from web.problems import Problem


def problem_page(request: HttpRequest, problem: Problem, *, action_url: str = "", action: str = "") -> HttpResponse:
    """The problem as a page with a next action; for htmx as a notice, which the page's own configuration puts on top.

    A server error is rendered without asking who the person is: what broke may be the database.
    """
    context = {"problem": problem, "action_url": action_url, "action": action}
    if getattr(request, "htmx", False):
        html = render_to_string("web/_problem.html", context)
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        html = render_to_string("web/problem.html", {**context, **site(request), "bare": True})
    else:
        html = render_to_string("web/problem.html", context, request=request)
    return HttpResponse(html, status=problem.status, headers={"Cache-Control": "no-store", **problem.headers})
