"""Recorded runs in the studio: added from a file or from one's own runs, shown, removed, refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from inference.facts import store_facts
from inference.models import Trace
from inference.runs import run_job
from inference.services import request_trace
from lessons.models import Course, Draft, Lesson
from studio.changes import changes_between
from tests.inference.conftest import NETWORK, ImitationNetwork, network_facts

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).parents[1] / "inference" / "sharing" / "golden.trace.json"


@pytest.fixture
def lesson(course: Course) -> Lesson:
    return Lesson.objects.create(course=course, uid="lesson-one", slug="one")


@pytest.fixture
def author(client: Client, instructor: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, instructor)


@pytest.fixture
def own_run(instructor: User, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Trace:
    """The instructor's finished run."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr("inference.queueing.ring", lambda *_arguments, **_more: True)
    store_facts(NETWORK, network_facts(), now=timezone.now())
    trace = request_trace(owner=instructor, network=NETWORK, sample="chelsea", now=timezone.now())
    run_job(job_id=trace.job_id, perform=ImitationNetwork().perform)
    return trace


def page_of(lesson: Lesson) -> str:
    return reverse("studio:recordings", args=[lesson.course.slug, lesson.slug])


def file_of(content: bytes, name: str = "My cat.trace.json") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/json")


def test_a_file_is_kept_in_the_draft_and_the_page_says_what_to_write(author: Client, lesson: Lesson) -> None:
    response = author.post(page_of(lesson), {"file": file_of(GOLDEN.read_bytes())})
    assert response.status_code == 200
    page = response.content.decode()
    assert "::: trace my-cat.json" in page
    assert "EfficientNet-Lite0: Chelsea the cat" in page
    assert Draft.objects.get().files["my-cat.json"] == GOLDEN.read_text()
    author.post(page_of(lesson), {"file": file_of(GOLDEN.read_bytes())})
    assert "my-cat-2.json" in Draft.objects.get().files


def test_one_of_the_authors_own_runs_is_taken(author: Client, lesson: Lesson, own_run: Trace) -> None:
    assert f'value="{own_run.pk}"' in author.get(page_of(lesson)).content.decode()
    response = author.post(page_of(lesson), {"run": str(own_run.pk)})
    assert "::: trace efficientnet_lite0-chelsea.json" in response.content.decode()
    assert '"format":"forward-pass-trace/1"' in Draft.objects.get().files["efficientnet_lite0-chelsea.json"]


def test_nobody_elses_run_can_be_taken(author: Client, lesson: Lesson, own_run: Trace, learner: User) -> None:
    Trace.objects.update(owner=learner)
    assert str(own_run.pk) not in author.get(page_of(lesson)).content.decode()
    assert author.post(page_of(lesson), {"run": str(own_run.pk)}).status_code == 422
    assert not Draft.objects.exists()


@pytest.mark.parametrize("given", [{}, {"file": b""}, {"file": b"[]"}, {"file": GOLDEN.read_bytes()[:300]}])
def test_what_is_no_recorded_run_is_refused_where_it_was_chosen(
    author: Client, lesson: Lesson, given: dict[str, bytes]
) -> None:
    response = author.post(page_of(lesson), {name: file_of(content) for name, content in given.items()})
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert not Draft.objects.exists()


def test_it_is_removed_from_the_draft_and_nothing_else_is(author: Client, lesson: Lesson) -> None:
    author.post(page_of(lesson), {"file": file_of(GOLDEN.read_bytes())})
    draft = Draft.objects.get()
    draft.files["lesson.md"] = "---\n---\n"
    draft.save()
    for name in ("lesson.md", "my-cat.json"):
        author.post(reverse("studio:remove_recording", args=[lesson.course.slug, lesson.slug, name]))
    assert set(Draft.objects.get().files) == {"lesson.md"}


def test_others_cannot_reach_it(client: Client, lesson: Lesson, outsider: User, learner: User) -> None:
    for person in (None, learner, outsider):
        if person:
            client.force_login(person)
        assert client.get(page_of(lesson)).status_code in (302, 403, 404)
        assert client.post(page_of(lesson), {"file": file_of(GOLDEN.read_bytes())}).status_code in (302, 403, 404)
    assert not Draft.objects.exists()


def test_a_recorded_run_is_one_change_whatever_its_lines() -> None:
    text = GOLDEN.read_text()
    assert [(change.added, change.removed, change.lines) for change in changes_between({}, {"cat.json": text})] == [(1, 0, [])]
    assert changes_between({"cat.json": text}, {"cat.json": text}) == []
