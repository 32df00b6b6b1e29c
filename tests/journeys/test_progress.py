"""A learner's progress in a real browser: from the first test over practice that adapts to the strengths."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from quizzes.models import Attempt
from tests.journeys.test_quiz import LESSON, begin, letter

pytestmark = [pytest.mark.browser, pytest.mark.redis]
Shoot = Callable[[Page, str], None]


def answer_test(page: Page, site: str) -> None:
    """The whole test, every answer wrong, handed in."""
    begin(page, site)
    attempt = Attempt.objects.latest("started_at")
    for position in range(1, attempt.questions.count() + 1):
        page.goto(f"{site}/attempts/{attempt.pk}/{position}/")
        page.wait_for_load_state("networkidle")
        page.locator(f"#answer input[value={letter(position, right=False)}]").check()
        page.get_by_role("button", name="Check answer").click()
        expect(page.locator("#feedback")).to_be_visible()
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible()


def test_from_a_first_test_to_practice_that_knows_what_was_missed(page: Page, site: str, shoot: Shoot) -> None:
    page.goto(f"{site}/me/progress/")
    expect(page.get_by_role("heading", name="Begin a lesson")).to_be_visible()
    shoot(page, "progress-new")
    answer_test(page, site)
    expect(page.locator(".badge.strength").first).to_be_visible()
    shoot(page, "results-strengths")
    page.get_by_role("link", name="Progress").click()
    expect(page.get_by_role("heading", name="Practise what you are least sure of")).to_be_visible()
    page.get_by_text("How strengths are found").click()
    shoot(page, "progress")
    page.get_by_role("link", name="Practise", exact=True).click()
    expect(page).to_have_url(f"{site}{LESSON}/practise/")
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.locator(".why-this")).to_contain_text("You were unsure about this")
    shoot(page, "practice-why")
    chosen = page.url
    page.get_by_role("link", name="Next question").click()
    expect(page).not_to_have_url(chosen)
    page.get_by_role("link", name="Progress").click()
    expect(page.get_by_role("heading", name="Go on with your practice")).to_be_visible()
