"""The last word on errors: every refusal reaches a person as a page and a program as problem+json."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from whitenoise.middleware import WhiteNoiseMiddleware

from web import problems
from web.pages import problem_page
from web.problems import Problem


class StaticMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc] # whitenoise tells no types
    """Static files, each read whole: under ASGI the event loop itself reads what is sent piece by piece."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """The file, or the part of it that was asked for; they are small, and browsers keep them for good."""
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file:
                content = found.file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]  # Django's guess
        for name, value in found.headers:
            response[name] = value
        return response


class ProblemMiddleware(MiddlewareMixin):
    """Turns a Problem raised in a view into its answer, and what Django itself refuses under /api/ into problem+json."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if "\x00" in request.path_info or "\x00" in unquote(request.META.get("QUERY_STRING", "")):
            return answer(request, problems.nul_byte())
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        problem = problems.problem_of(error)
        if isinstance(error, Problem) or problem.title == problems.nul_byte().title:
            return answer(request, problem)
        return None  # Django's own handling ends in the pages of web.views

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        refused = response.status_code >= HTTPStatus.BAD_REQUEST and problems.is_api(request)
        if refused and not response.headers.get("Content-Type", "").startswith(("application/json", problems.CONTENT_TYPE)):
            told = problems.json_response(problems.of_status(response.status_code))
            if "Allow" in response.headers:
                told.headers["Allow"] = response.headers["Allow"]
            return told
        return response


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem in the form that the caller reads."""
    return problems.json_response(problem) if problems.is_api(request) else problem_page(request, problem)
