"""The lesson's editor: what is posted is what is kept, whatever was pasted, and two authors lose nothing."""

from __future__ import annotations

import pytest
from django.utils import timezone

from inference.facts import store_facts
from lessons.models import Draft
from lessons.publishing import check_draft, errors, open_draft, save_draft
from studio.conflicts import ClashError, fingerprint
from studio.editing import WholeLesson, save_part
from tests.lessons.conftest import network
from tests.studio.conftest import QUESTIONS, files_of, form_of


def test_saving_an_untouched_form_changes_no_byte(owner, base, lesson):
    before = files_of(lesson)
    for page in (
        "",
        "questions/edge-test/",
        "questions/edge-practice/",
        "misconceptions/",
        "questions/",
        "documents/lesson.md/",
        "documents/questions.yaml/",
    ):
        form = form_of(owner.get(base + page))
        assert owner.post(base + page, {**form, "act": "save"}).status_code == 302, page
        assert files_of(lesson) == before, page


def test_a_saved_lesson_shows_the_same_again(owner, base, lesson):
    form = form_of(owner.get(base))
    form |= {
        "title": "Corners: a 'start'",
        "tags": "one, two",
        "body": "## New\r\n\r\n---\r\n\r\ntext",
        "minutes": "25",
        "modes": ["read", "run"],
        "predict_question": "What will it be?",
        "predict_options-0-was": "",
        "predict_options-0-text": "A cat",
        "objectives-1-was": "",
        "objectives-1-text": "Draw a corner",
        "objectives-1-id": "",
    }
    assert owner.post(base, {**form, "act": "save"}).status_code == 302
    again = form_of(owner.get(base))
    assert again["title"] == ["Corners: a 'start'"]
    assert again["body"] == ["## New\r\n\r\n---\r\n\r\ntext"]
    assert again["tags"] == ["one, two"]
    assert again["minutes"] == ["25"]
    assert again["modes"] == ["read", "run"]
    assert again["predict_options-0-text"] == ["A cat"]
    assert again["objectives-1-id"] == ["draw-a-corner"]
    assert files_of(lesson)["questions.yaml"] == QUESTIONS


def test_the_page_says_what_is_saved_and_what_learners_see(owner, base, published):
    page = owner.get(base).content.decode()
    assert "Draft saved" in page
    assert "learners see version 1" in page


MESSY = {
    "crlf": "one\r\n\r\ntwo\rthree\r\n",
    "tabs": "\tindented\n\t\tmore",
    "controls": "a\x00b\x07c\x1bd\x7fe\ufefff",
    "emoji and rtl": "🦊 \u200f\u05e9\u05dc\u05d5\u05dd\u200f \u0645\u0631\u062d\u0628\u0627 👩\u200d👩\u200d👧",
    "yaml": "- a: b\n  c: [1, 2\n? x\n!tag &anchor *alias",
    "fences": "---\ntitle: no\n---\n\n...\n%YAML 1.2",
    "quotes": "\"double\" 'single' \\n \\\\ `back` <b>&amp;</b>",
    "separators": "a\u2028b\u2029c\x85d",
    "spaces": "  leading\n    and trailing   \n\n\n\nblank",
    "markup": "<script>alert(1)</script> {{ constructor }} {% load x %} ${x}",
}


@pytest.mark.parametrize("text", MESSY.values(), ids=MESSY.keys())
def test_whatever_is_pasted_comes_back(owner, base, lesson, text):
    form = form_of(owner.get(base))
    fields = {"title": text, "body": text, "insight": text, "predict_question": text, "objectives-0-text": text}
    assert owner.post(base, {**form, **fields, "act": "save"}).status_code == 302
    first = form_of(owner.get(base))
    assert owner.post(base, {**first, "act": "save"}).status_code == 302
    assert {**form_of(owner.get(base)), "csrfmiddlewaretoken": ""} == {**first, "csrfmiddlewaretoken": ""}
    printable = [
        word
        for word in ("one", "indented", "\u05e9\u05dc\u05d5\u05dd", "anchor", "title: no", "single", "trailing", "alert(1)")
        if word in text
    ]
    for word in printable:
        assert word in first["body"][0]
    question = base + "questions/edge-test/"
    asked = form_of(owner.get(question))
    fields = {"stem": text, "options-0-text": text, "options-1-feedback": text, "solution-0-text": text, "snippet": text}
    assert owner.post(question, {**asked, **fields, "act": "save"}).status_code == 302
    again = form_of(owner.get(question))
    assert (
        again["stem"] == again["options-0-text"] == again["options-1-feedback"] == again["solution-0-text"] == again["snippet"]
    )
    assert check_draft(Draft.objects.get(lesson=lesson), course=lesson.course) is not None
    for address in (base, question):
        preview = owner.post(address + "?fragment=1", {**form_of(owner.get(address)), "act": "preview"})
        assert preview.status_code == 200
        assert b"<script" not in preview.content


