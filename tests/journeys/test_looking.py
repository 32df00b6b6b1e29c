"""Looking inside a run in a browser, with the real network: maps, a cell picked on them, one unit, evidence, neighbours."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from inference import services
from inference.models import Job, JobState
from inference.runs import run_job
from inference.tasks import WarmEngine

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.torch, pytest.mark.weights]

NETWORK = "efficientnet_lite0"


class Worker(threading.Thread):
    """Runs whatever waits with the real engine, as a worker does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopped.wait(0.05):
                for job_id in Job.objects.filter(state=JobState.WAITING).values_list("pk", flat=True):
                    run_job(job_id=job_id, perform=WarmEngine().perform)
        finally:
            connection.close()

    def stop(self) -> None:
        self._stopped.set()
        self.join(30)


@pytest.fixture
def worker(site: str) -> Iterator[Worker]:
    thread = Worker()
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def run_of_the_cat(worker: Worker) -> str:
    """The address of the house's finished run of the cat."""
    trace = services.request_trace(owner=None, network=NETWORK, sample="chelsea", now=timezone.now())
    deadline = time.monotonic() + 60
    while Job.objects.get(pk=trace.job_id).state != JobState.DONE:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return f"/traces/{trace.pk}/"


def done(page: Page, name: str) -> None:
    expect(page.locator(f"[data-taken-for={name}] [data-taken]")).to_have_attribute("data-state", "done", timeout=30_000)


def test_a_look_whose_stream_is_refused_asks_again(page: Page, site: str, run_of_the_cat: str) -> None:
    asked: list[str] = []

    def refuse_the_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503)
        else:
            route.continue_()

    page.route(re.compile(r"/events\?"), refuse_the_first)
    page.goto(f"{site}{run_of_the_cat}look/")
    page.get_by_role("button", name="Show the maps").click()
    expect(page.locator("[data-taken-for=maps] [data-sentence]")).to_have_text("The connection was lost. Connecting again…")
    done(page, "maps")
    expect(page.get_by_role("button", name=re.compile("Feature maps of"))).to_be_visible()
    assert len(asked) == 2


def test_a_learner_looks_inside_a_run(page: Page, site: str, run_of_the_cat: str, shoot: Callable[[Page, str], None]) -> None:
    page.goto(site + run_of_the_cat)
    slider = page.get_by_label("How much of the map")
    slider.fill("30")
    assert page.locator("[data-heat]").evaluate("heat => heat.style.opacity") == "0.3"
    page.get_by_role("link", name="Look inside").click()

    page.locator("#maps-stage").select_option("features4")
    page.get_by_role("button", name="Show the maps").click()
    done(page, "maps")
    sheet = page.get_by_role("button", name=re.compile("Feature maps of features4"))
    expect(sheet).to_be_visible()
    sheet.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-look-say]")).to_contain_text("row 1, column 1")
    page.keyboard.press("Enter")
    done(page, "unit")
    unit = page.locator("#unit")
    expect(unit.locator("h3").first).to_contain_text("row 1, column 1")
    expect(unit).to_contain_text("The network itself has")
    expect(unit).to_contain_text("The shortcut is added")
    expect(unit).to_contain_text("What it can see")

    unit.get_by_text("Other units of this stage").click()
    unit.get_by_role("link", name=re.compile("features.4.0.block.1.0")).click()
    done(page, "unit")
    expect(unit).to_contain_text("It is depthwise")

    page.locator("#class-index").select_option(index=2)
    page.get_by_role("button", name="Show the evidence").click()
    done(page, "grad_cam")
    expect(page.locator("#grad_cam h3")).to_contain_text("tabby")

    page.get_by_role("button", name="Find them").click()
    done(page, "neighbours")
    expect(page.locator("#neighbours ol").first.locator("li").first).to_contain_text("Chelsea the cat, a mirrored cut")
    shoot(page, "look-inside")
    page.reload()
    expect(page.locator("#neighbours ol").first).to_be_visible()
    expect(page.locator("#unit")).to_contain_text("It is depthwise")


def test_a_run_that_comes_from_the_store_has_the_slider_too(page: Page, site: str, run_of_the_cat: str) -> None:
    page.goto(f"{site}/networks/{NETWORK}/")
    page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    page.get_by_label("How much of the map").fill("30")
    assert page.locator("[data-heat]").evaluate("heat => heat.style.opacity") == "0.3"


def test_without_scripts_a_cell_is_picked_by_a_click_on_the_sheet(browser: Browser, site: str, run_of_the_cat: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{run_of_the_cat}look/")
    page.locator("#maps-stage").select_option("features4")
    page.get_by_role("button", name="Show the maps").click()
    for _ in range(100):
        if page.locator("[data-pick] input").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    page.locator("[data-pick] input").click(position={"x": 20, "y": 40})
    assert "channel=" in page.url
    expect(page.locator("#unit-stage")).to_have_value("features4")
    page.get_by_role("button", name="Show its arithmetic").click()
    for _ in range(100):
        if page.locator("#unit .proof").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(page.locator("#unit .proof")).to_contain_text("The network itself has")
    page.context.close()


def test_a_lesson_asks_first_and_then_shows_what_is_inside(
    page: Page, site: str, run_of_the_cat: str, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(f"{site}/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision/look-inside/")
    expect(page.locator("[data-look]")).to_have_count(0)
    shoot(page, "look-inside-lesson-question")
    page.get_by_label("The 16 × 16 pixels that it covers").check()
    page.get_by_role("button", name="That’s what I expect").click()
    expect(page.get_by_text("You said: “The 16 × 16 pixels that it covers”").first).to_be_visible()
    page.locator("#unit-stage").select_option("features4")
    for name, value in (("Channel", "5"), ("Row", "7"), ("Column", "7")):
        page.locator("#unit").get_by_label(name, exact=True).fill(value)
    page.get_by_role("button", name="Show its arithmetic").click()
    done(page, "unit")
    expect(page.locator("#unit")).to_contain_text("It can see 147 × 147 pixels")
    page.get_by_label("Channel", exact=True).fill("80")
    page.get_by_role("button", name="Show its arithmetic").click()
    expect(page.locator("#unit [role=alert]")).to_contain_text("choose a number from 0 to 79")
    page.get_by_text("Compare with what you expected").click()
    expect(page.locator(".run-why")).to_contain_text("the windows add up")
    shoot(page, "look-inside-lesson")
    page.get_by_role("radio", name=re.compile("Coffee")).check()
    page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    page.get_by_role("link", name="Look inside this run").click()
    expect(page.locator("[data-look]")).to_be_visible()
    expect(page.get_by_text("one photo: Coffee")).to_be_visible()
