"""Asking for training runs and trials: what is checked, what is shared, what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from inference import facts
from inference import services as runs
from inference.contracts import EngineError, Failure
from inference.models import Job, JobState, PhotoSet, Trace
from inference.runs import material_of
from inference.training import services, sets
from inference.training.wording import range_words
from inference.training_contracts import EPOCHS, Strategy, checked
from tests.inference.conftest import NOW, network_facts, photo_bytes, photo_file
from tests.inference.training.conftest import CHECKPOINT, ImitationTraining, asked_for, photo, run, trained
from web.problems import Problem

FINETUNED = EPOCHS[Strategy.FINETUNE]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lite0_facts", "bell")]


@pytest.mark.parametrize(
    ("wish", "field", "words"),
    [
        ({"epochs": 0}, "epochs", "Epochs: choose a number, 1 to 100."),
        ({"epochs": 101}, "epochs", "1 to 100"),
        ({"strategy": "finetune", "epochs": FINETUNED.highest + 1}, "epochs", range_words(FINETUNED)),
        ({"learning_rate": 11.0}, "learning_rate", "Learning rate: choose a number, 0.000001 to 10."),
        ({"learning_rate": float("nan")}, "learning_rate", "Learning rate"),
        ({"labels_per_class": 33}, "labels_per_class", "Labels per class: choose a number, 1 to 32."),
        ({"strategy": "finetune", "blocks": 11}, "blocks", "Stages to train"),
        ({"seed": -1}, "seed", "Seed"),
        ({"data": "cats"}, "data", "Data set: choose one of textures, faces, digits, tissue"),
        ({"strategy": "prayer"}, "strategy", "frozen, finetune, scratch"),
        ({"data": "own"}, "photo_set", "photo sets"),
    ],
)
def test_nonsense_is_refused_with_the_setting_and_its_range(learner: User, wish: dict, field: str, words: str) -> None:
    with pytest.raises(Problem) as refused:
        asked_for(learner, **wish)
    assert refused.value.status == 422
    assert refused.value.extra["field"] == field
    assert words in refused.value.detail
    assert not Job.objects.exists()


def test_a_run_names_everything_that_decides_what_comes_out(learner: User) -> None:
    job = asked_for(learner).job
    assert job.options["epochs"] == 3
    assert job.options["learning_rate"] == 0.003
    assert job.options["labels_per_class"] == 5
    assert job.options["seed"] == 1
    assert job.options["weights"] == "DEFAULT"
    assert checked(job.options).epochs == 3, "the engine understands it the same way"


def test_the_same_run_is_one_job_for_everybody_and_answered_from_the_store(learner: User, guest: User) -> None:
    first = trained(learner)
    again = asked_for(guest)
    assert again.job == first.job
    assert again.job.state == JobState.DONE
    assert asked_for(guest, seed=2).job != first.job


def test_one_run_at_a_time_for_each_person(learner: User, guest: User) -> None:
    first = asked_for(learner)
    with pytest.raises(Problem, match="Let it finish or stop it") as refused:
        asked_for(learner, seed=2)
    assert refused.value.status == 429
    assert int(refused.value.headers["Retry-After"]) > 0
    assert Job.objects.count() == 1, "nothing of the refused run stays"
    assert asked_for(learner).pk == first.pk, "the same run again is joined"
    assert asked_for(guest, seed=2), "others have their own"
    runs.cancel_trace(trace=first, now=NOW)
    assert asked_for(learner, seed=3)


def test_while_one_runs_a_stored_one_may_be_seen(learner: User, guest: User) -> None:
    trained(guest, seed=5)
    asked_for(learner)
    assert asked_for(learner, seed=5).job.state == JobState.DONE


def test_a_large_network_is_only_trained_frozen(learner: User, settings: Any) -> None:
    facts.store_facts("large", network_facts(id="large", title="Large", parameters=25_600_000), now=NOW)
    weights = settings.WEIGHTS_DIR / "hub" / "checkpoints" / "lite0.pth"
    weights.parent.mkdir(parents=True)
    weights.touch()
    with pytest.raises(Problem, match=r"25\.6 million parameters") as refused:
        asked_for(learner, network="large", strategy="finetune")
    assert refused.value.status == 422
    assert asked_for(learner, network="large")


def test_a_network_without_weights_is_not_trained(learner: User, resnet50_facts: None) -> None:
    with pytest.raises(Problem) as refused:
        asked_for(learner, network="resnet50")
    assert refused.value.status == 409
    assert [network for network, _title, _small in services.trainable_networks()] == ["efficientnet_lite0"]


# --- own photos -----------------------------------------------------------------------------------------------------------


def test_own_photos_reach_the_worker_in_the_order_of_their_labels(filled_set: PhotoSet, learner: User) -> None:
    imitation = ImitationTraining()
    trace = run(asked_for(learner, photo_set=filled_set), imitation)
    (material,) = imitation.materials
    assert trace.job.options["labels"] == [0, 0, 0, 1, 1, 1]
    by_hash = {one.sha256: one for one in filled_set.photos.all()}
    wanted = [by_hash[sha256] for sha256 in trace.job.options["photos"]]
    assert [image.size for image in material.photos] == [(one.width, one.height) for one in wanted]
    assert [one.class_index for one in wanted] == trace.job.options["labels"]
    assert all(image.mode == "RGB" for image in material.photos)


def test_a_run_on_own_photos_is_its_owners_alone(filled_set: PhotoSet, learner: User, guest: User) -> None:
    theirs = sets.create_photo_set(owner=guest, name="Kitchen", classes=["mug", "glass"], now=NOW)
    for index in range(2):
        files = [photo(10 * index + number) for number in range(3)]
        sets.add_photos(photo_set=theirs, class_index=index, files=files, now=NOW)
    assert asked_for(learner, photo_set=filled_set).job != asked_for(guest, photo_set=theirs).job


def test_the_same_photos_are_the_same_run_and_others_another(filled_set: PhotoSet, learner: User) -> None:
    first = trained(learner, photo_set=filled_set)
    assert asked_for(learner, photo_set=filled_set).job == first.job
    sets.add_photos(photo_set=filled_set, class_index=0, files=[photo(40)], now=NOW)
    assert asked_for(learner, photo_set=filled_set).job != first.job


def test_a_class_with_too_few_photos_is_named(photo_set: PhotoSet, learner: User) -> None:
    sets.add_photos(photo_set=photo_set, class_index=0, files=[photo(1), photo(2)], now=NOW)
    with pytest.raises(Problem, match="Add some to: “glass”") as refused:
        asked_for(learner, photo_set=photo_set)
    assert refused.value.status == 422


def test_a_run_whose_photos_are_gone_fails_with_a_reason(filled_set: PhotoSet, learner: User) -> None:
    trace = asked_for(learner, photo_set=filled_set)
    sets.remove_sets([filled_set])
    trace = run(trace)
    assert trace.job.failure == Failure.IMAGE_UNREADABLE


def test_training_on_a_set_keeps_it_longer(filled_set: PhotoSet, learner: User) -> None:
    asked_for(learner, photo_set=filled_set, now=NOW + timedelta(days=10))
    filled_set.refresh_from_db()
    assert filled_set.expires_at == NOW + timedelta(days=40)


# --- heads ----------------------------------------------------------------------------------------------------------------


def test_a_trial_hands_the_heads_file_to_the_worker(learner: User) -> None:
    trace = trained(learner)
    trial = services.request_trial(training=trace, sample="chelsea", now=NOW)
    assert material_of(trial.job).files == {"head": CHECKPOINT}
    trial = run(trial)
    assert trial.job.state == JobState.DONE
    assert services.training_of(trial) == trace


def test_a_trial_of_an_own_photo_keeps_it_for_its_owner(learner: User) -> None:
    trace = trained(learner)
    trial = services.request_trial(training=trace, file=photo_file(), now=NOW)
    assert trial.job.upload is not None
    assert trial.job.upload.owner == learner
    with pytest.raises(Problem):
        services.request_trial(training=trace, file=SimpleUploadedFile("x.jpg", photo_bytes()[:100]), now=NOW)


def test_a_run_without_a_head_can_not_be_tried(learner: User) -> None:
    trace = asked_for(learner)
    with pytest.raises(Problem, match="no head to try") as refused:
        services.request_trial(training=trace, sample="chelsea", now=NOW)
    assert refused.value.status == 409


def test_a_trial_whose_head_is_gone_fails_with_a_reason(learner: User) -> None:
    trace = trained(learner)
    trial = services.request_trial(training=trace, sample="chelsea", now=NOW)
    runs.delete_trace(trace=trace, now=NOW)
    with pytest.raises(EngineError) as failed:
        material_of(trial.job)
    assert failed.value.failure == Failure.HEAD_DAMAGED
    assert run(trial).job.failure == Failure.HEAD_DAMAGED


def test_a_trial_of_a_head_of_own_photos_is_nobody_elses(filled_set: PhotoSet, learner: User) -> None:
    own = services.request_trial(training=trained(learner, photo_set=filled_set), sample="chelsea", now=NOW)
    assert own.job.traces.count() == 1
    shared = services.request_trial(training=trained(learner, seed=9), sample="chelsea", now=NOW)
    assert own.job != shared.job


def test_a_kept_head_outlives_others(learner: User, guest: User) -> None:
    kept, other = trained(learner), trained(guest, seed=2)
    services.keep_head(trace=kept, keep=True, now=NOW)
    late = NOW + timedelta(days=31)
    runs.expire(now=late)
    assert list(Trace.objects.all()) == [kept]
    assert not Job.objects.filter(pk=other.job_id).exists()
    services.keep_head(trace=kept, keep=False, now=late)
    runs.expire(now=late + timedelta(days=31))
    assert not Trace.objects.exists()


def test_other_kinds_of_runs_are_no_training_runs(learner: User) -> None:
    trace = runs.request_trace(owner=learner, network="efficientnet_lite0", sample="chelsea", now=NOW)
    for look in (services.training_for, services.trial_for, services.own_training):
        with pytest.raises(Problem) as refused:
            look(trace_id=trace.pk, person=learner)
        assert refused.value.status == 404
