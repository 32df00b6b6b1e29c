"""The pages of training, with and without scripts, and what their events tell."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.models import User
from inference import services as runs
from inference.contracts import Failure
from inference.models import Job, PhotoSet, Trace
from inference.training import sets
from inference.training.telling import Teller
from tests.inference.conftest import NETWORK, NOW, photo_file
from tests.inference.training.conftest import CHECKPOINT, asked_for, photo, run, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]

FORM = {"dataset": "textures", "network": NETWORK, "strategy": "frozen", "epochs": "3"}


@pytest.fixture
def visitor(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client


def text_of(response: Any) -> str:
    return response.content.decode()


def page_of(client: Client, trace: Trace) -> str:
    return text_of(client.get(f"/training/{trace.pk}/"))


# --- asking ---------------------------------------------------------------------------------------------------------------


def test_a_form_asks_for_a_run_and_makes_a_guest(client: Client) -> None:
    response = client.post("/training/", FORM | {"prediction": "It beats the trivial baseline"})
    trace = Trace.objects.get()
    assert response["Location"] == f"/training/{trace.pk}/"
    assert trace.owner is not None
    assert trace.owner.is_guest
    assert trace.prediction == "It beats the trivial baseline"
    assert trace.job.options["epochs"] == 3
    page = text_of(client.get(response["Location"]))
    assert 'http-equiv="refresh"' in page
    assert ">Stop</button>" in page


def test_a_form_of_a_lesson_comes_back_to_it_and_to_no_other_site(client: Client) -> None:
    response = client.post("/training/", FORM | {"next": "/networks/?a=1"})
    assert response["Location"] == f"/networks/?a=1&training={Trace.objects.get().pk}#training"
    response = client.post("/training/", FORM | {"next": "https://elsewhere.example/"})
    assert response["Location"].startswith("/training/")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"epochs": "0"}, "Epochs: choose a number, 1 to 100."),
        ({"epochs": "many"}, "whole number"),
        ({"learning_rate": "1e9"}, "Learning rate: choose a number"),
        ({"learning_rate": "nan"}, "Enter a number"),
        ({"labels_per_class": "99999999999999999999"}, "Labels per class"),
        ({"seed": "-1"}, "Seed: choose a number"),
        ({"dataset": "set:" + str(uuid4())}, "valid choice"),
        ({"dataset": "own"}, "valid choice"),
        ({"network": "nothing"}, "valid choice"),
        ({"strategy": ""}, "required"),
        ({"prediction": "x" * 300}, "200"),
    ],
)
def test_nonsense_comes_back_with_the_form_and_a_sentence(client: Client, changed: dict[str, str], words: str) -> None:
    response = client.post("/training/", FORM | changed)
    assert response.status_code == 422
    assert words in text_of(response)
    assert not Job.objects.exists()


def test_a_second_run_is_a_429_with_retry_after(visitor: Client) -> None:
    visitor.post("/training/", FORM)
    response = visitor.post("/training/", FORM | {"seed": "2"})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Let it finish or stop it" in text_of(response)


def test_the_form_begins_with_the_settings_of_a_run(visitor: Client, learner: User) -> None:
    trace = trained(learner, data="digits", strategy="finetune", epochs=7, blocks="all")
    page = text_of(visitor.get(f"/training/?from={trace.pk}"))
    assert 'value="digits" checked' in page
    assert 'value="finetune" checked' in page
    assert 'name="epochs" value="7"' in page
    assert '<option value="all" selected>' in page
    assert visitor.get(f"/training/?from={uuid4()}").status_code == 200
    assert visitor.get("/training/?from=nonsense&dataset=nonsense").status_code == 200


# --- a run ----------------------------------------------------------------------------------------------------------------


def test_a_finished_run_shows_curves_matrix_baseline_words_and_head(visitor: Client, learner: User) -> None:
    page = page_of(visitor, trained(learner, prediction="It beats the trivial baseline"))
    for words in (
        "Done: 3 epochs, 1.5 s in all.",
        "It is right on 27 of 30 examples that it had not seen: 90.0%, with a 95% interval of 74.4% to 96.5%.",
        "It beats the best trivial baseline (the mean colour alone, 60.0%)",
        "It is surer than it is right",
        "You said: “It beats the trivial baseline”. It came to 90.0%, the best trivial baseline to 60.0%.",
        "“brick” taken for “grass”, 1 of 10 times",
        "Each class is one photograph, cut up.",
        "371 of them vary by less than 0.05",
        "Download the head",
        "CC0Textures, Bricks25",
    ):
        assert words in page, words
    assert page.count("<svg") >= 2
    assert page.count('class="chart-line third"') == 1, "the baseline is drawn beside the run"
    assert "http-equiv" not in page
    assert "&lt;b&gt;" not in page


def test_each_state_says_where_the_run_stands(visitor: Client, learner: User, settings: Any) -> None:
    settings.REDIS_URL = f"unix://{settings.DATA_DIR}/nothing.sock"
    trace = asked_for(learner)
    assert "Waiting for the queue" in page_of(visitor, trace)
    runs.cancel_trace(trace=trace, now=NOW)
    page = page_of(visitor, trace)
    assert "Stopped before it began." in page
    assert "Train it again" in page
    again = asked_for(learner)
    Job.objects.filter(pk=again.job_id).update(state="failed", failure=Failure.OUT_OF_MEMORY)
    page = page_of(visitor, again)
    assert "ran out of memory" in page
    assert 'role="alert"' in page


def test_a_failed_run_can_be_asked_for_again_as_it_was(visitor: Client, learner: User, filled_set: PhotoSet) -> None:
    trace = asked_for(learner, photo_set=filled_set, seed=0)
    Job.objects.filter(pk=trace.job_id).update(state="failed", failure=Failure.INTERNAL)
    page = page_of(visitor, trace)
    assert f'name="dataset" value="set:{filled_set.pk}"' in page
    assert 'name="seed" value="0"' in page


def test_a_run_is_its_owners_until_it_is_shared(visitor: Client, learner: User, filled_set: PhotoSet) -> None:
    trace = trained(learner, photo_set=filled_set)
    stranger = Client()
    assert "“Kitchen”: frozen backbone" in page_of(visitor, trace)
    addresses = [f"/training/{trace.pk}/", f"/training/{trace.pk}/events", f"/training/{trace.pk}/head"]
    for address in [*addresses, f"/traces/{trace.pk}/results/data/examples"]:
        assert stranger.get(address).status_code == 404, address
    for address in (f"/training/{trace.pk}/try", f"/training/{trace.pk}/keep"):
        assert stranger.post(address, {"sample": "chelsea"}).status_code == 404, address
    token = runs.share_trace(trace=trace)
    shared = text_of(stranger.get(f"/training/{trace.pk}/?share={token}"))
    assert "Kitchen" not in shared, "the set's name is not part of what was shared"
    assert "Try the head" not in shared
    assert stranger.get(f"/training/{trace.pk}/head?share={token}").status_code == 200
    assert stranger.post(f"/training/{trace.pk}/try", {"sample": "chelsea"}).status_code == 404


def test_other_pages_of_runs_lead_to_the_runs_own(visitor: Client, learner: User) -> None:
    trace = trained(learner)
    response = visitor.get(f"/traces/{trace.pk}/")
    assert response["Location"] == f"/training/{trace.pk}/"
    page = text_of(visitor.get("/traces/"))
    assert f'<a href="/training/{trace.pk}/">Textures: frozen backbone</a>' in page
    assert "90.0% right" in page
    assert "Trained Textures: frozen backbone" in text_of(visitor.get("/me/"))
    trial = visitor.post(f"/training/{trace.pk}/try", {"sample": "chelsea"})["Location"]
    assert "Chelsea the cat, with your own head" in text_of(visitor.get("/traces/"))
    visitor.post(f"/traces/{trial.split('/')[-2]}/delete")
    visitor.post(f"/traces/{trace.pk}/delete")
    assert not Trace.objects.exists()


def test_a_head_is_taken_along_under_a_name_that_says_what_it_is(visitor: Client, learner: User) -> None:
    trace = trained(learner)
    response = visitor.get(f"/training/{trace.pk}/head")
    assert response.content == CHECKPOINT
    name = f"efficientnet_lite0-textures-{str(trace.pk)[:8]}.pt"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert page_of(visitor, trace).count(name) == 2, "beside the code, and in it"
    assert visitor.get(f"/training/{asked_for(learner, seed=7).pk}/head").status_code == 404


def test_a_head_is_kept_and_let_go(visitor: Client, learner: User) -> None:
    trace = trained(learner)
    visitor.post(f"/training/{trace.pk}/keep", {"keep": "1"})
    assert "kept until you let it go" in page_of(visitor, trace)
    visitor.post(f"/training/{trace.pk}/keep")
    trace.refresh_from_db()
    assert not trace.pinned
    assert trace.expires_at > timezone.now()


# --- trials ---------------------------------------------------------------------------------------------------------------


def test_a_head_is_tried_on_a_sample_and_on_an_own_photo(visitor: Client, learner: User) -> None:
    trace = trained(learner)
    for fields in ({"sample": "chelsea"}, {"sample": "own", "image": photo_file()}):
        response = visitor.post(f"/training/{trace.pk}/try", fields)
        trial = Trace.objects.get(pk=response["Location"].split("/")[-2])
        assert response["Location"] == f"/training/trials/{trial.pk}/"
        run(trial)
        page = text_of(visitor.get(response["Location"]))
        assert "The head says “brick”, with 90.0%. It knows its 3 classes and nothing else" in page
        assert "0.56 bits uncertain, of at most 1.58" in page
        assert f"/training/{trace.pk}/#try" in page
        assert Client().get(response["Location"]).status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, 422), ({"sample": "own"}, 422), ({"sample": "nobody"}, 404), ({"image": photo_file(b"<svg/>")}, 422)],
)
def test_a_trial_without_a_photo_is_refused(visitor: Client, learner: User, fields: dict[str, Any], status: int) -> None:
    trace = trained(learner)
    assert visitor.post(f"/training/{trace.pk}/try", fields).status_code == status


# --- comparing ------------------------------------------------------------------------------------------------------------


def test_two_runs_are_compared_and_only_ones_that_may_be_seen(visitor: Client, learner: User, guest: User) -> None:
    first, second = trained(learner), trained(learner, learning_rate=0.01)
    page = text_of(visitor.get(f"/training/compare/?runs={first.pk},{second.pk}"))
    assert "One thing differs. Learning rate: 0.003 in A, 0.01 in B." in page
    assert "They are right and wrong on the same of the 30 validation examples." in page
    assert page.count('class="chart-line third"') == 1
    assert text_of(visitor.get(f"/training/compare/?runs={first.pk}&runs={second.pk}")).count("<figure") == 2
    theirs = trained(guest, seed=4)
    for runs_named in (f"{first.pk},{theirs.pk}", f"{first.pk},nonsense", f"{first.pk},{uuid4()}"):
        assert visitor.get(f"/training/compare/?runs={runs_named}").status_code == 404
    assert "Nothing to compare yet" in text_of(Client().get("/training/compare/"))


# --- photo sets -----------------------------------------------------------------------------------------------------------


def test_a_set_is_made_filled_and_trained_on(visitor: Client, learner: User) -> None:
    response = visitor.post("/training/photos/", {"name": "Kitchen", "classes": "mug\nglass\n"})
    photo_set = PhotoSet.objects.get()
    assert response["Location"] == f"/training/photos/{photo_set.pk}/"
    assert "Before you can train, add photos to: mug, glass." in text_of(visitor.get(response["Location"]))
    for index in range(2):
        files = [photo(10 * index + number) for number in range(2)]
        response = visitor.post(f"/training/photos/{photo_set.pk}/add", {"class": index, "photos": files})
        assert response["Location"] == f"/training/photos/{photo_set.pk}/#class-{index}"
    page = text_of(visitor.get(f"/training/photos/{photo_set.pk}/"))
    assert page.count("Photo 2 of") == 2
    assert f"/training/?dataset=set:{photo_set.pk}" in page
    response = visitor.post("/training/", FORM | {"dataset": f"set:{photo_set.pk}"})
    assert Trace.objects.get().job.options["photo_set"] == str(photo_set.pk)
    assert "A run is training on these photos." in text_of(visitor.get(f"/training/photos/{photo_set.pk}/"))


def test_files_that_are_not_taken_are_named_and_the_others_kept(visitor: Client, photo_set: PhotoSet) -> None:
    files = [photo(1), photo_file(b"PK\x03\x04", name="<b>holiday</b>.zip"), photo(2)]
    response = visitor.post(f"/training/photos/{photo_set.pk}/add", {"class": "0", "photos": files})
    page = text_of(response)
    assert response.status_code == 422
    assert "A file was not taken" in page
    assert "This is an archive or a document" in page
    assert "<b>holiday</b>" not in page
    assert photo_set.photos.count() == 2
    assert "2 photos added." in page


@pytest.mark.parametrize("index", ["", "9", "-1", "x", "٣", "9" * 50])
def test_a_class_that_there_is_not_is_a_422(visitor: Client, photo_set: PhotoSet, index: str) -> None:
    response = visitor.post(f"/training/photos/{photo_set.pk}/add", {"class": index, "photos": photo(1)})
    assert response.status_code == 422


@pytest.mark.parametrize("fields", [{}, {"name": "x"}, {"name": "x", "classes": "one"}, {"name": "", "classes": "a\nb"}])
def test_a_set_without_a_name_or_classes_comes_back_with_its_form(visitor: Client, fields: dict[str, str]) -> None:
    response = visitor.post("/training/photos/", fields)
    assert response.status_code == 422
    assert "error-summary" in text_of(response)
    assert not PhotoSet.objects.exists()


def test_names_change_on_the_sets_page(visitor: Client, filled_set: PhotoSet) -> None:
    address = f"/training/photos/{filled_set.pk}/"
    assert visitor.post(address, {"name": "Table", "classes": "cup\nglass"})["Location"] == address
    assert "<h1>Table</h1>" in text_of(visitor.get(address))
    response = visitor.post(address, {"name": "Table", "classes": "cup"})
    assert response.status_code == 422
    assert "Name 2 to 5 classes" in text_of(response)


def test_a_set_is_nobody_elses(filled_set: PhotoSet, client: Client, guest: User) -> None:
    one = filled_set.photos.first()
    assert one is not None
    address = f"/training/photos/{filled_set.pk}/"
    for path in (address, f"/training/photos/one/{one.pk}"):
        assert client.get(path).status_code == 404, path
    for path in (address, f"{address}add", f"{address}delete", f"/training/photos/one/{one.pk}/remove"):
        assert client.post(path, {"class": 0, "photos": photo(9), "name": "x", "classes": "a\nb"}).status_code == 404, path
    assert filled_set.photos.count() == 6


def test_a_photo_is_shown_to_its_owner_and_removed(visitor: Client, filled_set: PhotoSet) -> None:
    one = filled_set.photos.first()
    assert one is not None
    response = visitor.get(f"/training/photos/one/{one.pk}")
    assert response["Content-Type"] == "image/jpeg"
    assert "private" in response["Cache-Control"]
    response = visitor.post(f"/training/photos/one/{one.pk}/remove")
    assert response["Location"] == f"/training/photos/{filled_set.pk}/#class-0"
    assert not default_storage.exists(str(one.file.name))


def test_a_deleted_set_is_gone(visitor: Client, filled_set: PhotoSet) -> None:
    assert visitor.post(f"/training/photos/{filled_set.pk}/delete")["Location"] == "/training/"
    assert not PhotoSet.objects.exists()
    assert visitor.get(f"/training/photos/{filled_set.pk}/").status_code == 404


def test_a_form_without_its_token_is_refused(photo_set: PhotoSet) -> None:
    strict = Client(enforce_csrf_checks=True)
    for path in ("/training/", "/training/photos/", f"/training/photos/{photo_set.pk}/add"):
        assert strict.post(path, FORM).status_code == 403, path


# --- events ---------------------------------------------------------------------------------------------------------------


def told(trace: Trace, name: str, data: dict[str, Any], *, html: bool = True) -> dict[str, Any]:
    teller = Teller(person=trace.owner, share_token="", html=html, csrf_token="token")
    return json.loads(json.dumps(teller.describe(trace, name, data)))


def test_an_event_carries_the_pieces_that_it_changes(learner: User) -> None:
    trace = trained(learner)
    results = trace.job.document["results"]
    pieces = {result["name"]: list(told(trace, "result", result)["pieces"]) for result in results}
    assert pieces == {
        "data": ["setup"],
        "baseline:majority": ["setup"],
        "baseline:mean_colour": ["setup"],
        "features": ["setup"],
        "epoch:1": ["curves"],
        "epoch:2": ["curves"],
        "epoch:3": ["curves"],
        "confusion": [],
        "head": [],
    }
    end = told(trace, "done", {})
    assert set(end["pieces"]) == {"setup", "curves", "outcome", "end", "head"}
    assert 'value="token"' in end["pieces"]["head"]
    assert "<noscript" not in "".join(end["pieces"].values())


def test_a_second_attempt_begins_with_an_empty_page(learner: User) -> None:
    trace = asked_for(learner)
    Job.objects.filter(pk=trace.job_id).update(state="running", attempts=2)
    trace.job.refresh_from_db()
    event = told(trace, "loading", {"tries": 2})
    assert event["status"] == "loading"
    assert "It begins again from its seed: attempt 2." in event["sentence"]
    assert {name: piece.strip() for name, piece in event["pieces"].items()} == {"setup": "", "curves": ""}


def test_a_run_is_over_only_when_its_last_event_says_so(learner: User) -> None:
    """The rows may be ahead of the events: a page that closed its stream too early would miss what came out."""
    trace = trained(learner)
    epoch = next(result for result in trace.job.document["results"] if result["name"] == "epoch:2")
    assert told(trace, "result", epoch)["status"] == "running"
    assert told(trace, "done", {})["status"] == "done"


def test_a_program_is_told_figures_and_no_pieces(learner: User) -> None:
    trace = trained(learner)
    epoch = next(result for result in trace.job.document["results"] if result["name"] == "epoch:2")
    event = told(trace, "result", epoch, html=False)
    assert event["figures"]["validation_accuracy"] == 0.7
    assert "pieces" not in event


def test_someone_elses_set_of_photos_can_not_be_trained_on(client: Client, filled_set: PhotoSet, guest: User) -> None:
    assert sets.photo_set_for(set_id=filled_set.pk, person=filled_set.owner)
    response = client.post("/training/", FORM | {"dataset": f"set:{filled_set.pk}"})
    assert response.status_code == 422
    assert not Job.objects.exists()