def test_a_huge_text_is_kept_or_refused_with_the_words_still_there(owner, base, lesson):
    form = form_of(owner.get(base))
    fitting = "word " * 40_000
    assert owner.post(base, {**form, "body": fitting, "act": "save"}).status_code == 302
    form = form_of(owner.get(base))
    for size in (300_001, 390_000, 500_000):
        refused = owner.post(base, {**form, "body": "x" * size, "act": "save"})
        assert refused.status_code == 422
        assert len(form_of(refused)["body"][0]) == size
    assert owner.post(base, {**form, "body": "x" * 3_000_000, "act": "save"}).status_code == 413


def test_a_mistake_in_a_field_is_said_and_the_rest_stays(owner, base, lesson):
    form = form_of(owner.get(base))
    for field, value in (("minutes", "ten"), ("minutes", "0"), ("slug", "Two Words")):
        response = owner.post(base, {**form, "insight": "Kept.", field: value, "act": "save"})
        assert response.status_code == 422, field
        assert form_of(response)["insight"] == ["Kept."]
        assert f'href="#id_{field}' in response.content.decode()


def test_rows_are_added_moved_and_removed_without_scripts(owner, base, lesson):
    form = form_of(owner.get(base))
    form |= {"objectives-0-text": "Changed but not saved"}
    added = form_of(owner.post(base, {**form, "act": "add:objectives"}))
    assert added["objectives-1-text"] == [""]
    assert added["objectives-0-text"] == ["Changed but not saved"]
    added |= {"objectives-1-text": "Second", "objectives-1-id": "second"}
    moved = form_of(owner.post(base, {**added, "act": "up:objectives:1"}))
    assert [moved[f"objectives-{number}-text"] for number in (0, 1)] == [["Second"], ["Changed but not saved"]]
    removed = form_of(owner.post(base, {**moved, "act": "remove:objectives:0"}))
    assert removed["objectives-0-text"] == ["Changed but not saved"]
    assert "objectives-1-text" not in removed
    assert "Tell an edge from a corner" in files_of(lesson)["lesson.md"]
    for nonsense in ("add:nothing", "remove:objectives:99", "up:objectives:x", "down", "", "remove:objectives:"):
        assert owner.post(base, {**form, "act": nonsense}).status_code == 200


def test_more_rows_than_a_form_shows_are_edited_as_text_and_none_is_dropped(owner, base, lesson, instructor):
    draft = Draft.objects.get(lesson=lesson)
    rows = "".join(f"  - {{id: o{number}, text: Objective}}\n" for number in range(151))
    text = draft.files["lesson.md"].replace("objectives:\n", "objectives:\n" + rows)
    save_draft(
        lesson=lesson, files={**draft.files, "lesson.md": text}, revision=draft.revision, author=instructor, now=timezone.now()
    )
    assert owner.get(base)["Location"].startswith(base + "documents/lesson.md/")
    assert owner.post(base, {"title": "x", "act": "save"}).status_code == 409
    assert files_of(lesson)["lesson.md"] == text


# --- two authors --------------------------------------------------------------------------------------------------------------


def test_two_authors_of_the_same_text_meet_and_nothing_is_lost(owner, second, base, lesson):
    mine, theirs = form_of(owner.get(base)), form_of(second.get(base))
    assert second.post(base, {**theirs, "body": "Their text", "act": "save"}).status_code == 302
    conflict = owner.post(base, {**mine, "body": "My text", "insight": "My insight", "act": "save"})
    page = conflict.content.decode()
    assert conflict.status_code == 409
    assert "Cole Colleague saved first" in page
    assert "Their text" in page
    assert "Their text" in files_of(lesson)["lesson.md"]
    form = form_of(conflict)
    assert form["body"] == ["My text"]
    taken = form_of(owner.post(base, {**form, "act": "take", "take": ["body"]}))
    assert (taken["body"], taken["insight"]) == (["Their text"], ["My insight"])
    merged = {**taken, "body": "Their text\r\n\r\nMy text", "act": "save"}
    assert owner.post(base, merged).status_code == 302
    assert "Their text\n\nMy text" in files_of(lesson)["lesson.md"]


def test_overwriting_takes_a_second_knowing_save(owner, second, base, lesson):
    mine, theirs = form_of(owner.get(base)), form_of(second.get(base))
    second.post(base, {**theirs, "body": "Their text", "act": "save"})
    again = form_of(owner.post(base, {**mine, "body": "My text", "act": "save"}))
    assert owner.post(base, {**again, "act": "save"}).status_code == 302
    assert "My text" in files_of(lesson)["lesson.md"]


