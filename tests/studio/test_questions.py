"""Questions of a draft: written, copied, ordered, deleted, previewed by the learner's template."""

from __future__ import annotations

from lessons.models import Draft
from lessons.publishing import check_draft, errors
from studio.documents import QuestionsText
from tests.studio.conftest import files_of, form_of

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
