"""A lesson that asks two questions before it and one before its run, for the tests of this room."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.models import QuizVersion
from quizzes.services import quiz_version_of
from tests.quizzes.conftest import QUESTIONS, Publish


def asked(uid: str, objective: str, *, kind: str = "single") -> str:
    """A question whose right option is a; every word of its key says so."""
    word = uid.upper()
    options = (
        f"""
      - {{id: a, text: Right of {uid}, right: true, feedback: FEEDBACK-{word}-A it is.}}
      - {{id: b, text: Wrong of {uid}, feedback: FEEDBACK-{word}-B it is not., misconception: features-are-classes}}"""
        if kind == "single"
        else f"""
      - {{id: a, text: "2048", right: true, feedback: FEEDBACK-{word}-A it is.}}
      - {{id: b, text: "1000", feedback: FEEDBACK-{word}-B it is not., misconception: features-are-classes}}"""
    )
    return f"""\
  - uid: {uid}
    kind: {kind}
    about: concept
    difficulty: medium
    objective: {objective}
    stem: Stem of {uid}?
    options:{options}
    hint: HINT-{word} look.
    solution: [STEP-{word}-1 look., STEP-{word}-2 count.]
    answer: FINAL-{word} it is.
"""


BEFOREHAND = (
    QUESTIONS.replace(
        "practice:\n",
        "pretest:\n  questions: [b-one, b-two]\npredictions: {run: b-run, train: b-train}\npractice:\n",
    )
    + asked("b-one", "features")
    + asked("b-two", "heads")
    + asked("b-run", "features")
    + asked("b-train", "heads", kind="numeric")
)

META = {
    "modes": ["read", "run", "train", "practise", "test"],
    "run": {"network": "resnet50", "samples": []},
    "train": {"network": "resnet50", "data": ["textures"]},
    "objectives": [
        {"id": "features", "text": "Say what a backbone gives", "section": "Features"},
        {"id": "heads", "text": "Find the head"},
    ],
}


@pytest.fixture
def version(publish: Publish) -> LessonVersion:
    return publish(BEFOREHAND, meta=META)


def quiz_of(version: LessonVersion, mode: str) -> QuizVersion:
    found = quiz_version_of(version, mode)
    if found is None:
        pytest.fail(f"the lesson has no {mode}")
    return found


@pytest.fixture
def pretest_quiz(version: LessonVersion) -> QuizVersion:
    return quiz_of(version, "pretest")


@pytest.fixture
def prediction_quiz(version: LessonVersion) -> QuizVersion:
    return quiz_of(version, "prediction")


@pytest.fixture
def visitor(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client


@pytest.fixture
def guest(db: None) -> User:
    return User.objects.create_guest()
