"""Break in a browser, with the real network: a lesson's broken run from prediction to figures, and one's own run broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_looking import Worker, worker

__all__ = ["worker"]

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.torch, pytest.mark.weights]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision"
BREAK = f"{LESSON}/break/"
SECOND = 1000


def choose(page: Page, words: str, button: str) -> None:
    page.get_by_role("radio", name=words).check()
    page.get_by_role("button", name=button).click()


def copied(page: Page, caption: str) -> str:
    """What is in the clipboard after the last code of this caption was copied, as it came into the page, without a reload."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("figure.code").filter(has_text=caption).last.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_learner_finds_explains_and_repairs_a_mistake(
    page: Page, site: str, worker: Worker, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(site + BREAK)
    expect(page.get_by_role("heading", name="1. Predict")).to_be_visible()
    shoot(page, "break-1-predict")
    choose(page, "It stays the same.", "Make the run")
    expect(page.get_by_role("heading", name="2. Find")).to_be_visible(timeout=60 * SECOND)
    expect(page.get_by_text("What happened: Another label takes its place.")).to_be_visible()
    expect(page.get_by_role("img", name="The network’s input, with the mistake")).to_be_visible()
    shoot(page, "break-2-find")
    page.reload()
    expect(page.get_by_role("heading", name="2. Find")).to_be_visible()
    choose(page, "Blue and red swapped", "That is it")
    expect(page.get_by_text("It is: Blue and red swapped (BGR).")).to_be_visible()
    shoot(page, "break-3-explain")
    choose(page, "The first filters know each colour", "That is why")
    expect(page.get_by_role("heading", name="4. Fix")).to_be_visible()
    shoot(page, "break-4-fix")
    choose(page, "tensor = pixels.permute(2, 0, 1).float()", "Put it there")
    expect(page.get_by_role("heading", name="Both runs in figures")).to_be_visible()
    expect(page.get_by_text("The outputs differ by 0.03 bits of 1.")).to_be_visible()
    page.get_by_text("Every stage in numbers").click()
    shoot(page, "break-5-figures")
    page.get_by_role("link", name="The next broken run").click()
    expect(page.get_by_role("heading", name="1. Predict")).to_be_visible()
    page.goto(site + BREAK)
    expect(page.get_by_role("heading", name="Both runs in figures")).to_be_visible()


def test_a_broken_run_is_worked_through_by_keyboard_alone(page: Page, site: str, worker: Worker) -> None:
    page.goto(f"{site}{BREAK}?case=4")
    page.get_by_role("radio", name="There is none").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("ValueError: expected 4D input (got 3D input)")).to_be_visible(timeout=60 * SECOND)
    expect(page.get_by_text("So it is.")).to_be_visible()
    page.get_by_role("radio", name="No batch dimension").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Yes. It is: No batch dimension.")).to_be_visible()


def test_a_broken_run_is_worked_through_without_scripts(browser: Browser, site: str, worker: Worker) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{BREAK}?case=3")
    choose(page, "It stays the same.", "Make the run")
    expect(page.get_by_role("heading", name="2. Find")).to_be_visible(timeout=60 * SECOND)
    choose(page, "Softmax twice", "That is it")
    expect(page.get_by_text("It is: Softmax twice.")).to_be_visible()
    page.context.close()


def test_a_learner_breaks_a_run_of_their_own(page: Page, site: str, worker: Worker, shoot: Callable[[Page, str], None]) -> None:
    page.goto(f"{site}{LESSON}/run/")
    page.get_by_role("radio", name="Chelsea").check()
    if page.get_by_role("radio", name="tiger cat", exact=True).count():
        page.get_by_role("radio", name="tiger cat", exact=True).check()
    page.get_by_role("button", name="Run EfficientNet-Lite0").click()
    expect(page.locator("[data-trace]")).to_have_attribute("data-state", "done", timeout=60 * SECOND)
    trace_id = page.locator("[data-trace]").get_attribute("data-trace")
    page.goto(f"{site}/traces/{trace_id}/")
    page.get_by_role("link", name="Break it").click()
    for title in ("Squashed to a square", "No batch dimension", "train() left on"):
        page.get_by_role("checkbox", name=title).check()
    shoot(page, "break-own-choose")
    page.get_by_role("button", name="Make these mistakes").click()
    expect(page.locator("[data-trace]")).to_have_attribute("data-state", "done", timeout=60 * SECOND)
    expect(page.get_by_text("and is “Egyptian cat” now")).to_be_visible()
    expect(page.get_by_text("ValueError: expected 4D input (got 3D input)")).to_be_visible()
    assert copied(page, "Done right") == "model.eval()"
    expect(page.get_by_role("button", name="Copy")).to_have_count(5)  # and the one that says that it did
    shoot(page, "break-own-results")
