"""The pages of runs and networks, with and without scripts."""

from __future__ import annotations

from html.parser import HTMLParser
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from inference import facts, samples, services
from inference.contracts import MistakeName, RunKind
from inference.models import Job, Trace, Upload
from inference.runs import run_job
from inference.views import run_context
from tests.inference.conftest import NETWORK, NOW, STAGES, ImitationNetwork, network_facts, photo_bytes, photo_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]

CREATE = "/traces/"


def run(trace: Trace, network: ImitationNetwork | None = None) -> Trace:
    run_job(
        job_id=trace.job_id,
        perform=(network or ImitationNetwork()).perform,
        clock=lambda: NOW,
    )
    return Trace.objects.select_related("job").get(pk=trace.pk)


def post(client: Client, **fields: object):
    return client.post(CREATE, {"network": NETWORK, **fields})


def text_of(response) -> str:
    return response.content.decode()


# --- asking ---------------------------------------------------------------------------------------------------------------


def test_a_form_is_answered_with_the_traces_page_and_makes_a_guest(client: Client) -> None:
    response = post(client, sample="chelsea", prediction=" a cat ")
    trace = Trace.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"/traces/{trace.pk}/"
    assert trace.prediction == "a cat"
    assert trace.owner is not None
    assert trace.owner.is_guest
    assert client.get(response["Location"]).status_code == 200


def test_a_form_of_a_lesson_comes_back_to_the_lesson_and_shows_the_trace_there(client: Client) -> None:
    response = post(client, sample="chelsea", next="/networks/efficientnet_lite0/?size=1")
    trace = Trace.objects.get()
    assert response["Location"] == f"/networks/efficientnet_lite0/?size=1&trace={trace.pk}#run"
    assert f'data-trace="{trace.pk}"' in text_of(client.get(response["Location"]))


def test_nobody_is_sent_to_another_site(client: Client) -> None:
    response = post(client, sample="chelsea", next="https://elsewhere.example/")
    assert response["Location"].startswith("/traces/")


def test_no_room_for_a_photo_is_told_on_a_page(client: Client, full_disk: None) -> None:
    response = post(client, image=photo_file())
    assert response.status_code == 507
    assert "Whoever runs this site" in text_of(response)
    assert not Trace.objects.exists()


def test_a_script_is_answered_with_json_and_the_piece_of_the_page(client: Client) -> None:
    response = client.post(CREATE, {"network": NETWORK, "sample": "chelsea"}, headers={"Accept": "application/json"})
    told = response.json()
    assert response.status_code == 202
    assert told["status"] == "queued"
    assert f'data-trace="{told["id"]}"' in told["html"]
    assert "csrfmiddlewaretoken" in told["html"]
    assert "http-equiv" not in told["html"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sample": "own"}, 422),
        ({}, 422),
        ({"sample": "nobody"}, 404),
        ({"network": "nothing", "sample": "chelsea"}, 404),
        ({"sample": "chelsea", "network": "x" * 5000}, 404),
        ({"upload": str(uuid4())}, 404),
        ({"upload": "nonsense"}, 422),
    ],
)
def test_what_can_not_run_is_refused_with_a_sentence(client: Client, fields: dict[str, str], status: int) -> None:
    for accept in ("text/html", "application/json"):
        response = client.post(CREATE, {"network": NETWORK, **fields}, headers={"Accept": accept})
        assert response.status_code == status
        assert "." in text_of(response)
    assert not Job.objects.exists()


def test_an_own_photo_is_kept_and_run(client: Client) -> None:
    response = post(client, sample="own", image=photo_file())
    trace = Trace.objects.get()
    assert response.status_code == 302
    assert trace.job.upload is not None
    page = text_of(client.get(response["Location"]))
    assert "JPEG, 64 × 48 pixels." in page
    assert f"/uploads/{trace.job.upload_id}" in page


