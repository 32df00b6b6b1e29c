"""Two ways through the whole house: a stranger earns a result; an instructor writes what a learner then takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from inference.facts import fact
from quizzes.models import AttemptQuestion

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.redis, pytest.mark.weights]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision"
A_RUN_MS = 60_000


def sign_in(page: Page, site: str, user: User) -> None:
    """Signs in by the session cookie: the sign-in form has journeys of its own."""
    client = Client()
    client.force_login(user)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])


def expect_top(page: Page, *labels: str) -> None:
    rows = page.locator("[data-result] tbody tr")
    for rank, label in enumerate(labels):
        expect(rows.nth(rank)).to_contain_text(label, timeout=A_RUN_MS)


def answer(page: Page, *, right: bool) -> None:
    """Chooses a right or a wrong option of the question on the page, and checks it. Only the database has the key."""
    attempt_id, position = page.url.rstrip("/").split("/")[-2:]
    asked = AttemptQuestion.objects.get(attempt=attempt_id, position=position)
    correct = asked.question_version.key_revisions.latest("number").correct
    place = next(place for place, key in enumerate(asked.option_order) if (key in correct) is right)
    page.locator("#answer .option").nth(place).get_by_role("radio").check()
    page.get_by_role("button", name="Check answer").click()


def test_a_stranger_watches_a_real_model_and_answers_a_quiz(
    page: Page, site: str, worker: int, shoot: Callable[[Page, str], None], tmp_path: Path
) -> None:
    page.goto(site)
    shoot(page, "home")
    page.get_by_role("link", name=re.compile("Pre-trained vision models")).first.click()
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()
    shoot(page, "course")
    page.get_by_role("link", name="Pre-trained models in torchvision: ResNet, EfficientNet, ViT").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pre-trained models in torchvision")
    shoot(page, "read")

    page.get_by_role("link", name="Run", exact=True).first.click()
    expect(page.get_by_role("heading", name="Predict first")).to_have_count(1)
    expect(page.get_by_label(re.compile("First say"))).to_have_count(0)
    page.get_by_label("Your number").fill("7")
    page.get_by_role("button", name="That is my prediction").click()
    expect(page.get_by_role("heading", name="Predicted. Now run it.")).to_be_visible()
    page.get_by_role("radio", name=re.compile("Chelsea")).check()
    shoot(page, "run-before")
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect_top(page, "tiger cat", "Egyptian cat", "tabby")
    expect(page.locator(".film .frame.wait")).to_have_count(0)
    expect(page.locator("[data-result]")).to_contain_text("tabby")
    expect(page.locator("[data-run-why]")).to_contain_text("Which label will come first?")
    expect(page.get_by_role("heading", name="Your prediction came true")).to_be_visible()
    expect(page.get_by_role("link", name="Open this run on its own page")).to_be_visible()
    shoot(page, "run-after")

    picture = tmp_path / "orange.png"
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(picture)
    page.goto(site + LESSON + "/run/")
    page.get_by_label("The file of your photo").set_input_files(picture)
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(page.locator("[data-sentence]")).to_contain_text("Done", timeout=A_RUN_MS)
    shoot(page, "run-upload")

    page.get_by_role("link", name="Test", exact=True).first.click()
    expect(page.get_by_role("button", name="Start the test", exact=True)).to_be_visible()
    shoot(page, "test")
    page.get_by_role("button", name="Start the test", exact=True).click()
    answer(page, right=False)
    expect(page.locator("#feedback")).to_be_focused()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    shoot(page, "question-wrong")
    number = 1
    while page.get_by_role("link", name="Next question").count():
        page.get_by_role("link", name="Next question").click()
        number += 1
        expect(page.get_by_role("heading", level=2).first).to_contain_text(f"Question {number} of")
        answer(page, right=True)
        expect(page.locator("#feedback")).to_contain_text("Right")
    shoot(page, "question-right")
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.locator(".score")).to_contain_text(re.compile(r"\d of \d"))
    shoot(page, "results")


def test_the_other_modes_of_a_lesson_can_be_read(page: Page, site: str, shoot: Callable[[Page, str], None]) -> None:
    for mode in ("follow", "code", "practise"):
        page.goto(f"{site}{LESSON}/{mode}/")
        shoot(page, mode)


def test_without_javascript_a_run_ends_in_the_same_figures(browser: Browser, site: str, worker: int) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + LESSON + "/run/")
    page.get_by_role("radio", name=re.compile("Chelsea")).check()
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect_top(page, "tiger cat", "Egyptian cat", "tabby")
    context.close()


def test_an_instructor_writes_a_lesson_and_a_learner_takes_it(
    page: Page, browser: Browser, site: str, instructor: User
) -> None:
    sign_in(page, site, instructor)
    page.goto(site + "/studio/")
    page.get_by_role("link", name="Create your first course").click()
    page.get_by_label("Title").fill("Seeing edges")
    page.get_by_role("button", name="Create the course").click()
    page.get_by_role("link", name="Add the first lesson").click()
    page.get_by_label("Title").fill("What a first layer sees")
    page.get_by_role("button", name="Add the lesson").click()

    page.get_by_label("Subtitle").fill("You will read the size of a network from the model.")
    page.locator("#id_body").fill("ResNet-50 has {{ resnet50.parametres }} parameters.\n")
    page.get_by_role("button", name="Add an objective").click()
    page.locator("#id_objectives-0-text").fill("Read a network's size")
    open_part(page, "part-settings")
    for mode in ("Read", "Test"):
        page.get_by_role("checkbox", name=mode, exact=True).check()
    save_draft(page)
    page.get_by_role("link", name="Questions", exact=True).click()
    page.get_by_role("link", name="Write the first question").click()
    write_question(page)
    save_draft(page)

    page.get_by_role("link", name="Publish", exact=True).click()
    expect(page.locator(".notice.wrong")).to_contain_text("Not yet")
    expect(page.locator("main")).to_contain_text("parametres")
    page.get_by_role("link", name=re.compile("Lesson text, line 1")).click()
    page.locator("#id_body").fill("ResNet-50 has {{ resnet50.parameters }} parameters.\n")
    save_draft(page)
    page.get_by_role("link", name="Publish", exact=True).click()
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.locator("main")).to_contain_text("version 1")

    context = browser.new_context()
    learner = context.new_page()
    learner.goto(site)
    learner.get_by_role("link", name="Seeing edges", exact=True).click()
    learner.get_by_role("link", name="What a first layer sees").first.click()
    expect(learner.locator("main")).to_contain_text(f"ResNet-50 has {fact('resnet50', 'parameters'):,} parameters.")
    learner.get_by_role("link", name="Test", exact=True).first.click()
    learner.get_by_role("button", name="Start the test", exact=True).click()
    answer(learner, right=True)
    expect(learner.locator("#feedback")).to_contain_text("Right")
    learner.get_by_role("button", name="Finish and see the results").click()
    expect(learner.locator(".score")).to_contain_text("1 of 1")
    context.close()

    page.get_by_role("link", name="Answers", exact=True).click()
    expect(page.locator("main")).to_contain_text(re.compile("guest", re.IGNORECASE))


def open_part(page: Page, part: str) -> None:
    if page.locator(f"#{part}").get_attribute("open") is None:
        page.locator(f"#{part} > summary").click()


def save_draft(page: Page) -> None:
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")


def write_question(page: Page) -> None:
    page.locator("#id_stem").fill("Where do you read how many parameters a network has?")
    options = (
        ("From the model itself", "Right. It can't be out of date."),
        ("From a blog post", "A post is about one version, and may be mistyped."),
        ("From the size of its file", "Files may hold more than parameters, in several precisions."),
    )
    while page.locator("[id^=id_options-][id$=-text]").count() < len(options):
        page.get_by_role("button", name="Add an option").click()
    for number, (text, feedback) in enumerate(options):
        page.locator(f"#id_options-{number}-text").fill(text)
        page.locator(f"#id_options-{number}-feedback").fill(feedback)
    page.locator("#id_options-0-right").check()
    page.locator("#id_hint").fill("Who can't be wrong about it?")
    if not page.locator("#id_solution-0-text").count():
        page.get_by_role("button", name="Add a step").click()
    page.locator("#id_solution-0-text").fill("Sum `p.numel()` over `model.parameters()`.")
    page.locator("#id_answer").fill("From the model itself.")
    page.locator("#id_about").select_option("concept")
    page.locator("#id_difficulty").select_option("easy")
    page.locator("#id_objective").select_option(label="Read a network's size")
    page.locator("#id_in_practice").uncheck()
    page.locator("#id_in_test").check()
