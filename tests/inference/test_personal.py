"""What a person takes along, leaves behind, and brings into an account."""

from __future__ import annotations

import json

import pytest
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from inference import personal, services
from inference.models import Job, Trace, Upload
from inference.runs import run_job
from tests.inference.conftest import NETWORK, NOW, ImitationNetwork, photo_bytes, photo_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]


def upload_of(person: User, content: bytes | None = None) -> Upload:
    return services.store_upload(owner=person, file=photo_file(content), now=NOW)


def traced(person: User, **image: object) -> Trace:
    trace = services.request_trace(owner=person, network=NETWORK, now=NOW, **image)
    run_job(
        job_id=trace.job_id,
        perform=ImitationNetwork().perform,
        clock=lambda: NOW,
    )
    return trace


def test_an_export_holds_ones_runs_and_photos_and_nobody_elses(learner: User, guest: User) -> None:
    traced(learner, sample="chelsea", prediction="a cat")
    upload = upload_of(learner)
    traced(learner, upload=upload)
    traced(guest, sample="coffee")
    told = json.loads(json.dumps(personal.export(learner), cls=DjangoJSONEncoder))
    by_sample = {trace["sample"]: trace for trace in told["traces"]}
    assert set(by_sample) == {"chelsea", ""}
    assert by_sample["chelsea"]["top_k"][0]["label"] == "tiger cat"
    assert by_sample[""]["upload"] == str(upload.pk)
    assert told["uploads"][0]["original"]["format"] == "JPEG"


def test_erasing_a_person_removes_their_photos_and_runs_with_every_file(learner: User, guest: User) -> None:
    shared_sample = traced(learner, sample="chelsea")
    theirs = services.request_trace(owner=guest, network=NETWORK, sample="chelsea", now=NOW)
    upload = upload_of(learner)
    own = traced(learner, upload=upload)
    services.share_trace(trace=own)
    unused = upload_of(learner, photo_bytes(size=(40, 40)))
    personal.erase(learner)
    assert list(Trace.objects.all()) == [theirs]
    assert list(Job.objects.all()) == [shared_sample.job]
    assert not Upload.objects.exists()
    for name in (upload.file.name, unused.file.name):
        assert not default_storage.exists(str(name))
    learner.delete()
    assert services.present(theirs).status == "done"


def test_a_guests_runs_and_photos_become_the_accounts(learner: User, guest: User) -> None:
    upload = upload_of(guest)
    trace = traced(guest, upload=upload)
    personal.merge(guest, learner)
    guest.delete()
    trace.refresh_from_db()
    assert trace.owner == learner
    assert services.upload_for(upload_id=upload.pk, person=learner)
    assert default_storage.exists(str(upload.file.name))


def test_a_photo_that_the_account_has_already_is_kept_once(learner: User, guest: User) -> None:
    kept = upload_of(learner)
    double = upload_of(guest)
    trace = traced(guest, upload=double)
    personal.merge(guest, learner)
    guest.delete()
    trace.refresh_from_db()
    assert trace.job.upload == kept
    assert list(Upload.objects.all()) == [kept]
    assert default_storage.exists(str(kept.file.name))
    assert not default_storage.exists(str(double.file.name))
