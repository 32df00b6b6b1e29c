"""Stored files as answers. Under ASGI a response that reads its file piece by piece blocks the event loop, and Django warns."""

from __future__ import annotations

import mimetypes

from django.core.files.storage import Storage, default_storage
from django.http import HttpResponse

from web.problems import not_found


def stored_file(name: str, *, media_type: str = "", storage: Storage = default_storage) -> HttpResponse:
    """A stored file of a few megabytes at most, read whole; its type is told by its name where none is given.

    Raises Problem 404 when it is not there.
    """
    try:
        with storage.open(name) as file:
            content = file.read()
    except FileNotFoundError as error:
        raise not_found() from error
    guessed, _encoding = mimetypes.guess_type(name)
    response = HttpResponse(content, content_type=media_type or guessed or "application/octet-stream")
    response["Content-Disposition"] = "inline"
    return response
