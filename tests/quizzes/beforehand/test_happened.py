"""What a prediction is held against: the person's own run of that kind, since they answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from inference.models import Job, JobState, Trace
from lessons.models import CaseAnswer, Lesson
from lessons.services import current_version
from quizzes.beforehand.happened import happened_since
from tests.inference.training.conftest import trained
from tests.lessons.conftest import NOW, _alone, facts, folder  # noqa: F401 - fixtures
from tests.lessons.test_break import _no_queue, choose, lesson, loaded, worked  # noqa: F401 - fixtures


@pytest.mark.torch
def test_a_broken_run_is_told_once_it_was_looked_at(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:  # noqa: F811
    version = current_version(lesson)
    assert version is not None
    before = timezone.now() - timedelta(seconds=1)
    choose(client, "predict", "same")
    person = CaseAnswer.objects.get().user
    told = {"version": version, "person": person}
    assert happened_since("break", since=before, **told) == ""
    worked()
    assert happened_since("break", since=before, **told).endswith(
        "run 1, compared with the correct run: Another label takes its place."
    )
    assert happened_since("break", since=timezone.now(), **told) == ""
    assert happened_since("train", since=before, **told) == happened_since("run", since=before, **told) == ""


def test_a_training_run_is_told_by_its_first_sentence(learner: User, lesson: Lesson, settings: Any, tmp_path: Any) -> None:  # noqa: F811
    version = current_version(lesson)
    assert version is not None
    trained(learner)
    told = happened_since("train", version=version, person=learner, since=NOW - timedelta(seconds=1))
    assert "It is right on" in told
    assert happened_since("train", version=version, person=learner, since=timezone.now() + timedelta(days=1)) == ""


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        (
            [("NCHW", (1, 40, 28, 28)), ("NCHW", (1, 1280, 7, 7)), ("NCHW", (1, 1280, 1, 1)), ("NC", (1, 1000))],
            "Its last grid had 7 × 7 cells in 1,280 channels. ",
        ),
        (
            [("NHWC", (1, 14, 14, 768)), ("NLC", (1, 197, 768)), ("NC", (1, 10))],
            "Its last grid had 14 × 14 cells in 768 channels. ",
        ),
        ([("HWC", (500, 400, 3)), ("NLC", (1, 197, 768)), ("NC", (1, 10))], ""),
    ],
)
def test_a_run_is_told_by_its_last_grid_and_its_first_choice(
    learner: User,
    lesson: Lesson,  # noqa: F811
    stages: list[tuple[str, tuple[int, ...]]],
    told: str,
) -> None:
    version = current_version(lesson)
    assert version is not None
    document = {
        "stages": [{"layout": layout, "output_shape": list(shape)} for layout, shape in stages],
        "top_k": [{"rank": 1, "class_index": 282, "label": "tiger cat", "probability": 0.5}],
    }
    network = version.meta["run"]["network"]
    ran = Job.objects.create(
        key="one",
        kind="trace",
        network=network,
        sample="chelsea",
        state=JobState.DONE,
        document=document,
        finished_at=NOW,
        deadline=NOW,
    )
    Trace.objects.create(owner=learner, job=ran, created_at=NOW)
    said = happened_since("run", version=version, person=learner, since=NOW - timedelta(seconds=1))
    assert said.startswith(f"{told}The network’s first choice is “tiger cat”")
