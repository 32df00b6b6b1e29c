"""A live run in a browser, state by state. The test itself plays the worker, so that it can wait in the middle."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from inference import events, facts, jobs
from inference.contracts import (
    Cancelled,
    Event,
    Finished,
    MadeBy,
    Material,
    Picture,
    Predicted,
    Prediction,
    RunRequest,
    Stage,
    StageKind,
    StageRan,
    Statistics,
)
from inference.models import Job, JobState, Trace
from inference.runs import run_job
from tests.inference.conftest import picture_bytes

pytestmark = [pytest.mark.browser, pytest.mark.redis]

NETWORK = "efficientnet_lite0"
PAGE = f"/networks/{NETWORK}/"
OWN_PAGE = "Open this run on its own page"


class SteppedNetwork:
    """Emits one stage for each permission that the test gives."""

    def __init__(self) -> None:
        self._permissions = threading.Semaphore(0)
        self.breaks_at = -1

    def allow(self, stages: int = 1000) -> None:
        for _ in range(stages):
            self._permissions.release()

    def perform(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> None:
        told = facts.facts_of(NETWORK) or {}
        stages = [*told["preprocessing"].items(), *told["stages"].items()]
        for index, (name, stage) in enumerate(stages):
            while not self._permissions.acquire(timeout=0.1):
                if cancelled():
                    raise Cancelled
            if cancelled():
                raise Cancelled
            if index == self.breaks_at:
                raise MemoryError
            shape = tuple(side or 300 for side in stage["output_shape"])
            ran = Stage(name, StageKind.FEATURES, stage.get("operation", name), shape, shape, title=stage.get("title", name))
            picture = Picture(picture_bytes(64), "image/webp", 64, 64, "signed", 1.5, (0, 1))
            emit(StageRan(index, len(stages), ran, 1.0, Statistics(0.1, 1.0, -1.5, 1.5), picture))
        emit(Predicted((Prediction(1, 282, "tiger cat", 0.62), Prediction(2, 285, "Egyptian cat", 0.21))))
        emit(Finished(MadeBy("1", NETWORK, "IMAGENET1K_V1", "ab" * 32, "2.13.0", "0.28.0", "cpu", "float32", 1), 5.0))


class PlayedWorker:
    """Runs the one waiting job in a thread, as a worker would."""

    def __init__(self) -> None:
        self.network = SteppedNetwork()
        self._thread: threading.Thread | None = None

    def take(self) -> SteppedNetwork:
        job_id = Job.objects.get(state=JobState.WAITING).pk
        self._thread = threading.Thread(target=self._run, args=(job_id,), daemon=True)
        self._thread.start()
        return self.network

    def _run(self, job_id: object) -> None:
        try:
            run_job(job_id=job_id, perform=self.network.perform)
        finally:
            connection.close()

    def stop(self) -> None:
        self.network.allow()
        if self._thread is not None:
            self._thread.join(20)


@pytest.fixture
def played(site: str) -> Iterator[PlayedWorker]:
    Job.objects.filter(state=JobState.WAITING).delete()  # what the house asked for when the lessons were published
    worker = PlayedWorker()
    yield worker
    worker.stop()


def ask(page: Page, site: str, *, sample: str = "Coffee") -> None:
    page.goto(site + PAGE)
    page.get_by_label("First say what you expect").fill("a cup")
    page.get_by_role("radio", name=re.compile(sample)).check()
    page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    expect(page.locator("[data-trace]")).to_be_visible()


def state(page: Page, name: str) -> None:
    expect(page.locator("[data-trace]")).to_have_attribute("data-state", name, timeout=45_000)


def frames(page: Page, count: int) -> None:
    expect(page.locator(".frame:not(.waiting)")).to_have_count(count, timeout=20_000)


def test_the_film_fills_frame_by_frame(page: Page, site: str, played: PlayedWorker, axe: Callable[[Page], None]) -> None:
    ask(page, site)
    state(page, "queued")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    expect(page.locator("[data-sentence]")).to_contain_text("Next in line")
    axe(page)
    network = played.take()
    state(page, "loading")
    network.allow(2)
    frames(page, 2)
    state(page, "running")
    expect(page.locator("[data-sentence]")).to_have_text(re.compile(r"Stage 2 of 17: resize, 300×300×3"))
    expect(page.locator("[data-say]")).not_to_be_empty()
    expect(page.get_by_role("group", name="Play the film")).to_be_hidden()
    expect(page.get_by_role("link", name=OWN_PAGE)).to_be_hidden()
    axe(page)
    network.allow()
    state(page, "done")
    frames(page, 17)
    expect(page.locator(".frame.waiting")).to_have_count(0)
    expect(page.locator(".verdict")).to_have_text("You said “a cup”. The network’s first choice is “tiger cat”, with 62.0%.")
    expect(page.get_by_role("heading", name="What it sees")).to_be_focused()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    axe(page)


def test_stop_keeps_what_ran(page: Page, site: str, played: PlayedWorker, axe: Callable[[Page], None]) -> None:
    ask(page, site)
    played.take().allow(3)
    frames(page, 3)
    page.get_by_role("button", name="Stop").click()
    state(page, "cancelled")
    expect(page.locator("[data-sentence]")).to_have_text("Stopped. What already ran is kept below.")
    frames(page, 3)
    axe(page)
    expect(page.get_by_role("button", name="Run it again")).to_be_visible()
    played.stop()
    page.goto(f"{site}/traces/{Trace.objects.get().pk}/")
    frames(page, 3)
    page.get_by_role("button", name="Run it again").click()
    state(page, "queued")


def test_a_failure_says_why_and_what_next(page: Page, site: str, played: PlayedWorker, axe: Callable[[Page], None]) -> None:
    ask(page, site)
    played.network.breaks_at = 2
    played.take().allow()
    state(page, "failed")
    alert = page.locator("[data-end] [role=alert]")
    expect(alert).to_contain_text("ran out of memory")
    expect(alert).to_contain_text("choose a smaller network")
    frames(page, 2)
    axe(page)
    page.get_by_role("button", name="Run it again").click()
    state(page, "queued")


def test_a_lost_connection_is_found_again_and_nothing_is_missed(
    page: Page, site: str, played: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(page, site)
    network = played.take()
    network.allow(2)
    frames(page, 2)
    page.context.set_offline(True)  # for new connections; the open one is cut by the server
    with monkeypatch.context() as broken:
        broken.setattr(events._Telling, "_describe_in_language", _cut)
        network.allow(1)
        expect(page.locator("[data-sentence]")).to_contain_text("Connecting again", timeout=20_000)
    network.allow(4)
    page.context.set_offline(False)
    frames(page, 7)
    network.allow()
    state(page, "done")
    frames(page, 17)


def _cut(*_arguments: object) -> None:
    raise RuntimeError("the stream breaks off")


def test_a_page_opened_in_the_middle_goes_on_from_there(page: Page, site: str, played: PlayedWorker) -> None:
    ask(page, site)
    network = played.take()
    network.allow(4)
    frames(page, 4)
    page.goto(f"{site}/traces/{Trace.objects.get().pk}/")
    frames(page, 4)
    expect(page.locator("[data-sentence]")).to_have_text(re.compile("Stage 4 of 17"))
    network.allow()
    state(page, "done")
    frames(page, 17)


def test_leaving_the_page_cancels_nothing(page: Page, site: str, played: PlayedWorker) -> None:
    ask(page, site)
    network = played.take()
    network.allow(1)
    frames(page, 1)
    page.goto(f"{site}/networks/")
    network.allow()
    played.stop()
    assert Job.objects.get().state == JobState.DONE


def test_the_same_run_again_is_shown_from_the_store_without_a_stream(page: Page, site: str, played: PlayedWorker) -> None:
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/events" in request.url else None)
    ask(page, site)
    played.take().allow()
    state(page, "done")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    assert answered.value.json()["status"] == "done"
    state(page, "done")
    assert len(streams) == 1


def test_a_second_run_takes_the_streams_place(page: Page, site: str, played: PlayedWorker) -> None:
    opened: list[str] = []
    closed: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if "/events" in request.url else None)
    page.on("requestfailed", lambda request: closed.append(request.url) if "/events" in request.url else None)
    ask(page, site)
    played.take().allow(2)
    frames(page, 2)
    page.get_by_role("radio", name=re.compile("Rocket")).check()
    with page.expect_request(lambda request: "/events" in request.url and request.url not in opened[:1]):
        page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    state(page, "queued")
    frames(page, 0)
    assert len(opened) == 2
    assert closed == opened[:1]


def test_a_photo_is_chosen_pasted_and_refused(page: Page, site: str, tmp_path: Path) -> None:
    photo, drawing = tmp_path / "photo.png", tmp_path / "drawing.png"
    Image.linear_gradient("L").save(photo)
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    page.goto(site + PAGE)
    own = page.get_by_role("radio", name="Your own photo")
    page.locator("[data-file]").set_input_files(photo)
    expect(own).to_be_checked()
    expect(page.locator("[data-preview]")).to_be_visible()
    page.get_by_role("radio", name=re.compile("Rocket")).check()
    expect(page.locator("[data-preview]")).to_be_hidden()
    assert page.locator("[data-file]").input_value() == ""
    page.evaluate(
        """async () => {
            const answer = await fetch("/samples/chelsea");
            const carrier = new DataTransfer();
            carrier.items.add(new File([await answer.blob()], "pasted.webp", { type: "image/webp" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carrier, bubbles: true }));
        }"""
    )
    expect(own).to_be_checked()
    assert page.locator("[data-file]").input_value().endswith("pasted.webp")
    page.locator("[data-file]").set_input_files(drawing)
    page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    expect(page.locator("[data-run-error]")).to_contain_text("This is an SVG drawing")
    assert not Trace.objects.exclude(owner=None).exists()


def test_without_scripts_the_same_pages_reload_until_it_is_done(browser: Browser, site: str, played: PlayedWorker) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    ask(page, site)
    expect(page).to_have_url(re.compile(r"/networks/efficientnet_lite0/\?trace=.*#run"))
    state(page, "queued")
    network = played.take()
    network.allow(3)
    frames(page, 3)
    network.allow()
    state(page, "done")
    expect(page.locator(".verdict")).to_contain_text("tiger cat")
    expect(page.get_by_role("group", name="Play the film")).to_be_hidden()
    page.get_by_role("link", name=OWN_PAGE).click()
    expect(page).to_have_url(f"{site}/traces/{Trace.objects.get().pk}/")
    frames(page, 17)
    context.close()


def test_a_stopped_queue_is_said_and_a_failed_deadline_too(page: Page, site: str, played: PlayedWorker) -> None:
    ask(page, site)
    Job.objects.update(deadline="2020-01-01T00:00:00Z")
    jobs.reap(now=Trace.objects.get().created_at)
    state(page, "failed")
    expect(page.locator("[data-end] [role=alert]")).to_contain_text("It took too long")


def test_a_finished_run_is_stepped_through_where_it_ran_and_on_its_own_page(
    page: Page, site: str, played: PlayedWorker, axe: Callable[[Page], None]
) -> None:
    ask(page, site)
    played.take().allow()
    state(page, "done")
    step_through(page)
    page.get_by_role("link", name=OWN_PAGE).click()
    expect(page).to_have_url(f"{site}/traces/{Trace.objects.get().pk}/")
    step_through(page)
    play = page.get_by_role("button", name="Play")
    play.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(play).to_be_visible(timeout=15_000)
    expect(page.locator(".frame.unplayed")).to_have_count(0)
    expect(page.locator(".verdict")).to_be_visible()
    axe(page)


def step_through(page: Page) -> None:
    """By keyboard: two stages back from the end, on to it, and on to the first. What came out is told with the last alone."""
    at = page.locator("[data-at]")
    back, on = page.get_by_role("button", name="One back"), page.get_by_role("button", name="One on")
    back.press("Enter")
    back.press("Space")
    expect(at).to_have_text("Stage 15 of 17")
    expect(page.locator(".frame.unplayed")).to_have_count(2)
    expect(page.locator("[data-result]")).to_be_hidden()
    expect(page.locator("[data-found]")).to_be_hidden()
    on.press("Enter")
    on.press("Enter")
    expect(at).to_have_text("Stage 17 of 17")
    expect(page.locator(".frame.unplayed")).to_have_count(0)
    expect(page.locator("[data-result]")).to_be_visible()
    on.press("Enter")
    expect(at).to_have_text("Stage 1 of 17")
    page.get_by_role("button", name="Show all").press("Enter")
    expect(page.locator(".frame.unplayed")).to_have_count(0)


def test_a_run_that_was_stopped_has_no_controls_and_no_page_to_be_led_to(page: Page, site: str, played: PlayedWorker) -> None:
    ask(page, site)
    played.take().allow(3)
    frames(page, 3)
    page.get_by_role("button", name="Stop").click()
    state(page, "cancelled")
    expect(page.get_by_role("group", name="Play the film")).to_be_hidden()
    expect(page.get_by_role("link", name=OWN_PAGE)).to_be_hidden()


def test_a_new_run_takes_away_what_was_told_of_the_last(page: Page, site: str, played: PlayedWorker) -> None:
    ask(page, site)
    played.take().allow()
    state(page, "done")
    expect(page.get_by_role("link", name=OWN_PAGE)).to_be_visible()
    played.stop()
    page.get_by_role("radio", name=re.compile("Rocket")).check()
    page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    state(page, "queued")
    expect(page.get_by_role("link", name=OWN_PAGE)).to_be_hidden()
