"""Opening a document: whose it is, what it is taken for, and what becomes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from accounts.models import User
from inference import personal, services
from inference.contracts import RunKind
from inference.models import Job, JobState, Trace, Upload
from inference.presenting import present
from inference.runs import files_folder
from inference.sharing import opening
from inference.sharing.writing import write_trace
from tests.inference.conftest import NETWORK, NOW, photo_file
from tests.inference.sharing.conftest import as_file, open_trace
from web.problems import Problem

pytestmark = pytest.mark.django_db

OPEN = "/traces/open/"


def file_of(content: Any, name: str = "run.json") -> Any:
    return photo_file(as_file(content), name=name)


def opened(owner: User, content: Any) -> Trace:
    trace = open_trace(owner=owner, file=file_of(content))
    return Trace.objects.select_related("job").get(pk=trace.pk)


def text_of(response: Any) -> str:
    return response.content.decode()


@pytest.fixture
def reader(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client


# --- whose, and what it is taken for ----------------------------------------------------------------------------------------


def test_it_is_a_trace_of_the_person_alone_and_of_a_kind_of_its_own(
    told: dict[str, Any], learner: User, outsider: User
) -> None:
    trace = opened(learner, told)
    assert (trace.job.kind, trace.job.state) == (RunKind.OPENED, JobState.DONE)
    assert services.may_see(trace, person=learner)
    assert not services.may_see(trace, person=outsider)
    assert not services.may_see(trace, person=None)


def test_nobody_is_answered_with_it(told: dict[str, Any], learner: User, outsider: User, bell: list[str]) -> None:
    """Whoever asks for the same network and photo gets a run, also the person who opened the file."""
    Trace.objects.all().delete()
    Job.objects.all().delete()
    forged = {**told, "top_k": [{"rank": 1, "class_index": 1, "label": "forged", "probability": 1.0}], "milliseconds": 1e9}
    opened(learner, forged)
    for owner in (learner, outsider, None):
        asked = services.request_trace(owner=owner, network=NETWORK, sample="chelsea", now=NOW)
        assert asked.job.kind == RunKind.TRACE
        assert asked.job.state == JobState.WAITING
    assert services.stored_trace(network=NETWORK, sample="chelsea") is None
    assert services.usual_seconds(NETWORK) is None


def test_a_file_cannot_pass_for_a_sample_that_it_is_not(told: dict[str, Any], learner: User) -> None:
    told["photo"]["sha256"] = "0" * 64
    trace = opened(learner, told)
    assert trace.job.sample == ""
    assert present(trace, person=learner).photo.url == ""


def test_the_same_file_again_is_the_same_trace_for_one_person_and_another_for_another(
    told: dict[str, Any], learner: User, outsider: User
) -> None:
    first = opened(learner, told)
    assert opened(learner, told).pk == first.pk
    other = opened(outsider, told)
    assert other.pk != first.pk
    assert other.job_id != first.job_id


def test_a_deleted_one_leaves_nothing_behind(told: dict[str, Any], learner: User) -> None:
    trace = opened(learner, told)
    folder = files_folder(trace.job_id)
    assert len(default_storage.listdir(folder)[1]) == 3
    services.delete_trace(trace=trace, now=NOW)
    assert not Job.objects.filter(kind=RunKind.OPENED).exists()
    assert not default_storage.exists(folder)


def test_it_expires_and_is_shared_like_any_other(told: dict[str, Any], learner: User) -> None:
    trace = opened(learner, told)
    token = services.share_trace(trace=trace)
    assert services.may_see(trace, person=None, share_token=token)
    services.expire(now=NOW + timedelta(days=31))
    assert Trace.objects.filter(pk=trace.pk).exists()
    services.unshare_trace(trace=trace, now=NOW)
    services.expire(now=NOW + timedelta(days=31))
    assert not Trace.objects.filter(pk=trace.pk).exists()
    assert not Job.objects.filter(kind=RunKind.OPENED).exists()


def test_it_goes_with_its_person(told: dict[str, Any], learner: User) -> None:
    opened(learner, told)
    assert personal.export(learner)["traces"][0]["network"] == NETWORK
    personal.erase(learner)
    assert not Job.objects.filter(kind=RunKind.OPENED).exists()


def test_there_is_a_limit(told: dict[str, Any], learner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OPENED_KEPT", 2)
    for number in range(2):
        opened(learner, {**told, "prediction": str(number)})
    with pytest.raises(Problem) as refused:
        opened(learner, {**told, "prediction": "one more"})
    assert refused.value.status == 429
    assert opened(learner, {**told, "prediction": "0"})  # what is kept already needs no room


def test_no_room_is_told_and_nothing_is_kept(told: dict[str, Any], learner: User, full_disk: None) -> None:
    before = Job.objects.count()
    with pytest.raises(Problem) as refused:
        opened(learner, told)
    assert refused.value.status == 507
    assert Job.objects.count() == before


# --- the pages --------------------------------------------------------------------------------------------------------------


def test_a_stranger_opens_a_downloaded_file_and_sees_the_film(client: Client, cat: Trace) -> None:
    content = write_trace(cat)
    assert client.get(OPEN).status_code == 200
    response = client.post(OPEN, {"file": file_of(content)})
    trace = Trace.objects.get(job__kind=RunKind.OPENED)
    assert response["Location"] == f"/traces/{trace.pk}/"
    assert trace.owner is not None
    assert trace.owner.is_guest
    page = text_of(client.get(response["Location"]))
    assert "Opened from a file" in page
    assert "This site didn’t run it and can’t vouch for its figures." in page
    assert "written by Forward Pass" in page
    assert page.count('class="frame"') == 4
    assert "You said “a cat”." in page
    assert f"/traces/{trace.pk}/pictures/1" in page
    assert client.get(f"/traces/{trace.pk}/pictures/1")["Content-Type"] == "image/webp"
    assert "Run it again" not in page


def test_texts_from_a_file_are_text(reader: Client, told: dict[str, Any]) -> None:
    script = "<script>alert(1)</script>"
    told |= {"network_title": script, "prediction": script, "written_by": script, "network": "nobody_knows"}
    told["made_by"] |= {"network": "nobody_knows"}
    told["top_k"][0]["label"] = script
    told["stages"][1]["title"] = script
    told["photo"] |= {"title": script, "credit": script, "sample": "", "sha256": ""}
    told["results"][0]["figures"]["label"] = script
    response = reader.post(OPEN, {"file": file_of(told)}, follow=True)
    assert response.status_code == 200
    assert script not in text_of(response)
    assert "&lt;script&gt;" in text_of(response)
    assert "/networks/nobody_knows" not in text_of(response)
    listed = reader.get("/traces/")
    assert script not in text_of(listed)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"not a trace", "This file is no trace."),
        (b'{"format": "forward-pass-trace/9"}', "this site reads “forward-pass-trace/1”"),
        (b"x" * (2 * 1024 * 1024 + 1), "larger than 2 MB"),
    ],
)
def test_a_wrong_file_is_told_where_it_was_chosen(reader: Client, content: bytes, sentence: str) -> None:
    response = reader.post(OPEN, {"file": file_of(content)})
    assert response.status_code in (413, 422)
    assert sentence in text_of(response)
    assert 'type="file"' in text_of(response)
    assert not Trace.objects.exists()


def test_a_wrong_file_makes_nobody_a_guest(client: Client) -> None:
    before = User.objects.count()
    for address in (OPEN, "/api/v1/opened-traces"):
        assert client.post(address, {"file": file_of(b"[]")}).status_code == 422
    assert User.objects.count() == before


def test_no_file_is_told_too(reader: Client) -> None:
    response = reader.post(OPEN, {})
    assert response.status_code == 422
    assert "Choose a file first." in text_of(response)


def test_everything_that_is_wrong_stands_in_a_list(reader: Client, told: dict[str, Any]) -> None:
    told["stages"][0]["milliseconds"] = "fast"
    told["top_k"][0]["rank"] = "first"
    page = text_of(reader.post(OPEN, {"file": file_of(told)}))
    assert "“stages[0].milliseconds” must be a number." in page
    assert "“top_k[0].rank” must be a whole number." in page


def test_the_photo_in_a_file_is_shown_to_whoever_may_see_the_trace(reader: Client, own_photo: Trace, learner: User) -> None:
    trace = opened(learner, json.loads(write_trace(own_photo, with_photo=True)))
    assert Upload.objects.filter(owner=learner).count() == 0
    address = f"/traces/{trace.pk}/photo"
    assert address in text_of(reader.get(f"/traces/{trace.pk}/"))
    assert reader.get(address)["Content-Type"] == "image/webp"
    assert Client().get(address).status_code == 404
    token = services.share_trace(trace=trace)
    assert Client().get(address, {"share": token}).status_code == 200
    assert reader.get(f"/traces/{own_photo.pk}/photo").status_code == 404


# --- downloading ------------------------------------------------------------------------------------------------------------


def test_whoever_sees_a_trace_may_download_it(client: Client, cat: Trace, house: Trace) -> None:
    assert client.get(f"/traces/{cat.pk}/document").status_code == 404
    token = services.share_trace(trace=cat)
    response = client.get(f"/traces/{cat.pk}/document", {"share": token})
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="efficientnet_lite0-chelsea.trace.json"'
    assert "no-store" in response["Cache-Control"]
    assert json.loads(response.content)["format"] == "forward-pass-trace/1"
    assert client.get(f"/traces/{house.pk}/document").status_code == 200


def test_only_its_owner_gets_the_photo_with_it(client: Client, own_photo: Trace, guest: User) -> None:
    token = services.share_trace(trace=own_photo)
    shared = client.get(f"/traces/{own_photo.pk}/document", {"share": token})
    assert json.loads(shared.content)["photo"]["picture"] is None
    assert client.get(f"/traces/{own_photo.pk}/document", {"share": token, "photo": "1"}).status_code == 404
    client.force_login(guest)
    own = client.get(f"/traces/{own_photo.pk}/document", {"photo": "1"})
    assert json.loads(own.content)["photo"]["picture"]["width"] == 96


@pytest.mark.parametrize("yes", ["1", "true", "True", "yes", "on"])
def test_the_api_gives_the_photo_to_its_owner_however_it_is_asked_for(
    yes: str, client: Client, own_photo: Trace, guest: User
) -> None:
    place = f"/api/v1/traces/{own_photo.pk}/document"
    token = services.share_trace(trace=own_photo)
    assert client.get(place, {"share": token, "photo": yes}).status_code == 404
    client.force_login(guest)
    assert json.loads(client.get(place, {"photo": yes}).content)["photo"]["picture"]["width"] == 96
    assert json.loads(client.get(place, {"photo": "no"}).content)["photo"]["picture"] is None


def test_the_page_offers_the_photo_to_its_owner_alone(client: Client, own_photo: Trace, cat: Trace, guest: User) -> None:
    token = services.share_trace(trace=own_photo)
    shared = text_of(client.get(f"/traces/{own_photo.pk}/", {"share": token}))
    assert "Download this run" in shared
    assert "with my photo" not in shared
    assert f'name="share" value="{token}"' in shared
    client.force_login(guest)
    assert "with my photo" in text_of(client.get(f"/traces/{own_photo.pk}/"))
    assert "with my photo" not in text_of(client.get(f"/traces/{cat.pk}/"))


def test_an_unfinished_run_offers_nothing_to_take(client: Client, cat: Trace, guest: User) -> None:
    client.force_login(guest)
    Job.objects.update(state=JobState.RUNNING)
    assert "Download this run" not in text_of(client.get(f"/traces/{cat.pk}/"))
    assert client.get(f"/traces/{cat.pk}/document").status_code == 409


# --- the API ----------------------------------------------------------------------------------------------------------------


def test_the_api_gives_a_document_and_opens_it(reader: Client, client: Client, house: Trace) -> None:
    document = reader.get(f"/api/v1/traces/{house.pk}/document")
    assert document.status_code == 200
    answer = reader.post("/api/v1/opened-traces", {"file": file_of(document.content)})
    assert answer.status_code == 201
    assert answer.json()["kind"] == "opened"
    assert answer.json()["status"] == "done"
    assert len(answer.json()["stages"]) == 4
    refused = reader.post("/api/v1/opened-traces", {"file": file_of(b"[]")})
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["sentences"] == ["This file is no trace. Choose the .json file that “Download this run” gave you."]


def test_the_api_gives_a_photo_to_its_owner_alone(client: Client, own_photo: Trace, guest: User) -> None:
    address = f"/api/v1/traces/{own_photo.pk}/document"
    token = services.share_trace(trace=own_photo)
    assert client.get(address, {"share": token, "photo": "true"}).status_code == 404
    assert client.get(address).status_code == 404
    assert client.get(address, {"share": token}).status_code == 200
    client.force_login(guest)
    assert json.loads(client.get(address, {"photo": "true"}).content)["photo"]["picture"]
