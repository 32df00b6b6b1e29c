"""Files as answers: read whole, because under ASGI whatever is read piece by piece is read by the event loop."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from web.files import stored_file
from web.middleware import StaticMiddleware
from web.problems import Problem


@pytest.fixture
def stored(settings: Any, tmp_path: Path) -> str:
    settings.MEDIA_ROOT = tmp_path / "media"
    return str(default_storage.save("lessons/edge.png", ContentFile(b"pixels")))


def test_a_stored_file_is_sent_whole_with_its_type(stored: str) -> None:
    response = stored_file(stored)
    assert not response.streaming
    assert response.content == b"pixels"
    assert response["Content-Type"] == "image/png"
    assert stored_file(stored, media_type="image/webp")["Content-Type"] == "image/webp"


def test_a_file_that_is_gone_is_nothing_here(stored: str) -> None:
    with pytest.raises(Problem) as refused:
        stored_file("lessons/gone.png")
    assert refused.value.status == 404


@pytest.fixture
def ask(settings: Any, tmp_path: Path) -> Callable[..., HttpResponse]:
    """Asks for /static/app.js as the server does; other paths are answered by the site."""
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    (settings.STATIC_ROOT / "app.js").write_text("export const one = 1;")

    def site_answers(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("the site")

    middleware = StaticMiddleware(site_answers)

    def ask(path: str = "/static/app.js", method: str = "get", **headers: str) -> HttpResponse:
        return middleware(getattr(RequestFactory(headers=headers), method)(path))

    return ask


def test_a_static_file_is_sent_whole_with_its_headers(ask: Callable[..., HttpResponse]) -> None:
    response = ask()
    assert not response.streaming
    assert response.content == b"export const one = 1;"
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Content-Length"] == "21"
    assert ask("/elsewhere/").content == b"the site"


def test_a_part_the_head_and_nothing_new_of_a_static_file(ask: Callable[..., HttpResponse]) -> None:
    part = ask(range="bytes=0-5")
    assert (part.status_code, part.content) == (206, b"export")
    head = ask(method="head")
    assert (head.content, head["Content-Length"]) == (b"", "21")
    again = ask(**{"if-modified-since": ask()["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


def test_no_view_streams_a_file() -> None:
    """Server-sent events stream from an asynchronous iterator; everything else is sent whole."""
    rooms = [Path(site.ROOT) / room for room in ("platform", "lessons", "quizzes", "inference")]
    files = [file for room in rooms for file in room.rglob("*.py")]
    assert [str(file) for file in files if re.search(r"\bFileResponse\b", file.read_text())] == []
    streaming = [file.relative_to(site.ROOT).as_posix() for file in files if "StreamingHttpResponse(" in file.read_text()]
    assert streaming == ["inference/views.py"]
