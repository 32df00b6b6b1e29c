"""GET /api/v1/me, and what every call by cookie or token must show."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services

pytestmark = pytest.mark.django_db


def test_a_stranger_is_a_guest_and_no_person_is_made(client, django_user_model):
    answer = client.get("/api/v1/me").json()
    assert (answer["role"], answer["name"]) == ("guest", "")
    assert not django_user_model.objects.exists()


@pytest.mark.parametrize("cast", ["learner", "instructor", "admin_person"])
def test_me_says_the_role(client, request, cast):
    person = request.getfixturevalue(cast)
    client.force_login(person)
    assert client.get("/api/v1/me").json()["role"] == person.role


def test_the_csrf_token_of_me_lets_a_cookie_caller_write(learner):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(learner)
    token = strict.get("/api/v1/me").json()["csrf_token"]
    refused = strict.post("/theme/", {"theme": "dark"})
    accepted = strict.post("/theme/", {"theme": "dark"}, headers={"X-CSRFToken": token})
    assert (refused.status_code, accepted.status_code) == (403, 302)


def test_a_token_speaks_for_its_person_and_notes_its_use(client, learner, instructor):
    token, secret = services.create_token(user=instructor, name="n", now=timezone.now())
    client.force_login(learner)
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).json()
    assert answer["role"] == "instructor"
    token.refresh_from_db()
    assert token.used_at is not None


@pytest.mark.parametrize("header", ["Bearer nonsense", "bearer ", "Bearer \xff", "Bearer a b c"])
def test_a_bad_token_is_401_even_for_someone_signed_in(client, learner, header):
    client.force_login(learner)
    response = client.get("/api/v1/me", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.json()["title"] == "Token not accepted"


def test_a_deactivated_persons_token_opens_nothing(client, learner):
    _, secret = services.create_token(user=learner, name="n", now=timezone.now())
    learner.is_active = False
    learner.save()
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_the_description_says_that_a_token_may_be_sent_and_need_not_be(client):
    document = client.get("/api/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{}, {"bearer": []}]


def test_the_description_says_that_refusals_are_problems(client):
    schema = client.get("/api/v1/openapi.json").json()
    answers = [
        (status, answer["content"])
        for path in schema["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        if "content" in answer
    ]
    refusals = [content for status, content in answers if status.startswith("4")]
    assert refusals
    assert all(list(content) == ["application/problem+json"] for content in refusals)


def test_every_operation_says_how_it_refuses(client):
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            for status in ("400", "401", "403", "404"):
                schema = operation["responses"][status]["content"]
                assert "ProblemOut" in str(schema), (method, path, status)