def test_a_chosen_file_counts_before_the_sample_that_was_checked_before(client: Client) -> None:
    post(client, sample="chelsea", image=photo_file())
    assert Trace.objects.get().job.sample == ""


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"PK\x03\x04", photo_bytes()[:100], b"\x00" * 4000])
def test_a_file_that_is_no_photo_is_a_422(client: Client, content: bytes) -> None:
    response = post(client, sample="own", image=photo_file(content))
    assert response.status_code == 422
    assert not Upload.objects.exists()


def test_text_with_nul_breaks_nothing(client: Client) -> None:
    response = post(client, sample="chelsea", prediction="a\x00cat" + "x" * 1000)
    assert response.status_code in (302, 400)


def test_too_many_is_a_429_with_retry_after(client: Client, settings) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    post(client, sample="chelsea")
    response = post(client, sample="coffee")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0


def test_who_has_to_wait_is_told_before_a_photo_is_kept(client: Client, settings) -> None:
    settings.TRACE_WAITING_LIMIT = 1
    post(client, sample="chelsea")
    assert post(client, sample="own", image=photo_file()).status_code == 429
    assert not Upload.objects.exists()


def test_a_line_longer_than_a_run_may_wait_takes_nobody_new(client: Client, settings, learner: User) -> None:
    for sample in ("chelsea", "coffee"):
        services.request_trace(owner=learner, network=NETWORK, sample=sample, now=NOW)
    settings.TRACE_DEADLINE_SECONDS = 2
    response = post(client, sample="rocket")
    assert response.status_code == 429
    assert "Try again in a few minutes." in text_of(response)
    assert post(client, sample="chelsea").status_code == 302, "this one waits already"


def test_nobody_keeps_more_photos_than_a_person_may(client: Client, monkeypatch, learner: User) -> None:
    monkeypatch.setattr(services, "UPLOADS_KEPT", 1)
    client.force_login(learner)
    assert post(client, image=photo_file()).status_code == 302
    assert post(client, image=photo_file()).status_code == 302, "the same photo is kept once"
    assert post(client, image=photo_file(photo_bytes(size=(50, 50)))).status_code == 429


def test_a_form_without_its_token_is_refused() -> None:
    assert Client(enforce_csrf_checks=True).post(CREATE, {"sample": "chelsea"}).status_code == 403


def test_with_redis_gone_a_run_is_taken_and_the_page_says_what_it_waits_for(
    client: Client, settings, django_capture_on_commit_callbacks, monkeypatch
) -> None:
    monkeypatch.setattr("inference.queueing.ring", lambda _line, _network: False)
    settings.REDIS_URL = f"unix://{settings.DATA_DIR}/nothing.sock"
    with django_capture_on_commit_callbacks(execute=True):
        response = post(client, sample="chelsea")
    page = text_of(client.get(response["Location"]))
    assert "Waiting for the queue, which can’t be reached now." in page


# --- every state is visible -----------------------------------------------------------------------------------------------


@pytest.fixture
def mine(client: Client, learner: User) -> Trace:
    client.force_login(learner)
    return services.request_trace(owner=learner, network=NETWORK, sample="chelsea", prediction="a dog", now=NOW)


def page_of(client: Client, trace: Trace) -> str:
    response = client.get(f"/traces/{trace.pk}/")
    assert response.status_code == 200
    return text_of(response)


def test_queued(client: Client, mine: Trace) -> None:
    page = page_of(client, mine)
    assert 'data-state="queued"' in page
    assert page.count('class="frame waiting"') == len(STAGES)
    # with its own address, because an address with a fragment ("#run") is never loaded again by itself
    assert f'<noscript><meta http-equiv="refresh" content="2; url=/traces/{mine.pk}/"></noscript>' in page
    assert f"/traces/{mine.pk}/cancel" in page


def test_done(client: Client, mine: Trace) -> None:
    run(mine)
    page = page_of(client, mine)
    assert 'data-state="done"' in page
    assert "You said “a dog”. The network’s first choice is “tiger cat”, with 62.0%." in page
    assert "http-equiv" not in page
    assert "waiting" not in page
    assert f"/traces/{mine.pk}/cancel" not in page
    assert 'alt="2 feature maps of “stem”"' in page


