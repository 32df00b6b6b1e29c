"""Misconceptions in a browser, with the real network: from a wrong answer to its page, and its mistake seen on a photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from quizzes.grading import letter_of
from quizzes.models import Attempt, KeyRevision, Misconception
from tests.inference.conftest import photo_bytes
from tests.journeys.test_looking import Worker, worker

__all__ = ["worker"]

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.torch, pytest.mark.weights]

COURSE = "/courses/pretrained-vision-models/"
SECOND = 1000


def runnable() -> str:
    """The address of a misconception whose mistake gives another answer, not an error."""
    return f"{COURSE}misconceptions/{Misconception.objects.filter(mistake='no_normalisation').earliest('pk').slug}/"


def test_a_mistake_happens_on_a_learners_own_photo(
    page: Page, site: str, worker: Worker, shoot: Callable[[Page, str], None], tmp_path: Path
) -> None:
    page.goto(site + COURSE)
    page.get_by_role("link", name="What people get wrong").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What people get wrong")
    shoot(page, "misconceptions")
    page.goto(site + runnable())
    shoot(page, "misconception")
    photo = tmp_path / "mine.jpg"
    photo.write_bytes(photo_bytes())
    page.get_by_label("The file of your photo").set_input_files(photo)
    page.get_by_role("button", name="Make the mistake").click()
    expect(page.locator("[data-trace]")).to_have_attribute("data-state", "done", timeout=60 * SECOND)
    expect(page.get_by_role("columnheader", name="With the mistake", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="The network’s input, with the mistake")).to_be_visible()
    expect(page.get_by_role("link", name="Open this run on its own page")).to_be_visible()
    shoot(page, "misconception-seen")


def test_a_mistake_happens_without_scripts(browser: Browser, site: str, worker: Worker) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(site + runnable())
    page.get_by_role("radio", name="Chelsea").check()
    page.get_by_role("button", name="Make the mistake").click()
    expect(page.get_by_role("columnheader", name="With the mistake", exact=True)).to_be_visible(timeout=60 * SECOND)
    assert runnable() in page.url
    page.context.close()


def test_a_mistake_is_run_by_keyboard_alone(page: Page, site: str, worker: Worker) -> None:
    page.goto(site + runnable())
    page.get_by_role("radio", name="Chelsea").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Make the mistake").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-trace]")).to_have_attribute("data-state", "done", timeout=60 * SECOND)


def test_a_wrong_answer_leads_to_its_misconception(page: Page, site: str, shoot: Callable[[Page, str], None]) -> None:
    page.goto(f"{site}{COURSE}lessons/pretrained-models-in-torchvision/practise/")
    page.get_by_role("button", name="Start practising").click()
    wrong = _option_with_a_misconception(page)
    page.locator(f"input[name=choice][value={wrong}]").check()
    page.get_by_role("button", name="Check answer").click()
    link = page.get_by_role("link", name="More about")
    expect(link).to_be_visible()
    shoot(page, "misconception-linked")
    link.click()
    expect(page.get_by_text("Your answers have shown that these questions probe it:")).to_be_visible()
    shoot(page, "misconception-probed")
    page.get_by_role("link", name="Practise this question").click()
    expect(page.get_by_role("button", name="Practise the question from the lesson")).to_be_visible()


def _option_with_a_misconception(page: Page) -> str:
    """The letter of an option of the question that the page asks for which a misconception stands."""
    attempt = Attempt.objects.get()
    position = int(page.url.rstrip("/").rsplit("/", 1)[1])
    asked = attempt.questions.get(position=position)
    key = KeyRevision.objects.filter(question_version=asked.question_version).latest("number")
    return letter_of(sorted(key.misconceptions)[0], asked.option_order)
