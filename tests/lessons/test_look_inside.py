"""The Look inside mode: what a lesson may say of it, and that it asks before it shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from inference import services
from inference.contracts import RunKind
from inference.facts import store_facts
from inference.models import Trace
from inference.runs import run_job
from lessons.checks import check_contents
from lessons.drafts import Contents, save_draft
from lessons.models import Course, Lesson
from lessons.publishing import publish
from lessons.schema import read_lesson
from tests.inference.conftest import NOW, ImitationNetwork, network_facts

pytestmark = pytest.mark.django_db

LESSON = """---
uid: one
slug: one
title: One
modes: [read, look-inside]
insight: Something to keep.
objectives: [{id: a, text: Look inside.}]
%s---
Words.
"""
LOOK = """look:
  network: efficientnet_lite0
  samples: [chelsea, coffee]
  predict:
    question: What will you see?
    options: [edges, whiskers]
    why: Because of its {{ efficientnet_lite0.parameters | millions }} parameters.
"""


@pytest.fixture(autouse=True)
def known(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    store_facts("efficientnet_lite0", network_facts(), now=NOW)


def problems(text: str, course: Course) -> list[str]:
    contents = Contents({"lesson.md": text}, {})
    lesson = Lesson(course=course, uid="one", slug="one")
    return [finding.message for finding in check_contents(contents, lesson=lesson, course=course).findings]


def test_a_lesson_says_what_to_look_into(course: Course) -> None:
    document = read_lesson(LESSON % LOOK)
    assert document.findings == []
    assert document.meta is not None
    assert document.meta.look is not None
    assert document.meta.look.samples == ["chelsea", "coffee"]
    assert problems(LESSON % LOOK, course) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (LOOK, "", "The mode “look-inside” needs a field “look” with a network."),
        ("[chelsea, coffee]", "[chelsea, dog]", "There is no sample photo “dog”."),
        ("network: efficientnet_lite0", "network: nothing", "Nothing is known about the network “nothing”."),
        ("[edges, whiskers]", "[edges]", "two options or more"),
        ("question:", "riddle:", "riddle"),
        ("efficientnet_lite0.parameters", "efficientnet_lite0.wheels", "wheels"),
    ],
)
def test_what_is_wrong_is_said(course: Course, before: str, after: str, words: str) -> None:
    assert any(words in problem for problem in problems((LESSON % LOOK).replace(before, after), course))


@pytest.fixture
def address(course: Course, instructor: User) -> str:
    lesson = Lesson.objects.create(course=course, uid="one", slug="one")
    save_draft(lesson=lesson, files={"lesson.md": LESSON % LOOK}, revision=0, author=instructor, now=NOW)
    publish(lesson=lesson, author=instructor, note="", now=NOW)
    return f"/courses/{course.slug}/lessons/one/look-inside/"


@pytest.fixture
def house_run(monkeypatch: pytest.MonkeyPatch) -> Trace:
    """The house's finished run of the lesson's second photo."""
    monkeypatch.setattr("inference.queueing.ring", lambda _line, _network: True)
    trace = services.request_run(kind=RunKind.TRACE, owner=None, network="efficientnet_lite0", sample="coffee", now=NOW)
    run_job(job_id=trace.job_id, perform=ImitationNetwork().perform, clock=lambda: NOW)
    return trace


def test_its_page_asks_first_and_shows_nothing_before(client: Client, address: str, house_run: Trace) -> None:
    told = client.get(address).content.decode()
    assert "What will you see?" in told
    assert "whiskers" in told
    assert "data-look-form" not in told
    assert "Because of" not in told
    assert "data-look-form" not in client.get(f"{address}?guess=2").content.decode(), "there is no third option"


def test_after_an_answer_it_shows_the_looks_and_the_explanation(client: Client, address: str, house_run: Trace) -> None:
    told = client.get(f"{address}?guess=1").content.decode()
    assert "You said: “whiskers”." in told
    assert "Because of its" in told
    assert "4.65" in told, "the figure is computed"
    assert "EfficientNet-Lite0 and one photo: Coffee." in told
    assert f'action="/traces/{house_run.pk}/look/"' in told
    assert f'name="next" value="{address}?guess=1"' in told


def test_who_does_not_guess_is_not_told_what_they_said(client: Client, address: str, house_run: Trace) -> None:
    told = client.get(f"{address}?guess=none").content.decode()
    assert "data-look-form" in told
    assert "You said" not in told


def test_without_a_stored_run_it_says_how_to_get_one(client: Client, address: str) -> None:
    told = client.get(f"{address}?guess=0&trace=nonsense&photo=nobody").content.decode()
    assert "No run of this lesson’s photos is stored yet." in told
    assert "data-run-form" in told
