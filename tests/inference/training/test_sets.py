"""Photo sets: what is taken, what is refused with which sentence, and that nothing of them stays behind."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import User
from inference.models import Job, PhotoSet, SetPhoto, Trace
from inference.training import services, sets
from tests.inference.conftest import NOW, photo_bytes
from tests.inference.training.conftest import asked_for, large_photo, photo, run, trained
from web.problems import Problem

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]


def add(photo_set: PhotoSet, *files: SimpleUploadedFile, index: int = 0) -> sets.Added:
    return sets.add_photos(photo_set=photo_set, class_index=index, files=files, now=NOW)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (["mug"], "Name 2 to 5 classes"),
        (["", " "], "Name 2 to 5 classes"),
        (list("abcdef"), "Name 2 to 5 classes"),
        (["mug", "MUG"], "the same name"),
        (["mug", "x" * 41], "too long"),
    ],
)
def test_classes_that_make_no_sense_are_refused_with_a_sentence(learner: User, classes: list[str], words: str) -> None:
    with pytest.raises(Problem, match=words) as refused:
        sets.create_photo_set(owner=learner, name="x", classes=classes, now=NOW)
    assert refused.value.status == 422


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_set_needs_a_name(learner: User, name: str) -> None:
    with pytest.raises(Problem, match="a name"):
        sets.create_photo_set(owner=learner, name=name, classes=["a", "b"], now=NOW)


def test_nobody_keeps_more_sets_than_a_person_may(learner: User, guest: User) -> None:
    for number in range(sets.SETS_KEPT):
        sets.create_photo_set(owner=learner, name=f"{number}", classes=["a", "b"], now=NOW)
    with pytest.raises(Problem, match="Delete one of them") as refused:
        sets.create_photo_set(owner=learner, name="one more", classes=["a", "b"], now=NOW)
    assert refused.value.status == 429
    assert sets.create_photo_set(owner=guest, name="mine", classes=["a", "b"], now=NOW)


def test_photos_are_kept_small_upright_and_without_metadata(photo_set: PhotoSet) -> None:
    (kept,) = add(photo_set, large_photo()).kept
    assert (kept.width, kept.height) == (614, 512)
    with default_storage.open(str(kept.file.name)) as file:
        image = Image.open(BytesIO(file.read()))
    assert image.size == (614, 512)
    assert image.format == "JPEG"
    assert not image.getexif()
    assert kept.original["width"] == 1200


def test_each_file_stands_for_itself(photo_set: PhotoSet) -> None:
    bad = SimpleUploadedFile("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    cut_off = SimpleUploadedFile("cut.jpg", photo_bytes()[:200])
    empty = SimpleUploadedFile("empty.jpg", b"")
    added = add(photo_set, photo(1), bad, cut_off, photo(2), empty)
    assert len(added.kept) == 2
    refused = {file.name: file.sentence for file in added.refused}
    assert set(refused) == {"drawing.png", "cut.jpg", "empty.jpg"}
    assert "SVG drawing" in refused["drawing.png"]
    assert "cut off" in refused["cut.jpg"]
    assert photo_set.photos.count() == 2


def test_a_photo_stands_in_a_set_once(photo_set: PhotoSet) -> None:
    add(photo_set, photo(1))
    (refused,) = add(photo_set, photo(1), index=1).refused
    assert refused.sentence == "This photo is in “mug” already."
    assert photo_set.photos.count() == 1


def test_a_class_takes_twenty_photos_and_no_more(photo_set: PhotoSet) -> None:
    added = add(photo_set, *(photo(number) for number in range(22)))
    assert len(added.kept) == 20
    assert [file.name for file in added.refused] == ["photo-20.jpg", "photo-21.jpg"]
    (refused,) = add(photo_set, photo(30)).refused
    assert "Remove some" in refused.sentence
    assert add(photo_set, photo(30), index=1).kept


@pytest.mark.parametrize(("index", "files"), [(2, 1), (-1, 1), (0, 0)])
def test_photos_need_a_class_and_a_file(photo_set: PhotoSet, index: int, files: int) -> None:
    with pytest.raises(Problem) as refused:
        add(photo_set, *(photo(number) for number in range(files)), index=index)
    assert refused.value.status == 422


def test_a_full_disk_is_told_and_leaves_nothing_half(photo_set: PhotoSet, full_disk: None) -> None:
    with pytest.raises(Problem, match="Whoever runs this site") as refused:
        add(photo_set, photo(1))
    assert refused.value.status == 507
    assert not SetPhoto.objects.exists()


def test_names_can_change_and_classes_be_added_but_none_with_photos_taken_away(filled_set: PhotoSet) -> None:
    sets.rename_photo_set(photo_set=filled_set, name="In the kitchen", classes=["cup", "glass", "plate"])
    filled_set.refresh_from_db()
    assert filled_set.classes == ["cup", "glass", "plate"]
    sets.rename_photo_set(photo_set=filled_set, name="In the kitchen", classes=["cup", "glass"])
    sets.add_photos(photo_set=filled_set, class_index=1, files=[photo(50)], now=NOW)
    sets.rename_photo_set(photo_set=filled_set, name="In the kitchen", classes=["cup", "glass", "plate"])
    sets.add_photos(photo_set=filled_set, class_index=2, files=[photo(51)], now=NOW)
    with pytest.raises(Problem, match="“plate” has photos"):
        sets.rename_photo_set(photo_set=filled_set, name="In the kitchen", classes=["cup", "glass"])


def test_while_a_run_trains_on_them_photos_stay(filled_set: PhotoSet, learner: User) -> None:
    trace = asked_for(learner, photo_set=filled_set)
    one = filled_set.photos.first()
    assert one is not None
    for change in (
        lambda: sets.remove_photo(photo=one),
        lambda: sets.rename_photo_set(photo_set=filled_set, name="x", classes=["a", "b"]),
    ):
        with pytest.raises(Problem, match="training on these photos") as refused:
            change()
        assert refused.value.status == 409
    run(trace)
    sets.remove_photo(photo=one)
    assert not default_storage.exists(str(one.file.name))
    assert filled_set.photos.count() == 5


def test_deleting_a_set_deletes_everything_that_came_of_it(filled_set: PhotoSet, learner: User) -> None:
    other = trained(learner)
    trace = trained(learner, photo_set=filled_set)
    trial = services.request_trial(training=trace, sample="chelsea", now=NOW)
    files = [str(one.file.name) for one in filled_set.photos.all()]
    checkpoint = trace.job.document["results"][-1]["files"]["checkpoint"]["name"]
    sets.delete_photo_set(photo_set=filled_set, now=NOW)
    assert list(Trace.objects.filter(owner=learner)) == [other]
    assert not Job.objects.filter(pk__in=[trace.job_id, trial.job_id]).exists()
    assert not any(default_storage.exists(name) for name in [*files, checkpoint])


def test_a_set_that_nobody_used_expires_and_one_that_trains_waits(filled_set: PhotoSet, learner: User) -> None:
    late = NOW + timedelta(days=31)
    trace = asked_for(learner, photo_set=filled_set)
    assert sets.expire(now=late) == 0
    run(trace)
    names = [str(one.file.name) for one in filled_set.photos.all()]
    assert sets.expire(now=NOW + timedelta(days=29)) == 0
    assert sets.expire(now=late) == 1
    assert not any(default_storage.exists(name) for name in names)
    assert not PhotoSet.objects.exists()


def test_a_set_and_its_photos_are_nobody_elses(filled_set: PhotoSet, learner: User, guest: User) -> None:
    one = filled_set.photos.first()
    assert one is not None
    for person in (guest, None):
        with pytest.raises(Problem) as refused:
            sets.photo_set_for(set_id=filled_set.pk, person=person)
        assert refused.value.status == 404
        with pytest.raises(Problem) as refused:
            sets.photo_for(photo_id=one.pk, person=person)
        assert refused.value.status == 404
    assert sets.photo_set_for(set_id=filled_set.pk, person=learner) == filled_set
