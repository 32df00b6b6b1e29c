"""/me/: one's own name and zone, tokens, data; and the way out."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.activity import Activity
from accounts.models import ApiToken, Role, User
from web.problems import Problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client


@pytest.mark.parametrize("path", ["/me/", "/me/email/", "/me/erase/", "/password/"])
def test_strangers_are_sent_to_sign_in_and_back(client, path):
    assert client.get(path).headers["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize("path", ["/me/email/", "/password/"])
def test_guests_are_sent_to_sign_in_where_an_account_is_needed(guest_client, path):
    assert guest_client.get(path).headers["Location"] == f"/sign-in/?next={path}"


def test_name_and_zone_are_saved_and_the_zone_is_used(signed_in, learner):
    learner.api_tokens.create(name="old", digest="0" * 64, created_at="2026-01-01T23:30:00Z")
    signed_in.post("/me/", {"name": "Lena L.", "timezone": "Asia/Tokyo"})
    page = signed_in.get("/me/").content.decode()
    assert "Lena L." in page
    assert "2 Jan 2026, 08:30" in page


def test_an_unknown_zone_is_refused(signed_in):
    assert signed_in.post("/me/", {"name": "Lena", "timezone": "Moon/Crater"}).status_code == 422


def test_a_name_that_signing_up_asks_for_is_not_given_up(signed_in, learner):
    assert signed_in.post("/me/", {"name": " ", "timezone": "UTC"}).status_code == 422
    assert User.objects.get(pk=learner.pk).name == learner.name


def test_a_zone_that_left_the_systems_list_does_no_harm(signed_in, learner):
    User.objects.filter(pk=learner.pk).update(timezone="Gone/Zone")
    assert signed_in.get("/me/").status_code == 200


def test_the_email_changes_with_the_password_only(signed_in, learner, instructor):
    def change(email: str, password: str) -> int:
        return signed_in.post("/me/email/", {"email": email, "password": password}).status_code

    assert change("New@example.org", "wrong") == 422
    assert change(instructor.email, "correct horse") == 422
    assert change("New@example.org", "correct horse") == 302
    learner.refresh_from_db()
    assert learner.email == "new@example.org"


def test_lately_shows_what_the_rooms_tell_newest_first(signed_in, learner, notebook):
    now = timezone.now()
    notebook.recent = lambda user: [
        Activity(now - timedelta(days=1), "Ran a trace", "/traces/1/"),
        Activity(now, "Took <b>a quiz</b>"),
    ]
    page = signed_in.get("/me/").content.decode()
    assert page.index("Took &lt;b&gt;a quiz") < page.index('<a href="/traces/1/">Ran a trace</a>')


def secret_in(page: str) -> str:
    start = page.index("fp_")
    return page[start : start + 46]


def test_a_token_is_shown_once_and_kept_as_a_digest(signed_in):
    secret = secret_in(signed_in.post("/me/tokens/", {"name": "notebook"}).content.decode())
    assert secret not in signed_in.get("/me/").content.decode()
    assert not ApiToken.objects.filter(digest__contains=secret).exists()
    assert Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).json()["role"] == "learner"


def test_a_revoked_token_opens_nothing(signed_in, learner):
    token, secret = services.create_token(user=learner, name="n", now=timezone.now())
    signed_in.post(f"/me/tokens/{token.pk}/revoke/")
    refused = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_someone_elses_token_is_not_there(signed_in, instructor):
    token, _ = services.create_token(user=instructor, name="n", now=timezone.now())
    assert signed_in.post(f"/me/tokens/{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_tokens_have_an_end(learner):
    for number in range(services.TOKENS_AT_MOST):
        services.create_token(user=learner, name=str(number), now=timezone.now())
    with pytest.raises(Problem, match="Too many tokens"):
        services.create_token(user=learner, name="one more", now=timezone.now())


def unpacked(response) -> dict[str, bytes]:
    with ZipFile(BytesIO(response.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_download_holds_every_rooms_part_and_no_secret(signed_in, learner, notebook):
    _, secret = services.create_token(user=learner, name="n", now=timezone.now())
    response = signed_in.get("/me/export/")
    document = json.loads(unpacked(response)["data.json"])
    assert "attachment" in response.headers["Content-Disposition"]
    assert document["accounts"]["email"] == learner.email
    assert document["notebook"] == {"pages": [f"page of {learner.pk}"]}
    assert secret not in json.dumps(document)
    assert learner.password not in json.dumps(document)


def test_the_download_holds_the_rooms_files(signed_in, learner, notebook):
    notebook.files = lambda user: [("photos/one.jpg", b"a photo")]
    assert unpacked(signed_in.get("/me/export/"))["photos/one.jpg"] == b"a photo"


def test_a_guest_may_take_their_data_too_and_a_stranger_has_none(client, guest_client, notebook):
    assert json.loads(unpacked(guest_client.get("/me/export/"))["data.json"])["accounts"]["email"] is None
    assert client.get("/me/export/").status_code == 404


def test_erasing_needs_the_password_and_a_yes(signed_in, learner, notebook):
    assert signed_in.post("/me/erase/", {"password": "correct horse"}).status_code == 422
    assert signed_in.post("/me/erase/", {"sure": "on", "password": "wrong"}).status_code == 422
    assert User.objects.filter(pk=learner.pk).exists()


def test_erasing_asks_every_room_then_removes_the_account(signed_in, learner, notebook):
    key = learner.pk
    response = signed_in.post("/me/erase/", {"sure": "on", "password": "correct horse"})
    assert response.status_code == 302
    assert notebook.asked == [("erase", key)]
    assert not User.objects.filter(pk=key).exists()
    assert signed_in.get("/me/").status_code == 302


def test_the_last_admin_stays(client, admin_person):
    client.force_login(admin_person)
    refused = client.post("/me/erase/", {"sure": "on", "password": "correct horse"})
    assert refused.status_code == 409
    assert "You are the only admin" in refused.content.decode()
    User.objects.create_user("second@example.org", "correct horse", role=Role.ADMIN)
    assert client.post("/me/erase/", {"sure": "on", "password": "correct horse"}).status_code == 302


def test_the_forms_of_the_page_share_no_id(signed_in):
    ids = re.findall(r'\sid="([^"]+)"', signed_in.post("/me/tokens/", {"name": ""}).content.decode())
    assert len(ids) == len(set(ids))
