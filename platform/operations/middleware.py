"""Counts requests for /metrics."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from operations.metrics import REQUEST_SECONDS, REQUESTS

Handler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def request_metrics(get_response: Handler | AsyncHandler) -> Handler | AsyncHandler:
    """A middleware that counts each answer by method, route and status, and times it until its head is ready."""
    if iscoroutinefunction(get_response):
        answer_later = cast("AsyncHandler", get_response)

        async def count_async(request: HttpRequest) -> HttpResponseBase:
            began = time.perf_counter()
            response = await answer_later(request)
            _count(request, response, time.perf_counter() - began)
            return response

        return count_async

    answer = cast("Handler", get_response)

    def count(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = answer(request)
        _count(request, response, time.perf_counter() - began)
        return response

    return count


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    # The route's pattern, not the path: a label for every trace would fill the memory of whoever collects them.
    match = request.resolver_match
    route = f"/{match.route}" if match else "none"
    REQUESTS.labels(request.method or "", route, str(response.status_code)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