def test_a_third_save_in_between_is_met_again(owner, second, base, lesson):
    mine, theirs = form_of(owner.get(base)), form_of(second.get(base))
    second.post(base, {**theirs, "body": "Their text", "act": "save"})
    again = form_of(owner.post(base, {**mine, "body": "My text", "act": "save"}))
    second.post(base, {**form_of(second.get(base)), "body": "Their third text", "act": "save"})
    assert owner.post(base, {**again, "act": "save"}).status_code == 409
    assert "Their third text" in files_of(lesson)["lesson.md"]


def test_two_authors_of_different_parts_both_stay(owner, second, base, lesson):
    question = base + "questions/edge-test/"
    other = base + "questions/edge-practice/"
    forms = [form_of(owner.get(question)), form_of(owner.get(base)), form_of(second.get(other))]
    assert second.post(other, {**forms[2], "stem": "Their stem", "act": "save"}).status_code == 302
    saved = owner.post(question, {**forms[0], "stem": "My stem", "act": "save"}, follow=True)
    assert "Cole Colleague changed other parts meanwhile" in saved.content.decode()
    assert owner.post(base, {**forms[1], "title": "My title", "act": "save"}).status_code == 302
    files = files_of(lesson)
    assert "Their stem" in files["questions.yaml"]
    assert "My stem" in files["questions.yaml"]
    assert "My title" in files["lesson.md"]


def test_the_same_words_by_two_authors_are_no_conflict(owner, second, base, lesson):
    mine, theirs = form_of(owner.get(base)), form_of(second.get(base))
    second.post(base, {**theirs, "title": "The same", "act": "save"})
    assert owner.post(base, {**mine, "title": "The same", "act": "save"}).status_code == 302


def test_editing_a_question_that_was_deleted_meanwhile_can_put_it_back(owner, second, base, lesson):
    question = base + "questions/edge-test/"
    mine = form_of(owner.get(question))
    second.post(question + "delete/", form_of_delete(second.get(question + "delete/")))
    conflict = owner.post(question, {**mine, "stem": "Mine", "act": "save"})
    assert conflict.status_code == 409
    assert "deleted it" in conflict.content.decode()
    assert owner.post(question, {**form_of(conflict), "act": "save"}).status_code == 302
    assert "stem: Mine" in files_of(lesson)["questions.yaml"]


def form_of_delete(response):
    text = response.content.decode()
    return {"opened_with": text.split('name="opened_with" value="')[1].split('"')[0]}


def test_deleting_what_somebody_just_changed_asks_again(owner, second, base, lesson):
    question = base + "questions/edge-test/"
    asked = form_of_delete(owner.get(question + "delete/"))
    second.post(question, {**form_of(second.get(question)), "stem": "Changed", "act": "save"})
    refused = owner.post(question + "delete/", asked)
    assert refused.status_code == 409
    assert "edge-test" in files_of(lesson)["questions.yaml"]
    assert owner.post(question + "delete/", form_of_delete(refused)).status_code == 302
    assert "edge-test" not in files_of(lesson)["questions.yaml"]


# --- documents ----------------------------------------------------------------------------------------------------------------


def test_a_broken_document_opens_as_text_at_its_line(owner, base, lesson, instructor):
    draft = Draft.objects.get(lesson=lesson)
    files = {**draft.files, "questions.yaml": "questions:\n  - uid: [a\nx: 1\n"}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=instructor, now=timezone.now())
    for page in ("questions/", "questions/edge-test/", "misconceptions/"):
        response = owner.get(base + page)
        assert response["Location"].startswith(base + "documents/questions.yaml/?line="), page
    shown = owner.get(base + "questions/", follow=True).content.decode()
    assert "The form can’t show questions.yaml" in shown
    for page in ("", "check/", "publish/", "answers/", "history/"):
        assert owner.get(base + page).status_code == 200, page
    assert owner.post(base + "questions/edge-test/duplicate/").status_code == 404
    assert owner.post(base + "move-question/", {"list": "test", "uid": "x", "way": "up"}).status_code == 302


def test_a_document_is_edited_as_text_with_the_same_care(owner, second, base, lesson):
    page = base + "documents/questions.yaml/"
    mine, theirs = form_of(owner.get(page)), form_of(second.get(page))
    second.post(page, {**theirs, "text": theirs["text"][0] + "# theirs", "act": "save"})
    conflict = owner.post(page, {**mine, "text": "# mine", "act": "save"})
    assert conflict.status_code == 409
    assert files_of(lesson)["questions.yaml"] == QUESTIONS.rstrip("\n") + "# theirs\n"
    assert owner.post(page, {**form_of(conflict), "act": "save"}).status_code == 302
    assert files_of(lesson)["questions.yaml"] == "# mine\n"


