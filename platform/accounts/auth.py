"""How the API learns who calls: a bearer token for scripts, the site's cookies for pages."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.utils import check_csrf

from accounts import people
from accounts.models import User
from web import problems
from web.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def cookie_or_bearer(request: HttpRequest) -> User | AnonymousUser:
    """Who calls; a newcomer is welcome. Problem 401 for a token that is not (or no longer) good, 403 for a write by cookie
    without its X-CSRFToken. The middleware has asked the database already, so this is safe in async operations."""
    person = people.current(request)
    if people.has_bearer(request):
        if person is None:
            raise Problem(
                401,
                _("Token not accepted"),
                _("This token is unknown or was revoked. Make a new one on your profile page."),
                headers={"WWW-Authenticate": "Bearer"},
            )
    elif request.method not in SAFE_METHODS and check_csrf(request) is not None:
        raise Problem(
            403,
            _("CSRF token missing"),
            _("Send the csrf_token of GET /api/v1/me as X-CSRFToken, together with its cookie, or use a bearer token."),
        )
    return person or AnonymousUser()


class Api(NinjaAPI):
    """NinjaAPI whose description says that a bearer token may be sent, and need not be, and of what type its refusals are."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        schema["components"].setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
        schema["security"] = [{}, {"bearer": []}]
        for operation in _operations(schema):
            for status, answer in operation.get("responses", {}).items():
                if int(status) >= HTTPStatus.BAD_REQUEST and "application/json" in answer.get("content", {}):
                    answer["content"] = {problems.CONTENT_TYPE: answer["content"]["application/json"]}
        return schema


def _operations(schema: OpenAPISchema) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))
