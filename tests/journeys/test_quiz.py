"""Quizzes in a real browser: by keyboard alone, with a closed tab, with two tabs, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from quizzes.models import Attempt

pytestmark = [pytest.mark.browser, pytest.mark.redis]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision"


def begin(page: Page, site: str, mode: str = "test") -> None:
    page.goto(f"{site}{LESSON}/{mode}/")
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.get_by_role("heading", name=re.compile("^Question 1 of"))).to_be_visible()
    page.wait_for_load_state("networkidle")


def letter(position: int, *, right: bool) -> str:
    """The letter of a right or wrong option as the newest attempt shows it: known from the key, which the page doesn't have."""
    asked = Attempt.objects.latest("started_at").questions.get(position=position)
    correct = asked.question_version.key_revisions.latest("number").correct
    return next("ABCDEF"[index] for index, key in enumerate(asked.option_order) if (key in correct) is right)


def test_a_question_is_answered_by_keyboard_alone(page: Page, site: str, axe: Callable[[Page], None]) -> None:
    begin(page, site)
    axe(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "choice":
            break
    page.keyboard.press(letter(1, right=False).lower())
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback")).to_be_focused()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    axe(page)


def test_letters_choose_only_in_the_question_and_can_be_turned_off(page: Page, site: str) -> None:
    begin(page, site)
    page.locator("body").press("b")
    expect(page.locator("#answer input:checked")).to_have_count(0)
    page.get_by_role("button", name="Letter keys").click()
    page.locator("#answer input").first.focus()
    page.keyboard.press("b")
    expect(page.locator("#answer input:checked")).to_have_count(0)
    page.get_by_role("button", name="Letter keys").click()
    page.locator("#answer input").first.focus()
    page.keyboard.press("2")
    expect(page.locator("#answer input[value=B]")).to_be_checked()


def test_a_choice_survives_a_closed_tab(page: Page, site: str) -> None:
    begin(page, site)
    page.locator("#answer .option").nth(1).click()
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    page.goto("about:blank")
    page.goto(f"{site}{LESSON}/test/")
    page.get_by_role("link", name="Go on where you were").click()
    expect(page.locator("#answer input[value=B]")).to_be_checked()


def test_a_second_tab_is_told_which_answer_counts(page: Page, site: str) -> None:
    begin(page, site)
    other = page.context.new_page()
    other.goto(page.url)
    page.locator(f"#answer input[value={letter(1, right=True)}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Right")
    other.locator(f"#answer input[value={letter(1, right=False)}]").check()
    other.get_by_role("button", name="Check answer").click()
    expect(other.locator("#refused")).to_be_focused()
    expect(other.locator("#refused")).to_contain_text("Your first answer counts")
    expect(other.locator("#feedback")).to_contain_text("Right")


def test_practice_goes_from_hint_and_steps_to_the_answer(page: Page, site: str, axe: Callable[[Page], None]) -> None:
    begin(page, site, "practise")
    page.get_by_role("button", name="Show a hint").click()
    expect(page.locator("#hint")).to_be_focused()
    page.locator(f"#answer input[value={letter(1, right=False)}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    expect(page.locator(".quick-check")).to_have_count(0)
    page.get_by_role("button", name="Show the steps").click()
    expect(page.locator("#steps li")).to_have_count(1)
    axe(page)
    page.locator(f"#answer input[value={letter(1, right=True)}]").check()
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".quick-check")).to_contain_text(f"The answer is {letter(1, right=True)}:")
    axe(page)


def test_a_whole_test_without_javascript(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}{LESSON}/test/")
    page.get_by_role("button", name="Start the test").click()
    page.locator(f"#answer input[value={letter(1, right=False)}]").check()
    page.get_by_role("button", name="Save without checking").click()
    expect(page.locator(f"#answer input[value={letter(1, right=False)}]")).to_be_checked()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    page.get_by_role("link", name="Finish").click()
    expect(page.locator("main")).to_contain_text("no answer yet")
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.locator(".score")).to_contain_text(re.compile(r"0 of \d"))
    page.get_by_role("button", name=re.compile("^Redo")).click()
    expect(page.get_by_role("button", name="Show a hint")).to_be_visible()
    context.close()
