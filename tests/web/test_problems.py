"""Every failure ends in a sentence: a page for people, problem+json for programs, never a stack trace."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal
from uuid import UUID

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from web.problems import Problem, sentence_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("test_pages")]
STATUS = {"problem": 409, "missing": 404, "forbidden": 403, "suspicious": 400, "nul": 400, "broken": 500}


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("how", STATUS)
def test_a_failing_page_is_a_page_with_a_way_on(visitor, how):
    response = visitor.get(f"/fail/{how}/")
    page = response.content.decode()
    assert response.status_code == STATUS[how]
    assert "<h1>" in page
    assert 'class="btn primary"' in page
    assert "secret detail" not in page


@pytest.mark.parametrize("how", [*STATUS, "refused", "throttled"])
def test_a_failing_call_is_problem_json(visitor, how):
    response = visitor.get(f"/api/tests/fail?how={how}")
    problem = response.json()
    assert response.status_code == problem["status"] == {**STATUS, "refused": 418, "throttled": 429}[how]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["title"]
    assert problem["detail"]
    assert "secret detail" not in response.content.decode()


def test_a_problem_carries_its_headers_and_members(visitor):
    page, call = visitor.get("/fail/problem/"), visitor.get("/api/tests/fail?how=problem")
    assert page.headers["Retry-After"] == call.headers["Retry-After"] == "3"
    assert call.json()["who"] == "Ann"
    assert visitor.get("/api/tests/fail?how=throttled").headers["Retry-After"] == "7"


def test_htmx_is_answered_with_the_notice_alone(visitor):
    page = visitor.get("/fail/problem/", headers={"HX-Request": "true"}).content.decode()
    assert page.startswith('<div class="notice wrong">')
    assert "Somebody else has it." in page


def test_a_server_error_page_asks_no_database(visitor, django_assert_num_queries, learner):
    visitor.force_login(learner)
    with django_assert_num_queries(2):  # the session and the person, before the view failed
        assert visitor.get("/fail/broken/").status_code == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/api/nothing", 404), ("delete", "/api/tests/write", 405), ("get", "/api/tests/fail?how=%00", 400)],
)
def test_what_django_refuses_under_api_is_problem_json_too(visitor, method, path, status):
    response = getattr(visitor, method)(path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_405_names_the_methods_that_work(visitor):
    assert visitor.delete("/api/tests/write").headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"text": NaN}', b"[" * 100_000, b'{"text": "a\\u0000b"}', b'{"text": "a\x00b"}']
)
def test_an_unreadable_body_is_400(visitor, body):
    response = visitor.post("/api/tests/write", body, content_type="application/json")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_value_that_does_not_fit_is_422_and_says_where(visitor):
    problem = visitor.get("/api/tests/number?value=many").json()
    assert problem["status"] == 422
    assert problem["errors"][0]["where"] == "query.value"
    assert problem["detail"] == "query.value: This is no whole number. Give one."


class Fitting(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field("ab", min_length=2, max_length=3)
    several: list[int] = Field([1], min_length=1, max_length=2)
    share: float = Field(0.5, gt=0, le=1)
    count: int = Field(5, ge=1, lt=10)
    id: UUID = UUID(int=0)
    kind: Literal["a", "b"] = "a"
    at: datetime = datetime(2026, 1, 1)
    yes: bool = True
    needed: int


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "This is missing."),
        ({"more": 1}, "Nothing of this name"),
        ({"text": "abcd"}, "at most 3 characters"),
        ({"text": "a"}, "at least 2 characters"),
        ({"text": 1}, "no text"),
        ({"several": [1, 2, 3]}, "at most 2."),
        ({"several": []}, "at least 1."),
        ({"several": 1}, "no list"),
        ({"share": 0}, "more than 0"),
        ({"share": 2}, "1.0 or less"),
        ({"share": "x"}, "no number"),
        ({"count": 0}, "1 or more"),
        ({"count": 10}, "less than 10"),
        ({"count": 1.5}, "no whole number"),
        ({"id": "x"}, "no UUID"),
        ({"kind": "c"}, "'a' or 'b'"),
        ({"at": "x"}, "ISO 8601"),
        ({"yes": "x"}, "neither true nor false"),
    ],
)
def test_what_does_not_fit_is_told_in_the_sites_words(given, expected):
    with pytest.raises(ValidationError) as raised:
        Fitting.model_validate(given if not given else {"needed": 1, **given})
    assert expected in sentence_of(raised.value.errors()[0])


def test_a_finding_of_a_kind_nobody_named_still_has_a_sentence():
    assert sentence_of({"type": "url_scheme"}).startswith("This value doesn’t fit.")
    assert sentence_of({}).startswith("This value doesn’t fit.")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=80), st.text(max_size=40).map(lambda text: json.dumps({"text": text}).encode())))
def test_no_body_at_all_breaks_the_api(visitor, body):
    assert visitor.post("/api/tests/write", body, content_type="application/json").status_code in (200, 400, 422)


@pytest.mark.parametrize("path", ["/x%00y/", "/plans/?x=%00", "/sign-in/?next=%00"])
def test_a_nul_in_an_address_is_refused(visitor, path):
    assert visitor.get(path).status_code == 400


def test_a_missing_page_looks_like_the_site(visitor):
    page = visitor.get("/no/such/page/").content.decode()
    assert "There is nothing at this address" in page
    assert "Courses" in page


def test_a_form_without_its_token_says_what_to_do():
    response = Client(enforce_csrf_checks=True).post(
        "/theme/", {"theme": "dark"}, headers={"Referer": "http://testserver/plans/"}
    )
    assert response.status_code == 403
    assert 'href="http://testserver/plans/"' in response.content.decode()


def test_the_way_back_never_leaves_the_site():
    response = Client(enforce_csrf_checks=True).post("/theme/", {}, headers={"Referer": "https://evil.example/"})
    assert "evil.example" not in response.content.decode()


def test_a_problem_reads_well_in_a_log():
    assert str(Problem(409, "Taken", "Somebody else has it.")) == "409 Taken: Somebody else has it."


@pytest.mark.parametrize(
    ("path", "kind"), [("/plans/", "text/html"), ("/api/tests/number?value=1", "application/problem+json")]
)
def test_a_host_that_is_not_ours_is_refused(visitor, path, kind):
    response = visitor.get(path, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith(kind)
