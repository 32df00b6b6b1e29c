"""Passwords, sessions, the limit on tries, and where `next` may lead."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import limits
from accounts.models import LimitedAction, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: str):
    return client.post("/sign-in/", {"email": email, "password": password, **extra})


def test_email_and_password_sign_in_however_the_email_is_typed(client, learner):
    response = sign_in(client, "  Learner@Example.ORG ")
    assert response.headers["Location"] == "/me/"
    assert client.get("/api/v1/me").json() | {"csrf_token": ""} == {"role": "learner", "name": learner.name, "csrf_token": ""}


def test_a_wrong_password_and_an_unknown_email_are_told_alike(client, learner):
    wrong, unknown = sign_in(client, learner.email, "wrong"), sign_in(client, "nobody@example.org")
    assert wrong.status_code == unknown.status_code == 422
    sentence = "Email and password don’t belong together."
    assert sentence in wrong.content.decode()
    assert sentence in unknown.content.decode()


def test_signing_in_takes_a_new_session(client, learner):
    client.get("/sign-in/")
    session = client.session
    session["kept"] = "before"
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    sign_in(client, learner.email)
    assert client.session.session_key != before


def test_signing_out_is_a_post_and_ends_the_session(client, learner):
    client.force_login(learner)
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/me/").status_code == 302


def test_a_deactivated_account_stays_outside(client, learner):
    client.force_login(learner)
    User.objects.filter(pk=learner.pk).update(is_active=False)
    assert client.get("/me/").status_code == 302
    assert sign_in(client, learner.email).status_code == 422


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("/courses/x/", "/courses/x/"),
        ("https://evil.example/", "/me/"),
        ("//evil.example", "/me/"),
        ("javascript:alert(1)", "/me/"),
        ("/\\evil.example", "/me/"),
        ("", "/me/"),
    ],
)
def test_next_leads_on_within_the_site_only(client, learner, asked, where):
    assert sign_in(client, learner.email, next=asked).headers["Location"] == where


def test_six_wrong_passwords_in_a_row_ask_for_a_pause(client, learner):
    for _ in range(5):
        assert sign_in(client, learner.email, "wrong").status_code == 422
    refused = sign_in(client, learner.email)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 15 * 60
    assert "There were too many tries. Wait 15 minutes" in refused.content.decode()


def test_the_pause_ends(client, learner):
    for _ in range(5):
        sign_in(client, learner.email, "wrong")
    LimitedAction.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert sign_in(client, learner.email).status_code == 302


def test_a_right_password_forgives_the_tries_before_it(client, learner):
    for _ in range(4):
        sign_in(client, learner.email, "wrong")
    sign_in(client, learner.email)
    for _ in range(4):
        assert sign_in(Client(), learner.email, "wrong").status_code == 422


def test_one_classroom_is_not_stopped_by_one_forgetful_learner(client, learner, instructor):
    for _ in range(5):
        sign_in(client, learner.email, "wrong")
    assert sign_in(Client(), instructor.email).status_code == 302


def test_many_addresses_cannot_take_turns_at_one_account(learner):
    now = timezone.now()
    for number in range(20):
        limits.count(limits.sign_in_limits(email=learner.email, address=f"10.0.0.{number}"), now=now)
    assert limits.wait(limits.sign_in_limits(email=learner.email, address="10.0.1.1"), now=now) is not None


def test_no_address_is_kept_in_the_counts(client):
    sign_in(client, "somebody@example.org", "wrong")
    assert all(re.fullmatch(r"[0-9a-f]{64}", key) for key in LimitedAction.objects.values_list("key", flat=True))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("email", "learner@example.org", "There is an account with this address already."),
        ("email", "LEARNER@example.org", "There is an account with this address already."),
        ("email", "no address", "valid email"),
        ("password", "short", "at least 8"),
        ("password", "password", "too common"),
        ("password", "ann@example.org", "too similar"),
        ("name", "", "required"),
        ("name", "a\x00b", "Null characters"),
    ],
)
def test_sign_up_says_what_does_not_fit(client, learner, field, value, sentence):
    values = {"email": "ann@example.org", "name": "Ann", "password": "correct horse 9", field: value}
    response = client.post("/sign-up/", values)
    assert response.status_code == 422
    assert sentence in response.content.decode()


def test_sign_up_takes_the_devices_time_zone_and_no_nonsense(client):
    values = {"name": "Ann", "password": "correct horse 9"}
    client.post("/sign-up/", {**values, "email": "a@example.org", "timezone": "Europe/Berlin"})
    Client().post("/sign-up/", {**values, "email": "b@example.org", "timezone": "Moon/Crater"})
    assert list(User.objects.order_by("email").values_list("timezone", flat=True)) == ["Europe/Berlin", "UTC"]


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(client, learner):
    elsewhere = Client()
    elsewhere.force_login(learner)
    client.force_login(learner)
    assert client.post("/password/", {"old": "wrong", "new": "battery staple 9"}).status_code == 422
    assert client.post("/password/", {"old": PASSWORD, "new": "battery staple 9"}).status_code == 302
    assert client.get("/me/").status_code == 200
    assert elsewhere.get("/me/").status_code == 302


def letter_to(client: Client, email: str) -> mail.EmailMessage | None:
    """The reset letter that asking for one sends, if it sends one."""
    response = client.post("/password/reset/", {"email": email})
    assert response.headers["Location"] == "/password/reset/sent/"
    for thread in threading.enumerate():
        if thread.name == "password-reset-mail":
            thread.join(5)
    return mail.outbox[-1] if mail.outbox else None


def test_a_reset_letter_sets_a_new_password_once(client, learner):
    letter = letter_to(client, learner.email)
    assert letter is not None
    link = re.search(r"http://testserver(/password/reset/\S+)", letter.body)
    assert link is not None
    page = client.get(link[1], follow=True)
    form_at = page.redirect_chain[-1][0]
    assert client.post(form_at, {"new": "battery staple 9"}).headers["Location"] == "/sign-in/"
    assert sign_in(Client(), learner.email, "battery staple 9").status_code == 302
    assert "This link no longer works" in Client().get(link[1]).content.decode()


def test_asking_for_an_unknown_address_looks_the_same_and_sends_nothing(client, db):
    assert letter_to(client, "nobody@example.org") is None


def test_a_mailbox_is_not_filled_with_letters(client, learner):
    for _ in range(5):
        letter_to(client, learner.email)
    assert len(mail.outbox) == 3


def test_a_broken_reset_link_offers_a_new_one(client, db):
    response = client.get("/password/reset/xyz/abc-def/")
    assert response.status_code == 200
    assert "This link no longer works" in response.content.decode()


def test_forms_refuse_a_post_without_its_token(learner):
    strict = Client(enforce_csrf_checks=True)
    response = sign_in(strict, learner.email)
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
