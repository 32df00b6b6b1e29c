"""An exam in a real browser, from its door to its results by the server's clock; and a grade that is set by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from lessons.authoring import create_lesson
from lessons.models import Course, Lesson
from lessons.publishing import publish, save_draft
from quizzes.models import Attempt
from tests.journeys.test_grades import sign_in
from tests.studio.conftest import LESSON
from tests.studio.test_overrides import EXAM

pytestmark = [pytest.mark.browser, pytest.mark.redis]
Shoot = Callable[[Page, str], None]

DOOR = "/courses/vision/lessons/edges/test/"


@pytest.fixture
def lesson(course: Course, instructor: User) -> Lesson:
    """A published lesson with a test that tells on a date, and an exam that tells when it is handed in."""
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    once = EXAM.replace("  attempts: 2\n", "")
    questions = once.replace("test:\n", "test:\n  reveal: date\n  reveal_at: 2999-11-24T14:00:00Z\n")
    files = {"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": questions}
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=timezone.now())
    publish(lesson=lesson, author=instructor, note="First", now=timezone.now())
    return lesson


def leave(page: Page, attempt: Attempt, **left: float) -> None:
    """Makes so much time be left on the server, and looks at the page again as somebody does who comes back to its tab."""
    Attempt.objects.filter(pk=attempt.pk).update(deadline_at=timezone.now() + timedelta(**left))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_an_exam_from_its_door_to_its_results(page: Page, site: str, lesson: Lesson, learner: User, shoot: Shoot) -> None:
    sign_in(page, site, learner.email or "")
    page.goto(site + DOOR)
    shoot(page, "exam-door")
    page.get_by_role("button", name="Begin the exam").click()
    assert not Attempt.objects.exists(), "nobody's time begins without a word"
    page.get_by_label(re.compile("My 30 minutes begin now")).check()
    page.get_by_role("button", name="Begin the exam").click()
    expect(page.locator(".clock-left")).to_have_text(re.compile(r"^(30:00|29:5\d) left$"))
    attempt = Attempt.objects.get()
    page.get_by_role("radio", name="Where brightness changes").check()
    expect(page.get_by_text("Your choice is saved.")).to_be_visible()
    shoot(page, "exam-question")
    said = page.locator("[data-clock-said]")
    for left, words in (
        ({"minutes": 10}, "10 minutes left."),
        ({"minutes": 5}, "5 minutes left."),
        ({"minutes": 1}, "1 minute left."),
    ):
        leave(page, attempt, **left)
        expect(said).to_have_text(words)
    page.goto(site + DOOR)
    expect(page.get_by_text("Your time is running.")).to_be_visible()
    page.get_by_role("link", name="Go on with the exam").click()
    expect(page.locator(".clock-left")).to_be_visible()
    assert Attempt.objects.get() == attempt, "who comes back finds the same sitting"
    leave(page, attempt, seconds=0.4)
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    expect(page.locator(".score")).to_contain_text("1 of 1")
    attempt.refresh_from_db()
    assert attempt.finished_at == attempt.deadline_at
    expect(page.get_by_text("The time was up on")).to_be_visible()
    shoot(page, "exam-results")
    page.goto(site + DOOR)
    expect(page.get_by_text("This exam can be taken once, and you have taken it.")).to_be_visible()


def test_results_that_come_later_and_a_grade_set_by_hand(
    page: Page, site: str, lesson: Lesson, learner: User, instructor: User, shoot: Shoot
) -> None:
    sign_in(page, site, learner.email or "")
    page.goto(site + DOOR)
    page.get_by_role("button", name="Start the test").click()
    page.get_by_role("radio", name="A bright spot of light").check()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_text("Handed in. Results come on 24 November 2999, 14:00 UTC.")).to_be_visible()
    shoot(page, "handed-in")
    page.goto(site + DOOR)
    page.get_by_label(re.compile("My 30 minutes begin now")).check()
    page.get_by_role("button", name="Begin the exam").click()
    page.get_by_role("link", name="Finish").click()
    page.get_by_role("button", name="Finish and see the results").click()

    page.context.clear_cookies()
    sign_in(page, site, instructor.email or "")
    page.goto(f"{site}/studio/courses/vision/extra-time/")
    page.get_by_label("Email address").fill(learner.email or "")
    page.get_by_label("Share of the time, in percent").fill("50")
    page.get_by_label("Reason").fill("Reads with a magnifier")
    page.get_by_role("button", name="Give extra time").click()
    expect(page.get_by_role("row", name=re.compile("Lena Learner 50"))).to_be_visible()
    shoot(page, "studio-extra-time")
    page.goto(f"{site}/studio/courses/vision/gradebook/")
    page.get_by_role("link", name=re.compile("change the grade of Lena Learner in Edges: exam")).click()
    page.get_by_label("Grade in percent").fill("80")
    page.get_by_label("Reason").fill("Shown at the blackboard, after the network failed in the room")
    page.get_by_role("button", name="Set the grade").click()
    expect(page.get_by_role("row", name=re.compile("Lena Learner"))).to_contain_text("set by hand")
    shoot(page, "studio-gradebook-by-hand")
    page.get_by_role("link", name=re.compile("change the grade of Lena Learner in Edges: exam")).click()
    shoot(page, "studio-override")

    page.context.clear_cookies()
    sign_in(page, site, learner.email or "")
    page.goto(site + "/me/grades/")
    expect(page.get_by_text("Shown at the blackboard")).to_be_visible()
    expect(page.get_by_text("Results come on 24 November 2999, 14:00 UTC.")).to_be_visible()
    shoot(page, "grades")
