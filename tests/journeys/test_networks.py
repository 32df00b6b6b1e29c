"""Networks in a browser: found in the list, taken apart, put side by side, timed; and weights fetched in the studio."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from inference import completing, engine, facts
from inference.contracts import RunKind
from inference.engine import networks, work
from inference.models import Fact, Job, JobState
from inference.runs import run_job
from tests.inference.engine.publisher import published, use
from tests.inference.engine.test_downloading import Publisher

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.torch]
Shoot = Callable[[Page, str], None]


class Performing:
    """Runs the waiting jobs of a kind in a thread, one after the other, with the real engine, as a worker would."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def take(self, kind: RunKind) -> None:
        waiting = list(Job.objects.filter(kind=kind, state=JobState.WAITING).values_list("pk", flat=True))
        assert waiting
        self._thread = threading.Thread(target=self._run, args=(waiting,), daemon=True)
        self._thread.start()

    def _run(self, job_ids: list[Any]) -> None:
        cache = engine.NetworkCache(weights_dir=Path(site_settings.WEIGHTS_DIR))

        def perform(request: Any, material: Any, *, emit: Any, cancelled: Any) -> None:
            work.perform(request, material, networks=cache, emit=emit, cancelled=cancelled)

        try:
            for job_id in job_ids:
                run_job(job_id=job_id, perform=perform)
        finally:
            connection.close()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(60)


@pytest.fixture
def performing() -> Iterator[Performing]:
    performing = Performing()
    yield performing
    performing.join()


def test_networks_are_found_opened_and_put_side_by_side(site: str, page: Page, shoot: Shoot, performing: Performing) -> None:
    page.goto(f"{site}/networks/")
    expect(page.get_by_text("81 networks.")).to_be_visible()
    page.get_by_label("Family").select_option("ResNet")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(6)
    page.get_by_role("link", name="Parameters").click()
    expect(page.get_by_role("columnheader", name="Parameters")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("link", name="ResNet-18", exact=True).click()
    expect(page.get_by_text("The figures are being computed")).to_be_visible()
    shoot(page, "network-computing")
    completing.compute_one(network="resnet18", now=timezone.now())  # as the worker does that was asked for it
    expect(page.get_by_role("heading", name="Its card")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("11.7 M").first).to_be_visible()
    shoot(page, "network-without-weights")
    page.get_by_role("link", name="Compare it with another network").click()
    page.get_by_label("beside").select_option("vgg16")
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Another one").select_option("vit_b_16")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("columnheader", name=re.compile("ViT-B")).first).to_be_visible()
    page.get_by_role("link", name="remove VGG-16").click()
    page.get_by_role("button", name="Time them on a worker here").click()
    expect(page.locator("#time").get_by_role("status")).to_contain_text("2 of them")
    performing.take(RunKind.MEASUREMENT)
    performing.join()
    expect(page.get_by_text("Time of one pass here, in milliseconds")).to_be_visible(timeout=15_000)
    expect(page.locator("#time").get_by_role("row")).to_have_count(3)
    shoot(page, "networks-compared")


def test_networks_are_compared_and_timed_without_scripts(browser: Browser, site: str, performing: Performing) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/networks/")
    page.get_by_label("Compare ResNet-50").check()
    page.get_by_label("Compare EfficientNet-Lite0").check()
    page.get_by_role("button", name="Compare those ticked").click()
    expect(page.get_by_role("heading", name="Networks side by side")).to_be_visible()
    expect(page.get_by_role("rowheader", name="1/32").last).to_be_visible()
    page.get_by_role("link", name="ResNet-50").first.click()
    page.get_by_role("button", name="Time it on a worker here").click()
    performing.take(RunKind.MEASUREMENT)
    performing.join()
    expect(page.get_by_text("ms a pass: the median of")).to_be_visible(timeout=15_000)
    context.close()


# --- weights ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def publisher(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Publisher]:
    """ResNet-18 with random weights, on a server of this machine that waits after the first half megabyte."""
    record = published("resnet18", tmp_path)
    publisher = Publisher()
    publisher.content = (tmp_path / record.file).read_bytes()
    publisher.stall = threading.Event()
    record = dataclasses.replace(record, url=f"{publisher.url}/{record.file}")
    use(record, monkeypatch)
    monkeypatch.setattr(work, "record", networks.record)
    settings.WEIGHTS_DIR = tmp_path / "weights"
    catalogue = dict(facts.fact(facts.LIBRARY, facts.CATALOGUE))
    catalogue["resnet18"]["weights"][record.name] |= {"file": record.file, "size_mb": record.size_mb}
    Fact.objects.filter(network=facts.LIBRARY, key=facts.CATALOGUE).update(value=catalogue)
    yield publisher
    publisher.stall.set()
    publisher.server.shutdown()
    publisher.server.server_close()


def test_an_instructor_has_weights_fetched_and_watches_them_come(
    site: str, page: Page, shoot: Shoot, instructor: User, publisher: Publisher, performing: Performing
) -> None:
    page.goto(f"{site}/sign-in/?next=/studio/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(instructor.email or "")
    page.get_by_label(re.compile("password", re.IGNORECASE)).fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Weights").click()
    page.get_by_label("Family").select_option("ResNet")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Fetch ResNet-18, IMAGENET1K_V1").click()
    expect(page.get_by_role("heading", name="ResNet-18 IMAGENET1K_V1")).to_be_visible()
    performing.take(RunKind.DOWNLOAD)
    expect(page.locator("[data-sentence]")).to_contain_text(re.compile(r"[01]% of 45 MiB"), timeout=20_000)
    shoot(page, "weights-coming")
    assert publisher.stall is not None
    publisher.stall.set()
    expect(page.get_by_text("Nothing is being fetched.")).to_be_visible(timeout=20_000)
    page.get_by_role("combobox", name="Family").select_option("ResNet")
    page.get_by_label("Show", exact=True).select_option("here")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="ResNet-18")).to_be_visible()
    shoot(page, "weights-here")
