"""Weights in the studio: which are here, and having one fetched; with a real file from a server on this machine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inference import facts, jobs
from inference.contracts import EngineError, Failure, Result, RunKind
from inference.models import Job, JobState, Trace
from inference.networks import services
from inference.runs import run_job
from tests.inference.test_networks import CATALOGUE, ImitationWorker, step

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAGE = "/studio/weights/"


@pytest.fixture(autouse=True)
def catalogue(db, settings, tmp_path):
    settings.WEIGHTS_DIR = tmp_path / "weights"
    facts.store_facts(facts.LIBRARY, {"version": "0.28.0", "catalogue": CATALOGUE}, now=NOW)


@pytest.fixture(autouse=True)
def bell(monkeypatch):
    monkeypatch.setattr("inference.queueing.ring", lambda *_line: True)


def fetch(client, network="resnet50", weights="SWAG"):
    return client.post("/studio/weights/fetch/", {"network": network, "weights": weights})


def run(*results, error=None):
    worker = ImitationWorker(*results, error=error)
    run_job(job_id=Job.objects.get(kind=RunKind.DOWNLOAD).pk, perform=worker.perform)


def test_all_weights_are_listed_with_those_that_are_here(client, sign_in, instructor):
    page = sign_in(client, instructor).get(PAGE).content.decode()
    assert "1 of 6 sets of weights are on this machine" in page
    assert page.count('name="weights" value="SWAG"') == 2
    assert "CC BY-NC 4.0" in page
    assert PAGE in client.get("/studio/").content.decode()


def test_the_list_is_filtered(client, sign_in, instructor):
    sign_in(client, instructor)
    assert len(client.get(f"{PAGE}?family=ResNet").context["rows"]) == 4
    assert [row.network for row in client.get(f"{PAGE}?only=here").context["rows"]] == ["efficientnet_lite0"]
    assert len(client.get(f"{PAGE}?only=missing&family=Nothing").context["rows"]) == 0
    assert len(client.get(f"{PAGE}?only=nonsense").context["rows"]) == 6


def test_a_click_has_them_fetched_and_the_page_shows_how_far_they_are(client, sign_in, instructor):
    assert fetch(sign_in(client, instructor))["Location"] == f"{PAGE}#coming"
    job = Job.objects.get()
    assert (job.kind, job.network, job.options["weights"]) == (RunKind.DOWNLOAD, "resnet50", "SWAG")
    page = client.get(PAGE).content.decode()
    trace = Trace.objects.get()
    assert f'data-events="/traces/{trace.pk}/events"' in page
    assert f'action="/traces/{trace.pk}/cancel"' in page
    assert '<noscript><meta http-equiv="refresh" content="2; url=/studio/weights/">' in page
    assert fetch(client).status_code == 302
    assert Job.objects.count() == Trace.objects.count() == 1


def test_another_instructor_sees_that_it_is_coming_but_can_not_stop_it(client, sign_in, instructor, colleague):
    fetch(sign_in(client, instructor))
    page = sign_in(client, colleague).get(PAGE).content.decode()
    assert "Somebody has asked for it; it begins soon." in page
    assert "/cancel" not in page
    assert 'hx-trigger="every 3s"' in page


def test_stopping_leaves_the_page_as_it_was(client, sign_in, instructor):
    fetch(sign_in(client, instructor))
    trace = Trace.objects.get()
    assert client.post(f"/traces/{trace.pk}/cancel", {"next": PAGE})["Location"] == PAGE
    assert Job.objects.get().state == JobState.CANCELLED
    page = client.get(PAGE).content.decode()
    assert "Nothing is being fetched." in page
    assert fetch(client).status_code == 302  # and it may be taken up again
    assert Job.objects.get().state == JobState.WAITING


def test_a_failure_says_why_and_offers_to_go_on(client, sign_in, instructor):
    fetch(sign_in(client, instructor))
    run(step(37), error=EngineError(Failure.DOWNLOAD_INTERRUPTED))
    page = client.get(PAGE).content.decode()
    assert "The line broke again and again. What has come so far is kept." in page
    assert "Fetch again" in page
    assert fetch(client).status_code == 302
    assert "Fetch again" not in client.get(PAGE).content.decode()


def test_progress_is_shown_without_scripts(client, sign_in, instructor):
    fetch(sign_in(client, instructor))
    job = Job.objects.get()
    taken = jobs.take(job_id=job.pk, holder="worker", now=job.queued_at)
    assert taken is not None
    Job.objects.filter(pk=job.pk).update(
        document={"attempt": 1, "total": 0, "stages": [], "results": [{**_entry(step(37)), "place": 0, "files": {}}]}
    )
    page = client.get(PAGE).content.decode()
    assert 'max="100" value="37"' in page
    assert "37% of 1 MiB, 4.8 MiB/s" in page


def _entry(result: Result):
    return {"name": result.name, "figures": dict(result.figures)}


def test_what_is_done_is_here(client, sign_in, instructor, settings):
    fetch(sign_in(client, instructor))
    folder = settings.WEIGHTS_DIR / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "resnet50-11ad3fa6.pth").write_bytes(b"weights")
    run(step(100), Result("weights", {"file": "resnet50-11ad3fa6.pth"}))
    assert services.downloads() == {}
    # the catalogue gives these two networks the same file
    assert "3 of 6 sets of weights are on this machine" in client.get(PAGE).content.decode()
    assert fetch(client).status_code == 409


@pytest.mark.parametrize(
    ("network", "weights", "status"),
    [("nothing", "SWAG", 404), ("resnet50", "V9", 404), ("", "", 404), ("efficientnet_lite0", "DEFAULT", 409)],
)
def test_nonsense_is_refused_with_a_sentence(client, sign_in, instructor, network, weights, status):
    assert fetch(sign_in(client, instructor), network, weights).status_code == status
    assert not Job.objects.exists()


def test_learners_may_not_fetch(client, sign_in, learner):
    assert client.get(PAGE).status_code == 302
    assert fetch(client).status_code == 302
    assert sign_in(client, learner).get(PAGE).status_code == 403
    assert fetch(client).status_code == 403
    assert not Job.objects.exists()


def test_a_download_is_a_run_whose_page_is_its_networks(client, sign_in, instructor):
    fetch(sign_in(client, instructor))
    assert client.get(f"/traces/{Trace.objects.get().pk}/")["Location"] == "/networks/resnet50/#weights"
    assert "Its weights, downloaded" in client.get("/traces/").content.decode()
