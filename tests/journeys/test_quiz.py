"""Quizzes in a real browser: by keyboard alone, with a closed tab, with two tabs, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from quizzes.models import Attempt

pytestmark = [pytest.mark.browser, pytest.mark.redis]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-in-torchvision"


def begin(page: Page, site: str, mode: str = "test") -> None:
    page.goto(f"{site}{LESSON}/{mode}/")
    page.get_by_role("button", name=re.compile("^Start (the test|practising)$")).click()
    expect(page.get_by_role("heading", name=re.compile("^Question 1 of"))).to_be_visible()
    page.wait_for_load_state("networkidle")


def letter(position: int, *, right: bool) -> str:
    """The letter of a right or wrong option as the newest attempt shows it: known from the key, which the page doesn't have."""
    asked = Attempt.objects.latest("started_at").questions.get(position=position)
    correct = asked.question_version.key_revisions.latest("number").correct
    return next("ABCDEF"[index] for index, key in enumerate(asked.option_order) if (key in correct) is right)


def test_a_question_is_answered_by_keyboard_alone(page: Page, site: str, axe: Callable[[Page], None]) -> None:
    begin(page, site)
    axe(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "choice":
            break
    page.keyboard.press(letter(1, right=False).lower())
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback")).to_be_focused()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    axe(page)


def test_letters_choose_only_in_the_question_and_can_be_turned_off(page: Page, site: str) -> None:
    begin(page, site)
    page.locator("body").press("b")
    expect(page.locator("#answer input:checked")).to_have_count(0)
    page.get_by_role("button", name="Letter keys").click()
    page.locator("#answer input").first.focus()
    page.keyboard.press("b")
    expect(page.locator("#answer input:checked")).to_have_count(0)
    page.get_by_role("button", name="Letter keys").click()
    page.locator("#answer input").first.focus()
    page.keyboard.press("2")
    expect(page.locator("#answer input[value=B]")).to_be_checked()


def test_a_choice_survives_a_closed_tab(page: Page, site: str) -> None:
    begin(page, site)
    page.locator("#answer .option").nth(1).click()
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    page.goto("about:blank")
    page.goto(f"{site}{LESSON}/test/")
    page.get_by_role("link", name="Go on where you were").click()
    expect(page.locator("#answer input[value=B]")).to_be_checked()


def test_a_choice_that_the_site_never_got_is_put_back_and_sent_once_it_answers(page: Page, site: str) -> None:
    begin(page, site)
    page.route("**/draft/", lambda route: route.abort())
    page.locator("#answer .option").nth(2).click()
    expect(page.locator(".saved")).to_contain_text("This browser keeps your answer and sends it once the site answers.")
    page.reload()
    expect(page.locator("#answer input[value=C]")).to_be_checked()
    page.unroute("**/draft/")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.locator("#answer input[value=C]")).to_be_checked()


def test_ticks_and_numbers_are_put_back_as_well_and_what_is_being_typed_survives_a_quick_click(page: Page, site: str) -> None:
    begin(page, site, "practise")
    attempt = Attempt.objects.latest("started_at")
    kinds = {asked.question_version.kind: asked.position for asked in attempt.questions.select_related("question_version")}
    ticks, number = (page.url.rsplit("/", 2)[0] + f"/{kinds[kind]}/" for kind in ("multiple", "numeric"))
    page.goto(ticks)
    page.route("**/draft/", lambda route: route.abort())
    for value in ("A", "C"):
        page.locator(f"#answer input[value={value}]").check()
    expect(page.locator(".saved")).to_contain_text("This browser keeps your answer")
    page.unroute("**/draft/")
    page.reload()
    expect(page.locator(".saved")).to_have_text("Your choice is saved.")
    assert [page.locator(f"#answer input[value={value}]").is_checked() for value in "ABCD"] == [True, False, True, False]
    page.goto(number)
    page.locator("#number").press_sequentially("2048")
    page.goto(ticks)
    expect(page.locator("#answer")).to_be_visible()
    page.goto(number)
    expect(page.locator("#number")).to_have_value("2048")


def test_a_choice_after_a_finish_in_another_tab_is_refused_with_the_reason(page: Page, site: str) -> None:
    begin(page, site)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("link", name="Finish").click()
    other.locator("main form button.primary").click()
    expect(other).to_have_url(re.compile("/results/"))
    page.locator("#answer .option").nth(1).click()
    expect(page.locator(".saved")).to_contain_text(re.compile("finished", re.IGNORECASE))
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('unsent:')).length") == 0


def test_a_second_tab_is_told_which_answer_counts(page: Page, site: str) -> None:
    begin(page, site)
    other = page.context.new_page()
    other.goto(page.url)
    page.locator(f"#answer input[value={letter(1, right=True)}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Right")
    other.locator(f"#answer input[value={letter(1, right=False)}]").check()
    other.get_by_role("button", name="Check answer").click()
    expect(other.locator("#refused")).to_be_focused()
    expect(other.locator("#refused")).to_contain_text("Your first answer counts")
    expect(other.locator("#feedback")).to_contain_text("Right")


