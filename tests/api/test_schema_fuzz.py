"""What the OpenAPI document promises, held against the API by generated requests: nobody gets a 5xx, errors are problem+json.

Half of the requests that name a thing by its id name one that exists, so that what stands behind the 404 runs, too.
"""

from __future__ import annotations

import inspect
import json
import os
from collections import Counter
from datetime import timedelta
from typing import Any

import ninja
import pytest
import requests
import schemathesis
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

import accounts.api
import inference.api
import inference.networks.api
import inference.sharing.api
import inference.training.api
import lessons.api
import quizzes.api
import quizzes.misconceptions.api
import quizzes.reviewing.api
from accounts.models import User
from config.api import api
from inference.contracts import DEFAULT_NETWORK
from inference.facts import store_facts
from inference.networks.services import request_measurement
from inference.services import request_trace
from inference.training.services import request_training
from quizzes.models import Attempt
from quizzes.reviewing.cards import add_insight
from quizzes.reviewing.sittings import begin, go_on
from tests.lessons.conftest import network
from tests.quizzes.conftest import Publish, attempt, graded_quiz, lesson, proof_rows, publish, version  # noqa: F401 (fixtures)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema(), default=str)))


@pytest.fixture
def signed_in(learner: User) -> Client:
    client = Client()
    client.force_login(learner)
    return client


@pytest.fixture
def existing(attempt: Attempt, publish: Publish, learner: User) -> dict[str, Any]:  # noqa: F811
    """A value that exists for each parameter of a path."""
    store_facts("tiny", network("Tiny", 1000), now=timezone.now())
    publish(meta={"level": "beginner", "subtitle": "", "tags": [], "networks": [], "sources": [], "insight": "One."})
    quiz_version = attempt.quiz_version
    now = timezone.now()
    card = add_insight(learner, quiz_version.lesson_version.lesson, now=now - timedelta(days=2))
    review = begin(person=learner, now=now)
    go_on(sitting=review, now=now)
    return {
        "attempt_id": str(attempt.pk),
        "position": 1,
        "step": 1,
        "sitting_id": str(review.pk),
        "card_id": card.pk,
        "quiz_id": quiz_version.quiz_id,
        "slug": quiz_version.lesson_version.lesson.course.slug,
        "lesson": quiz_version.lesson_version.lesson.slug,
        "misconception": "head-is-fc",
        "network_id": "tiny",
        "measurement_id": str(request_measurement(owner=learner, network="tiny", now=timezone.now()).pk),
        "training_id": str(request_training(owner=learner, wish={"data": "textures"}, now=timezone.now()).pk),
        "trace_id": str(request_trace(owner=learner, network=DEFAULT_NETWORK, sample="chelsea", now=timezone.now()).pk),
    }


@pytest.mark.django_db
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_request_breaks_the_api(case: schemathesis.Case, signed_in: Client, existing: dict[str, Any]) -> None:
    streams = case.operation.path.endswith("/events")  # of one that exists would last as long as its run
    if not streams and sum(map(ord, str(case.path_parameters))) % 2:
        case.path_parameters.update({name: existing[name] for name in case.path_parameters})
        if "/training-runs/" in case.operation.path:
            case.path_parameters["trace_id"] = existing["training_id"]

    response = send(case, signed_in)

    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["title"]
        assert problem["detail"]
    else:
        case.validate_response(response, checks=[status_code_conformance, response_schema_conformance])


def send(case: schemathesis.Case, client: Client) -> Response:
    """Sends it by Django's test client, which keeps to the test's transaction; schemathesis' own would end it."""
    arguments = case.as_transport_kwargs("http://testserver")
    of_a_request = ("method", "url", "headers", "params", "data", "json", "files")
    prepared = requests.Request(**{name: value for name, value in arguments.items() if name in of_a_request}).prepare()
    token = client.get("/api/v1/me").json()["csrf_token"]
    body = prepared.body or b""
    answer = client.generic(
        prepared.method or "",
        prepared.path_url,
        body.encode() if isinstance(body, str) else body,
        content_type=str(prepared.headers.get("Content-Type", "")),
        headers={name: str(value) for name, value in prepared.headers.items()} | {"X-CSRFToken": token},
    )
    content = b"" if answer.streaming else answer.content
    headers = {name.lower(): [value] for name, value in answer.headers.items()}
    return Response(answer.status_code, headers, content, prepared, elapsed=0, verify=False)


def test_no_two_rooms_give_one_name_to_different_schemas() -> None:
    """The document keeps one schema per name, so the second would describe the first one's answers."""
    names = Counter(
        name
        for room in (
            accounts.api,
            inference.api,
            inference.networks.api,
            inference.sharing.api,
            inference.training.api,
            lessons.api,
            quizzes.api,
            quizzes.misconceptions.api,
            quizzes.reviewing.api,
        )
        for name, value in vars(room).items()
        if inspect.isclass(value) and issubclass(value, ninja.Schema) and value.__module__ == room.__name__
    )
    assert [name for name, count in names.items() if count > 1] == []
