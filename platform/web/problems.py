"""What went wrong, said in a sentence: problem+json (RFC 9457) in the API, a page elsewhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, Throttled, ValidationError
from ninja.parser import Parser

log = logging.getLogger(__name__)

API_PREFIX = "/api/"
CONTENT_TYPE = "application/problem+json"


class ProblemOut(Schema):
    """What went wrong, in a sentence (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


REFUSALS: dict[int, type[ProblemOut]] = {400: ProblemOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut}
"""What any operation of the API may answer instead."""


class Problem(Exception):
    """A refusal or failure that a person can act on. Raise it anywhere below a view; `detail` is shown as it stands."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        type: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
        self.headers = dict(headers or {})
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        """The members of the problem document."""
        return {"type": self.type, "title": self.title, "status": self.status, "detail": self.detail, **self.extra}


def is_api(request: HttpRequest) -> bool:
    """Whether the caller is a program, which is told in JSON."""
    return request.path_info.startswith(API_PREFIX)


def json_response(problem: Problem) -> HttpResponse:
    """The problem as application/problem+json."""
    body = json.dumps(problem.as_json(), ensure_ascii=False, default=str)
    return HttpResponse(
        body, status=problem.status, headers={"Cache-Control": "no-store", **problem.headers}, content_type=CONTENT_TYPE
    )


def problem_of(error: Exception) -> Problem:
    """The problem that stands for any exception a view may raise; what nobody expected becomes a 500 without its details."""
    problem = unexpected()
    match error:
        case Problem():
            problem = error
        case ValidationError():
            problem = _invalid(error)
        case Throttled():
            headers = {"Retry-After": str(error.wait)} if error.wait else {}
            problem = Problem(429, _("Too many requests"), _("Wait a little, then try again."), headers=headers)
        case HttpError():
            problem = of_status(error.status_code, str(error.message))
        case Http404():
            problem = not_found()
        case PermissionDenied():
            problem = Problem(403, _("Not yours to open"), str(error) or _("Your account may not do this."))
        case RequestDataTooBig():
            problem = Problem(413, _("Too large"), _("The request is larger than this site accepts. Send less at once."))
        case MultiPartParserError() | SuspiciousOperation() | UnreadablePostError():
            problem = bad_request()
        case _ if _blames_nul(error):
            problem = nul_byte()
    return problem


def not_found() -> Problem:
    """404, for what is not there and for what is someone else's: the answer must not tell which."""
    return Problem(404, _("Nothing here"), _("There is nothing at this address, or it isn’t yours. Check the link."))


def bad_request() -> Problem:
    return Problem(
        400, _("Unreadable request"), _("The site could not read that request. Go back, reload the page and try again.")
    )


def nul_byte() -> Problem:
    return Problem(400, _("Unreadable request"), _("Text may not hold a NUL character. Remove it and try again."))


def unexpected() -> Problem:
    return Problem(
        500, _("Something broke here"), _("It is our fault and it has been written to the log. Try again in a moment.")
    )


def of_status(status: int, detail: str = "") -> Problem:
    """The problem for a bare HTTP status."""
    match status:
        case 404:
            problem = not_found()
        case 405:
            problem = Problem(
                405, _("Method not allowed"), _("This address does not answer that method. See the Allow header.")
            )
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            problem = unexpected()
        case _:
            problem = Problem(
                status, HTTPStatus(status).phrase, _("The request was refused. Check it against the API’s description.")
            )
    problem.status = status
    problem.detail = detail or problem.detail
    return problem


def install_problem_handlers(api: NinjaAPI) -> None:
    """Every error of `api` becomes problem+json, unreadable and hostile input included."""
    api.parser = StrictParser()

    def answer(request: HttpRequest, raised: Exception | type[Exception]) -> HttpResponse:
        error = raised if isinstance(raised, Exception) else raised()
        problem = problem_of(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Problem):
            log.error("%s %s failed", request.method, request.path, exc_info=error)
        return json_response(problem)

    for kind in (Problem, ValidationError, Throttled, HttpError, Http404, PermissionDenied, SuspiciousOperation, Exception):
        api.add_exception_handler(kind, answer)


class StrictParser(Parser):
    """JSON bodies, without the two things a database refuses: NUL characters and NaN."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            text = request.body.decode("utf-8")
            document = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Problem(400, _("Not JSON"), _("The body is not valid JSON in UTF-8.")) from error
        if "\\u0000" in text or "\x00" in text:
            raise nul_byte()
        return document

    def parse_querydict(self, data: Any, list_fields: list[str], request: HttpRequest) -> Any:
        for _key, values in data.lists():
            if any("\x00" in str(value) for value in values):
                raise nul_byte()
        return super().parse_querydict(data, list_fields, request)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _blames_nul(error: Exception) -> bool:
    """Whether a database refused text for its NUL; PostgreSQL says so in words only."""
    return isinstance(error, ValueError) and "NUL (0x00)" in str(error)


def _invalid(error: ValidationError) -> Problem:
    errors = [
        {"where": ".".join(str(part) for part in item.get("loc", ())), "message": sentence_of(item)} for item in error.errors
    ]
    first = errors[0] if errors else {"where": "", "message": _("Check it against the API’s description.")}
    detail = f"{first['where'] or _('request')}: {first['message']}"
    return Problem(422, _("Some values don’t fit"), detail, errors=errors)


_FINDINGS: dict[str, Promise] = {
    "missing": gettext_lazy("This is missing. Add it."),
    "extra_forbidden": gettext_lazy("Nothing of this name is expected. Leave it out."),
    "string_too_long": gettext_lazy("This is too long. Give at most %(max_length)s characters."),
    "string_too_short": gettext_lazy("This is too short. Give at least %(min_length)s characters."),
    "too_long": gettext_lazy("These are too many. Give at most %(max_length)s."),
    "too_short": gettext_lazy("These are too few. Give at least %(min_length)s."),
    "greater_than": gettext_lazy("This is too small. Give more than %(gt)s."),
    "greater_than_equal": gettext_lazy("This is too small. Give %(ge)s or more."),
    "less_than": gettext_lazy("This is too large. Give less than %(lt)s."),
    "less_than_equal": gettext_lazy("This is too large. Give %(le)s or less."),
    "literal_error": gettext_lazy("This is none of the choices. Give one of: %(expected)s."),
    "enum": gettext_lazy("This is none of the choices. Give one of: %(expected)s."),
}
_NO_NUMBER = gettext_lazy("This is no number. Give one.")
_NO_TIME = gettext_lazy("This is no date or time in ISO 8601. Give one.")
_NO_LIST = gettext_lazy("This is no list. Give one.")
_NO_OBJECT = gettext_lazy("This is no object. Give one.")
_WRONG_KINDS: dict[str, Promise] = {
    "int": gettext_lazy("This is no whole number. Give one."),
    "float": _NO_NUMBER,
    "decimal": _NO_NUMBER,
    "finite": _NO_NUMBER,
    "bool": gettext_lazy("This is neither true nor false. Give one of them."),
    "string": gettext_lazy("This is no text that fits. Give another."),
    "uuid": gettext_lazy("This is no UUID. Copy the whole id."),
    "date": _NO_TIME,
    "datetime": _NO_TIME,
    "time": _NO_TIME,
    "timezone": _NO_TIME,
    "list": _NO_LIST,
    "tuple": _NO_LIST,
    "set": _NO_LIST,
    "dict": _NO_OBJECT,
    "model": _NO_OBJECT,
}
"""By the beginning of pydantic's type, such as int_parsing or uuid_type."""
_UNFIT = gettext_lazy("This value doesn’t fit. Check it against the API’s description.")


def sentence_of(item: Mapping[str, Any]) -> str:
    """What to do about one of pydantic's findings, in the site's words: pydantic's own are English only."""
    kind = str(item.get("type", ""))
    sentence = _FINDINGS.get(kind) or _WRONG_KINDS.get(kind.partition("_")[0], _UNFIT)
    return str(sentence) % (item.get("ctx") or {})
