"""The test of the pattern in a real browser: from its door, by keyboard alone, to the verdict; and every verdict to look at."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from quizzes.models import Attempt, AttemptQuestion
from quizzes.questions import Answer
from quizzes.services import finish_attempt, submit_response

pytestmark = [pytest.mark.browser, pytest.mark.redis]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-resnet-vgg-efficientnet"
Shoot = Callable[[Page, str], None]


def right_answer(asked: AttemptQuestion) -> Answer:
    """What the newest key takes for right: options, or a number in digits."""
    key = asked.question_version.key_revisions.latest("number")
    if not asked.option_order:
        return Answer(text=str(key.rule["numbers"][key.correct[0]]))
    return Answer(frozenset(key.correct))


def wrong_answer(asked: AttemptQuestion) -> Answer:
    if not asked.option_order:
        return Answer(text="-1")
    right = right_answer(asked).options
    return Answer(frozenset([next(option for option in asked.option_order if option not in right)]))


def press_to(page: Page, name: str) -> None:
    """Tabs to an input or a button of this name, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name || document.activeElement.innerText.trim()") == name:
            return
    pytest.fail(f"“{name}” can’t be reached by keyboard")


def answer_by_keyboard(page: Page, asked: AttemptQuestion, answer: Answer) -> None:
    expect(page.get_by_role("heading", name=re.compile(f"^Question {asked.position} of"))).to_be_visible()
    page.wait_for_load_state("networkidle")
    if answer.text:
        press_to(page, "number")
        page.keyboard.type(answer.text)
    else:
        press_to(page, "choice")
        for option in answer.options:
            page.keyboard.press("abcdef"[asked.option_order.index(option)])
    expect(page.locator(".saved")).to_contain_text("saved")
    page.keyboard.press("Enter")


def take(*, right: int) -> Attempt:
    """The newest attempt, finished behind the page's back: the first `right` answers right, all others wrong."""
    attempt = Attempt.objects.latest("started_at")
    for asked in attempt.questions.order_by("position"):
        answer = right_answer(asked) if asked.position <= right else wrong_answer(asked)
        submit_response(
            attempt=attempt, position=asked.position, answer=answer, idempotency_key=f"j{asked.position}", now=timezone.now()
        )
    return finish_attempt(attempt=attempt, now=timezone.now())


def begin(page: Page, site: str) -> None:
    page.goto(f"{site}{LESSON}/test/#pattern")
    page.get_by_role("button", name="Start the test of the pattern").click()
    expect(page.get_by_role("heading", name=re.compile("^Question 1 of 10"))).to_be_visible()


def test_from_the_door_by_keyboard_alone_to_the_verdict(page: Page, site: str, axe: Callable[[Page], None]) -> None:
    page.goto(f"{site}{LESSON}/read/")
    press_to(page, "Test this pattern")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}{LESSON}/test/#pattern")
    press_to(page, "Start the test of the pattern")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("^Question 1 of 10"))).to_be_visible()
    asked = list(Attempt.objects.latest("started_at").questions.order_by("position"))
    assert len(asked) == 10
    expect(page.get_by_role("button", name="Show a hint")).to_have_count(0)
    for question in asked:
        answer_by_keyboard(page, question, wrong_answer(question) if question.position in (2, 9) else right_answer(question))
    expect(page.get_by_text("10 answers are saved and will be handed in.")).to_be_visible()
    press_to(page, "Finish and see the results")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your strength in this, by this test")).to_be_visible()
    expect(page.locator(".pattern-verdict .badge")).to_have_text(re.compile("strong|growing"))
    expect(page.locator(".pattern-verdict")).to_contain_text("Not right: questions 2 (")
    expect(page.get_by_text("Medium questions you probably know, in percent").first).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Practise", exact=True).last.click()
    expect(page).to_have_url(f"{site}{LESSON}/practise/")


def test_every_verdict_looks_like_itself(page: Page, site: str, shoot: Shoot) -> None:
    for right in (10, 5, 0):
        begin(page, site)
        take(right=right)
    begin(page, site)
    finish_attempt(attempt=Attempt.objects.latest("started_at"), now=timezone.now())
    page.goto(f"{site}{LESSON}/test/")
    expect(page.locator("#pattern .badge")).to_have_text(["not enough answers yet", "weak", "growing", "strong"])
    shoot(page, "pattern-verdicts")
    page.goto(f"{site}/me/progress/")
    expect(page.locator("h3 .badge")).to_have_text("weak")
    shoot(page, "progress-verdicts")


def test_the_other_pages_with_doors(page: Page, site: str, shoot: Shoot) -> None:
    page.goto(f"{site}/courses/pretrained-vision-models/")
    shoot(page, "doors-course")
    page.goto(f"{site}/")
    expect(page.get_by_role("link", name=re.compile("Test a pattern"))).to_be_visible()
    shoot(page, "doors-home")


def test_practice_alone_is_told_where_a_verdict_is_to_be_had(page: Page, site: str) -> None:
    page.goto(f"{site}{LESSON}/practise/")
    page.get_by_role("button", name=re.compile("^Start")).click()
    take(right=3)
    page.goto(f"{site}/me/progress/")
    expect(page.get_by_text("doesn’t count towards a verdict")).to_be_visible()
    page.get_by_role("link", name="Test this pattern").click()
    expect(page).to_have_url(f"{site}{LESSON}/test/#pattern")
