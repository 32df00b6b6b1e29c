"""The two questions before a lesson and the predictions before its runs, in the studio's forms."""

from __future__ import annotations

from lessons.models import Draft
from lessons.publishing import check_draft
from tests.studio.conftest import files_of, form_of
from tests.studio.test_questions import document


def tick(client, base, uid, **more):
    address = base + f"questions/{uid}/"
    client.post(address, {**form_of(client.get(address)), **more, "act": "save"})


def messages_of(lesson):
    return [finding.message for finding in check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)]


def test_two_questions_are_ticked_for_before_the_lesson_and_one_is_too_few(owner, base, lesson):
    tick(owner, base, "edge-practice", in_pretest="on")
    assert document(lesson).data["pretest"] == {"questions": ["edge-practice"]}
    assert "A pretest asks two questions, and here it has 1. Name two." in messages_of(lesson)
    tick(owner, base, "edge-test", in_pretest="on")
    assert document(lesson).quiz["pretest"] == ["edge-practice", "edge-test"]
    messages = messages_of(lesson)
    assert not [message for message in messages if "pretest" in message]
    assert (
        "The question “edge-test” is graded as well, and learners are told its answer here. Better use another one." in messages
    )
    owner.post(base + "move-question/", {"list": "pretest", "uid": "edge-test", "way": "up"})
    assert document(lesson).quiz["pretest"] == ["edge-test", "edge-practice"]
    assert "Before the lesson" in owner.get(base + "questions/").content.decode()


def test_a_prediction_is_chosen_changed_and_taken_back(owner, base, lesson):
    page = base + "questions/"
    before = files_of(lesson)["questions.yaml"]
    owner.post(page, {**form_of(owner.get(page)), "before_run": "edge-practice", "act": "save"})
    assert document(lesson).data["predictions"] == {"run": "edge-practice"}
    owner.post(page, {**form_of(owner.get(page)), "before_run": "", "before_train": "edge-practice", "act": "save"})
    assert document(lesson).data["predictions"] == {"train": "edge-practice"}
    owner.post(page, {**form_of(owner.get(page)), "before_train": "", "act": "save"})
    assert files_of(lesson)["questions.yaml"] == before


def test_a_deleted_question_is_asked_nowhere_any_more(owner, base, lesson):
    page = base + "questions/"
    tick(owner, base, "edge-test", in_pretest="on")
    owner.post(page, {**form_of(owner.get(page)), "before_run": "edge-test", "act": "save"})
    asked = owner.get(base + "questions/edge-test/delete/").content.decode()
    token = asked.split('name="opened_with" value="')[1].split('"')[0]
    owner.post(base + "questions/edge-test/delete/", {"opened_with": token})
    assert "edge-test" not in files_of(lesson)["questions.yaml"]


def test_what_is_wrong_leads_to_its_field(owner, base, lesson):
    page = base + "documents/questions.yaml/"
    form = form_of(owner.get(page))
    text = form["text"][0] + "\npretest:\n  questions: [nobody, edge-practice]\npredictions: {break: nobody}\n"
    owner.post(page, {**form, "text": text, "act": "save"})
    assert messages_of(lesson).count("There is no question “nobody” in this file. Correct the uid, or write it.") == 2
    found = document(lesson)
    places = {found.place_of(number).field for number, line in enumerate(found.text.splitlines(), 1) if "nobody" in line}
    assert places == {"pretest", "before_break"}