def test_failed_says_why_and_offers_to_run_it_again(client: Client, mine: Trace, bell: list[str]) -> None:
    def breaks(index: int) -> None:
        if index == 1:
            raise MemoryError

    run(mine, ImitationNetwork(breaks))
    page = page_of(client, mine)
    assert 'role="alert"' in page
    assert "ran out of memory" in page
    assert "Run it again" in page
    response = post(client, sample="chelsea", prediction="a dog")
    again = Trace.objects.get(pk=response["Location"].split("/")[2])
    assert services.present(again).status == "queued"


def test_cancelled_keeps_what_ran(client: Client, mine: Trace) -> None:
    def stops(index: int) -> None:
        if index == 2:
            client.post(f"/traces/{mine.pk}/cancel")

    run(mine, ImitationNetwork(stops))
    page = page_of(client, mine)
    assert 'data-state="cancelled"' in page
    assert "What already ran is kept below." in page
    assert page.count('<li class="frame"') == 2


def test_a_failed_run_of_an_upload_is_run_again_without_another_upload(client: Client, learner: User) -> None:
    client.force_login(learner)
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    trace = services.request_trace(owner=learner, network=NETWORK, upload=upload, now=NOW)

    def breaks(index: int) -> None:
        raise MemoryError

    run(trace, ImitationNetwork(breaks))
    assert f'name="upload" value="{upload.pk}"' in page_of(client, trace)
    response = post(client, upload=str(upload.pk))
    assert response.status_code == 302
    trace.job.refresh_from_db()
    assert trace.job.state == "waiting"


# --- who may look ---------------------------------------------------------------------------------------------------------


def test_a_strangers_trace_and_everything_of_it_is_404(client: Client, learner: User, guest: User) -> None:
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    trace = run(services.request_trace(owner=learner, network=NETWORK, upload=upload, now=NOW))
    client.force_login(User.objects.create_user("stranger@example.org", "correct horse"))
    for address in ("", "events", "pictures/0"):
        assert client.get(f"/traces/{trace.pk}/{address}").status_code == 404
    for address in ("cancel", "share", "unshare", "delete"):
        assert client.post(f"/traces/{trace.pk}/{address}").status_code == 404
    assert client.get(f"/uploads/{upload.pk}").status_code == 404


def test_sharing_and_taking_the_link_back(client: Client, mine: Trace) -> None:
    run(mine)
    page = text_of(client.post(f"/traces/{mine.pk}/share", follow=True))
    mine.refresh_from_db()
    assert f"http://testserver/traces/{mine.pk}/?share={mine.share_token}" in page
    stranger = Client()
    shared = f"/traces/{mine.pk}/?share={mine.share_token}"
    seen = text_of(stranger.get(shared))
    assert "tiger cat" in seen
    assert "Delete this run" not in seen
    picture = f"/traces/{mine.pk}/pictures/0"
    assert stranger.get(picture).status_code == 404
    assert stranger.get(f"{picture}?share={mine.share_token}").status_code == 200
    client.post(f"/traces/{mine.pk}/unshare")
    assert stranger.get(shared).status_code == 404


def test_deleting(client: Client, mine: Trace) -> None:
    response = client.post(f"/traces/{mine.pk}/delete", follow=True)
    assert "The run is deleted." in text_of(response)
    assert not Trace.objects.exists()


@pytest.mark.parametrize("name", ["cancel", "share", "unshare", "delete"])
def test_what_changes_something_is_no_get(client: Client, mine: Trace, name: str) -> None:
    assert client.get(f"/traces/{mine.pk}/{name}").status_code == 405


def test_the_houses_trace_is_open_to_all_and_nobodys_to_change(client: Client) -> None:
    trace = run(services.request_trace(owner=None, network=NETWORK, sample="chelsea", now=NOW))
    page = page_of(client, trace)
    assert "Delete this run" not in page
    assert client.post(f"/traces/{trace.pk}/delete").status_code == 404


