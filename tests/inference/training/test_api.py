"""Training runs over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from inference import services as runs
from inference.models import Job, PhotoSet, Trace
from tests.inference.training.conftest import CHECKPOINT, run, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]

API = "/api/v1/training-runs"
Ask = Callable[..., Any]


@pytest.fixture
def ask(client: Client, learner: User) -> Ask:
    """Posts JSON as the learner, with the cookie's CSRF token."""
    client.force_login(learner)
    client.handler.enforce_csrf_checks = True
    token = client.get("/api/v1/me").json()["csrf_token"]

    def ask(path: str = "", **fields: Any) -> Any:
        body = json.dumps(fields)
        return client.post(API + path, body, content_type="application/json", headers={"X-CSRFToken": token})

    return ask


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    told = response.json()
    assert told["title"]
    assert told["detail"]
    return told


def test_a_run_is_asked_for_followed_and_read(client: Client, ask: Ask) -> None:
    response = ask(dataset="textures", epochs=3, prediction="It beats the trivial baseline")
    assert response.status_code == 202
    told = response.json()
    assert told["status"] == "queued"
    assert told["events_url"] == f"http://testserver{API}/{told['id']}/events"
    assert told["cancel_url"] == f"http://testserver{API}/{told['id']}/cancel"
    run(Trace.objects.get(pk=told["id"]))
    told = client.get(f"{API}/{told['id']}").json()
    assert told["status"] == "done"
    assert [epoch["epoch"] for epoch in told["epochs"]] == [1, 2, 3]
    assert told["epochs"][0]["sentence"].startswith("The validation loss still falls")
    assert [one["name"] for one in told["baselines"]] == ["majority", "mean_colour"]
    assert told["confusion"]["accuracy"] == 0.9
    assert told["data"]["split"] == "halves"
    assert told["summary"][0].startswith("It is right on 27 of 30 examples")
    assert told["options"]["learning_rate"] == 0.003
    assert told["made_by"]["seed"] == 1
    assert told["cancel_url"] is None
    assert client.get(told["head"]["url"]).content == CHECKPOINT


def test_what_is_left_out_is_as_usual(ask: Ask) -> None:
    told = ask().json()
    assert (told["dataset"], told["strategy"], told["network"]) == ("textures", "frozen", "efficientnet_lite0")
    assert told["options"]["epochs"] == 30


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"epochs": 1000}, "Epochs: choose a number, 1 to 100."),
        ({"strategy": "finetune", "blocks": 99}, "Stages to train"),
        ({"strategy": "prayer"}, ""),
        ({"dataset": "own"}, "photo sets"),
        ({"learning_rate": -1}, ""),
        ({"epochs": "many"}, ""),
        ({"seed": 2**70}, ""),
    ],
)
def test_nonsense_is_refused_with_a_sentence(ask: Ask, fields: dict[str, Any], words: str) -> None:
    assert words in problem(ask(**fields), 422)["detail"]
    assert not Job.objects.exists()


def test_what_is_not_there_is_told_so(ask: Ask, resnet50_facts: None) -> None:
    problem(ask(network="nothing"), 404)
    problem(ask(network="resnet50"), 409)
    problem(ask(dataset="own", photo_set=str(uuid4())), 404)


def test_a_second_run_waits_for_the_first(ask: Ask) -> None:
    first = ask().json()
    refused = ask(seed=2)
    problem(refused, 429)
    assert int(refused["Retry-After"]) > 0
    assert ask(f"/{first['id']}/cancel").json()["status"] == "cancelled"
    assert ask(seed=2).status_code == 202


def test_a_photo_set_is_trained_on_by_its_owner_alone(ask: Ask, filled_set: PhotoSet, guest: User) -> None:
    told = ask(dataset="own", photo_set=str(filled_set.pk)).json()
    assert told["options"]["classes"] == ["mug", "glass"]
    assert "photos" not in told["options"]
    filled_set.owner = guest
    filled_set.save()
    problem(ask(dataset="own", photo_set=str(filled_set.pk)), 404)


def test_someone_elses_run_is_404_until_shared(client: Client, ask: Ask, guest: User) -> None:
    trace = trained(guest)
    for path in ("", "/events"):
        problem(client.get(f"{API}/{trace.pk}{path}"), 404)
    problem(ask(f"/{trace.pk}/cancel"), 404)
    token = runs.share_trace(trace=trace)
    assert client.get(f"{API}/{trace.pk}?share={token}").json()["status"] == "done"
    problem(ask(f"/{trace.pk}/cancel"), 404)


def test_other_runs_are_no_training_runs(client: Client, ask: Ask, learner: User) -> None:
    trace = runs.request_trace(owner=learner, network="efficientnet_lite0", sample="chelsea", now=trained(learner).created_at)
    problem(client.get(f"{API}/{trace.pk}"), 404)
    problem(ask(f"/{trace.pk}/cancel"), 404)


def test_a_token_of_the_browser_is_needed(learner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(learner)
    problem(strict.post(API, "{}", content_type="application/json"), 403)
