"""Training in a browser: the lesson's run, epoch by epoch; own photos from the first upload to a head that is tried."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from inference.contracts import Event, Material, RunKind, RunRequest
from inference.models import Job, JobState, PhotoSet, Trace
from inference.runs import run_job
from tests.inference.conftest import photo_bytes
from tests.inference.training.conftest import ImitationTraining

pytestmark = [pytest.mark.browser, pytest.mark.redis]
Shoot = Callable[[Page, str], None]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision/train/"


class PlayedTrainer:
    """Runs the one waiting training, or trial, in a thread; an epoch for each permission that the test gives."""

    def __init__(self) -> None:
        self._permissions = threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def allow(self, epochs: int = 1000) -> None:
        for _ in range(epochs):
            self._permissions.release()

    def take(self) -> None:
        job_id = Job.objects.get(state=JobState.WAITING, kind__in=(RunKind.TRAINING, RunKind.TRIAL)).pk
        self._thread = threading.Thread(target=self._run, args=(job_id,), daemon=True)
        self._thread.start()

    def _run(self, job_id: object) -> None:
        try:
            run_job(job_id=job_id, perform=self._perform)
        finally:
            connection.close()

    def _perform(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> None:
        def wait(_epoch: int) -> None:
            while not self._permissions.acquire(timeout=0.1):
                if cancelled():
                    return

        ImitationTraining(between=wait).perform(request, material, emit=emit, cancelled=cancelled)

    def stop(self) -> None:
        self.allow()
        if self._thread is not None:
            self._thread.join(20)


@pytest.fixture
def trainer(site: str) -> Iterator[PlayedTrainer]:
    played = PlayedTrainer()
    yield played
    played.stop()


def state(page: Page, name: str) -> None:
    expect(page.locator("[data-live]")).to_have_attribute("data-state", name, timeout=20_000)


def epochs(page: Page, count: int) -> None:
    rows = page.get_by_role("region", name="What each epoch came to").locator("tbody tr")
    expect(rows).to_have_count(count, timeout=20_000)


def ask(page: Page, epochs: str = "4", *, in_lesson: bool = False) -> None:
    """Asks for a run; in a lesson that asks for a prediction before its Train mode, the form asks for none."""
    page.get_by_text("Network and settings").click()
    page.get_by_label("Epochs").fill(epochs)
    guess = page.get_by_role("radio", name="It beats the trivial baseline")
    if in_lesson:
        expect(guess).to_have_count(0)
    else:
        guess.check()
    page.get_by_role("button", name="Train", exact=True).click()


def test_a_lessons_run_is_drawn_epoch_by_epoch(page: Page, site: str, trainer: PlayedTrainer, shoot: Shoot) -> None:
    page.goto(site + LESSON)
    expect(page.get_by_text("What is pre-training worth?")).to_be_visible()
    shoot(page, "train-before")
    ask(page, in_lesson=True)
    expect(page).to_have_url(re.compile(r"/train/\?training=[0-9a-f-]+#training"))
    state(page, "queued")
    trainer.take()
    trainer.allow(2)
    epochs(page, 2)
    state(page, "running")
    expect(page.locator("[data-sentence]")).to_have_text("Epoch 2 of 4: right on 70.0% of the validation examples.")
    expect(page.locator("[role=status]")).not_to_be_empty()
    page.get_by_text("Show the numbers").first.click()
    shoot(page, "train-during")
    trainer.allow(1)
    epochs(page, 3)
    expect(page.get_by_text("Show the numbers").first.locator("xpath=..")).to_have_attribute("open", "")
    trainer.allow()
    state(page, "done")
    expect(page.get_by_role("heading", name=re.compile("Against the best trivial baseline"))).to_be_visible()
    expect(page.get_by_text("27 of 30 examples")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    shoot(page, "train-after")
    page.get_by_role("link", name="Its head: try it, take it along").click()
    expect(page.get_by_role("link", name="Download the head")).to_be_visible()
    shoot(page, "train-run")


def test_stop_keeps_the_epochs_that_ran(page: Page, site: str, trainer: PlayedTrainer) -> None:
    page.goto(f"{site}/training/")
    ask(page, "30")
    state(page, "queued")
    trainer.take()
    trainer.allow(3)
    epochs(page, 3)
    page.get_by_role("button", name="Stop").click()
    state(page, "cancelled")
    expect(page.locator("[data-sentence]")).to_have_text("Stopped. The epochs that ran are kept below.")
    epochs(page, 3)
    page.get_by_role("button", name="Train it again").click()
    state(page, "queued")


def test_own_photos_from_the_first_upload_to_a_head_that_is_tried(
    page: Page, site: str, trainer: PlayedTrainer, shoot: Shoot, tmp_path: Path
) -> None:
    page.goto(f"{site}/training/")
    shoot(page, "training")
    page.get_by_label("Name of the set").fill("Kitchen")
    page.get_by_label("Its classes, one a line").fill("mug\nglass")
    page.get_by_role("button", name="Make the set").click()
    expect(page.get_by_role("heading", name="Kitchen")).to_be_visible()
    for index, name in enumerate(("mug", "glass")):
        files = []
        for number in range(3):
            files.append(tmp_path / f"{name}-{number}.jpg")
            files[-1].write_bytes(photo_bytes(size=(60 + 10 * number + 5 * index, 48)))
        page.get_by_label(f"Photos of “{name}”").set_input_files(files)
        page.get_by_role("button", name=f"Add to “{name}”").click()
        expect(page.get_by_role("img", name=f"Photo 3 of “{name}”")).to_be_visible()
    drawing = tmp_path / "drawing.png"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    page.get_by_label("Photos of “mug”").set_input_files(drawing)
    page.get_by_role("button", name="Add to “mug”").click()
    expect(page.get_by_role("alert").filter(has_text="drawing.png")).to_contain_text("This is an SVG drawing")
    shoot(page, "photo-set")
    page.get_by_role("link", name="Train on these photos").click()
    expect(page.get_by_role("radio", name=re.compile("Kitchen"))).to_be_checked()
    ask(page)
    state(page, "queued")
    trainer.take()
    trainer.allow()
    state(page, "done")
    page.get_by_role("button", name="Try the head").click()
    state(page, "queued")
    trainer.take()
    state(page, "done")
    expect(page.locator(".verdict")).to_contain_text("The head says “brick”, with 90.0%")
    shoot(page, "trial")
    page.goto(f"{site}/training/")
    expect(page.get_by_role("heading", name="My heads")).to_be_visible()
    shoot(page, "training-heads")
    page.get_by_role("link", name="Kitchen", exact=True).click()
    page.get_by_role("button", name="Delete the set and what came of it").click()
    expect(page.get_by_text("The photo set is deleted")).to_be_visible()
    assert not PhotoSet.objects.exists()
    assert not Trace.objects.exclude(owner=None).exists()


def test_two_runs_are_compared(page: Page, site: str, trainer: PlayedTrainer, shoot: Shoot) -> None:
    for count in ("3", "4"):
        page.goto(f"{site}/training/")
        ask(page, count)
        state(page, "queued")
        trainer.take()
        trainer.allow(10)
        state(page, "done")
        trainer.stop()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Two training runs")).to_be_visible()
    expect(page.get_by_text("One thing differs. Epochs: 4 in A, 3 in B.")).to_be_visible()
    expect(page.get_by_text("They are right and wrong on the same of the 30 validation examples.")).to_be_visible()
    pairs = page.get_by_role("region", name="Both heads on the same validation examples")
    expect(pairs.get_by_role("row", name="A is right")).to_contain_text("27")
    shoot(page, "training-compare")


def test_without_scripts_the_same_pages_reload_until_it_is_done(browser: Browser, site: str, trainer: PlayedTrainer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + LESSON)
    ask(page, in_lesson=True)
    expect(page).to_have_url(re.compile(r"/train/\?training=.*#training"))
    state(page, "queued")
    trainer.take()
    trainer.allow(2)
    epochs(page, 2)
    trainer.allow()
    state(page, "done")
    expect(page.get_by_text("27 of 30 examples")).to_be_visible()
    context.close()