# --- pictures -------------------------------------------------------------------------------------------------------------


def test_pictures_are_private_and_kept_by_the_browser(client: Client, mine: Trace) -> None:
    run(mine)
    response = client.get(f"/traces/{mine.pk}/pictures/0")
    assert response["Content-Type"] == "image/webp"
    assert "private" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.content
    assert client.get(f"/traces/{mine.pk}/pictures/3").status_code == 404
    assert client.get(f"/traces/{mine.pk}/pictures/99").status_code == 404


def test_an_upload_is_shown_to_its_owner(client: Client, learner: User) -> None:
    client.force_login(learner)
    upload = services.store_upload(owner=learner, file=photo_file(), now=NOW)
    response = client.get(f"/uploads/{upload.pk}")
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"] == "inline"
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize("sample", samples.all_samples(), ids=lambda sample: sample.id)
def test_samples_are_small_and_kept_by_the_browser(client: Client, sample: samples.Sample) -> None:
    response = client.get(f"/samples/{sample.id}")
    small = client.get(f"/samples/{sample.id}?size=small")
    assert response["Content-Type"] == "image/webp"
    assert "public" in response["Cache-Control"]
    assert len(small.content) < 12_000 < len(response.content) < 90_000
    assert client.get(f"/samples/{sample.id}", headers={"If-None-Match": response["ETag"]}).status_code == 304
    assert small["ETag"] != response["ETag"]


def test_no_other_file_is_a_sample(client: Client) -> None:
    for name in ("camera", "..", "%2e%2e%2fsecret", "x" * 300):
        assert client.get(f"/samples/{name}").status_code == 404


def test_each_sample_says_whose_it_is() -> None:
    found = {sample.id: sample for sample in samples.all_samples()}
    assert list(found) == ["chelsea", "coffee", "rocket", "astronaut", "flower", "china"]
    assert found["china"].licence == "CC BY 2.0"
    assert all(sample.credit and sample.licence and sample.alt for sample in found.values())
    assert (found["chelsea"].width, found["chelsea"].height) == (451, 300)


# --- networks -------------------------------------------------------------------------------------------------------------


def test_networks_are_listed_with_their_figures(client: Client, resnet50_facts: None) -> None:
    page = text_of(client.get("/networks/"))
    assert "4.65 M" in page
    assert "ResNet-50" in page
    assert "inspect only" in page


def test_a_network_without_weights_is_inspected_and_says_how_it_could_run(client: Client, resnet50_facts: None) -> None:
    page = text_of(client.get("/networks/resnet50/"))
    for told in ("resnet50-11ad3fa6.pth", "WEIGHTS_DIR", "classifier", "1.28 M"):
        assert told in page
    assert "data-run-form" not in page


def test_without_facts_the_page_says_what_to_do(client: Client) -> None:
    facts.Fact.objects.all().delete()
    assert "compute_facts" in text_of(client.get("/networks/"))
    assert client.get("/networks/resnet50/").status_code == 404


def test_your_runs(client: Client, mine: Trace) -> None:
    assert "No runs yet" in text_of(Client().get("/traces/"))
    run(mine)
    page = text_of(client.get("/traces/"))
    assert "tiger cat, 62.0%" in page
    assert f"/traces/{mine.pk}/" in page


# --- the form -------------------------------------------------------------------------------------------------------------


