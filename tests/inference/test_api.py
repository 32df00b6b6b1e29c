"""Networks, samples and traces over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from inference import services
from inference.models import Trace
from inference.runs import run_job
from tests.inference.conftest import NETWORK, NOW, ImitationNetwork, photo_bytes, photo_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]

API = "/api/v1"


@pytest.fixture
def ask(client: Client) -> Callable[..., Any]:
    """Posts as the site's own pages do: with the cookie's CSRF token."""
    client.handler.enforce_csrf_checks = True
    token = client.get(f"{API}/me").json()["csrf_token"]

    def ask(path: str, fields: dict[str, Any] | None = None, **headers: str) -> Any:
        return client.post(f"{API}{path}", fields or {}, headers={"X-CSRFToken": token, **headers})

    return ask


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response["Content-Type"].startswith("application/problem+json")
    told = response.json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


def run(trace_id: str) -> None:
    trace = Trace.objects.get(pk=trace_id)
    run_job(
        job_id=trace.job_id,
        perform=ImitationNetwork().perform,
        clock=lambda: NOW,
    )


def test_a_guest_runs_a_sample_and_reads_what_came_out(client: Client, ask: Callable[..., Any]) -> None:
    response = ask("/traces", {"sample": "chelsea", "prediction": "a cat"})
    assert response.status_code == 202
    told = response.json()
    assert told["status"] == "queued"
    assert told["place"] == 1
    assert told["url"] == f"http://testserver/traces/{told['id']}/"
    assert told["events_url"] == f"http://testserver/api/v1/traces/{told['id']}/events"
    Trace.objects.update(created_at=NOW)
    services.Job.objects.update(deadline=NOW.replace(year=2100))
    run(told["id"])
    done = client.get(f"{API}/traces/{told['id']}").json()
    assert done["status"] == "done"
    assert [stage["name"] for stage in done["stages"]] == ["decode", "stem", "head", "softmax"]
    assert done["stages"][1]["statistics"]["maximum"] == 1.5
    assert done["top_k"][0] == {"rank": 1, "class_index": 282, "label": "tiger cat", "probability": 0.62}
    assert done["made_by"]["torch"] == "2.13.0"
    assert client.get(done["pictures"][0]).status_code == 200
    assert done["error"] is None


def test_a_photo_is_sent_as_multipart(ask: Callable[..., Any]) -> None:
    response = ask("/traces", {"network": NETWORK, "image": photo_file()})
    assert response.status_code == 202
    assert Trace.objects.get().job.upload is not None


def test_the_api_needs_the_csrf_token_of_cookie_callers(client: Client) -> None:
    client.handler.enforce_csrf_checks = True
    problem(client.post(f"{API}/traces", {"sample": "chelsea"}), 403)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 422),
        ({"sample": "nobody"}, 404),
        ({"sample": "chelsea", "network": "nothing"}, 404),
        ({"sample": "chelsea", "prediction": "x" * 201}, 422),
        ({"sample": "chelsea", "network": "x" * 81}, 422),
        ({"sample": "chel\x00sea"}, 400),
        ({"image": photo_file(b"<html>")}, 422),
        ({"image": photo_file(photo_bytes()[:200])}, 422),
        ({"image": "a text instead of a file"}, 422),
        ({"sample": "chelsea", "image": photo_file()}, 422),
        ({"sample": "chelsea", "mistakes": "no_normalise"}, 422),
        ({"sample": "chelsea", "explain": "true"}, 422),
    ],
)
def test_refusals_are_problems_with_a_sentence(ask: Callable[..., Any], fields: dict[str, Any], status: int) -> None:
    problem(ask("/traces", fields), status)
    assert not Trace.objects.exists()


def test_what_a_run_would_ignore_is_named_in_the_refusal(ask: Callable[..., Any]) -> None:
    assert "not a look" in problem(ask("/traces", {"sample": "chelsea", "explain": "1"}), 422)["detail"]
    assert "“channel”" in problem(ask("/traces", {"sample": "chelsea", "channel": "0"}), 422)["detail"]
    both = {"sample": "chelsea", "explain": "neighbours", "mistakes": "bgr"}
    assert "not both" in problem(ask("/traces", both), 422)["detail"]
    assert "one photo" in problem(ask("/traces", {"sample": "chelsea", "image": photo_file()}), 422)["detail"]


def test_a_network_without_weights_is_a_409(ask: Callable[..., Any], resnet50_facts: None) -> None:
    assert "WEIGHTS_DIR" in problem(ask("/traces", {"sample": "chelsea", "network": "resnet50"}), 409)["detail"]


def test_no_room_for_a_photo_is_a_507(ask: Callable[..., Any], full_disk: None) -> None:
    assert "MEDIA_DIR" in problem(ask("/traces", {"image": photo_file()}), 507)["detail"]
    assert not Trace.objects.exists()


def test_too_many_is_a_429_that_says_when_to_come_back(ask: Callable[..., Any], settings: Any) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    ask("/traces", {"sample": "chelsea"})
    response = ask("/traces", {"sample": "coffee"})
    problem(response, 429)
    assert int(response["Retry-After"]) > 0


def test_stopping(client: Client, ask: Callable[..., Any]) -> None:
    trace_id = ask("/traces", {"sample": "chelsea"}).json()["id"]
    stopped = ask(f"/traces/{trace_id}/cancel")
    assert stopped.status_code == 200
    assert stopped.json()["status"] == "cancelled"
    assert stopped.json()["cancel_url"] is None
    assert ask(f"/traces/{trace_id}/cancel").json()["status"] == "cancelled"


def test_another_persons_trace_is_404_unless_shared(client: Client, learner: User) -> None:
    trace = services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    for address in (f"/traces/{trace.pk}", f"/traces/{trace.pk}/events", f"/traces/{uuid4()}"):
        problem(client.get(API + address), 404)
    token = services.share_trace(trace=trace)
    told = client.get(f"{API}/traces/{trace.pk}?share={token}")
    assert told.status_code == 200
    assert f"share={token}" in told.json()["events_url"]


def test_networks_and_samples(client: Client, resnet50_facts: None) -> None:
    networks = client.get(f"{API}/networks").json()
    assert networks["next"] is None
    assert [network["id"] for network in networks["items"]] == [NETWORK, "resnet50"]
    assert networks["items"][0]["weights"] == {
        "name": "DEFAULT",
        "available": True,
        "licence": "Apache-2.0",
        "licence_url": "",
        "top1": 74.83,
        "top5": None,
        "file": "lite0.pth",
        "url": "",
        "size_mb": None,
        "recipe": "",
        "said": "",
    }
    assert networks["items"][1]["weights"]["available"] is False
    detail = client.get(f"{API}/networks/resnet50").json()
    assert [stage["name"] for stage in detail["stages"]] == ["decode", "stem", "head", "softmax"]
    assert detail["stages"][1]["output_shape"] == [1, 32, 112, 112]
    problem(client.get(f"{API}/networks/nothing"), 404)
    listed = client.get(f"{API}/samples").json()["items"]
    assert {sample["id"] for sample in listed} >= {"chelsea", "china"}
    assert client.get(listed[0]["url"]).status_code == 200


def test_every_operation_is_described(client: Client) -> None:
    paths = client.get(f"{API}/openapi.json").json()["paths"]
    ours = [
        operation for path, methods in paths.items() if "traces" in path or "networks" in path for operation in methods.values()
    ]
    assert len(ours) >= 9
    assert all(operation["summary"] for operation in ours)


garbage = st.text(max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(network=garbage, sample=garbage, prediction=garbage, image=st.none() | st.binary(max_size=200))
def test_garbage_is_never_a_500(client: Client, network: str, sample: str, prediction: str, image: bytes | None) -> None:
    fields: dict[str, Any] = {"network": network, "sample": sample, "prediction": prediction}
    if image is not None:
        fields["image"] = photo_file(image)
    assert client.post(f"{API}/traces", fields).status_code < 500
    assert client.post("/traces/", fields).status_code < 500


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=garbage, share=garbage)
def test_garbage_in_an_address_is_never_a_500(client: Client, where: str, share: str) -> None:
    for path in (f"{API}/traces/{where}", f"{API}/networks/{where}", f"/samples/{where}", f"/networks/{where}/"):
        assert client.get(path, {"share": share, "trace": share, "after": share}).status_code < 500
