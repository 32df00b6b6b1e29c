"""An instructor writes a lesson with all five modes of a network in the browser, publishes it, and a learner has every one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.weights]

NETWORK = "efficientnet_lite0"
LESSON = "/courses/vision/lessons/five-ways/"


@pytest.fixture
def editor(page: Page, site: str, instructor: User, course: object) -> Page:
    """A new lesson in the studio, with its course's owner signed in."""
    page.goto(site + "/sign-in/?next=/studio/courses/vision/add-lesson/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(instructor.email or "")
    page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill("correct horse")
    page.locator("main form button").first.click()
    page.get_by_label("Title").fill("Five ways")
    page.get_by_role("button", name="Add the lesson").click()
    expect(page.locator("h1")).to_have_text("Five ways")
    return page


def test_a_lesson_with_five_modes_is_written_published_and_taken(
    editor: Page, browser: Browser, site: str, shoot: Callable[[Page, str], None]
) -> None:
    page = editor
    switch_on(page, "part-run", "Run")
    page.locator("#id_run_network").select_option(NETWORK)
    page.locator("#part-run").get_by_role("checkbox", name="Coffee").check()

    switch_on(page, "part-follow", "Follow")
    page.locator("#part-follow").get_by_role("checkbox", name="ResNet-50", exact=True).check()

    switch_on(page, "part-look", "Look inside")
    page.locator("#id_look_network").select_option(NETWORK)
    page.locator("#part-look").get_by_role("checkbox", name="Chelsea the cat").check()
    page.locator("#id_look_question").fill("What will early stages answer to?")
    page.locator("#id_look_options-0-text").fill("Edges")
    page.locator("#id_look_why").fill("To **edges**, and to colours.")

    switch_on(page, "part-break", "Break")
    page.locator("#id_break_network").select_option(NETWORK)
    write_case(page)

    switch_on(page, "part-train", "Train")
    page.locator("#id_train_network").select_option(NETWORK)
    page.locator("#id_train_data-0-text").select_option(label="Tissue, few labels")
    page.get_by_role("button", name="Add a data set").click()
    expect(page.locator("#id_train_data-1-text")).to_be_focused()
    page.locator("#id_train_data-1-text").select_option(label="Textures")
    page.locator("#id_train_epochs").fill("500")
    page.locator("#id_train_about").fill("Few labels, and a colour that tells.")
    shoot(page, "studio-modes")

    save(page)
    expect(page.locator(".error-summary")).to_be_visible()
    expect(page.locator("#id_train_epochs")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_train_epochs")).to_have_value("500")
    expect(page.locator("#id_cases-0-story")).to_have_value("Read by another library.")
    page.locator("#id_train_epochs").fill("5")
    save(page)

    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")
    expect(page.locator("#part-look .needs")).to_contain_text("two options or more")
    expect(page.locator("#id_look_why")).to_be_visible()
    expect(page.locator("#id_train_about")).to_be_hidden()
    page.locator("#part-break > summary").click()
    expect(page.locator("#id_cases-0 > details > summary")).to_have_text("Blue and red swapped (BGR) · Chelsea the cat")
    expect(page.locator("#id_cases-0-story")).to_be_hidden()
    shoot(page, "studio-modes-needs")
    page.locator("#id_look_options").get_by_role("button", name="Add an answer").click()
    page.locator("#id_look_options-1-text").fill("Whiskers")
    save(page)
    expect(page.locator(".needs")).to_have_count(0)
    page.locator("select[name=preview_mode]").select_option("break")
    expect(page.locator("#preview")).to_contain_text("Blue stands where red was.")

    page.get_by_role("link", name="Publish", exact=True).click()
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.locator("main")).to_contain_text("version 1")

    learner = browser.new_context().new_page()
    take(learner, site)
    learner.context.close()


def switch_on(page: Page, part: str, title: str) -> None:
    """Opens the part of a mode and ticks it, by keyboard."""
    badge = page.locator(f"#{part} > summary .mode-is-on")
    expect(badge).to_be_hidden()
    page.locator(f"#{part} > summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name=f"Learners have the mode {title}").focus()
    page.keyboard.press("Space")
    expect(badge).to_be_visible()


def write_case(page: Page) -> None:
    page.get_by_role("button", name="Add a broken run").click()
    expect(page.locator("#id_cases-0-mistake")).to_be_focused()
    page.locator("#id_cases-0-mistake").select_option(label="Blue and red swapped (BGR)")
    page.locator("#id_cases-0").get_by_role("radio", name="Chelsea the cat").check()
    for mistake in ("Blue and red swapped (BGR)", "Squashed to a square", "Half the input size"):
        page.locator("#id_cases-0-among").get_by_role("checkbox", name=mistake).check()
    page.locator("#id_cases-0-story").fill("Read by another library.")
    page.locator("#id_cases-0-why").fill("Shapes survive, colours don't.")
    for number, (text, feedback) in enumerate(
        [("Filters know colours by their place.", "Blue stands where red was."), ("The edges are gone.", "They are all there.")]
    ):
        page.locator(f"#id_cases-0-explanations-{number}-text").fill(text)
        page.locator(f"#id_cases-0-explanations-{number}-feedback").fill(feedback)
    page.locator("#id_cases-0-explanations").get_by_role("radio").first.check()
    page.get_by_role("button", name="Explanations to choose from: move 2 up").click()
    expect(page.locator("#id_cases-0-explanations-1-right")).to_be_checked()
    expect(page.locator("#id_cases-0-story")).to_have_value("Read by another library.")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save draft").click()


def take(learner: Page, site: str) -> None:
    """Opens each mode as a learner, without anything having run."""
    learner.goto(site + LESSON + "run/")
    expect(learner.get_by_role("radio", name=re.compile("Coffee"))).to_be_checked()
    expect(learner.get_by_role("radio", name=re.compile("Chelsea"))).to_have_count(0)
    learner.get_by_role("link", name="Follow", exact=True).first.click()
    expect(learner.locator("main")).to_contain_text("ResNet-50")
    learner.get_by_role("link", name="Look inside", exact=True).first.click()
    learner.get_by_role("radio", name="Whiskers").check()
    learner.get_by_role("button", name=re.compile("look inside")).click()
    expect(learner.locator("main")).to_contain_text("You said: “Whiskers”.")
    learner.get_by_role("link", name="Break", exact=True).first.click()
    expect(learner.locator("main")).to_contain_text("Read by another library.")
    expect(learner.locator("main")).not_to_contain_text("Blue and red swapped")
    learner.get_by_role("link", name="Train", exact=True).first.click()
    expect(learner.locator("main")).to_contain_text("Few labels, and a colour that tells.")
    expect(learner.get_by_role("radio", name=re.compile("Tissue"))).to_be_checked()
    learner.locator("details.knobs > summary").click()
    expect(learner.get_by_label("Epochs")).to_have_value("5")
