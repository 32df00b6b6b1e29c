"""Which run a variant is read from, and whose it may be: the learner's own, or the site's; somebody else's never."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from inference.contracts import RunKind
from inference.models import Job, JobState, Trace, Upload
from lessons.models import Lesson
from quizzes.models import Question, QuestionVersion
from quizzes.reading import READINGS, Recording
from quizzes.recordings import TRACE
from quizzes.variants import NotDrawable, Variants, variant_of
from tests.quizzes.reading.conftest import changed

pytestmark = pytest.mark.torch

CAT = {"network": "efficientnet_lite0", "sample": "chelsea"}
ROCKET = {"network": "efficientnet_lite0", "sample": "rocket"}


def ran(cat: Recording, *, owner: User | None = None, sample: str = "", upload: Upload | None = None, **more: Any) -> Trace:
    """A finished run with the cat's document."""
    now: datetime = more.pop("at", timezone.now())
    fields: dict[str, Any] = {"kind": RunKind.TRACE, "network": "efficientnet_lite0", "state": JobState.DONE} | more
    job = Job.objects.create(
        key=str(Job.objects.count()), sample=sample, upload=upload, deadline=now, finished_at=now, document=cat.told, **fields
    )
    return Trace.objects.create(owner=owner, job=job, created_at=now)


def photo_of(owner: User) -> Upload:
    """Its row alone: no test here looks at the picture itself."""
    return Upload.objects.create(
        owner=owner, file="uploads/cat.jpg", sha256="a" * 64, width=451, height=300, expires_at=timezone.now()
    )


def published(lesson: Lesson, name: str, *, runs: list[dict[str, str]] | None = None, own: bool = False) -> QuestionVersion:
    return QuestionVersion.objects.create(
        question=Question.objects.create(lesson=lesson, uid=f"t-{name}-{own}"),
        number=1,
        kind=TRACE,
        about="concept",
        difficulty="easy",
        objective="features",
        stem="",
        public_sha256=name,
        recipe={
            "template": name,
            "runs": [CAT] if runs is None else runs,
            "own": ["efficientnet_lite0"] if own else [],
        },
    )


@pytest.mark.parametrize("name", READINGS)
def test_a_stored_run_is_read_by_every_template(lesson: Lesson, cat: Recording, name: str) -> None:
    ran(cat, sample="chelsea")
    variant = variant_of(published(lesson, name), seed=4)
    assert "| --- |" in variant.stem
    assert "Chelsea the cat" in variant.stem
    key = variant.key_revisions.get()
    options = {option.key: option.text for option in variant.options.all()}
    assert [options[right] for right in key.correct] == [key.answer]
    assert set(key.misconceptions) == set(options) - set(key.correct)
    assert variant.recipe == {}


def test_without_a_run_nothing_is_drawn(lesson: Lesson, cat: Recording, learner: User) -> None:
    template = published(lesson, "numbers_out")
    ran(cat, sample="chelsea", owner=learner)  # somebody's run is theirs, even of a sample
    ran(cat, sample="chelsea", state=JobState.RUNNING)
    ran(cat, sample="rocket")
    with pytest.raises(NotDrawable):
        variant_of(template, seed=1)


def test_a_run_that_is_too_near_to_call_gives_way_to_another(lesson: Lesson, cat: Recording) -> None:
    def tie(told: dict[str, Any]) -> None:
        told["top_k"][1]["probability"] = told["top_k"][0]["probability"]

    template = published(lesson, "second_class", runs=[CAT, ROCKET])
    ran(changed(cat, tie), sample="chelsea")
    with pytest.raises(NotDrawable):
        variant_of(template, seed=1)
    ran(cat, sample="rocket")
    assert all("Rocket" in variant_of(template, seed=seed).stem for seed in range(4))


def test_the_learners_latest_run_comes_first(lesson: Lesson, cat: Recording, learner: User, outsider: User) -> None:
    template, now = published(lesson, "numbers_out", own=True), timezone.now()
    ran(cat, sample="chelsea")
    assert "Chelsea" in Variants(learner).of(template, seed=1).stem
    ran(cat, sample="coffee", owner=learner, at=now - timedelta(days=1))
    ran(cat, sample="rocket", owner=learner, at=now)
    ran(cat, sample="flower", owner=learner, at=now + timedelta(1), network="resnet50")
    ran(cat, sample="flower", owner=learner, at=now + timedelta(1), kind=RunKind.OPENED)
    ran(cat, sample="flower", owner=learner, at=now + timedelta(1), state=JobState.FAILED)
    assert "Rocket" in Variants(learner).of(template, seed=1).stem
    assert "Chelsea" in Variants(outsider).of(template, seed=1).stem
    assert "Chelsea" in Variants().of(template, seed=1).stem


def test_a_variant_of_an_own_photo_is_asked_of_nobody_else(
    lesson: Lesson, cat: Recording, learner: User, outsider: User
) -> None:
    template = published(lesson, "numbers_out", own=True)
    runs = {person: ran(cat, owner=person, upload=photo_of(person)) for person in (learner, outsider)}
    variants = {person: Variants(person).of(template, seed=1) for person in runs}
    assert variants[learner].stem == variants[outsider].stem, "the same figures in the same words"
    assert variants[learner] != variants[outsider]
    for person, variant in variants.items():
        assert variant.recipe == {"run": str(runs[person].pk)}
        assert "your own" in variant.stem
    assert Variants(learner).of(template, seed=1) == variants[learner]


@pytest.mark.parametrize("name", [name for name, template in READINGS.items() if template.names_classes])
def test_of_an_own_photo_no_class_is_kept(lesson: Lesson, cat: Recording, learner: User, name: str) -> None:
    template = published(lesson, name, own=True)
    ran(cat, owner=learner, upload=photo_of(learner))
    with pytest.raises(NotDrawable):
        Variants(learner).of(template, seed=1)
    ran(cat, sample="chelsea")
    assert "Chelsea" in Variants(learner).of(template, seed=1).stem


@pytest.mark.parametrize("name", [name for name, template in READINGS.items() if not template.names_classes])
def test_no_other_template_says_what_was_seen(cat: Recording, name: str) -> None:
    labels = [row["label"] for row in cat.told["top_k"]]
    for sketch in READINGS[name].sketches(cat):
        assert not any(label in repr(sketch) for label in labels)


def test_a_template_that_this_version_does_not_know_is_not_drawn(lesson: Lesson) -> None:
    with pytest.raises(NotDrawable, match="horoscope"):
        variant_of(published(lesson, "horoscope"), seed=1)
