"""A stranger makes an account, uses it and leaves, in a real browser; every account page is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Role, User

pytestmark = pytest.mark.browser
PASSWORD = "correct horse 9"
Shoot = Callable[[Page, str], None]


def sign_up(page: Page, site: str, email: str = "ann@example.org") -> None:
    page.goto(f"{site}/sign-up/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Name").fill("Ann Example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.wait_for_url("**/me/")


def test_an_account_from_the_first_form_to_the_last(site: str, page: Page, shoot: Shoot) -> None:
    page.goto(f"{site}/sign-up/")
    page.get_by_role("button", name="Make my account").click()
    expect(page.locator(".error-summary")).to_be_focused()
    shoot(page, "sign-up-refused")

    sign_up(page, site)
    expect(page.get_by_role("status")).to_have_text("Welcome, Ann Example. Your account is ready.")
    page.get_by_label("What is it for?").fill("notebook")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_text("Bearer fp_")).to_be_visible()
    shoot(page, "profile")

    page.get_by_role("link", name="Change the password").click()
    shoot(page, "password")
    page.goto(f"{site}/me/")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{site}/me/")
    page.get_by_label("Email").fill("ann@example.org")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    shoot(page, "sign-in-refused")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/me/")

    page.get_by_role("link", name="Erase my account").click()
    shoot(page, "erase")
    page.get_by_label("Yes, erase my account").check()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Erase my account").click()
    expect(page.get_by_text("Your account is erased.")).to_be_visible()
    assert not User.objects.filter(email="ann@example.org").exists()


def test_the_device_gives_its_time_zone(site: str, browser: Browser) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo")
    sign_up(context.new_page(), site)
    assert User.objects.get(email="ann@example.org").timezone == "Asia/Tokyo"
    context.close()


def test_an_account_needs_no_javascript(site: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_up(page, site)
    page.get_by_role("button", name="Darkroom").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Darkroom")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    context.close()


def test_the_first_tab_skips_to_the_content(site: str, page: Page) -> None:
    page.goto(f"{site}/plans/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("name", ["plans", "developers", "password/reset", "password/reset/sent", "no/such/page"])
def test_pages_of_the_frame_look_right(site: str, page: Page, shoot: Shoot, name: str) -> None:
    page.goto(f"{site}/{name}/")
    shoot(page, name.replace("/", "-"))


def test_the_frame_works_in_forced_colours_and_in_print(site: str, page: Page, axe: Callable[[Page], None]) -> None:
    page.goto(f"{site}/plans/")
    page.emulate_media(forced_colors="active")
    axe(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("contentinfo")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_administration_keeps_the_content_security_policy(site: str, page: Page) -> None:
    sign_up(page, site)
    User.objects.filter(email="ann@example.org").update(role=Role.ADMIN)
    page.goto(f"{site}/admin/accounts/user/")
    page.get_by_role("link", name="ann@example.org").click()
    page.get_by_label("Name").fill("Ann E.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
