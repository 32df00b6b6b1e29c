"""The whole way in a real browser: Chromium, the ASGI application behind a real server, the shipped course, a real worker.

The tests of this folder run in a process of their own (`make test-journeys`): Playwright keeps an event loop running, where
Django refuses plain database calls unless DJANGO_ALLOW_ASYNC_UNSAFE is set, which is process-wide.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from playwright.sync_api import ConsoleMessage, Page, expect

from inference.connections import client
from operations.install import find_browser

SCREENSHOTS = Path(__file__).resolve().parents[2] / "artifacts" / "screenshots"
DESKTOP, PHONE, NARROWEST = (1280, 900), (375, 812), (320, 640)

expect.set_options(timeout=30_000)  # a machine that is busy with other tests besides is slow, not wrong


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys with a real worker come last: from its start on it runs whatever waits, also what a test would run itself."""
    items.sort(key=lambda item: item.get_closest_marker("worker") is not None)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    browser = find_browser(os.environ)
    if browser is None:
        pytest.fail("No Chromium: install the system's chromium package, or set CHROMIUM to a Chrome or Chromium you have.")
    return {
        "executable_path": browser,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": DESKTOP[0], "height": DESKTOP[1]}, "locale": "en-GB", "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def _calls_beside_playwright() -> None:
    """Playwright's event loop runs in this thread, where Django would refuse plain database calls."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session")
def django_db_setup(_calls_beside_playwright: None, django_db_setup: None) -> None:
    """pytest-django's, after that."""


@pytest.fixture(scope="session")
def _open_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Journeys use the database as the site does, without a transaction around each test: the server connects by itself."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def _shipped_course(_open_database: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database with facts and the shipped course, as a file to go back to."""
    call_command("compute_facts")
    call_command("load_course")
    snapshot = tmp_path_factory.mktemp("journeys") / "shipped.sqlite3"
    _copy_database(Path(connection.settings_dict["NAME"]), snapshot)
    return snapshot


@pytest.fixture
def db(_shipped_course: Path, redis_server: str) -> Iterator[None]:
    """In place of pytest-django's: every journey begins with the shipped course and nobody in it."""
    yield
    connection.close()
    _copy_database(_shipped_course, Path(connection.settings_dict["NAME"]))
    for stream in client().scan_iter("job:*"):  # of runs that the database knows nothing of any more
        client().delete(stream)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target, timeout=20)) as copy:
        original.backup(copy)


@pytest.fixture(scope="session")
def _server(_shipped_course: Path, redis_server: str) -> Iterator[str]:
    """The site as `make run` serves it, static files with hashed names included; yields its address."""
    hashed = {**settings.STORAGES, "staticfiles": {"BACKEND": "web.storage.ModuleManifestStorage"}}
    with override_settings(STORAGES=hashed):
        call_command("collectstatic", verbosity=0, interactive=False)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(get_asgi_application(), log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        if not server.started:
            pytest.fail("The site's server did not start within 10 s.")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def site(_server: str, db: None) -> str:
    """The address of a running site with the shipped course and no people."""
    return _server


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page whose scripts must not fail: an exception, a refused script or style, a console error fails the test."""
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A refused request is an answer that a test may be about; its page says so.
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert problems == []


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """axe(page): fails with axe's report unless the page has no violation."""

    def check(page: Page) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    return check


@pytest.fixture
def shoot(axe: Callable[[Page], None]) -> Callable[[Page, str], None]:
    """shoot(page, name): pictures of the page on a desktop, on a phone and in the dark, each without an axe violation.

    The page must also fit the narrowest phone without scrolling sideways. Leaves the page on a desktop, in the light.
    """

    def shoot(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        _resize(page, NARROWEST)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} scrolls sideways at 320 px"
        for variant, size, scheme in (("phone", PHONE, "light"), ("dark", DESKTOP, "dark"), ("desktop", DESKTOP, "light")):
            _resize(page, size)
            # With motion, colours are still on their way from one theme to the other when they are judged.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            axe(page)
            page.screenshot(path=SCREENSHOTS / f"{name}-{variant}.png", full_page=True)
        page.emulate_media(reduced_motion="no-preference")

    return shoot


def _resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
