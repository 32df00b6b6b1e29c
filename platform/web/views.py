"""Theme, plans, and the pages for errors that no view answered."""

from __future__ import annotations

import json

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from web import plans, problems
from web.context import THEMES
from web.middleware import answer
from web.pages import problem_page
from web.problems import Problem
from web.redirects import safe_next

OPENAPI_URL_NAME = "api-1:openapi-json"
A_YEAR = 365 * 24 * 3600


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remembers light, dark or the device's own choice in a cookie."""
    chosen = request.POST.get("theme", "system")
    response = redirect(safe_next(request, "/"))
    if chosen in THEMES and chosen != "system":
        response.set_cookie(
            "theme", chosen, max_age=A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """For pages that name no icon, such as Django's admin."""
    return redirect(static("web/icon.svg"))


@require_GET
def plans_page(request: HttpRequest) -> HttpResponse:
    """What the site costs: the operator's words, else that it is free."""
    return render(request, "web/plans.html", {"words": plans.operators_words(), "guest_days": settings.GUEST_DAYS})


@require_GET
def api_page(request: HttpRequest) -> HttpResponse:
    """What the API offers, read from its own OpenAPI document."""
    openapi_url = reverse(OPENAPI_URL_NAME)
    view = resolve(openapi_url).func
    document = json.loads(view(request).content)
    operations = [
        {"method": method.upper(), "path": path, "summary": operation.get("summary", "")}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    root = request.build_absolute_uri(openapi_url).removesuffix("/openapi.json")
    return render(request, "web/api.html", {"operations": operations, "openapi_url": openapi_url, "root": root})


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, problems.problem_of(exception) if exception else problems.bad_request())


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, problems.problem_of(exception or PermissionDenied()))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, problems.not_found())


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, problems.unexpected())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or its cookie was refused: both end by loading the page again."""
    problem = Problem(
        403,
        _("This form has expired"),
        _("A form works only for a while, and only with cookies. Load the page again and repeat the last step."),
    )
    if problems.is_api(request):
        return problems.json_response(problem)
    back = request.get_full_path() if request.method == "GET" else _referring_path(request)
    return problem_page(request, problem, action_url=back, action=_("Load the page again"))


def _referring_path(request: HttpRequest) -> str:
    came_from = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return came_from if came_from and ours else reverse("lessons:home")
