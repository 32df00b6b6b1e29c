"""The page of looks: forms that ask, what came of them, and who may ask."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from inference import services
from inference.contracts import RunKind
from inference.models import Job, Trace
from tests.inference.conftest import NOW, photo_file
from tests.inference.looking.conftest import NETWORK, TRANSFORMER

pytestmark = [pytest.mark.django_db, pytest.mark.torch, pytest.mark.weights]

UNIT = {"look": "unit", "stage": "features4", "channel": "3", "y": "5", "x": "7"}


def page_of(trace: Trace) -> str:
    return reverse("inference:look", args=[trace.pk])


def test_a_finished_run_leads_to_its_looks_and_shows_its_own_evidence(client: Client, cat_run: Trace) -> None:
    run = client.get(reverse("inference:trace", args=[cat_run.pk])).content.decode()
    assert page_of(cat_run) in run
    assert "Evidence for “tiger cat”" in run
    assert 'type="range"' in run
    page = client.get(page_of(cat_run)).content.decode()
    assert "Evidence for “tiger cat”" in page
    assert "features.4 (80×14×14)" in page
    assert 'data-look-form="attention"' not in page


def test_a_look_without_scripts_is_a_page_that_shows_what_was_found(
    as_learner: Client, cat_run: Trace, work: Callable[[], None]
) -> None:
    waiting = as_learner.post(page_of(cat_run), UNIT, follow=True)
    assert waiting.redirect_chain[0][0].endswith("#unit")
    assert 'http-equiv="refresh"' in waiting.content.decode()
    work()
    page = as_learner.get(waiting.redirect_chain[0][0].partition("#")[0]).content.decode()
    assert "features4, channel 3, row 5, column 7" in page
    assert "The network itself has" in page
    assert "The shortcut is added" in page
    assert "What it can see." in page
    assert "147 × 147 pixels" in page


def test_looks_stay_on_the_page_while_others_are_asked_for(
    as_learner: Client, cat_run: Trace, work: Callable[[], None]
) -> None:
    first = as_learner.post(page_of(cat_run), {"look": "neighbours"})["Location"]
    work()
    page = as_learner.get(first.partition("#")[0]).content.decode()
    assert "Chelsea the cat, a mirrored cut" in page
    kept = Trace.objects.get(job__options__look="neighbours").pk
    assert f'name="keep_neighbours" value="{kept}"' in page
    second = as_learner.post(page_of(cat_run), {**UNIT, "keep_neighbours": str(kept)})["Location"]
    assert f"neighbours={kept}" in second
    assert "unit=" in second


def test_the_first_layer_and_head_stand_in_the_form_that_asked_for_them(known: None, bell: list[str], client: Client) -> None:
    asked = {"look": "attention", "layer": 0, "head": 0}
    run = services.request_run(
        kind=RunKind.LOOK, owner=None, network=TRANSFORMER, options=asked, sample="chelsea", needs_weights=False, now=NOW
    )
    page = client.get(page_of(run), {"attention": run.pk}).content.decode()
    assert 'name="layer" value="0"' in page
    assert 'name="head" value="0"' in page


def form_of(page: str, name: str) -> str:
    return page.partition(f'data-look-form="{name}"')[2].partition("</form>")[0]


def test_a_link_to_a_layers_unit_fills_in_the_units_form_alone(known: None, bell: list[str], client: Client) -> None:
    run = services.request_run(
        kind=RunKind.LOOK, owner=None, network=TRANSFORMER, sample="chelsea", needs_weights=False, now=NOW
    )
    layer = "encoder.layers.encoder_layer_3.mlp.0"
    unit = {"stage": "encoder_layer_3-5", "layer": layer, "channel": "7", "y": "2", "x": "3"}
    page = client.get(page_of(run), unit).content.decode()
    assert f'name="layer" value="{layer}"' in form_of(page, "unit")
    assert 'name="layer" value=""' in form_of(page, "attention")
    attention = client.get(page_of(run), {"layer": "3", "head": "2"}).content.decode()
    assert 'name="layer" value=""' in form_of(attention, "unit")
    assert 'name="layer" value="3"' in form_of(attention, "attention")


def test_the_class_that_the_address_names_is_chosen(client: Client, cat_run: Trace) -> None:
    second = cat_run.job.document["top_k"][1]["class_index"]
    page = client.get(page_of(cat_run), {"class_index": str(second)}).content.decode()
    assert f'<option value="{second}" selected>' in form_of(page, "grad_cam")


def test_the_same_look_is_answered_from_the_store(
    as_learner: Client, cat_run: Trace, work: Callable[[], None], bell: list[str]
) -> None:
    asked = {"look": "maps", "stage": "features4", "channels": "5, 3"}
    told = as_learner.post(page_of(cat_run), asked, headers={"Accept": "application/json"})
    assert told.status_code == 202
    assert told.json()["status"] == "queued"
    work()
    rung = len(bell)
    again = as_learner.post(page_of(cat_run), asked | {"channels": "3,5"}, headers={"Accept": "application/json"}).json()
    assert again["status"] == "done"
    assert "2 chosen channels of 80" in again["html"]
    assert len(bell) == rung
    assert Job.objects.filter(kind="look").count() == 1


def test_a_click_on_the_sheet_leads_to_the_unit_drawn_there(
    as_learner: Client, cat_run: Trace, work: Callable[[], None]
) -> None:
    as_learner.post(page_of(cat_run), {"look": "maps", "stage": "features4", "channels": "7,9"})
    work()
    maps = Trace.objects.get(job__options__look="maps")
    tile = maps.job.document["results"][1]["figures"]["tile"]
    answer = as_learner.get(reverse("inference:pick", args=[maps.pk]), {"x": str(tile[1] + 1), "y": str(tile[0] - 1)})
    assert answer["Location"].startswith(page_of(cat_run))
    assert answer["Location"].endswith("stage=features4&channel=9&y=13&x=0#unit")
    page = as_learner.get(answer["Location"]).content.decode()
    assert 'name="channel" type="number" min="0" value="9"' in page
    assert as_learner.get(reverse("inference:pick", args=[cat_run.pk])).status_code == 404


def test_nonsense_is_a_422_with_a_sentence(as_learner: Client, cat_run: Trace) -> None:
    asked = UNIT | {"channel": "80"}
    told = as_learner.post(page_of(cat_run), asked, headers={"Accept": "application/json"})
    assert told.status_code == 422
    assert "choose a number from 0 to 79" in told.json()["detail"]
    assert as_learner.post(page_of(cat_run), asked).status_code == 422
    assert not Job.objects.filter(kind="look").exists()


def test_what_only_the_worker_knows_fails_with_a_sentence(as_learner: Client, cat_run: Trace, work: Callable[[], None]) -> None:
    place = as_learner.post(page_of(cat_run), UNIT | {"layer": "features.0.0"})["Location"]
    work()
    page = as_learner.get(place.partition("#")[0]).content.decode()
    assert "holds no such place" in page


def test_somebody_elses_photo_can_be_seen_by_its_link_but_not_looked_into(
    client: Client, known: None, learner: User, work: Callable[[], None], bell: list[str]
) -> None:
    own = services.request_photo_trace(owner=learner, network=NETWORK, file=photo_file(), now=NOW)
    work()
    assert client.get(page_of(own)).status_code == 404
    token = services.share_trace(trace=own)
    shown = client.get(f"{page_of(own)}?share={token}")
    assert shown.status_code == 200
    assert "somebody else’s" in shown.content.decode()
    assert "data-look-form" not in shown.content.decode()
    assert client.post(f"{page_of(own)}?share={token}", {"look": "neighbours"}).status_code == 404


def test_looks_of_others_do_not_appear_on_ones_page(
    client: Client, cat_run: Trace, learner: User, work: Callable[[], None]
) -> None:
    client.force_login(learner)
    client.post(page_of(cat_run), UNIT)
    work()
    unit = Trace.objects.get(job__options__look="unit")
    client.force_login(User.objects.create_guest())
    page = client.get(f"{page_of(cat_run)}?unit={unit.pk}&maps=nonsense&stage=%00&channel=<b>").content.decode()
    assert "The network itself has" not in page
    assert "<b>" not in page


def test_looks_over_the_api(as_learner: Client, cat_run: Trace, work: Callable[[], None]) -> None:
    asked = {"sample": "chelsea", "explain": "unit", "stage": "features4", "channel": "0", "y": "0", "x": "0"}
    told = as_learner.post("/api/v1/traces", asked)
    assert told.status_code == 202, told.content
    work()
    results = as_learner.get(f"/api/v1/traces/{told.json()['id']}").json()["results"]
    assert [result["name"] for result in results] == ["crop", "unit:features4", "receptive:features4"]
    figures = results[1]["figures"]
    assert figures["recomputed"] == pytest.approx(figures["value"], abs=1e-4)
    refused = as_learner.post("/api/v1/traces", asked | {"y": "14"})
    assert refused.status_code == 422


@pytest.mark.usefixtures("known")
def test_a_look_at_ones_own_photo_over_the_api_is_ones_own(as_learner: Client, learner: User, work: Callable[[], None]) -> None:
    told = as_learner.post("/api/v1/traces", {"image": photo_file(), "explain": "neighbours"})
    assert told.status_code == 202, told.content
    trace = Trace.objects.select_related("job__upload").get(pk=told.json()["id"])
    assert (trace.job.kind, trace.job.sample) == (RunKind.LOOK, "")
    assert trace.job.upload is not None
    assert trace.job.upload.owner == learner
    work()
    assert as_learner.get(f"/api/v1/traces/{trace.pk}").json()["status"] == "done"
    assert Client().get(f"/api/v1/traces/{trace.pk}").status_code == 404


def test_a_look_into_a_network_that_nobody_knows_is_said(as_learner: Client) -> None:
    asked = {"sample": "chelsea", "explain": "unit", "network": "resnet51"}
    refused = as_learner.post("/api/v1/traces", asked)
    assert refused.status_code == 404
    assert "knows no network of this name" in refused.json()["detail"]
