"""Drawn questions in a browser: practised, got wrong, their misconception seen, and one like it got right."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from quizzes.grading import letter_of
from quizzes.models import Attempt, KeyRevision
from tests.journeys.test_studio import lesson, studio

__all__ = ["lesson", "studio"]

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.torch]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision/"
SHIPPED_MISTAKE = "torchvision-drawn-mistake"


def test_from_a_wrong_answer_to_its_misconception_and_to_one_like_it_got_right(
    page: Page, site: str, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(f"{site}{LESSON}practise/?question={SHIPPED_MISTAKE}")
    page.get_by_role("button", name="Practise the question from the lesson").click()
    stem = page.locator("#stem").inner_text()
    answer(page, right=False)
    expect(page.get_by_role("heading", name="Not quite")).to_be_visible()
    expect(page.get_by_role("link", name="See it happen")).to_be_visible()
    shoot(page, "generated-wrong")
    page.evaluate("window.loadedOnce = true")
    page.get_by_role("button", name="Try one like it").press("Enter")
    expect(page.locator("#stem")).not_to_have_text(stem)
    added = re.compile(r"^Question (\d+) of \1\b")
    expect(page.locator("#asked")).to_be_focused()
    expect(page.locator("#asked")).to_have_text(added)
    expect(page).to_have_title(added)
    assert page.evaluate("window.loadedOnce"), "no page was loaded"
    shoot(page, "generated-like-it")
    page.go_back()
    expect(page.locator("#stem")).to_have_text(stem)
    expect(page.get_by_role("heading", name="Not quite")).to_be_visible()
    page.go_forward()
    expect(page.locator("#asked")).to_have_text(added)
    answer(page, right=True)
    expect(page.get_by_role("heading", name="Right", exact=True)).to_be_visible()
    shoot(page, "generated-right")
    page.get_by_role("link", name=re.compile("^Finish$")).click()
    page.get_by_role("button", name=re.compile("Finish")).click()
    button = page.get_by_role("button", name=re.compile("Try one like it")).first
    expect(button).to_be_visible()
    shoot(page, "generated-results")


def test_one_like_it_needs_no_script(browser: Browser, site: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{LESSON}practise/?question={SHIPPED_MISTAKE}")
    page.get_by_role("button", name="Practise the question from the lesson").click()
    total = page.locator(".places li").count()
    answer(page, right=True)
    page.get_by_role("button", name="Try one like it").click()
    expect(page.locator(".places li")).to_have_count(total + 1)
    expect(page.get_by_role("button", name="Check answer")).to_be_visible()
    page.context.close()


def test_many_places_stay_readable_on_a_phone(page: Page, site: str, shoot: Callable[[Page, str], None]) -> None:
    page.goto(f"{site}{LESSON}practise/?question={SHIPPED_MISTAKE}")
    page.get_by_role("button", name="Practise the question from the lesson").click()
    for _more in range(6):
        answer(page, right=True)
        page.get_by_role("button", name="Try one like it").click()
        expect(page.get_by_role("button", name="Check answer")).to_be_visible()
    shoot(page, "generated-many-places")


def test_an_author_chooses_a_template_and_sees_five_samples(
    page: Page, studio: str, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(studio + "questions/edge-practice/")
    page.get_by_label("Kind of question").select_option("generated")
    page.get_by_label("What is asked").select_option("head_input")
    page.get_by_label("Of which network").select_option("resnet50")
    expect(page.locator("#id_stem")).to_be_hidden()
    expect(page.locator("#preview")).to_contain_text("Sample 5")
    expect(page.locator("#preview")).to_contain_text("2,048")
    shoot(page, "generated-studio")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_label("What is asked")).to_have_value("head_input")


def answer(page: Page, *, right: bool) -> None:
    """Answers the question on the page, wrongly by an option of which a misconception is told."""
    attempt = Attempt.objects.get(finished_at=None)
    position = int(re.search(r"/(\d+)/(?:#.*)?$", page.url)[1])  # type: ignore[index]
    asked = attempt.questions.get(position=position)
    key = KeyRevision.objects.filter(question_version=asked.question_version).latest("number")
    letter = letter_of(key.correct[0] if right else sorted(key.misconceptions)[0], asked.option_order)
    page.locator(f"input[name=choice][value={letter}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_be_visible()
