"""Grades in a real browser: an instructor corrects a key, looks at what a regrade would change, and does it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from lessons.authoring import create_lesson
from lessons.models import Course, Lesson
from lessons.publishing import publish, save_draft
from quizzes.models import Attempt, Quiz
from quizzes.reports import report_key
from quizzes.services import finish_attempt, start_attempt, submit_response
from tests.quizzes.conftest import chose
from tests.studio.conftest import LESSON, QUESTIONS

pytestmark = [pytest.mark.browser, pytest.mark.redis]


@pytest.fixture
def lesson(course: Course, instructor: User) -> Lesson:
    """A published lesson whose test twenty people took: fifteen chose what its key calls right."""
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    files = {"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": QUESTIONS}
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=timezone.now())
    publish(lesson=lesson, author=instructor, note="First", now=timezone.now())
    quiz = Quiz.objects.get(lesson=lesson, mode="test").versions.get()
    for number in range(20):
        user = User.objects.create_user(f"learner{number}@example.org", "correct horse", name=f"Learner {number}")
        attempt = start_attempt(user=user, quiz_version=quiz, now=timezone.now())
        option = "a" if number < 15 else "b"
        submit_response(attempt=attempt, position=1, answer=chose(option), idempotency_key="k", now=timezone.now())
        finish_attempt(attempt=attempt, now=timezone.now())
    return lesson


def sign_in(page: Page, site: str, email: str) -> None:
    page.goto(site + "/sign-in/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(email)
    page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill("correct horse")
    page.locator("main form button").first.click()
    page.wait_for_url(lambda url: "sign-in" not in url)


@pytest.fixture
def studio(page: Page, site: str, lesson: Lesson, instructor: User) -> str:
    """The lesson's address in the studio, with its owner signed in."""
    sign_in(page, site, instructor.email or "")
    return f"{site}/studio/courses/vision/lessons/edges/"


def test_a_wrong_key_is_corrected_and_its_answers_are_regraded(
    page: Page, studio: str, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(studio + "answers/")
    expect(page.get_by_text("first finished tests of 20 people")).to_be_visible()
    shoot(page, "studio-statistics")
    page.get_by_role("link", name="The key of edge-test").click()
    shoot(page, "studio-key")
    page.get_by_role("radio", name="A bright spot of light").check()
    page.get_by_label("Why the key changes").fill("Here brightness was meant.")
    page.get_by_role("button", name="Correct the key").click()
    expect(page.get_by_text("it grades every answer from now on")).to_be_visible()
    page.get_by_label("the better of the old and the new key").check()
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("More points: 5. Fewer points: 0.")).to_be_visible()
    shoot(page, "studio-regrade")
    page.get_by_role("button", name="Change 5 grades").click()
    expect(page.get_by_text("5 grades changed.")).to_be_visible()
    page.goto(studio.split("lessons/", maxsplit=1)[0] + "gradebook/")
    expect(page.get_by_role("row", name=re.compile("Learner 19 100%"))).to_be_visible()
    shoot(page, "studio-gradebook")


def test_a_report_of_a_wrong_key_is_answered(page: Page, studio: str, shoot: Callable[[Page, str], None]) -> None:
    attempt = Attempt.objects.get(user__email="learner0@example.org")
    report_key(attempt=attempt, position=1, text="A bright spot of light is an edge, too.", now=timezone.now())
    page.goto(studio + "answers/")
    page.get_by_role("link", name="Reports of wrong keys").click()
    shoot(page, "studio-reports")
    page.get_by_label("One sentence to the learner").fill("It is bright, but nothing changes in it.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("Your answer is sent")).to_be_visible()


def test_a_learner_reports_a_wrong_key(page: Page, site: str, lesson: Lesson, shoot: Callable[[Page, str], None]) -> None:
    sign_in(page, site, "learner19@example.org")
    attempt = Attempt.objects.get(user__email="learner19@example.org")
    page.goto(f"{site}/attempts/{attempt.pk}/results/")
    page.get_by_role("link", name="Is the key of question 1 wrong? Report it").click()
    shoot(page, "report-key")
    page.get_by_label("What is wrong with it?").fill("A bright spot is an edge.")
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text("Your instructor has your report.")).to_be_visible()
