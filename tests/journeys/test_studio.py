"""The studio in a real browser: what its scripts add, and how every page of it looks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Dialog, Page, expect

from accounts.models import User
from lessons.authoring import create_lesson
from lessons.models import Course, Lesson
from lessons.publishing import open_draft, publish, save_draft
from tests.studio.conftest import LESSON, QUESTIONS

pytestmark = [pytest.mark.browser, pytest.mark.redis]


@pytest.fixture
def lesson(course: Course, instructor: User) -> Lesson:
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    files = {"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": QUESTIONS}
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=timezone.now())
    return lesson


@pytest.fixture
def studio(page: Page, site: str, lesson: Lesson, instructor: User) -> str:
    """The lesson's address in the studio, with its owner signed in."""
    page.goto(site + "/sign-in/?next=/studio/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(instructor.email or "")
    page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill("correct horse")
    page.locator("main form button").first.click()
    page.wait_for_url("**/studio/")
    return f"{site}/studio/courses/vision/lessons/edges/"


def test_another_kind_of_question_brings_its_inputs_without_a_reload(
    page: Page, studio: str, axe: Callable[[Page], None]
) -> None:
    page.goto(studio + "questions/edge-test/")
    page.locator("#id_stem").fill("Typed, not saved")
    kind = page.get_by_label("Kind of question")
    kind.focus()
    kind.select_option("multiple")
    expect(page.locator("#id_options-0-right[type=checkbox]")).to_be_checked()
    expect(kind).to_be_focused()
    page.locator("#id_options-1-right").check()
    page.get_by_label("Right minus wrong").check()
    expect(page.locator("#preview")).to_contain_text("The answers are A and B:")
    kind.select_option("numeric")
    page.get_by_label("May be off by", exact=True).fill("a bit")
    expect(page.locator("#id_stem")).to_have_value("Typed, not saved")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator("#id_absolute_error")).to_contain_text("Write a number in digits")
    axe(page)
    page.get_by_label("May be off by", exact=True).fill("0.5")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("#id_options-1-text_needs")).to_contain_text("Write only numbers")
    axe(page)


def test_the_preview_follows_the_words(page: Page, studio: str) -> None:
    page.goto(studio)
    expect(page.locator("#preview")).to_contain_text("A line where brightness changes.")
    page.locator("#id_body").fill("## Fresh words\n\n$x^2$")
    expect(page.locator("#preview h2", has_text="Fresh words")).to_be_visible()
    expect(page.locator("#preview math")).to_have_count(1)
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")


def test_rows_come_and_go_without_a_reload(page: Page, studio: str) -> None:
    page.goto(studio + "questions/edge-test/")
    page.locator("#id_stem").fill("Typed, not saved")
    page.get_by_role("button", name="Add an option").click()
    added = page.locator("#id_options-2-text")
    expect(added).to_be_focused()
    added.fill("A third option")
    page.get_by_role("button", name="Options: move 3 up").click()
    expect(page.locator("#id_options-1-text")).to_have_value("A third option")
    page.get_by_role("button", name="Options: remove 1").click()
    expect(page.locator("#id_options-2-text")).to_have_count(0)
    expect(page.locator("#id_stem")).to_have_value("Typed, not saved")


def test_words_that_do_not_save_themselves_are_not_left_behind_unasked(page: Page, studio: str) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.goto(studio + "documents/lesson.md/")
    page.locator("#id_text").press_sequentially("x")
    page.on("dialog", stay)
    page.get_by_role("link", name="Questions", exact=True).click()
    expect(page.locator("[data-saved]")).to_have_text("Not saved yet")
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")
    page.get_by_role("link", name="Questions", exact=True).click()
    page.wait_for_url("**/questions/")
    assert asked == ["beforeunload"]


def test_blocks_are_inserted_where_the_cursor_is(page: Page, studio: str) -> None:
    page.goto(studio)
    page.locator("#id_body").fill("Before")
    page.get_by_role("button", name="Insert: Note").click()
    page.keyboard.type("Look here")
    assert page.locator("#id_body").input_value() == "Before\n::: note\nLook here\n:::\n"


