"""A review in a real browser: from a wrong answer over the days until it is known, by mouse and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from playwright.sync_api import Browser, Page, expect

from quizzes.models import Attempt, ReviewCard
from tests.journeys.test_quiz import LESSON, begin, letter

pytestmark = [pytest.mark.browser, pytest.mark.redis]
Shoot = Callable[[Page, str], None]


def miss(page: Page, site: str, positions: range) -> None:
    """These questions of the lesson's test, each answered wrong; then handed in."""
    begin(page, site)
    attempt = Attempt.objects.latest("started_at")
    for position in positions:
        page.goto(f"{site}/attempts/{attempt.pk}/{position}/")
        page.wait_for_load_state("networkidle")
        page.locator(f"#answer input[value={letter(position, right=False)}]").check()
        page.get_by_role("button", name="Check answer").click()
        expect(page.locator("#feedback")).to_be_visible()
    page.goto(f"{site}/attempts/{attempt.pk}/finish/")
    page.get_by_role("button", name="Finish and see the results").click()


def let_days_pass(days: int) -> None:
    """Moves what was reviewed, and when it comes back, into the past."""
    ReviewCard.objects.update(due_at=F("due_at") - timedelta(days=days))


def test_from_a_wrong_answer_to_the_next_interval(page: Page, site: str, shoot: Shoot) -> None:
    page.goto(f"{site}/me/review/")
    expect(page.get_by_text("No cards yet")).to_be_visible()
    shoot(page, "review-empty")
    miss(page, site, range(1, 3))
    page.goto(f"{site}/me/review/")
    expect(page.get_by_text("Nothing is due.")).to_be_visible()
    let_days_pass(2)
    page.reload()
    expect(page.get_by_text("cards are due")).to_be_visible()
    page.get_by_text("Show the numbers").click()
    shoot(page, "review-due")
    page.goto(f"{site}{LESSON}/review/")
    expect(page.locator("[aria-current=page]").filter(has_text="Review")).to_be_visible()
    shoot(page, "review-lesson")
    page.get_by_role("button", name="Start the review").click()
    expect(page.get_by_role("heading", name="Card 1 of 3")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Next card")).to_have_count(0)
    shoot(page, "review-card")
    asked = int(page.url.rstrip("/").rpartition("/")[2])
    page.locator(f"#answer input[value={letter(asked, right=True)}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator(".comes-back")).to_contain_text(re.compile(r"Good. This card comes back in \d+ days?\."))
    shoot(page, "review-card-answered")
    page.get_by_role("button", name="Next card").click()
    expect(page.get_by_role("heading", name="Card 2 of 3")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Show the steps").click()
    expect(page.locator(".comes-back")).to_contain_text("Again")
    page.get_by_role("button", name="Next card").click()
    expect(page.get_by_text("Say it in your own words first.")).to_be_visible()
    shoot(page, "review-insight")
    page.get_by_role("link", name="Show it").click()
    expect(page.get_by_role("button", name=re.compile("^Easy 8 days"))).to_be_visible()
    shoot(page, "review-insight-shown")
    page.get_by_role("button", name=re.compile("^Good")).click()
    expect(page.locator(".comes-back")).to_contain_text("Good. This card comes back in 2 days.")
    page.get_by_role("button", name="To the end").click()
    expect(page.get_by_role("heading", name="Done for now")).to_be_visible()
    shoot(page, "review-end")
    page.get_by_role("link", name="Your review").first.click()
    expect(page.get_by_text("3 cards answered today")).to_be_visible()


def test_a_review_by_keyboard_alone(page: Page, site: str, axe: Callable[[Page], None]) -> None:
    page.goto(f"{site}{LESSON}/review/")
    _press(page, "Add to review")
    expect(page.get_by_text("It is one of your cards.")).to_be_visible()
    let_days_pass(1)
    page.goto(f"{site}/me/review/")
    _press(page, "Start the review")
    _press(page, "Show it")
    axe(page)
    _press(page, "Hard 1 day")
    _press(page, "To the end")
    expect(page.get_by_role("heading", name="Done for now")).to_be_visible()


def _press(page: Page, name: str) -> None:
    """Tabs to what has this name and presses Enter."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if " ".join((page.evaluate("document.activeElement.textContent") or "").split()) == name:
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    pytest.fail(f"Tab never came to “{name}”")


def test_a_review_without_javascript(browser: Browser, site: str, db: None) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}{LESSON}/review/")
    page.get_by_role("button", name="Add to review").click()
    let_days_pass(1)
    page.goto(f"{site}/me/review/")
    page.get_by_role("button", name="Start the review").click()
    page.get_by_role("link", name="Show it").click()
    page.get_by_role("button", name=re.compile("^Again")).click()
    expect(page.locator(".comes-back")).to_contain_text("Again. This card comes back in 1 day.")
    context.close()
