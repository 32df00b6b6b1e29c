"""Who becomes an instructor or an admin, and what stays closed to the others."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from accounts import people
from accounts.models import Role, User
from web.problems import Problem

pytestmark = pytest.mark.django_db


@people.instructor_required
def studio(request: HttpRequest) -> HttpResponse:
    return HttpResponse("studio")


def test_the_first_account_is_a_learner_like_any_other(client):
    client.post("/sign-up/", {"email": "a@example.org", "name": "A", "password": "correct horse 9", "role": "admin"})
    assert User.objects.get().role == Role.LEARNER


def test_make_instructor_gives_the_role(learner, capsys):
    call_command("make_instructor", "Learner@example.org")
    learner.refresh_from_db()
    assert learner.role == Role.INSTRUCTOR
    assert "learner@example.org is now: instructor." in capsys.readouterr().out


def test_make_instructor_can_make_an_admin(learner):
    call_command("make_instructor", learner.email, "--admin")
    learner.refresh_from_db()
    assert learner.is_admin


def test_make_instructor_says_what_to_do_when_there_is_no_such_account(db):
    with pytest.raises(CommandError, match="Sign up on the site first"):
        call_command("make_instructor", "nobody@example.org")


def test_the_studio_is_for_instructors_and_admins(rf, learner, instructor, admin_person, guest):
    def visit(person: User | None) -> HttpResponse:
        request = rf.get("/studio/")
        people.become(request, person)
        return studio(request)

    assert visit(instructor).content == visit(admin_person).content == b"studio"
    assert visit(None).headers["Location"] == visit(guest).headers["Location"] == "/sign-in/?next=/studio/"
    with pytest.raises(Problem) as refusal:
        visit(learner)
    assert refusal.value.status == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/"])
def test_the_administration_opens_to_admins_only(client, guest_client, learner, instructor, admin_person, path):
    assert client.get(path, follow=True).redirect_chain[-1][0].startswith("/sign-in/?next=/admin/")
    assert guest_client.get(path, follow=True).redirect_chain[-1][0].startswith("/sign-in/?next=/admin/")
    for person in (learner, instructor):
        client.force_login(person)
        assert client.get(path, follow=True).status_code == 403
    client.force_login(admin_person)
    assert client.get(path).status_code == 200


def test_the_administrations_own_sign_in_form_is_not_served(client, admin_person):
    response = client.post("/admin/login/", {"username": admin_person.email, "password": "correct horse"})
    assert response.headers["Location"] == "/sign-in/?next=/admin/"
    assert "_auth_user_id" not in client.session


def test_an_admin_gives_roles_in_the_administration(client, admin_person, learner):
    client.force_login(admin_person)
    page = f"/admin/accounts/user/{learner.pk}/change/"
    assert client.get(page).status_code == 200
    values = {"email": "Learner@Example.org", "name": "Lena", "role": "instructor", "is_active": "on", "timezone": "UTC"}
    tokens = {"api_tokens-TOTAL_FORMS": 0, "api_tokens-INITIAL_FORMS": 0}
    assert client.post(page, {**values, **tokens}).status_code == 302
    learner.refresh_from_db()
    assert (learner.role, learner.email) == (Role.INSTRUCTOR, "learner@example.org")


def test_an_admin_erases_people_through_every_room(client, admin_person, learner, notebook):
    client.force_login(admin_person)
    key = learner.pk
    page = f"/admin/accounts/user/{key}/delete/"
    assert client.get(page).status_code == 200
    client.post(page, {"post": "yes"})
    assert notebook.asked == [("erase", key)]
    assert not User.objects.filter(pk=key).exists()


def test_guests_are_not_listed_among_the_people(client, admin_person, guest):
    client.force_login(admin_person)
    assert client.get(f"/admin/accounts/user/{guest.pk}/change/").status_code == 302


@pytest.mark.parametrize(
    "fields",
    [{"is_guest": False, "email": None}, {"is_guest": True, "email": "g@example.org"}, {"email": "Upper@example.org"}],
    ids=["an account without an address", "a guest with one", "an address in capitals"],
)
def test_the_database_refuses(db, fields):
    with pytest.raises(IntegrityError):
        User.objects.create(**fields)