def test_a_title_suggests_its_address(page: Page, site: str, studio: str) -> None:
    page.goto(site + "/studio/new/")
    page.get_by_label("Title").fill("Über Größe & Form")
    expect(page.get_by_label("Address")).to_have_value("uber-gro-e-form")
    page.get_by_label("Address").fill("size")
    page.get_by_label("Title").fill("Something else")
    expect(page.get_by_label("Address")).to_have_value("size")


def test_a_finding_leads_to_its_line(page: Page, studio: str) -> None:
    page.goto(studio)
    page.locator("#id_body").fill("## One\n\nTwo\n\n{{ resnet50.nothing }}")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("link", name="Check", exact=True).click()
    page.get_by_role("link", name="Lesson text, line 5").click()
    expect(page.locator("#id_body")).to_be_focused()
    chosen = page.locator("#id_body").evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert chosen == "{{ resnet50.nothing }}"


def test_two_authors_meet_side_by_side(
    page: Page, studio: str, colleague: User, lesson: Lesson, shoot: Callable[[Page, str], None]
) -> None:
    page.goto(studio)
    page.locator("#id_body").fill("## Mine\n\nMy words.")
    draft = open_draft(lesson)
    files = {**draft.files, "lesson.md": draft.files["lesson.md"].replace("A line where", "The line along which")}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=colleague, now=timezone.now())
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("heading", name="Somebody else changed this while you were writing")).to_be_visible()
    shoot(page, "studio-conflict")
    page.get_by_label("Take theirs: Lesson text").check()
    page.get_by_role("button", name="Put what I ticked into the form").click()
    expect(page.locator("#id_body")).to_have_value(re.compile("The line along which"))
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".conflict")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("home", "/studio/"),
        ("new-course", "/studio/new/"),
        ("course", "/studio/courses/vision/"),
        ("details", "/studio/courses/vision/edit/"),
        ("members", "/studio/courses/vision/members/"),
        ("questions", "questions/"),
        ("question", "questions/edge-test/"),
        ("delete", "questions/edge-test/delete/"),
        ("misconceptions", "misconceptions/"),
        ("pictures", "pictures/"),
        ("check", "check/"),
        ("proofs-page", "proofs/"),
        ("publish", "publish/"),
        ("history", "history/"),
        ("restore", "history/1/restore/"),
        ("answers", "answers/"),
        ("documents", "documents/"),
        ("document", "documents/questions.yaml/?line=4"),
    ],
)
def test_every_page_of_the_studio_looks_right(
    page: Page,
    site: str,
    studio: str,
    lesson: Lesson,
    instructor: User,
    shoot: Callable[[Page, str], None],
    name: str,
    path: str,
) -> None:
    publish(lesson=lesson, author=instructor, note="First", now=timezone.now())
    page.goto(site + path if path.startswith("/") else studio + path)
    expect(page.locator("h1")).to_be_visible()
    if page.locator("#preview").count():
        expect(page.locator("#preview")).to_contain_text("What is an edge?")
    shoot(page, f"studio-{name}")


def test_the_list_of_questions_shows_how_their_proofs_stand(
    page: Page, studio: str, lesson: Lesson, instructor: User, shoot: Callable[[Page, str], None]
) -> None:
    draft = open_draft(lesson)
    answer = "    answer: A change of brightness.\n"
    code = answer + "    proof:\n      compare: output\n      snippet: print('A change of brightness')\n"
    questions = QUESTIONS.replace("about: concept", "about: output", 1).replace(answer, code, 1)
    files = {**draft.files, "questions.yaml": questions}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=instructor, now=timezone.now())
    page.goto(studio + "questions/")
    expect(page.locator(".proof")).to_have_text("to be run")
    expect(page.locator("main")).to_contain_text("not shown by code: b")
    expect(page.locator("main")).to_contain_text("to be run by manage.py check_content --course vision")
    shoot(page, "studio-proofs")
