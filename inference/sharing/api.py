"""Trace documents over HTTP: download one, open one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import File, Router, Status
from ninja.files import UploadedFile

from accounts import people
from accounts.auth import cookie_or_bearer
from inference.api import TraceOut, trace_out
from inference.sharing import opening, views
from web.problems import REFUSALS, ProblemOut

router = Router(tags=["traces"], auth=cookie_or_bearer)

DOCUMENT = {"application/json": {"schema": {"type": "object", "description": "See docs/content-format.md."}}}


@router.get(
    "/traces/{trace_id}/document",
    response={**REFUSALS, 409: ProblemOut, 422: ProblemOut},
    summary="A trace as one file",
    openapi_extra={"responses": {200: {"description": "The format “forward-pass-trace/1”", "content": DOCUMENT}}},
)
def document(request: HttpRequest, trace_id: UUID, share: str = "", photo: bool = False) -> Any:
    """The whole film with its pictures, for whoever may see the trace; with `photo` your own photo too, for you alone."""
    return views.document_response(request, trace_id, share_token=share, with_photo=photo)


@router.post(
    "/opened-traces",
    response={201: TraceOut, **REFUSALS, 413: ProblemOut, 422: ProblemOut, 429: ProblemOut, 507: ProblemOut},
    summary="Open a trace from a file",
)
def open_file(request: HttpRequest, file: File[UploadedFile]) -> Any:
    """Keeps what the file holds as a trace of yours, of the kind “opened”: nothing runs, and nobody else sees it."""
    read, sha256 = opening.read_file(file)
    trace = opening.keep_trace(owner=people.ensure(request), read=read, sha256=sha256, now=timezone.now())
    return Status(201, trace_out(request, trace))
