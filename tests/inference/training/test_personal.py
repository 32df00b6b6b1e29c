"""Photo sets and heads among what a person takes along, leaves behind, and brings into an account."""

from __future__ import annotations

import json

import pytest
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from inference import personal
from inference.models import Job, PhotoSet, Trace
from inference.training import sets
from tests.inference.conftest import NOW
from tests.inference.training.conftest import CHECKPOINT, photo, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]


def test_an_export_holds_the_sets_with_every_photo_and_the_heads(learner: User, filled_set: PhotoSet, guest: User) -> None:
    trace = trained(learner, photo_set=filled_set)
    trained(guest, seed=3)
    told = json.loads(json.dumps(personal.export(learner), cls=DjangoJSONEncoder))
    (one,) = told["photo_sets"]
    assert one["classes"] == ["mug", "glass"]
    assert [row["class"] for row in one["photos"]] == ["mug"] * 3 + ["glass"] * 3
    (of_run,) = told["training_runs"]
    assert of_run["id"] == str(trace.pk)
    assert len(of_run["epochs"]) == 3
    assert of_run["confusion"]["accuracy"] == 0.9
    files = dict(personal.files(learner))
    assert {row["file"] for row in one["photos"]} <= files.keys()
    assert files[of_run["head"]] == CHECKPOINT


def test_erasing_a_person_removes_their_sets_and_heads_with_every_file(learner: User, filled_set: PhotoSet) -> None:
    trace = trained(learner, photo_set=filled_set)
    names = [str(one.file.name) for one in filled_set.photos.all()]
    names.append(trace.job.document["results"][-1]["files"]["checkpoint"]["name"])
    assert all(default_storage.exists(name) for name in names)
    personal.erase(learner)
    assert not any(default_storage.exists(name) for name in names)
    assert not PhotoSet.objects.exists()
    assert not Job.objects.exists()


def test_a_guests_sets_and_heads_become_the_accounts_and_can_be_trained_on(learner: User, guest: User) -> None:
    photo_set = sets.create_photo_set(owner=guest, name="Kitchen", classes=["mug", "glass"], now=NOW)
    for index in range(2):
        files = [photo(10 * index + number) for number in range(2)]
        sets.add_photos(photo_set=photo_set, class_index=index, files=files, now=NOW)
    trace = trained(guest, photo_set=photo_set)
    personal.merge(guest, learner)
    guest.delete()
    photo_set.refresh_from_db()
    assert photo_set.owner == learner
    assert Trace.objects.get(owner=learner) == trace
    assert trained(learner, photo_set=photo_set).job.state == "done"
