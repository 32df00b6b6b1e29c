"""Mistakes asked for over HTTP: on the page of a finished run and over the API, run by the real engine."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from inference import engine, services
from inference.breaking.services import request_mistakes
from inference.contracts import MISTAKES, RunKind
from inference.models import JobState, Trace, Upload
from inference.runs import run_job
from tests.inference.conftest import NETWORK, NOW, ImitationNetwork, guest, lite0_facts, photo_bytes, photo_file

__all__ = ["guest", "lite0_facts"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]


@pytest.fixture
def run(lite0: engine.LoadedNetwork) -> Callable[[Trace], Trace]:
    """Runs a trace's job as a worker would."""
    networks: Any = SimpleNamespace(get=lambda _network, weights="": lite0)

    def perform(request: Any, material: Any, *, emit: Any, cancelled: Any) -> None:
        engine.perform(request, material, networks=networks, emit=emit, cancelled=cancelled)

    def run(trace: Trace) -> Trace:
        run_job(job_id=trace.job_id, perform=perform, clock=lambda: NOW)
        ended = Trace.objects.select_related("job").get(pk=trace.pk)
        assert ended.job.state == JobState.DONE, ended.job.failure
        return ended

    return run


@pytest.fixture
def finished(learner: User) -> Trace:
    """The learner's finished trace of the cat."""
    trace = services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    run_job(job_id=trace.job_id, perform=ImitationNetwork().perform, clock=lambda: NOW)
    return Trace.objects.select_related("job").get(pk=trace.pk)


def text_of(response: Any) -> str:
    return str(response.content.decode())


# --- the page --------------------------------------------------------------------------------------------------------------


def test_a_finished_run_leads_to_every_mistake_on_its_photo(client: Client, learner: User, finished: Trace) -> None:
    client.force_login(learner)
    assert f'href="/traces/{finished.pk}/break/"' in text_of(client.get(f"/traces/{finished.pk}/"))
    page = text_of(client.get(f"/traces/{finished.pk}/break/"))
    for name in MISTAKES:
        assert f'name="mistakes" value="{name}"' in page


