"""Words that nobody saved: typed, left, offline, in two tabs, signed out. None is lost and none goes over another's."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from lessons.authoring import create_lesson
from lessons.models import Course, Draft, Lesson
from lessons.publishing import publish, save_draft
from tests.studio.conftest import LESSON, QUESTIONS

pytestmark = [pytest.mark.browser, pytest.mark.redis]

SAVED = re.compile(r"Draft saved \d\d:\d\d; learners see version 1\.")


@pytest.fixture
def lesson(course: Course, instructor: User) -> Lesson:
    """A published lesson of the instructor's."""
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    files = {"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": QUESTIONS}
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=timezone.now())
    publish(lesson=lesson, author=instructor, note="First", now=timezone.now())
    return lesson


def sign_in(page: Page, site: str, person: User) -> None:
    page.goto(site + "/sign-in/?next=/studio/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(person.email or "")
    page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill("correct horse")
    page.locator("main form button").first.click()
    page.wait_for_url("**/studio/")


@pytest.fixture
def studio(page: Page, site: str, lesson: Lesson, instructor: User) -> str:
    """The lesson's address in the studio, with its owner signed in."""
    sign_in(page, site, instructor)
    return f"{site}/studio/courses/vision/lessons/edges/"


def saved_title(lesson: Lesson) -> str:
    return re.search(r"title: (.*)", Draft.objects.get(lesson=lesson).files["lesson.md"])[1]  # type: ignore[index]


def kept(page: Page) -> int:
    """How many drafts the browser keeps."""
    return int(page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('draft:')).length"))


def test_what_is_typed_is_saved_in_a_pause_and_is_there_after_a_reload(
    page: Page, studio: str, lesson: Lesson, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(studio + "questions/edge-test/")
    page.locator("#id_stem").fill("What is an edge, really?")
    expect(page.locator("[data-saved]")).to_have_text("Not saved yet")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    expect(page.locator("[role=status][data-say]")).to_have_text(SAVED)
    assert kept(page) == 0
    page.locator("#id_hint").fill("Look along a line.")
    expect(page.locator("[data-saved]")).to_have_text("Not saved yet")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    page.reload()
    expect(page.locator("#id_stem")).to_have_value("What is an edge, really?")
    expect(page.locator("#id_hint")).to_have_value("Look along a line.")
    expect(page.locator("[data-kept]")).to_be_hidden()
    shoot(page, "studio-autosaved")


def test_leaving_at_once_loses_nothing_and_asks_nothing(page: Page, studio: str, lesson: Lesson) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(studio)
    page.locator("#id_title").fill("Left behind")
    page.get_by_role("link", name="Check", exact=True).click()
    page.wait_for_url("**/check/")
    expect(page.locator("h2").first).to_have_text("Check")
    page.goto(studio)
    expect(page.locator("#id_title")).to_have_value("Left behind")
    assert asked == []
    assert saved_title(lesson) == "Left behind"


def test_two_tabs_meet_in_a_conflict_and_both_texts_are_there(page: Page, studio: str, lesson: Lesson) -> None:
    other = page.context.new_page()
    page.goto(studio)
    other.goto(studio)
    page.locator("#id_title").fill("From the first tab")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    other.locator("#id_title").fill("From the second tab")
    expect(other.locator("[data-saved]")).to_contain_text("saved this meanwhile. Your words stay in the form.")
    other.locator("#id_insight").fill("Typed after that.")
    other.wait_for_timeout(2500)
    assert saved_title(lesson) == "From the first tab"
    other.get_by_role("button", name="Save draft").click()
    conflict = other.locator(".conflict")
    expect(conflict).to_contain_text("From the first tab")
    expect(conflict).to_contain_text("From the second tab")
    expect(other.locator("#id_insight")).to_have_value("Typed after that.")
    other.get_by_role("button", name="Save mine over theirs").click()
    expect(other.locator("h1")).to_have_text("From the second tab")
    other.close()


def test_without_a_connection_the_browser_keeps_the_words_and_saves_them_once_it_is_back(
    page: Page, studio: str, lesson: Lesson, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(studio)
    page.context.set_offline(True)
    page.locator("#id_title").fill("Written on a train")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved: this site can’t be reached.")
    expect(page.locator("[role=status][data-say]")).to_contain_text("Your words are kept in this browser")
    assert kept(page) == 1
    page.context.set_offline(False)
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    assert saved_title(lesson) == "Written on a train"
    assert kept(page) == 0


def test_after_a_crash_the_words_are_offered_and_go_into_the_form_rows_and_all(
    page: Page, studio: str, lesson: Lesson, shoot: Callable[[Page, str], None]
) -> None:
    def lost(route: Route) -> None:
        route.abort() if "autosave" in (route.request.post_data or "") else route.continue_()

    page.goto(studio + "questions/edge-test/")
    page.get_by_role("button", name="Add an option").click()
    page.route("**/edge-test/**", lost)
    page.locator("#id_options-2-text").fill("A corner")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved: this site can’t be reached.")
    crashed, page_after = page, page.context.new_page()
    crashed.on("dialog", lambda dialog: dialog.accept())
    page_after.goto(studio + "questions/edge-test/")
    expect(page_after.locator("[data-kept]")).to_be_visible()
    shoot(page_after, "studio-kept")
    page_after.get_by_role("button", name="Put them into the form").click()
    expect(page_after.locator("#id_options-2-text")).to_have_value("A corner")
    page_after.get_by_role("button", name="Save draft").click()
    expect(page_after.locator("#id_options-2-text")).to_have_value("A corner")
    assert "A corner" in Draft.objects.get(lesson=lesson).files["questions.yaml"]
    page_after.close()


def test_what_cannot_be_saved_is_said_and_kept(page: Page, studio: str, lesson: Lesson) -> None:
    page.goto(studio)
    page.locator("#part-settings summary").click()
    page.locator("#id_minutes").fill("0")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved yet. Minutes")
    assert kept(page) == 1
    page.locator("#id_minutes").fill("12")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    assert kept(page) == 0


def test_who_was_signed_out_signs_in_in_another_tab_and_goes_on(
    page: Page, site: str, studio: str, lesson: Lesson, instructor: User
) -> None:
    page.goto(studio)
    session = [cookie for cookie in page.context.cookies() if cookie["name"] in ("sessionid", "csrftoken")]
    page.context.clear_cookies()
    page.locator("#id_title").fill("Written while signed out")
    expect(page.locator("[data-saved]")).to_contain_text(re.compile("Not saved: (you are signed out|the site refused it)"))
    assert session
    other = page.context.new_page()
    sign_in(other, site, instructor)
    other.close()
    page.locator("#id_insight").fill("And then signed in again.")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    assert saved_title(lesson) == "Written while signed out"


def test_a_new_question_gets_its_lasting_address_with_its_first_words(page: Page, studio: str) -> None:
    page.goto(studio + "add-question/")
    assert page.url.endswith("?new=1")
    page.locator("#id_stem").fill("Half a question")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    assert not page.url.endswith("?new=1")
    page.reload()
    expect(page.locator("#id_stem")).to_have_value("Half a question")
