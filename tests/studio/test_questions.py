"""Questions of a draft: written, copied, ordered, deleted, previewed by the learner's template."""

from __future__ import annotations

import pytest

from lessons.models import Draft
from lessons.publishing import check_draft, errors
from studio.documents import QuestionsText
from tests.studio.conftest import files_of, form_of

EDGE = "questions/edge-test/"

NEW = {
    "stem": "What does `conv1` see?\r\n\r\n```python id=x\r\nprint(1)\r\n```",
    "about": "concept",
    "difficulty": "hard",
    "objective": "tell",
    "options-0-text": "Small patches",
    "options-0-feedback": "Yes.",
    "options-right": "0",
    "options-1-text": "All of the photo",
    "options-1-feedback": "No: seven by seven pixels.",
    "options-1-misconception": "brightness",
    "hint": "How large is the kernel?",
    "solution-0-text": "Count the kernel.",
    "answer": "Small patches.",
    "in_practice": "on",
    "act": "save",
}


def document(lesson) -> QuestionsText:
    return QuestionsText(files_of(lesson)["questions.yaml"])


def new_question(client, base):
    address = client.get(base + "add-question/")["Location"]
    return address, form_of(client.get(address))


def test_a_first_question_is_written_without_knowing_the_format(owner, base, lesson):
    address, form = new_question(owner, base)
    assert [name for name in form if name.endswith("-text")] == [f"options-{n}-text" for n in range(4)] + ["solution-0-text"]
    before = files_of(lesson)
    saved = owner.post(address, {**form, **NEW})
    assert saved.status_code == 302
    uid = address.split("/questions/")[1].split("/")[0]
    question = document(lesson).questions[-1]
    assert question["uid"] == uid
    assert [option["id"] for option in question["options"]] == ["a", "b"]
    assert [option.get("right", False) for option in question["options"]] == [True, False]
    assert document(lesson).quiz["practice"] == ["edge-practice", uid]
    assert files_of(lesson)["questions.yaml"].startswith(before["questions.yaml"].split("practice:")[0])
    assert form_of(owner.get(saved["Location"]))["options-right"] == ["0"]


def test_sending_a_new_question_twice_stores_it_once(owner, base, lesson):
    address, form = new_question(owner, base)
    for _time in range(2):
        assert owner.post(address, {**form, **NEW}).status_code == 302
    assert len(document(lesson).questions) == 3


def test_nothing_is_stored_before_the_first_save(owner, base, lesson):
    before = Draft.objects.get(lesson=lesson).revision
    address, form = new_question(owner, base)
    assert owner.post(address, {**form, **NEW, "act": "add:options"}).status_code == 200
    assert owner.post(address, {**form, **NEW, "act": "preview"}).status_code == 200
    assert Draft.objects.get(lesson=lesson).revision == before


def test_the_right_answer_stays_with_its_option_when_rows_move(owner, base, lesson):
    page = base + "questions/edge-test/"
    form = form_of(owner.get(page))
    moved = form_of(owner.post(page, {**form, "act": "down:options:0"}))
    assert moved["options-0-text"] == ["A bright spot of light"]
    assert moved["options-right"] == ["1"]
    assert owner.post(page, {**moved, "act": "save"}).status_code == 302
    options = document(lesson).questions[0]["options"]
    assert [(option["id"], option.get("right")) for option in options] == [("b", None), ("a", True)]


def test_an_added_option_gets_the_first_free_letter(owner, base, lesson):
    page = base + "questions/edge-test/"
    form = form_of(owner.post(page, {**form_of(owner.get(page)), "act": "remove:options:0"}))
    form = form_of(owner.post(page, {**form, "act": "add:options"}))
    owner.post(page, {**form, "options-1-text": "Something new", "act": "save"})
    assert [option["id"] for option in document(lesson).questions[0]["options"]] == ["b", "a"]


