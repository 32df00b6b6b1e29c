"""Checks lead to the field, errors stop publishing, learners keep their version, old versions come back."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from lessons.models import Draft, LessonVersion
from lessons.publishing import publish as publish_now
from lessons.publishing import save_draft
from lessons.services import current_version
from quizzes.models import Quiz
from quizzes.services import start_attempt
from studio.views import publishing
from tests.studio.conftest import files_of, form_of


def publish(client, base, **more):
    page = client.get(base + "publish/").content.decode()
    found = re.search(r'name="revision" value="(\d+)"', page)
    return client.post(base + "publish/", {"revision": found[1] if found else "", "note": "Why", **more}, follow=True)


@pytest.fixture
def broken(owner, base, lesson):
    """The draft with an unknown figure, a picture without words and a question without a right answer."""
    owner.post(base, {**form_of(owner.get(base)), "body": "## A\r\n\r\n{{ resnet50.nothing }}", "act": "save"})
    question = base + "questions/edge-test/"
    form = form_of(owner.get(question))
    del form["options-right"]
    owner.post(question, {**form, "hint": "", "act": "save"})
    return lesson


def test_what_is_right_can_be_published(owner, base, lesson):
    assert "nothing is wrong" in owner.get(base + "check/").content.decode()
    page = publish(owner, base).content.decode()
    assert "Published version 1" in page
    assert current_version(lesson).number == 1
    assert "Why" in page
    assert "Ines Instructor" in page


def test_findings_say_where_and_lead_there(owner, base, broken):
    page = owner.get(base + "check/").content.decode()
    assert "stop publishing" in page
    for address in re.findall(r'class="small"><a href="([^"]+)"', page):
        path, _hash, field = address.replace("&amp;", "&").partition("#")
        target = owner.get(path)
        assert target.status_code == 200, address
        if field:
            assert f'id="{field}"' in target.content.decode(), address
    assert f'{base}?line=3#id_body"' in page
    assert "questions/edge-test/" in page


def test_a_finding_counts_options_as_the_form_does(owner, base, lesson):
    question = base + "questions/edge-test/"
    filled = form_of(owner.get(question)) | {f"options-{place}-text": "The same" for place in (0, 1)}
    owner.post(question, {**filled, "act": "save"})
    page = re.sub(r"<[^>]+>", "", owner.get(base + "check/").content.decode())
    assert re.search(r"read the same\. Change one of them\.\s*Question “[^”]+”, option 2", page), page


def test_errors_stop_publishing(owner, base, broken):
    assert 'name="revision"' not in owner.get(base + "publish/").content.decode()
    revision = Draft.objects.get(lesson=broken).revision
    refused = owner.post(base + "publish/", {"revision": revision, "note": ""})
    assert refused.status_code == 422
    assert "Not yet: repair these first" in refused.content.decode()
    assert not LessonVersion.objects.filter(lesson=broken).exists()


def test_a_stopped_lesson_is_repaired_and_published(owner, base, broken):
    owner.post(base, {**form_of(owner.get(base)), "body": "## A\r\n\r\nWords.", "act": "save"})
    question = base + "questions/edge-test/"
    owner.post(question, {**form_of(owner.get(question)), "options-right": "0", "hint": "A step.", "act": "save"})
    assert "Published version 1" in publish(owner, base).content.decode()


def test_unproved_code_says_who_proves_it(owner, base, lesson):
    form = form_of(owner.get(base)) | {"body": "## Code\r\n\r\n```python id=one\r\nprint(1)\r\n```"}
    owner.post(base, {**form, "act": "save"})
    page = owner.get(base + "check/").content.decode()
    assert "manage.py check_content --course vision" in page
    assert "not be published" in page or "stops publishing" in page


def test_publishing_a_draft_that_somebody_just_saved_asks_again(owner, second, base, lesson):
    revision = Draft.objects.get(lesson=lesson).revision
    second.post(base, {**form_of(second.get(base)), "title": "Theirs", "act": "save"})
    response = owner.post(base + "publish/", {"revision": revision, "note": ""})
    assert response.status_code == 409
    assert "Somebody saved the draft" in response.content.decode()
    assert not LessonVersion.objects.filter(lesson=lesson).exists()


def test_a_save_between_the_click_and_the_publishing_is_not_published(owner, base, lesson, colleague, monkeypatch):
    draft = Draft.objects.get(lesson=lesson)

    def publish_after_a_save(**asked):
        save_draft(lesson=lesson, files={"lesson.md": "theirs"}, revision=draft.revision, author=colleague, now=timezone.now())
        return publish_now(**asked)

    monkeypatch.setattr(publishing, "publish_draft", publish_after_a_save)
    response = owner.post(base + "publish/", {"revision": draft.revision, "note": ""})
    assert response.status_code == 409
    assert "Somebody saved the draft" in response.content.decode()
    assert not LessonVersion.objects.filter(lesson=lesson).exists()


def test_a_learner_in_the_middle_keeps_their_version(owner, base, published, learner):
    quiz = Quiz.objects.get(lesson=published, mode="test")
    attempt = start_attempt(user=learner, quiz_version=quiz.versions.get(), now=timezone.now())
    question = base + "questions/edge-test/"
    owner.post(question, {**form_of(owner.get(question)), "stem": "Another stem", "act": "save"})
    assert "finishes it with version 1" in owner.get(base + "publish/").content.decode()
    publish(owner, base)
    assert current_version(published).number == 2
    attempt.refresh_from_db()
    assert attempt.quiz_version.lesson_version.number == 1
    assert attempt.questions.get().question_version.stem == "What is an edge?"


def test_a_changed_address_is_followed_after_publishing(owner, base, published):
    owner.post(base, {**form_of(owner.get(base)), "slug": "corners", "act": "save"})
    page = publish(owner, base)
    assert "/lessons/corners/history/" in page.redirect_chain[-1][0]


def test_publishing_the_same_again_is_not_offered(owner, base, published):
    page = owner.get(base + "publish/").content.decode()
    assert "Learners see exactly this draft already" in page
    assert "Publish version" not in page


def test_an_old_version_comes_back_as_a_draft(owner, base, published):
    before = files_of(published)
    owner.post(base, {**form_of(owner.get(base)), "title": "Second", "act": "save"})
    publish(owner, base)
    page = owner.get(base + "history/1/restore/").content.decode()
    revision = re.search(r'name="revision" value="(\d+)"', page)[1]
    assert owner.post(base + "history/1/restore/", {"revision": "1"}).status_code == 409
    assert owner.post(base + "history/1/restore/", {"revision": revision}).status_code == 302
    assert files_of(published) == before
    assert current_version(published).title == "Second"


def test_the_history_names_who_when_and_why(owner, base, published, second):
    second.post(base, {**form_of(second.get(base)), "title": "Second", "act": "save"})
    publish(second, base, note="A better title")
    page = owner.get(base + "history/").content.decode()
    for words in ("A better title", "Cole Colleague", "First", "Ines Instructor", "learners see it"):
        assert words in page


def test_a_draft_with_errors_before_its_first_version_still_opens_everywhere(owner, base, lesson, instructor):
    draft = Draft.objects.get(lesson=lesson)
    for text in ("", "no front matter", "---\n: :\n---\n", "---\nuid: [\n", "---\ntitle: {a: 1}\n---\n"):
        draft = save_draft(
            lesson=lesson, files={"lesson.md": text}, revision=draft.revision, author=instructor, now=timezone.now()
        )
        for page in ("", "check/", "publish/", "history/", "questions/", "pictures/", "documents/", "documents/lesson.md/"):
            assert owner.get(base + page).status_code in (200, 302), (text, page)
