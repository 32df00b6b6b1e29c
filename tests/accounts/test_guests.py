"""Everyone may begin without an account, and loses nothing by making one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import people, services
from accounts.activity import Activity
from accounts.middleware import PersonMiddleware
from accounts.models import User
from inference.models import Job, Trace
from tests.accounts.conftest import hold
from web.problems import Problem

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse 9"


def visit(rf: RequestFactory, *, writes: bool, cookies: dict[str, str] | None = None) -> tuple[HttpRequest, HttpResponse]:
    """One request through the middleware, to a view that writes or doesn't."""
    request = rf.get("/")
    request.COOKIES.update(cookies or {})
    request.user = AnonymousUser()

    def view(request: HttpRequest) -> HttpResponse:
        if writes:
            people.ensure(request)
        return HttpResponse()

    return request, PersonMiddleware(view)(request)


def test_a_visit_makes_no_person(rf):
    request, response = visit(rf, writes=False)
    assert people.current(request) is None
    assert not User.objects.exists()
    assert people.GUEST_COOKIE not in response.cookies


def test_the_first_write_makes_a_guest_and_sets_the_cookie(rf):
    _, response = visit(rf, writes=True)
    cookie = response.cookies[people.GUEST_COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert User.objects.get().is_guest


def test_the_cookie_brings_the_same_guest_back(rf):
    first, response = visit(rf, writes=True)
    again, _ = visit(rf, writes=True, cookies={people.GUEST_COOKIE: response.cookies[people.GUEST_COOKIE].value})
    assert people.current(again) == people.current(first)
    assert User.objects.count() == 1


@pytest.mark.parametrize("forged", ["1", "1:abc:def", "", "x" * 5000, "\x00"])
def test_a_forged_cookie_opens_nothing(rf, guest, forged):
    request, _ = visit(rf, writes=False, cookies={people.GUEST_COOKIE: forged})
    assert people.current(request) is None


def test_a_guests_old_cookie_does_not_open_the_account_it_became(guest, guest_client):
    services.sign_up(guest=guest, email="a@example.org", name="A", password=PASSWORD, now=timezone.now())
    assert guest_client.get("/me/").status_code == 302
    assert guest_client.get("/api/v1/me").json()["role"] == "guest"


def test_sign_up_upgrades_the_guests_own_row(guest, guest_client):
    response = guest_client.post("/sign-up/", {"email": "Ann@Example.org", "name": "Ann", "password": PASSWORD})
    assert response.status_code == 302
    guest.refresh_from_db()
    assert (guest.email, guest.is_guest, guest.name) == ("ann@example.org", False, "Ann")
    assert guest_client.session["_auth_user_id"] == str(guest.pk)
    assert guest_client.cookies[people.GUEST_COOKIE].value == ""


def test_sign_in_merges_the_guest_through_every_room_and_removes_it(guest, guest_client, learner, notebook):
    guest_client.post("/sign-in/", {"email": learner.email, "password": "correct horse"})
    assert notebook.asked == [("merge", guest.pk, learner.pk)]
    assert not User.objects.filter(pk=guest.pk).exists()


def test_a_guest_is_merged_once(guest, learner, notebook):
    services.merge_guest(guest=guest, user=learner)
    services.merge_guest(guest=guest, user=learner)
    assert len(notebook.asked) == 1


def test_a_failed_sign_in_leaves_the_guest_alone(guest, guest_client, learner, notebook):
    guest_client.post("/sign-in/", {"email": learner.email, "password": "wrong"})
    assert notebook.asked == []
    assert User.objects.filter(pk=guest.pk, is_guest=True).exists()


def test_a_guest_sees_what_is_kept_and_the_ways_to_keep_take_and_erase_it(guest_client, notebook):
    notebook.recent = lambda user: [Activity(timezone.now(), "Ran a trace", "/traces/1/")]
    page = guest_client.get("/me/").content.decode()
    for words in ("Ran a trace", 'href="/sign-up/"', 'href="/me/export/"', 'href="/me/erase/"'):
        assert words in page
    assert 'href="/me/#data"' in guest_client.get("/plans/").content.decode()
    assert 'href="/me/#data"' not in Client().get("/plans/").content.decode()


def test_a_guest_erases_what_they_did_with_a_yes_and_no_password(guest, guest_client, notebook):
    key = guest.pk
    assert "Password" not in guest_client.get("/me/erase/").content.decode()
    assert guest_client.post("/me/erase/", {"password": ""}).status_code == 422
    assert notebook.asked == []
    response = guest_client.post("/me/erase/", {"sure": "on"}, follow=True)
    assert "What you did here is erased." in response.content.decode()
    assert notebook.asked == [("erase", key)]
    assert not User.objects.filter(pk=key).exists()
    assert guest_client.cookies[people.GUEST_COOKIE].value == ""


def test_a_guests_run_list_leads_to_taking_and_erasing(guest, guest_client):
    job = Job.objects.create(key="k", network="resnet50", deadline=timezone.now())
    Trace.objects.create(owner=guest, job=job)
    assert 'href="/me/#data">Take or erase your data' in guest_client.get("/traces/").content.decode()


def test_idle_guests_expire_and_active_ones_stay(learner, notebook, capsys):
    long_ago = timezone.now() - timedelta(days=31)
    idle, active = User.objects.create_guest(), User.objects.create_guest()
    User.objects.filter(pk__in=[idle.pk, learner.pk]).update(seen_at=long_ago)
    idle_key = idle.pk
    call_command("expire_guests")
    assert set(User.objects.all()) == {active, learner}
    assert notebook.asked == [("erase", idle_key)]
    assert "1 guest removed." in capsys.readouterr().out


def test_seen_is_written_once_an_hour_at_most(guest, guest_client, django_assert_num_queries):
    two_hours_ago = timezone.now() - timedelta(hours=2)
    User.objects.filter(pk=guest.pk).update(seen_at=two_hours_ago)
    guest_client.get("/api/v1/me")
    guest.refresh_from_db()
    assert guest.seen_at > two_hours_ago
    with django_assert_num_queries(1):
        guest_client.get("/api/v1/me")


def test_a_stranger_costs_no_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/api/v1/me")


def test_an_expired_guests_cookie_is_taken_away(guest):
    client = Client()
    hold(client, guest)
    guest.delete()
    response = client.get("/api/v1/me")
    assert response.json()["role"] == "guest"
    assert response.cookies[people.GUEST_COOKIE].value == ""


def test_a_merge_that_fails_leaves_the_guest_and_signs_nobody_in(guest, guest_client, learner, notebook):
    def broken(guest: User, user: User) -> None:
        raise RuntimeError("the room is on fire")

    notebook.merge = broken
    guest_client.raise_request_exception = False
    assert guest_client.post("/sign-in/", {"email": learner.email, "password": "correct horse"}).status_code == 500
    assert User.objects.filter(pk=guest.pk, is_guest=True).exists()
    assert guest_client.get("/api/v1/me").json()["role"] == "guest"


def test_two_sign_ups_with_one_address_at_once_make_one_account(learner, guest):
    with pytest.raises(Problem, match="That address is taken"):
        services.sign_up(guest=guest, email=learner.email, name="A", password=PASSWORD, now=timezone.now())
    guest.refresh_from_db()
    assert guest.is_guest