def test_a_proof_with_a_mistake_is_kept_and_can_go_again(owner, base, lesson):
    page = base + "questions/edge-test/"
    form = form_of(owner.get(page)) | {"snippet": "print(1)", "compare": "output", "options-1-mistake": "print(2)\r\nprint(3)"}
    owner.post(page, {**form, "act": "save"})
    proof = {"snippet": "print(1)", "compare": "output", "mistakes": {"b": "print(2)\nprint(3)\n"}}
    assert document(lesson).questions[0]["proof"] == proof
    form = form_of(owner.get(page)) | {"snippet": "", "compare": "", "options-1-mistake": ""}
    owner.post(page, {**form, "act": "save"})
    assert "proof" not in document(lesson).questions[0]


def test_a_question_is_copied_and_deleted(owner, base, lesson):
    copy = owner.post(base + "questions/edge-test/duplicate/")
    assert len(document(lesson).questions) == 3
    assert document(lesson).quiz["test"] == ["edge-test"]
    assert form_of(owner.get(copy["Location"]))["stem"] == ["What is an edge?"]
    page = owner.get(base + "questions/edge-test/delete/").content.decode()
    assert "What is an edge?" in page
    token = page.split('name="opened_with" value="')[1].split('"')[0]
    owner.post(base + "questions/edge-test/delete/", {"opened_with": token})
    assert "edge-test" not in document(lesson).uids
    assert document(lesson).quiz["test"] == []


def test_questions_move_within_their_list(owner, base, lesson):
    address, form = new_question(owner, base)
    owner.post(address, {**form, **NEW})
    uid = document(lesson).uids[-1]
    owner.post(base + "move-question/", {"list": "practice", "uid": uid, "way": "up"})
    assert document(lesson).quiz["practice"] == [uid, "edge-practice"]
    for data in ({"list": "practice", "uid": uid, "way": "up"}, {"list": "x", "uid": uid, "way": "up"}, {"list": "test"}):
        owner.post(base + "move-question/", data)
    assert document(lesson).quiz["practice"] == [uid, "edge-practice"]


def test_the_list_shows_each_question_and_where_it_stands(owner, base, lesson):
    page = owner.get(base + "questions/").content.decode()
    for words in ("What is an edge?", "Where is an edge?", "a concept", "medium", "In the graded test", "In practice"):
        assert words in page


def test_a_lesson_without_questions_offers_the_first(owner, course, lesson, base):
    form = form_of(owner.get(base + "documents/questions.yaml/"))
    owner.post(base + "documents/questions.yaml/", {**form, "text": "", "act": "save"})
    assert "Write the first question" in owner.get(base + "questions/").content.decode()
    address, form = new_question(owner, base)
    owner.post(address, {**form, **NEW})
    assert len(document(lesson).questions) == 1


def test_the_test_as_a_whole_is_named_and_revealed(owner, base, lesson):
    form = form_of(owner.get(base + "questions/"))
    owner.post(base + "questions/", {**form, "title": "Edge test", "reveal": "finish", "act": "save"})
    assert document(lesson).data["test"] == {"title": "Edge test", "questions": ["edge-test"], "reveal": "finish"}


def test_misconceptions_are_edited_and_offered_to_options(owner, base, lesson):
    page = base + "misconceptions/"
    form = form_of(owner.get(page)) | {
        "misconceptions-1-was": "",
        "misconceptions-1-title": "Edges are lines on paper",
        "misconceptions-1-belief": "Paper\r\nhas edges.",
        "misconceptions-1-why": "It is the picture that counts.",
        "misconceptions-1-slug": "",
    }
    assert owner.post(page, {**form, "act": "save"}).status_code == 302
    assert document(lesson).misconceptions[1]["slug"] == "edges-are-lines-on-paper"
    assert "Edges are lines on paper" in owner.get(base + "questions/edge-test/").content.decode()
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []


def test_the_preview_shows_the_question_and_all_that_is_told(owner, base, lesson):
    page = base + "questions/edge-test/"
    form = form_of(owner.get(page)) | {"hint": "**Mind** the step"}
    text = owner.post(page + "?fragment=1", {**form, "act": "preview"}).content.decode()
    for words in (
        'class="option',
        "What is an edge?",
        "Who chooses A reads",
        "A bright spot is an edge.",
        "<strong>Mind</strong>",
        "The answer is A:",
    ):
        assert words in text
    without = {name: value for name, value in form.items() if name != "options-right"}
    assert "No option is marked" in owner.post(page + "?fragment=1", {**without, "act": "preview"}).content.decode()