def test_ticked_mistakes_are_run_and_shown_beside_the_correct_run(
    client: Client, learner: User, finished: Trace, run: Callable[[Trace], Trace]
) -> None:
    client.force_login(learner)
    response = client.post(f"/traces/{finished.pk}/break/", {"mistakes": ["softmax_twice", "bgr"]})
    trace = Trace.objects.exclude(pk=finished.pk).get()
    assert response["Location"] == f"/traces/{trace.pk}/"
    assert trace.job.kind == RunKind.MISTAKE
    assert trace.job.options["mistakes"] == ["bgr", "softmax_twice"]
    run(trace)
    page = text_of(client.get(response["Location"]))
    assert "The first choice stays “tiger cat”" in page
    assert "The first choice was “tiger cat” with 39.5% and is “Egyptian cat” now" in page
    picture = client.get(f"/traces/{trace.pk}/results/mistake:bgr/input")
    assert picture["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize(("names", "said"), [([], "Choose at least one mistake"), (["bgr", "gbr"], "“gbr” is not a mistake")])
def test_no_mistake_and_an_unknown_one_are_refused_with_a_sentence(
    client: Client, learner: User, finished: Trace, names: list[str], said: str
) -> None:
    client.force_login(learner)
    response = client.post(f"/traces/{finished.pk}/break/", {"mistakes": names})
    assert response.status_code == 422
    assert said in text_of(response)
    assert ('value="bgr" checked' in text_of(response)) == ("bgr" in names), "what was ticked stays ticked"


def test_a_shared_photo_may_be_looked_at_and_not_be_broken(client: Client, learner: User, outsider: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(photo_bytes(size=(300, 240))), now=NOW)
    trace = services.request_trace(owner=learner, network=NETWORK, upload=upload, now=NOW)
    token = services.share_trace(trace=trace)
    client.force_login(outsider)
    page = client.get(f"/traces/{trace.pk}/break/?share={token}")
    assert page.status_code == 200
    assert "its photo is its owner’s" in text_of(page)
    assert client.post(f"/traces/{trace.pk}/break/?share={token}", {"mistakes": "bgr"}).status_code == 404
    assert client.get(f"/traces/{trace.pk}/break/").status_code == 404


def test_ones_own_photo_is_broken_for_oneself_alone(client: Client, learner: User, run: Callable[[Trace], Trace]) -> None:
    client.force_login(learner)
    upload = services.store_upload(owner=learner, file=photo_file(photo_bytes(size=(300, 240))), now=NOW)
    trace = services.request_trace(owner=learner, network=NETWORK, upload=upload, now=NOW)
    response = client.post(f"/traces/{trace.pk}/break/", {"mistakes": "squashed"})
    broken = run(Trace.objects.get(job__kind=RunKind.MISTAKE))
    assert broken.job.upload == upload
    assert client.get(response["Location"]).status_code == 200
    assert Client().get(response["Location"]).status_code == 404


def test_too_many_runs_are_told_on_the_page(client: Client, learner: User, finished: Trace, settings: Any) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    client.force_login(learner)
    client.post(f"/traces/{finished.pk}/break/", {"mistakes": "bgr"})
    response = client.post(f"/traces/{finished.pk}/break/", {"mistakes": "nearest"})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Let it finish or stop it" in text_of(response)


# --- the API ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(client: Client) -> Callable[..., Any]:
    client.handler.enforce_csrf_checks = True
    token = client.get("/api/v1/me").json()["csrf_token"]
    return lambda fields: client.post("/api/v1/traces", fields, headers={"X-CSRFToken": token})


def test_mistakes_over_the_api_are_results_of_a_run(
    client: Client, ask: Callable[..., Any], run: Callable[[Trace], Trace]
) -> None:
    response = ask({"sample": "chelsea", "mistakes": ["train_mode", "bgr", "bgr"]})
    assert response.status_code == 202, response.content
    run(Trace.objects.get())
    told = client.get(response.json()["url"].replace("/traces/", "/api/v1/traces/").rstrip("/")).json()
    assert told["kind"] == "mistake"
    assert told["status"] == "done"
    assert told["sentence"].startswith("Done in ")
    assert told["top_k"][0]["label"] == "tiger cat"
    assert [result["name"] for result in told["results"]] == ["mistake:bgr", "mistake:train_mode"]
    bgr = told["results"][0]
    assert bgr["figures"]["divergence_bits"] == pytest.approx(0.025, abs=0.01)
    assert bgr["figures"]["same_first"] is False
    assert set(bgr["files"]) == {"input", "correct_input"}


def test_a_photo_of_ones_own_with_mistakes_is_kept_for_its_owner(ask: Callable[..., Any]) -> None:
    response = ask({"image": photo_file(photo_bytes(size=(300, 240))), "mistakes": "bgr"})
    assert response.status_code == 202
    assert Trace.objects.get().job.upload == Upload.objects.get()


@pytest.mark.parametrize("names", ["gbr", ["bgr", ""], ["bgr"] * 20, "bgr\x00"])
def test_what_is_no_mistake_is_refused_over_the_api(ask: Callable[..., Any], names: Any) -> None:
    response = ask({"sample": "chelsea", "mistakes": names})
    assert response.status_code in (400, 422)
    assert response.json()["detail"]
    assert not Trace.objects.exists()


def test_the_same_mistakes_are_run_once(ask: Callable[..., Any], learner: User) -> None:
    ask({"sample": "chelsea", "mistakes": ["bgr", "nearest"]})
    again = request_mistakes(owner=learner, network=NETWORK, names=["nearest", "bgr"], sample="chelsea", now=NOW)
    assert Trace.objects.count() == 2
    assert {trace.job_id for trace in Trace.objects.all()} == {again.job_id}
