"""What a prediction is held against: the person's own run of that kind, since they answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
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