def test_a_half_written_question_can_be_saved_and_previewed(owner, base, lesson):
    address, form = new_question(owner, base)
    for fields in ({"stem": "Only a stem"}, {}, {"options-right": "3"}):
        assert owner.post(address + "&fragment=1", {**form, **fields, "act": "preview"}).status_code == 200
        assert owner.post(address, {**form, **fields, "act": "save"}).status_code == 302
        form = form_of(owner.get(address))
    assert owner.get(base + "check/").status_code == 200


def test_questions_that_no_mode_would_ask_are_pointed_out(owner, base, lesson):
    assert "doesn’t offer" not in owner.get(base + "questions/").content.decode()
    owner.post(base, {**form_of(owner.get(base)), "modes": ["read", "practise"], "act": "save"})
    assert "doesn’t offer Test yet" in owner.get(base + "questions/").content.decode()
    assert "does not declare the mode “test”" in owner.get(base + "check/").content.decode()


def edge(lesson):
    """The question "edge-test" of the draft."""
    return document(lesson).questions[0]


def of_kind(client, page, kind):
    """The editor's form after another kind was chosen in it, without scripts."""
    return form_of(client.post(page, {**form_of(client.get(page)), "kind": kind, "act": "kind"}))


def test_a_question_with_several_right_options_is_written(owner, base, lesson):
    page = base + EDGE
    form = of_kind(owner, page, "multiple")
    assert form["options-0-right"] == ["on"]  # what was right before
    ticked = {**form, "options-1-right": "on", "options-1-misconception": "", "credit": "right_minus_wrong", "act": "save"}
    assert owner.post(page, ticked).status_code == 302
    assert (edge(lesson)["kind"], edge(lesson)["credit"]) == ("multiple", "right_minus_wrong")
    assert [option["right"] for option in edge(lesson)["options"]] == [True, True]
    shown = form_of(owner.get(page))
    assert (shown["options-0-right"], shown["options-1-right"], shown["credit"]) == (["on"], ["on"], ["right_minus_wrong"])
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []
    assert "To publish:" not in owner.get(page).content.decode()


NUMBERS = {"options-0-text": "0.5", "options-1-text": "1", "absolute": "0.1", "relative": "0.01", "act": "save"}


def test_a_question_about_a_number_is_written(owner, base, lesson):
    page = base + EDGE
    form = of_kind(owner, page, "numeric")
    assert owner.post(page, {**form, **NUMBERS}).status_code == 302
    assert edge(lesson)["tolerance"] == {"absolute": 0.1, "relative": 0.01}
    assert [option["text"] for option in edge(lesson)["options"]] == ["0.5", "1"]
    assert form_of(owner.get(page))["relative"] == ["0.01"]
    text = owner.get(page).content.decode()
    assert "Expected numbers" in text
    assert "To publish:" not in text
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []


def test_a_question_of_one_kind_keeps_nothing_of_another(owner, base, lesson):
    page = base + EDGE
    owner.post(page, {**of_kind(owner, page, "numeric"), **NUMBERS})
    form = of_kind(owner, page, "multiple")
    assert (form["absolute"], form["relative"]) == (["0.1"], ["0.01"])  # out of sight, and not lost before it is saved
    back = form_of(owner.post(page, {**form, "kind": "numeric", "act": "kind"}))
    assert (back["absolute"], back["relative"]) == (["0.1"], ["0.01"])
    assert (
        owner.post(page, {**form, "absolute": "no number", "credit": "right_without_wrong", "act": "save"}).status_code == 302
    )
    assert "tolerance" not in edge(lesson)
    owner.post(page, {**of_kind(owner, page, "single"), "act": "save"})
    assert edge(lesson)["kind"] == "single"
    assert "credit" not in edge(lesson)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("absolute", "a bit", "Write a number in digits, such as 0.5."),
        ("absolute", "-1", "Write 0 or more."),
        ("relative", "1", "Choose a share below 1"),
        ("relative", "nan", "Write a number in digits, such as 0.5."),
    ],
)
def test_a_tolerance_that_is_none_stays_beside_its_sentence(owner, base, lesson, name, value, said):
    page = base + EDGE
    before = files_of(lesson)
    refused = owner.post(page, {**of_kind(owner, page, "numeric"), **NUMBERS, name: value, "hint": "Written at length"})
    assert refused.status_code == 422
    text = refused.content.decode()
    assert f'href="#id_{name}"' in text
    assert f'id="id_{name}_error"' in text
    assert said in text
    kept = form_of(refused)
    assert (kept[name], kept["hint"], kept["options-1-text"]) == ([value], ["Written at length"], ["1"])
    assert files_of(lesson) == before