class Controls(HTMLParser):
    """Which inputs a page has: (type, name, value)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str | None, str | None, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input":
            self.found.append((told.get("type"), told.get("name"), told.get("value")))


def test_a_lessons_form_asks_its_question_first_and_offers_its_photos(rf: RequestFactory) -> None:
    from django.template.loader import render_to_string

    request = rf.get("/somewhere/")
    predict = {"question": "What will it say?", "options": ["a cat", "a dog"], "why": "<p>Because.</p>"}
    run = run_context(request, network=NETWORK, samples=["rocket", "chelsea"], predict=predict, next_url="/somewhere/")
    page = render_to_string("inference/_run.html", {"run": run})
    controls = Controls(page).found
    assert [value for kind, name, value in controls if name == "sample"] == ["rocket", "chelsea", "own"]
    assert [value for kind, name, value in controls if name == "prediction"][:2] == ["a cat", "a dog"]
    assert ("hidden", "next", "/somewhere/") in controls
    assert ("file", "image", None) in controls
    assert "What will it say?" in page
    assert "data-run-why hidden" in page


def test_a_form_about_a_mistake_asks_for_it_on_any_network_that_runs_here(
    client: Client, learner: User, rf: RequestFactory
) -> None:
    from django.template.loader import render_to_string

    here = run_context(
        rf.get("/somewhere/"), network=NETWORK, mistakes=[MistakeName.BGR], networks=facts.runnable(), next_url="/somewhere/"
    )
    page = render_to_string("inference/_run.html", {"run": here})
    assert ("hidden", "mistakes", "bgr") in Controls(page).found
    assert f'<option value="{NETWORK}" selected>' in page
    client.force_login(learner)
    asked = {"network": NETWORK, "mistakes": "bgr", "sample": "chelsea", "next": "/networks/"}
    location = client.post("/traces/", asked)["Location"]
    trace = Trace.objects.get()
    assert location == f"/networks/?trace={trace.pk}#run"
    assert (trace.job.kind, trace.job.options["mistakes"]) == (RunKind.MISTAKE, ["bgr"])
    answer = client.post("/traces/", {"network": NETWORK, "mistakes": "none such", "sample": "chelsea"})
    assert answer.status_code == 422
    assert "is not a mistake that can be made here" in text_of(answer)


def test_a_stopped_run_of_a_mistake_is_asked_for_again_with_its_mistakes(client: Client, learner: User) -> None:
    client.force_login(learner)
    client.post("/traces/", {"network": NETWORK, "mistakes": ["bgr", "softmax_twice"], "sample": "chelsea"})
    trace = Trace.objects.get()
    client.post(f"/traces/{trace.pk}/cancel")
    again = Controls(text_of(client.get(f"/traces/{trace.pk}/"))).found
    assert [value for kind, name, value in again if name == "mistakes"] == ["bgr", "softmax_twice"]


def test_where_it_was_asked_for_a_finished_run_leads_to_its_own_page(client: Client) -> None:
    trace = services.request_trace(owner=None, network=NETWORK, sample="chelsea", now=NOW)
    here = f"/networks/{NETWORK}/?trace={trace.pk}"
    link = f'<a class="btn" href="/traces/{trace.pk}/">Open this run on its own page</a>'
    assert f"data-run-page hidden>{link}" in text_of(client.get(here))
    run(trace)
    assert f"data-run-page>{link}" in text_of(client.get(here))
    assert "Open this run on its own page" not in text_of(client.get(f"/traces/{trace.pk}/"))


def test_an_address_with_another_persons_trace_shows_nothing_of_it(client: Client, learner: User) -> None:
    trace = services.request_trace(owner=learner, network=NETWORK, sample="chelsea", now=NOW)
    for value in (str(trace.pk), "nonsense", str(uuid4())):
        page = text_of(client.get(f"/networks/{NETWORK}/?trace={value}"))
        assert "data-trace=" not in page


def test_facts_with_missing_parts_break_no_page(client: Client) -> None:
    facts.store_facts("bare", {"id": "bare"}, now=NOW)
    facts.store_facts("odd", network_facts(id="odd", weights={}, stages={}, default_weights=None), now=NOW)
    for address in ("/networks/", "/networks/bare/", "/networks/odd/", "/api/v1/networks", "/api/v1/networks/bare"):
        assert client.get(address).status_code == 200
    assert reverse("inference:network", kwargs={"network_id": "bare"}) == "/networks/bare/"