def test_the_preview_is_the_learners_own_and_stores_nothing(owner, base, lesson):
    before = Draft.objects.get(lesson=lesson).revision
    form = form_of(owner.get(base))
    fragment = owner.post(base + "?fragment=1", {**form, "body": "## Fresh\r\n\r\n::: note\r\nLook.\r\n:::", "act": "preview"})
    text = fragment.content.decode()
    assert "<h2" in text
    assert "Fresh" in text
    assert "callout" in text
    assert "<html" not in text
    whole = owner.post(base, {**form, "body": "## Fresh", "act": "preview"}).content.decode()
    assert "Fresh</h2>" in whole
    assert "<html" in whole
    assert Draft.objects.get(lesson=lesson).revision == before


def test_the_authors_html_is_sanitised_and_the_policy_strict(owner, base, lesson):
    form = form_of(owner.get(base))
    evil = '<img src=x onerror=alert(1)><script>alert(1)</script>[x](javascript:alert(1))<iframe src="//evil"></iframe>'
    response = owner.post(base + "?fragment=1", {**form, "body": evil, "act": "preview"})
    text = response.content.decode()
    assert "default-src 'none'" in response["Content-Security-Policy"]
    for bad in ("<script", "<iframe", "<img src=x", 'href="javascript'):
        assert bad not in text


def test_previewing_an_unfit_form_says_what_is_wrong(owner, base, lesson):
    form = form_of(owner.get(base))
    response = owner.post(base + "?fragment=1", {**form, "minutes": "many", "act": "preview"})
    assert response.status_code == 200
    assert "No preview yet" in response.content.decode()


def test_a_lesson_that_passed_still_passes_after_the_form_saved_it(owner, base, lesson):
    for page in ("", "questions/edge-test/", "misconceptions/"):
        owner.post(base + page, {**form_of(owner.get(base + page)), "act": "save"})
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []


@pytest.mark.parametrize("known", ["resnet50", "unheard_of"])
@pytest.mark.parametrize("mode", ["read", "run", "follow", "code", "nonsense"])
def test_every_mode_of_the_lesson_can_be_previewed(owner, base, lesson, mode, known):
    store_facts("resnet50", network("ResNet-50", 25_557_032), now=timezone.now())
    form = form_of(owner.get(base)) | {
        "modes": ["read", "run", "follow", "code"],
        "networks": [known],
        "run_network": known,
        "body": "## Code\r\n\r\n```python id=one\r\nprint(1)\r\n```",
    }
    response = owner.post(base + "?fragment=1", {**form, "act": "preview", "preview_mode": mode})
    assert response.status_code == 200
    assert "<html" not in response.content.decode()


def test_a_save_that_meets_another_in_the_same_moment_is_tried_again(lesson, instructor, colleague):
    """The draft moves on between reading and writing: another part is merged, the same part is a clash."""

    class Hurried(WholeLesson):
        def write(self, files, values):
            draft = open_draft(lesson)
            if draft.revision == began:
                changed = {**draft.files, name: draft.files[name].replace("dge", "DGE")}
                save_draft(lesson=lesson, files=changed, revision=began, author=colleague, now=timezone.now())
            return super().write(files, values)

    def save():
        return save_part(
            lesson=lesson,
            part=Hurried(),
            values={**values, "insight": words},
            opened_with=fingerprint(values),
            revision=began,
            author=instructor,
            now=timezone.now(),
        )

    began, name, words, values = open_draft(lesson).revision, "questions.yaml", "Mine", WholeLesson().read(files_of(lesson))
    assert save().merged_with == colleague
    assert "DGE" in files_of(lesson)["questions.yaml"]
    assert "insight: Mine" in files_of(lesson)["lesson.md"]
    began, name, words, values = open_draft(lesson).revision, "lesson.md", "Mine too", WholeLesson().read(files_of(lesson))
    with pytest.raises(ClashError) as clash:
        save()
    assert "DGE" in clash.value.theirs["body"]
    assert "DGE" in files_of(lesson)["lesson.md"]


def test_words_stay_on_the_page_when_a_colleague_broke_the_document_meanwhile(owner, second, base, lesson):
    for page, name, field in (("", "lesson.md", "insight"), ("questions/edge-test/", "questions.yaml", "hint")):
        mine = form_of(owner.get(base + page))
        document = base + f"documents/{name}/"
        before = form_of(second.get(document))
        second.post(document, {**before, "text": "---\n[broken\n---", "act": "save"})
        refused = owner.post(base + page, {**mine, field: "My own words", "act": "save"})
        assert refused.status_code == 409
        assert form_of(refused)[field] == ["My own words"]
        assert "Correct it under Documents" in refused.content.decode()
        assert form_of(owner.post(base + page, {**mine, field: "My own words", "act": "preview"}))[field] == ["My own words"]
        second.post(document, {**form_of(second.get(document)), "text": before["text"], "act": "save"})
        assert owner.post(base + page, {**form_of(refused), "act": "save"}).status_code == 302
        assert "My own words" in files_of(lesson)[name]
