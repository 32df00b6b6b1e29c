"""The pages that no journey passes through: each fits a narrow phone and has no axe violation, light and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode
from playwright.sync_api import Page, expect

from accounts import people
from accounts.models import User
from inference.models import Job, Trace
from tests.journeys.test_people import PASSWORD, sign_up

pytestmark = pytest.mark.browser
Shoot = Callable[[Page, str], None]


def as_guest(page: Page, site: str) -> User:
    """The guest that this browser is, with one run."""
    guest = User.objects.create_guest()
    job = Job.objects.create(key="every-page", network="resnet50", sample="chelsea", deadline=timezone.now())
    Trace.objects.create(owner=guest, job=job)
    page.context.add_cookies([{"name": people.GUEST_COOKIE, "value": signed(guest), "url": site}])
    return guest


def signed(guest: User) -> str:
    """The guest's cookie as HttpResponse.set_signed_cookie writes it."""
    return signing.get_cookie_signer(salt=people.GUEST_COOKIE + people.GUEST_SALT).sign(str(guest.pk))


def reset_link() -> str:
    """Where the letter about a forgotten password leads."""
    user = User.objects.create_user("ann@example.org", PASSWORD)
    return f"/password/reset/{urlsafe_base64_encode(str(user.pk).encode())}/{default_token_generator.make_token(user)}/"


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/networks/", "Networks"),
        ("/networks/resnet50/", "ResNet-50"),
        ("/traces/", "Your runs"),
        ("/networks/nothing/", "No such network"),
        ("/password/reset/MQ/used-up/", "link"),
    ],
    ids=["networks", "network", "no-runs", "missing", "reset-used-up"],
)
def test_a_page_for_anyone(
    site: str, page: Page, shoot: Shoot, path: str, heading: str, request: pytest.FixtureRequest
) -> None:
    page.goto(site + path)
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    shoot(page, f"page-{request.node.callspec.id}")


@pytest.mark.parametrize("path", ["/traces/", "/me/", "/me/erase/"], ids=["runs", "data", "erase"])
def test_a_guests_page(site: str, page: Page, shoot: Shoot, path: str, request: pytest.FixtureRequest) -> None:
    as_guest(page, site)
    page.goto(site + path)
    expect(page.locator("h1")).to_contain_text({"/traces/": "Your runs", "/me/": "Your data"}.get(path, "Erase my data"))
    shoot(page, f"guest-{request.node.callspec.id}")


def test_changing_the_email(site: str, page: Page, shoot: Shoot) -> None:
    sign_up(page, site)
    page.get_by_role("link", name="Change the email").click()
    expect(page.get_by_label("New email")).to_be_visible()
    shoot(page, "email")


def test_choosing_a_new_password_behind_the_letters_link(site: str, page: Page, shoot: Shoot) -> None:
    page.goto(site + reset_link())
    expect(page.get_by_label("New password")).to_be_visible()
    shoot(page, "password-reset-form")
