"""The Train mode: what a lesson may say of it, and what its page shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from inference.facts import store_facts
from lessons.checks import check_contents
from lessons.drafts import Contents
from lessons.models import Course, Lesson
from lessons.schema import read_lesson
from tests.inference.conftest import NOW, network_facts
from tests.inference.training.conftest import trained

pytestmark = pytest.mark.django_db

LESSON = """---
uid: one
slug: one
title: One
modes: [read, train]
insight: Something to keep.
objectives: [{id: a, text: Train a head.}]
%s---
Words.
"""
TRAIN = """train:
  network: efficientnet_lite0
  data: [tissue, textures]
  epochs: 4
  about: It has {{ efficientnet_lite0.parameters | millions }} parameters.
  predict:
    question: Will it be worth its price?
    options: [yes indeed, not at all]
    why: Because of **colour**.
"""


@pytest.fixture(autouse=True)
def known(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.WEIGHTS_DIR = tmp_path / "weights"
    store_facts("efficientnet_lite0", network_facts(), now=NOW)


def problems(text: str) -> list[str]:
    return [finding.message for finding in read_lesson(text).findings]


def test_a_lesson_says_what_to_train() -> None:
    document = read_lesson(LESSON % TRAIN)
    assert document.findings == []
    assert document.meta is not None
    assert document.meta.train is not None
    assert document.meta.train.epochs == 4


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("epochs: 4", "epochs: 4000", "Epochs: choose a number, 1 to 100."),
        ("epochs: 4", "labels_per_class: 51", "Labels per class: choose a number, 1 to 50."),
        ("[tissue, textures]", "[cats]", "“cats” is not a data set. Data sets: textures, faces, digits, tissue."),
        ("[tissue, textures]", "[own]", "“own” is not a data set."),
        ("[tissue, textures]", "[]", ""),
        ("epochs: 4", "speed: 4", ""),
        ("epochs: 4", "strategy: prayer", ""),
    ],
)
def test_what_could_not_be_trained_is_an_error(before: str, after: str, words: str) -> None:
    found = problems(LESSON % TRAIN.replace(before, after))
    assert len(found) == 1
    assert words in found[0]


def test_the_mode_needs_the_field_and_its_words_are_checked(course: Course) -> None:
    def messages(text: str) -> list[str]:
        contents = Contents({"lesson.md": text}, {})
        lesson = Lesson(course=course, uid="one", slug="one")
        return [finding.message for finding in check_contents(contents, lesson=lesson, course=course).findings]

    assert any("The mode “train” needs a field “train”" in message for message in messages(LESSON % ""))
    assert messages(LESSON % TRAIN) == []
    wrong = messages(LESSON % TRAIN.replace("parameters | millions", "nonsense"))
    assert any("nonsense" in message for message in wrong)
    assert any(
        "missing_network" in message
        for message in messages(
            LESSON % TRAIN.replace("_lite0\n", "_lite0\n", 1).replace("network: efficientnet_lite0", "network: missing_network")
        )
    )


@pytest.fixture
def address(course: Course, instructor: User) -> str:
    from lessons.drafts import save_draft
    from lessons.publishing import publish

    lesson = Lesson.objects.create(course=course, uid="one", slug="one")
    save_draft(lesson=lesson, files={"lesson.md": LESSON % TRAIN}, revision=0, author=instructor, now=NOW)
    publish(lesson=lesson, author=instructor, note="", now=NOW)
    return f"/courses/{course.slug}/lessons/one/train/"


def test_its_page_asks_first_and_offers_the_lessons_data_alone(client: Client, address: str) -> None:
    told = client.get(address).content.decode()
    assert "4.65" in told, "the figure is computed"
    assert "Will it be worth its price?" in told
    assert 'value="tissue" checked' in told
    assert 'value="textures"' in told
    assert 'value="digits"' not in told
    assert 'name="epochs" value="4"' in told
    assert "Because of" not in told, "the explanation comes after the run"


def test_the_run_stands_in_the_lesson_with_the_explanation(
    client: Client, address: str, learner: User, monkeypatch: Any
) -> None:
    monkeypatch.setattr("inference.queueing.ring", lambda _line, _network: True)
    client.force_login(learner)
    trace = trained(learner, data="tissue")
    told = client.get(f"{address}?training={trace.pk}").content.decode()
    assert "Because of <strong>colour</strong>." in told
    assert "What the run says" in told
    assert f'href="/training/{trace.pk}/"' in told
    assert "What the run says" not in Client().get(f"{address}?training={trace.pk}").content.decode()
    assert client.get(f"{address}?training=nonsense").status_code == 200
