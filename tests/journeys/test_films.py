"""A film that leaves the site and comes back: downloaded, opened by a stranger, shown in a lesson, beside another one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from inference import tasks
from inference.models import Trace
from inference.runs import run_job
from inference.services import request_trace
from inference.sharing.writing import write_trace
from lessons.authoring import create_lesson
from lessons.models import Course, Lesson
from lessons.publishing import save_draft
from tests.studio.conftest import LESSON, QUESTIONS

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.weights, pytest.mark.torch]

NETWORK = "efficientnet_lite0"
Shoot = Callable[[Page, str], None]


def made(sample: str) -> Trace:
    """The house's own trace of a sample, run here and now by the real engine."""
    trace = request_trace(owner=None, network=NETWORK, sample=sample, now=timezone.now())
    run_job(job_id=trace.job_id, perform=tasks.WarmEngine().perform)
    return Trace.objects.select_related("job").get(pk=trace.pk)


@pytest.fixture
def cat(site: str) -> Trace:
    return made("chelsea")


def test_a_film_is_downloaded_and_opened_by_a_stranger(
    page: Page, site: str, cat: Trace, browser: Browser, tmp_path: Path, shoot: Shoot
) -> None:
    page.goto(f"{site}/traces/{cat.pk}/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this run").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "efficientnet_lite0-chelsea.trace.json"
    assert file.stat().st_size < 150_000
    shoot(page, "film-take")

    stranger = browser.new_context().new_page()
    stranger.goto(f"{site}/traces/open/")
    shoot(stranger, "film-open")
    stranger.get_by_label("The file of a run").set_input_files(file)
    stranger.get_by_role("button", name="Open").click()
    expect(stranger.locator(".opened")).to_contain_text("This site didn’t run it and can’t vouch for its figures.")
    expect(stranger.locator(".frame")).to_have_count(17)
    expect(stranger.locator(".verdict")).to_contain_text("tiger cat")
    stranger.wait_for_load_state("load")
    missing = stranger.evaluate("[...document.images].filter((one) => one.loading !== 'lazy' && !one.naturalWidth).length")
    assert missing == 0
    shoot(stranger, "film-opened")
    stranger.goto(f"{site}/traces/")
    expect(stranger.locator("main table")).to_contain_text("Chelsea the cat, from a file")
    stranger.context.close()


def test_a_wrong_file_is_told_beside_the_field(page: Page, site: str, tmp_path: Path, shoot: Shoot) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"format": "forward-pass-trace/1", "network": 7, "stages": "none"}')
    page.goto(f"{site}/traces/open/")
    page.get_by_label("The file of a run").set_input_files(wrong)
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".error-summary")).to_contain_text("“network” must be text.")
    shoot(page, "film-refused")


def test_a_film_is_stepped_through_played_and_there_without_scripts(
    page: Page, site: str, cat: Trace, browser: Browser, shoot: Shoot
) -> None:
    page.goto(site)
    film = page.locator("[data-replay]")
    expect(film.locator(".frame:not(.unplayed)")).to_have_count(17)
    film.get_by_role("button", name="Play").click()
    expect(film.locator(".frame:not(.unplayed)").first).to_be_visible()
    film.get_by_role("button", name="Pause").click()
    film.get_by_role("button", name="One back").click()
    film.get_by_role("button", name="One on").click()
    expect(film.get_by_role("status")).to_have_text(re.compile(r"Stage \d+ of 17"))
    expect(film.locator("[data-outcome]")).to_be_hidden()
    film.get_by_role("button", name="Show all").click()
    expect(film.locator(".frame.unplayed")).to_have_count(0)
    expect(film.locator("[data-outcome]")).to_be_visible()
    film.get_by_role("button", name="One back").click()
    expect(film.get_by_role("status")).to_have_text("Stage 16 of 17")
    film.get_by_role("button", name="Play").press("Enter")
    expect(film.get_by_role("button", name="Play")).to_be_visible(timeout=10_000)
    expect(film.locator("[data-outcome]")).to_be_visible()
    shoot(page, "film-home")

    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(site)
    expect(plain.locator("[data-replay] .frame")).to_have_count(17)
    expect(plain.locator("[data-controls]")).to_be_hidden()
    plain.context.close()


@pytest.fixture
def lesson(site: str, course: Course, instructor: User) -> Lesson:
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    files = {"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": QUESTIONS}
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=timezone.now())
    return lesson


def test_a_film_is_put_into_a_lesson_and_replayed_by_a_learner(
    page: Page, site: str, cat: Trace, lesson: Lesson, instructor: User, browser: Browser, tmp_path: Path, shoot: Shoot
) -> None:
    file = tmp_path / "chelsea.trace.json"
    file.write_bytes(write_trace(cat))
    studio = f"{site}/studio/courses/vision/lessons/edges/"
    page.goto(f"{site}/sign-in/?next=/studio/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(instructor.email or "")
    page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill("correct horse")
    page.locator("main form button").first.click()
    page.wait_for_url("**/studio/")

    page.goto(studio + "recordings/")
    page.get_by_label("A file").set_input_files(file)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("pre.output")).to_have_text("::: trace chelsea.json")
    shoot(page, "studio-recordings")
    page.goto(studio)
    body = page.locator("#id_body")
    body.fill(body.input_value() + "\n\n::: trace chelsea.json\n")
    expect(page.locator("#preview .replay .frame")).to_have_count(17)
    page.get_by_role("button", name="Save draft").click()
    page.goto(studio + "publish/")
    page.get_by_role("button", name="Publish").click()

    learner = browser.new_context().new_page()
    learner.goto(f"{site}/courses/vision/lessons/edges/read/")
    film = learner.locator("[data-replay]")
    expect(film.locator(".frame")).to_have_count(17)
    expect(film.locator(".provenance")).to_contain_text("Recorded on")
    film.get_by_role("button", name="Play").click()
    expect(film.get_by_role("button", name="Play")).to_be_visible(timeout=10_000)
    shoot(learner, "film-lesson")
    learner.context.close()


def test_two_films_side_by_side(page: Page, site: str, cat: Trace, shoot: Shoot) -> None:
    coffee = made("coffee")
    page.goto(f"{site}/traces/{cat.pk}/")
    page.get_by_role("link", name="Compare it with another run").click()
    page.get_by_label("B", exact=True).select_option(str(coffee.pk))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".differences")).to_contain_text("One network, two photos")
    expect(page.locator("[data-replay]")).to_have_count(2)
    shoot(page, "film-compare")
