"""The site's own rooms keep the agreement on personal data (settings.PERSONAL_DATA)."""

from __future__ import annotations

import json
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from PIL import Image

from accounts import services
from accounts.models import User
from inference.models import Job, Trace
from inference.services import store_upload

pytestmark = pytest.mark.django_db


def test_every_room_can_export_erase_and_merge():
    rooms = list(services.personal_rooms())
    assert len(rooms) > 1
    for room in rooms:
        assert all(callable(getattr(room, name, None)) for name in ("export", "erase", "merge")), room.__name__


def test_someone_who_did_nothing_exports_merges_and_goes_without_a_trace(guest, learner):
    key = learner.pk
    assert json.dumps(services.export_person(guest), cls=DjangoJSONEncoder)
    services.merge_guest(guest=guest, user=learner)
    services.erase_person(user=learner)
    assert not User.objects.filter(pk__in=[guest.pk, key]).exists()


def test_an_instructor_with_a_course_can_go_and_the_course_stays(instructor, course, colleague):
    services.erase_person(user=instructor)
    course.refresh_from_db()
    assert not User.objects.filter(name="Ines Instructor").exists()


def test_what_was_done_lately_can_be_told_of_anyone(learner):
    assert services.recent_activity(learner) == []


def test_a_run_is_told_of_on_the_profile(client, learner):
    job = Job.objects.create(key="k", network="resnet50", deadline=timezone.now())
    trace = Trace.objects.create(owner=learner, job=job)
    client.force_login(learner)
    assert f'<a href="/traces/{trace.pk}/">Ran resnet50</a>' in client.get("/me/").content.decode()


def test_the_download_hands_the_photos_out(learner, instructor):
    content = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "PNG")
    for owner in (learner, instructor):
        store_upload(owner=owner, file=SimpleUploadedFile("a.png", content.getvalue()), now=timezone.now())
    upload = learner.uploads.get()
    with ZipFile(BytesIO(services.export_archive(learner))) as archive:
        told = json.loads(archive.read("data.json"))["inference"]["uploads"]
        assert sorted(archive.namelist()) == ["data.json", told[0]["file"]]
        assert archive.read(told[0]["file"]) == upload.file.read()
    upload.file.storage.delete(upload.file.name)
    with ZipFile(BytesIO(services.export_archive(learner))) as archive:
        assert archive.namelist() == ["data.json"]
