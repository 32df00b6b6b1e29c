"""The site's pages beside a page of every component and views that fail in every way, for this folder's tests."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from ninja import NinjaAPI, Router, Schema
from ninja.errors import HttpError, Throttled

from config.urls import handler400, handler403, handler404, handler500  # noqa: F401 - Django reads them here
from config.urls import urlpatterns as site
from tests.web.forms import Everything
from web.charts import Chart, Series
from web.problems import Problem, install_problem_handlers
from web.templatetags.web import code_figure

FAILURES = {
    "problem": Problem(409, "Taken", "Somebody else has it.", headers={"Retry-After": "3"}, who="Ann"),
    "missing": Http404("secret detail"),
    "forbidden": PermissionDenied("Only its owner may."),
    "suspicious": SuspiciousOperation("secret detail"),
    "nul": ValueError("A string literal cannot contain NUL (0x00) characters."),
    "broken": RuntimeError("secret detail"),
    "refused": HttpError(418, "I make no coffee."),
    "throttled": Throttled(wait=7),
}


def fail(request: HttpRequest, how: str) -> HttpResponse:
    raise FAILURES[how]


def components(request: HttpRequest) -> HttpResponse:
    losses = [Series("training", [1.6, 0.8, 0.4]), Series("validation", [1.7, None, 0.5])]
    context = {
        "modes": [
            {"label": mode, "url": f"#{mode}", "current": mode == "Run", "group": mode < "Q"}
            for mode in ("Code", "Run", "Test")
        ],
        "parts": [{"label": "Write", "url": "#write", "current": True}, {"label": "Check", "url": "#check"}],
        "checks": [
            {"state": "right", "text": "Every picture has words"},
            {"state": "wrong", "text": "Two right options", "help": "questions.yaml, line 31"},
            {"state": "hint", "text": "The right answer is the longest", "url": "#longest"},
            {"state": "open", "text": "A proof is running"},
        ],
        "lines": Chart("Loss by epoch", ["1", "2", "3"], losses, axis="Epoch"),
        "bars": Chart("Top 3", ["tiger cat", "<Egyptian cat>", "tabby"], [Series("probability", [0.52, 0.21, 0.18])]),
        "code": code_figure("x = 1  # <one>", language="python", caption="One", output="<1>"),
        "form": Everything({"title": "", "body": "<b>"}),
    }
    return render(request, "components.html", context)


class Written(Schema):
    """A body and nothing more."""

    text: str


router = Router()


@router.get("/fail")
def fail_in_api(request: HttpRequest, how: str) -> None:
    raise FAILURES[how]


@router.post("/write")
def write(request: HttpRequest, body: Written) -> dict[str, int]:
    return {"length": len(body.text)}


@router.get("/number")
def number(request: HttpRequest, value: int) -> dict[str, int]:
    return {"value": value}


api = NinjaAPI(title="Tests", version="tests", urls_namespace="tests", docs_url=None)
install_problem_handlers(api)
api.add_router("", router)

urlpatterns = [*site, path("fail/<how>/", fail), path("components/", components), path("api/tests/", api.urls)]