@pytest.mark.parametrize(
    ("kind", "fields", "at", "said"),
    [
        ("numeric", {"options-1-text": "about one"}, "options-1-text", "Write only numbers"),
        ("numeric", {"options-1-text": "0.55"}, "absolute", "so near to the right one"),
        ("output", {}, "snippet", "Write the code whose output is asked for"),
        ("output", {"snippet": "print(1)", "compare": "stem"}, "compare", "compare what it prints"),
        ("multiple", {"snippet": "print(1)", "compare": "output"}, "compare", "several options can be right"),
    ],
)
def test_what_a_kind_still_needs_stands_beside_its_input(owner, base, lesson, kind, fields, at, said):
    page = base + EDGE
    given = NUMBERS if kind == "numeric" else {"act": "save"}
    assert owner.post(page, {**of_kind(owner, page, kind), **given, **fields}).status_code == 302
    text = owner.get(page).content.decode()
    assert said in text.split(f'id="id_{at}_needs"')[1].split("</ul>")[0]
    assert 'id="part-proof" open' in text or at not in ("snippet", "compare")


def test_a_question_without_a_right_option_says_so_at_its_options(owner, base, lesson):
    page = base + EDGE
    form = of_kind(owner, page, "multiple")
    del form["options-0-right"]
    owner.post(page, {**form, "act": "save"})
    assert "No option is right" in owner.get(page).content.decode().split('id="options_needs"')[1].split("</ul>")[0]


def test_each_kind_is_previewed_as_it_is_asked(owner, base, lesson):
    page = base + EDGE

    def shown(kind, **fields):
        return owner.post(page + "?fragment=1", {**of_kind(owner, page, kind), **fields, "act": "preview"}).content.decode()

    several = shown("multiple", **{"options-1-right": "on"})
    assert several.count('type="checkbox"') == 2
    assert "The answers are A and B:" in several
    number = shown("numeric", **NUMBERS)
    assert 'id="number"' in number
    assert "Who writes 0.5 reads" in number
    assert 'class="option' not in number


def test_a_kind_of_later_is_kept(owner, base, lesson):
    page = base + "documents/questions.yaml/"
    text = files_of(lesson)["questions.yaml"].replace("kind: single", "kind: of-later", 1)
    owner.post(page, {**form_of(owner.get(page)), "text": text, "act": "save"})
    assert owner.post(base + EDGE, {**form_of(owner.get(base + EDGE)), "hint": "New", "act": "save"}).status_code == 302
    assert edge(lesson)["kind"] == "of-later"
    assert owner.post(base + EDGE + "?fragment=1", {**form_of(owner.get(base + EDGE)), "act": "preview"}).status_code == 200


def test_a_misconception_names_the_mistake_that_shows_it(owner, base, lesson):
    page = base + "misconceptions/"
    assert "Mistake that shows it" in owner.get(page).content.decode()
    owner.post(page, {**form_of(owner.get(page)), "misconceptions-0-mistake": "bgr", "act": "save"})
    assert document(lesson).data["misconceptions"][0]["mistake"] == "bgr"
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []
    owner.post(page, {**form_of(owner.get(page)), "misconceptions-0-mistake": "", "act": "save"})
    assert "mistake" not in document(lesson).data["misconceptions"][0]
