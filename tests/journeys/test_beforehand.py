"""What is asked before a lesson and before its runs, and how sure one is, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from inference.contracts import RunKind
from inference.models import Job, JobState, Trace
from quizzes.models import Attempt, Response
from quizzes.services import finish_attempt, start_attempt, submit_response
from tests.journeys.test_quiz import LESSON, begin, letter, tab_to
from tests.quizzes.conftest import chose

pytestmark = [pytest.mark.browser, pytest.mark.redis]
Shoot = Callable[[Page, str], None]


def test_two_questions_before_anything_by_keyboard(page: Page, site: str, shoot: Shoot) -> None:
    page.goto(f"{site}{LESSON}/read/")
    shoot(page, "pretest-card")
    page.get_by_role("button", name="Try two questions").press("Enter")
    for position in (1, 2):
        expect(page.get_by_role("heading", name=f"Question {position} of 2")).to_be_visible()
        page.wait_for_load_state("networkidle")
        tab_to(page, "choice")
        page.keyboard.press(letter(position, right=position == 1).lower())
        expect(page.locator(".saved")).to_have_text("Your choice is saved.")
        tab_to(page, "confidence")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
    expect(page.locator(".score")).to_contain_text("1 of 2")
    shoot(page, "pretest-results")
    page.get_by_role("link", name="What question 1 is about, in the lesson").click()
    expect(page).to_have_url(re.compile(rf"{LESSON}/read/#s-"))
    expect(page.locator(f"[id='{page.url.partition('#')[2]}']")).to_be_visible()
    expect(page.locator(".beforehand")).to_contain_text("Before this lesson you knew 1 of 2.")
    assert set(Response.objects.values_list("confidence", flat=True)) == {"guess"}


def test_a_prediction_on_a_phone_is_told_as_soon_as_the_run_below_it_ends(page: Page, site: str, shoot: Shoot) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    page.goto(f"{site}{LESSON}/break/")
    page.wait_for_load_state("networkidle")
    shoot(page, "prediction")
    tab_to(page, "choice")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Predicted. Now run it.")).to_be_visible()
    expect(page.locator("#predicted")).to_be_focused()
    page.get_by_role("button", name="I have seen it run: tell me").press("Enter")
    expect(page.locator("#prediction")).to_contain_text("What was right")
    expect(page.locator("#predicted")).to_be_focused()
    page.locator("#prediction").get_by_text("Why", exact=True).click()
    shoot(page, "prediction-told")

    page.goto(f"{site}{LESSON}/run/")
    page.wait_for_load_state("networkidle")
    page.get_by_label("Your number").fill("7")
    page.get_by_label("certain").check()
    page.get_by_role("button", name="That is my prediction").click()
    expect(page.locator("#prediction")).to_contain_text("You said")
    shoot(page, "prediction-waiting")
    person = Attempt.objects.latest("started_at").user
    now = timezone.now() + timedelta(seconds=1)
    document = {"top_k": [{"rank": 1, "class_index": 281, "label": "tabby", "probability": 0.61}]}
    job = Job.objects.create(
        key=uuid4().hex,
        kind=RunKind.TRACE,
        network="efficientnet_lite0",
        state=JobState.DONE,
        deadline=now,
        finished_at=now,
        document=document,
    )
    Trace.objects.create(owner=person, job=job, created_at=now)
    page.evaluate("document.querySelector('[data-run]').dispatchEvent(new CustomEvent('ended', { bubbles: true }))")
    expect(page.get_by_role("heading", name="Your prediction came true")).to_be_visible()
    expect(page.locator("#prediction")).to_contain_text("The network’s first choice is “tabby”")
    shoot(page, "prediction-run")


def test_without_javascript_it_can_be_put_away_and_predicted(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}{LESSON}/train/")
    page.locator("#prediction input[name=choice]").first.check()
    page.get_by_role("button", name="That is my prediction").click()
    expect(page.locator("#prediction")).to_contain_text("After your run you are told what was right.")
    page.get_by_role("button", name="I have seen it run: tell me").click()
    expect(page.locator("#prediction")).to_contain_text("What was right")
    page.goto(f"{site}{LESSON}/run/")
    page.get_by_role("button", name="Skip, and don’t ask again").click()
    expect(page).to_have_url(f"{site}{LESSON}/run/")
    expect(page.get_by_role("heading", name="Two questions before anything")).to_have_count(0)
    context.close()


def test_how_sure_one_is_is_asked_quietly_and_can_be_hidden_for_good(page: Page, site: str, shoot: Shoot) -> None:
    begin(page, site)
    tab_to(page, "choice")
    page.keyboard.press(letter(1, right=False).lower())
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    shoot(page, "confidence")
    with page.expect_response(re.compile("/draft/$")):
        page.get_by_label("certain").check()
    page.reload()
    expect(page.get_by_label("certain")).to_be_checked()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("You were certain.")
    shoot(page, "certain-and-wrong")
    page.get_by_role("link", name="Next question").click()
    page.get_by_role("button", name="Don’t ask me this").click()
    expect(page.get_by_label("certain")).to_be_hidden()
    page.reload()
    expect(page.get_by_label("certain")).to_be_hidden()
    expect(page.get_by_role("button", name="Ask how sure I am")).to_be_visible()
    page.locator(f"#answer input[value={letter(2, right=True)}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Right")
    assert list(Response.objects.order_by("pk").values_list("confidence", flat=True)) == ["certain", ""]


def test_the_progress_page_says_how_well_one_knows_what_one_knows(page: Page, site: str, shoot: Shoot) -> None:
    begin(page, site)
    attempt = Attempt.objects.latest("started_at")
    assert attempt.user is not None
    for sitting in range(5):
        for question in attempt.questions.all():
            right = sitting < 2
            correct = question.question_version.key_revisions.latest("number").correct
            wrong = next(option for option in question.option_order if option not in correct)
            submit_response(
                attempt=attempt,
                position=question.position,
                answer=chose(*(correct if right else [wrong])),
                confidence="guess" if right else "certain",
                idempotency_key="k",
                now=timezone.now(),
            )
        finish_attempt(attempt=attempt, now=timezone.now())
        attempt = start_attempt(user=attempt.user, quiz_version=attempt.quiz_version, now=timezone.now())
    page.goto(f"{site}/me/progress/")
    expect(page.get_by_role("heading", name="How well you know what you know")).to_be_visible()
    page.get_by_text("How calibration is found").click()
    shoot(page, "calibration")