def test_practice_goes_from_hint_and_steps_to_the_answer(page: Page, site: str, axe: Callable[[Page], None]) -> None:
    begin(page, site, "practise")
    page.get_by_role("button", name="Show a hint").click()
    expect(page.locator("#hint")).to_be_focused()
    page.locator(f"#answer input[value={letter(1, right=False)}]").check()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    expect(page.locator(".quick-check")).to_have_count(0)
    page.get_by_role("button", name="Show the steps").click()
    expect(page.locator("#steps li")).to_have_count(1)
    axe(page)
    page.locator(f"#answer input[value={letter(1, right=True)}]").check()
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".quick-check")).to_contain_text(f"The answer is {letter(1, right=True)}:")
    axe(page)


def test_a_whole_test_without_javascript(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}{LESSON}/test/")
    page.get_by_role("button", name="Start the test", exact=True).click()
    page.locator(f"#answer input[value={letter(1, right=False)}]").check()
    page.get_by_role("button", name="Save without checking").click()
    expect(page.locator(f"#answer input[value={letter(1, right=False)}]")).to_be_checked()
    page.get_by_role("button", name="Check answer").click()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    page.get_by_role("link", name="Finish").click()
    expect(page.locator("main")).to_contain_text("no answer yet")
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.locator(".score")).to_contain_text(re.compile(r"0 of \d"))
    page.get_by_role("button", name=re.compile("^Redo")).click()
    expect(page.get_by_role("button", name="Show a hint")).to_be_visible()
    context.close()


def open_practice(page: Page, site: str, uid: str) -> str:
    """Begins practice at one question of the shipped lesson; gives the attempt's address."""
    begin(page, site, "practise")
    attempt = Attempt.objects.latest("started_at")
    position = attempt.questions.get(question_version__question__uid=uid).position
    page.goto(f"{site}/attempts/{attempt.pk}/{position}/")
    page.wait_for_load_state("networkidle")
    return page.url


def tab_to(page: Page, name: str) -> None:
    """Goes on by the Tab key until an input of this name has the focus."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name") == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"No {name} can be reached by Tab.")


def letters_of(page: Page, *keys: str) -> list[str]:
    """The letters under which the options with these keys stand on the page of the newest attempt."""
    position = int(page.url.rstrip("/").rsplit("/", 1)[1])
    order = Attempt.objects.latest("started_at").questions.get(position=position).option_order
    return ["ABCDEF"[order.index(key)] for key in keys]


def test_several_options_and_a_number_are_answered_by_keyboard_on_a_phone(
    page: Page, site: str, axe: Callable[[Page], None], shoot: Callable[[Page, str], None]
) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    several = open_practice(page, site, "torchvision-what-the-chain-does")
    saved = page.locator(".saved")
    right, wrong = letters_of(page, "b", "c")
    tab_to(page, "choice")
    page.keyboard.press(right.lower())
    page.keyboard.press(wrong.lower())
    expect(saved).to_have_text("Your choice is saved.")
    page.keyboard.press(wrong.lower())
    expect(page.locator("#answer input:checked")).to_have_count(1)
    page.keyboard.press(right.lower())
    expect(saved).to_have_text("Your answer is taken back.")
    page.keyboard.press(right.lower())
    expect(saved).to_have_text("Your choice is saved.")
    page.goto(several)  # as after a closed tab
    expect(page.locator(f"#answer input[value={right}]")).to_be_checked()
    expect(page.locator("#answer input:checked")).to_have_count(1)
    axe(page)
    tab_to(page, "choice")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback")).to_be_focused()
    expect(page.locator("#feedback")).to_contain_text("Partly right")
    expect(page.locator("#feedback")).to_contain_text("50%")
    expect(page.locator("#feedback")).to_contain_text("measured with")
    shoot(page, "question-several")
    page.set_viewport_size({"width": 375, "height": 812})

    number = Attempt.objects.latest("started_at").questions.get(question_version__question__uid="torchvision-count-the-head")
    address = re.sub(r"\d+/$", f"{number.position}/", several)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    tab_to(page, "number")
    page.keyboard.type("2b")
    expect(page.locator("#number")).to_have_value("2b")
    expect(saved).to_be_hidden()  # in the middle of a word nothing is refused
    page.keyboard.press("Enter")
    expect(page.locator("#refused")).to_be_focused()
    expect(page.locator("#number")).to_have_value("2b")
    axe(page)
    tab_to(page, "number")
    page.keyboard.press("Control+a")
    page.keyboard.type("2,048,000")
    expect(saved).to_have_text("Your number is saved.")
    page.goto(address)
    expect(page.locator("#number")).to_have_value("2,048,000")
    tab_to(page, "number")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback")).to_be_focused()
    expect(page.locator("#feedback")).to_contain_text("Something is added to each score as well")
    expect(page.locator("#feedback")).to_contain_text("A linear layer is only its matrix")
    shoot(page, "question-number")
    page.set_viewport_size({"width": 375, "height": 812})
    page.get_by_role("link", name="Finish").click()
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.locator("main")).to_contain_text("partly right")
    expect(page.locator("main")).to_contain_text("Your number 2,048,000")
    axe(page)
