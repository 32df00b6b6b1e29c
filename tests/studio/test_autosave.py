"""Forms that save themselves: the same rules as the Save button, told as JSON."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from lessons.models import Draft
from lessons.publishing import save_draft
from tests.studio.conftest import files_of, form_of

PAGES = ("", "questions/edge-test/", "misconceptions/")
WORDS = {
    "": ("title", "lesson.md"),
    "questions/edge-test/": ("stem", "questions.yaml"),
    "misconceptions/": ("misconceptions-0-title", "questions.yaml"),
}


def autosaved(client: Client, address: str, form: dict, **changes: str):
    response = client.post(address, {**form, **changes, "act": "autosave"})
    return response.status_code, (json.loads(response.content) if "json" in response["Content-Type"] else {})


def revision_of(lesson) -> int:
    return Draft.objects.get(lesson=lesson).revision


@pytest.mark.parametrize("page", PAGES)
def test_what_was_changed_is_saved_and_the_next_save_begins_from_there(owner, base, published, page):
    field, file = WORDS[page]
    form = form_of(owner.get(base + page))
    status, told = autosaved(owner, base + page, form, **{field: "First thoughts"})
    assert status == 200
    assert told["detail"].startswith("Draft saved ")
    assert told["detail"].endswith("; learners see version 1.")
    assert "First thoughts" in files_of(published)[file]
    form |= {"opened_with": told["opened_with"], "revision": told["revision"]}
    assert autosaved(owner, base + page, form, **{field: "Second thoughts"})[0] == 200
    assert "Second thoughts" in files_of(published)[file]
    assert form_of(owner.get(base + page))["opened_with"] != form["opened_with"]


def test_a_form_that_changed_nothing_saves_nothing(owner, base, lesson):
    before = revision_of(lesson)
    for page in PAGES:
        assert autosaved(owner, base + page, form_of(owner.get(base + page)))[0] == 200
    assert revision_of(lesson) == before


def test_two_tabs_never_overwrite_each_other(owner, base, lesson):
    first, other = (form_of(owner.get(base)) for _tab in range(2))
    assert autosaved(owner, base, first, title="From the first tab")[0] == 200
    status, told = autosaved(owner, base, other, title="From the second tab")
    assert status == 409
    assert "saved this meanwhile" in told["detail"]
    assert "From the first tab" in files_of(lesson)["lesson.md"]
    page = owner.post(base, {**other, "title": "From the second tab", "act": "save"})
    assert page.status_code == 409
    assert "From the first tab" in page.content.decode()
    assert form_of(page)["title"] == ["From the second tab"]


def test_while_somebody_decides_between_two_texts_nothing_saves_itself(owner, second, base, lesson):
    mine, theirs = form_of(owner.get(base)), form_of(second.get(base))
    assert "data-autosave=" in owner.get(base).content.decode()
    assert autosaved(second, base, theirs, title="Theirs")[0] == 200
    clash = owner.post(base, {**mine, "title": "Mine", "act": "save"})
    taken = owner.post(base, {**form_of(clash), "take": "insight", "act": "take"})
    for page in (clash, taken):
        assert "data-autosave=" not in page.content.decode()


def test_another_part_saved_meanwhile_is_kept_and_said(owner, second, base, lesson):
    mine, question = form_of(owner.get(base)), base + "questions/edge-test/"
    assert autosaved(second, question, form_of(second.get(question)), stem="Theirs")[0] == 200
    status, told = autosaved(owner, base, mine, title="Mine")
    assert status == 200
    assert "changed other parts meanwhile; both are kept." in told["detail"]
    assert "Theirs" in files_of(lesson)["questions.yaml"]


def test_what_cannot_be_saved_yet_is_said_and_nothing_is_changed(owner, base, lesson):
    before = files_of(lesson)
    status, told = autosaved(owner, base, form_of(owner.get(base)), minutes="ten")
    assert status == 422
    assert told["detail"].startswith("Not saved yet. ")
    assert files_of(lesson) == before


def test_a_document_that_no_form_can_show_is_a_conflict(owner, base, lesson, instructor):
    form = form_of(owner.get(base + "questions/edge-test/"))
    draft = Draft.objects.get(lesson=lesson)
    files = {**draft.files, "questions.yaml": "questions: ["}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=instructor, now=timezone.now())
    status, told = autosaved(owner, base + "questions/edge-test/", form, stem="Mine")
    assert status == 409
    assert "Correct it under Documents" in told["detail"]
    assert files_of(lesson)["questions.yaml"] == "questions: ["


def test_a_new_question_is_there_from_its_first_save_on_and_has_its_lasting_address(owner, base, lesson):
    address = owner.get(base + "add-question/")["Location"]
    form = form_of(owner.get(address))
    before = revision_of(lesson)
    assert owner.get(address).status_code == 200
    assert revision_of(lesson) == before
    status, told = autosaved(owner, address, form, stem="Half a question")
    assert status == 200
    assert told["url"] == address.partition("?")[0]
    assert form_of(owner.get(told["url"]))["stem"] == ["Half a question"]


def test_a_new_row_keeps_its_letter_from_save_to_save(owner, base, lesson):
    address = base + "questions/edge-test/"
    form = form_of(owner.post(address, {**form_of(owner.get(address)), "act": "add:options"}))
    for text in ("A third", "A third option"):
        status, told = autosaved(owner, address, form, **{"options-2-text": text})
        assert status == 200
        form |= {"opened_with": told["opened_with"], "revision": told["revision"]}
    again = form_of(owner.get(address))
    assert [again[f"options-{place}-id"] for place in range(3)] == [["a"], ["b"], ["c"]]
    assert again["options-2-text"] == ["A third option"]


def test_what_a_browser_kept_is_compared_with_what_is_saved(owner, base, lesson):
    form = form_of(owner.get(base))
    told = json.loads(owner.post(base, {**form, "act": "compare"}).content)
    assert told == {"same": True, "opened_with": form["opened_with"][0]}
    before = revision_of(lesson)
    assert json.loads(owner.post(base, {**form, "title": "Kept", "act": "compare"}).content)["same"] is False
    assert json.loads(owner.post(base, {**form, "minutes": "ten", "act": "compare"}).content)["same"] is False
    assert revision_of(lesson) == before


def test_what_a_browser_kept_is_put_into_the_form_rows_and_all_and_nothing_is_saved(owner, base, lesson):
    before = files_of(lesson)
    kept = form_of(owner.get(base)) | {
        "title": "Kept",
        "objectives-1-was": "",
        "objectives-1-id": "",
        "objectives-1-text": "One more",
    }
    page = owner.post(base, {**kept, "act": "restore"})
    assert page.status_code == 200
    again = form_of(page)
    assert (again["title"], again["objectives-1-text"]) == (["Kept"], ["One more"])
    assert "data-touched" in page.content.decode()
    assert files_of(lesson) == before


def test_only_authors_save_and_only_with_a_token(owner, base, lesson, learner, outsider):
    form = form_of(owner.get(base))
    before = files_of(lesson)
    strangers = {"learner": (learner, 403), "outsider": (outsider, 404)}
    for person, status in strangers.values():
        client = Client()
        client.force_login(person)
        for act in ("autosave", "compare"):
            assert client.post(base, {**form, "title": "Not mine", "act": act}).status_code == status
    assert Client().post(base, {**form, "act": "autosave"}).status_code == 302  # to sign in
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(Draft.objects.get(lesson=lesson).updated_by)
    assert strict.post(base, {**form, "title": "Forged", "act": "autosave"}).status_code == 403
    assert files_of(lesson) == before
