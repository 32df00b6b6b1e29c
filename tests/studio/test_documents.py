"""Form → document → form is the identity, and what a form does not know is never dropped."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from django.conf import settings as settings_of_the_site
from hypothesis import given, settings
from hypothesis import strategies as st

from studio import yamltext
from studio.documents import LessonText, Place, QuestionsText, excerpt, with_names_of_cases, without_other_kinds
from studio.yamltext import UnreadableError
from tests.studio.test_yamltext import MESSY

PLAIN = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t")
lines = st.one_of(st.sampled_from([text for text in MESSY if "\n" not in text]), st.text(PLAIN, max_size=25)).map(str.strip)
filled = lines.filter(bool)
texts = st.one_of(filled, st.lists(lines, max_size=5).map("\n".join)).map(lambda text: text.strip("\n"))
slugs = st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True)


def rows(minimum=0, **fields):
    return st.lists(st.fixed_dictionaries({"was": st.just(""), **fields}), min_size=minimum, max_size=4)


answers = st.lists(st.fixed_dictionaries({"text": filled}), max_size=3)
explanations = rows(text=filled, right=st.booleans(), feedback=lines)
wholes = st.one_of(st.none(), st.integers(-5, 2**31))
decimals = st.one_of(st.none(), st.floats(1e-9, 1e9))
tolerances = st.one_of(st.none(), st.floats(0, 1e9))
lesson_values = st.fixed_dictionaries(
    {
        "title": lines,
        "subtitle": lines,
        "slug": slugs,
        "minutes": st.one_of(st.none(), st.integers(1, 600)),
        "level": st.sampled_from(["", "beginner"]),
        "tags": st.lists(filled, max_size=3),
        "objectives": rows(id=filled, text=lines, section=lines),
        "modes": st.lists(st.sampled_from(["read", "run"]), max_size=2),
        "networks": st.lists(slugs, max_size=2),
        "run_network": lines,
        "run_samples": st.lists(slugs, max_size=2),
        "predict_question": lines,
        "predict_options": st.lists(st.fixed_dictionaries({"text": filled}), max_size=3),
        "predict_why": texts,
        "look_network": lines,
        "look_samples": st.lists(slugs, max_size=2),
        "look_question": lines,
        "look_options": answers,
        "look_why": texts,
        "break_network": lines,
        "cases": rows(
            id=filled,
            mistake=lines,
            sample=lines,
            among=st.lists(slugs, max_size=4, unique=True),
            story=texts,
            explanations=explanations,
            why=texts,
        ),
        "train_network": lines,
        "train_data": answers,
        "train_strategy": st.sampled_from(["", "frozen", "scratch"]),
        "train_epochs": wholes,
        "train_learning_rate": decimals,
        "train_labels_per_class": wholes,
        "train_blocks": st.sampled_from(["", "1", "10", "all"]),
        "train_seed": wholes,
        "train_about": texts,
        "train_question": lines,
        "train_options": answers,
        "train_why": texts,
        "insight": texts,
        "sources": rows(title=lines, url=filled),
        "body": texts,
    }
)
question_values = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["single", "multiple", "numeric", "output", "generated", "trace", "of-later"]),
        "credit": st.sampled_from(["", "right_minus_wrong", "of-later"]),
        "absolute": tolerances,
        "relative": tolerances,
        "template": st.sampled_from(["", "head_input", "of-later"]),
        "network": st.sampled_from(["", "resnet50"]),
        "trace": st.sampled_from(["", "latest", "efficientnet_lite0 chelsea"]),
        "about": st.just("concept"),
        "difficulty": st.sampled_from(["easy", "hard"]),
        "objective": lines,
        "stem": texts,
        "options": st.integers(0, 6).flatmap(
            lambda count: st.tuples(
                *(
                    st.fixed_dictionaries(
                        {
                            "was": st.just(""),
                            "id": st.just("abcdef"[number]),
                            "text": texts,
                            "feedback": texts,
                            "misconception": lines,
                            "right": st.booleans(),
                            "mistake": texts.filter(lambda text: text == "" or bool(text.strip())),
                        }
                    )
                    for number in range(count)
                )
            ).map(list)
        ),
        "hint": texts,
        "solution": st.lists(st.fixed_dictionaries({"text": texts.filter(lambda text: bool(text.strip()))}), max_size=3),
        "answer": texts,
        "snippet": texts,
        "requires": lines,
        "compare": lines,
        "in_test": st.booleans(),
        "in_exam": st.booleans(),
        "in_practice": st.booleans(),
        "in_pretest": st.booleans(),
    }
)

LESSON = """\
---
# Anna: keep this uid
uid: lesson-1
slug: one
title: One
future: {kept: [1, 2]}      # a field that no form knows
run:
  network: resnet50
  device: cpu
  predict: {question: "Why?", hint_after: 3}
look: {network: resnet50, zoom: 2, predict: {question: "What?", options: [a, b], later: true}}
mistakes:
  network: resnet50
  seed: 7      # no form knows it
  cases:
    - id: first
      mistake: bgr   # as OpenCV
      sample: chelsea
      among: [squashed, bgr, nearest]
      weight: 3
      story: |
        Two
        lines
      explanations:
        - {text: One, right: true, feedback: Yes., hint: kept}
        - text: Two
          right: false
          feedback: No.
train:
  network: resnet50
  data: [tissue, digits]
  learning_rate: 0.0030
  blocks: 3
  schedule: [1, 2]
objectives:
  - {id: see, text: See, weight: 2}
  - {id: tell, text: Tell}
---

# Body

---
not: yaml
---
"""

QUESTIONS = """\
# shared with the other lesson
misconceptions:
  - slug: m1
    title: A belief
    belief: X
    why: Y
    mistake: swap_channels
test: {title: Check, questions: [q1], later: true}
questions:
  - uid: q1
    kind: single
    about: output
    difficulty: easy
    stem: What?
    points: 3       # unknown to the form
    options:
      - {id: a, text: "1", right: true, weight: .5}
      - {id: b, text: "2"}
    proof:
      snippet: print(1)
      timeout: 9
      mistakes: {b: print(2), z: print(3)}
  # the second
  - uid: q2
    stem: |
      Two
      lines
extra: 1
"""


def without_was(value):
    """Values as compared between forms: a row's `was` is only the link to what it was before."""
    if isinstance(value, dict):
        return {name: without_was(inner) for name, inner in value.items() if name != "was"}
    return [without_was(inner) for inner in value] if isinstance(value, list) else value


@given(lesson_values)
@settings(max_examples=60, deadline=None)
def test_lesson_form_to_document_to_form_is_the_identity(values):
    for start in ("", LESSON):
        document = LessonText(LessonText(start).with_values(values)).values
        assert without_was(document) == without_was(values)


@given(question_values)
@settings(max_examples=60, deadline=None)
def test_question_form_to_document_to_form_is_the_identity(values):
    for start, uid in (("", "new"), (QUESTIONS, "new"), (QUESTIONS, "q1")):
        shown = QuestionsText(QuestionsText(start).with_question(uid, values)).values(uid)
        assert without_was(shown) == without_was(values)


@given(question_values)
@settings(max_examples=60, deadline=None)
def test_a_question_of_one_kind_keeps_nothing_that_only_another_needs(values):
    saved = QuestionsText(QuestionsText(QUESTIONS).with_question("q1", values))
    question = QuestionsText(saved.with_question("q1", without_other_kinds(saved.values("q1")))).questions[0]
    assert "credit" not in question or values["kind"] == "multiple"
    assert "tolerance" not in question or values["kind"] == "numeric"
    assert "parameters" not in question or values["kind"] == "generated"
    assert "trace" not in question or values["kind"] == "trace"
    assert "template" not in question or values["kind"] in ("generated", "trace")
    is_drawn = values["kind"] in ("generated", "trace") and values["template"]
    assert not {"stem", "options", "hint", "solution", "answer"} & set(question) or not is_drawn
    kept = {"multiple": ["credit"], "numeric": ["absolute", "relative"]}
    kept |= {"generated": ["template", "network"], "trace": ["template", "trace"]}
    kept = kept.get(values["kind"], [])
    again = without_other_kinds(values)
    assert {name: again[name] for name in kept} == {name: values[name] for name in kept}


@given(rows(slug=filled, title=lines, belief=texts, why=texts, mistake=st.sampled_from(["", "bgr", "of-later"])))
@settings(max_examples=40, deadline=None)
def test_misconceptions_form_to_document_to_form_is_the_identity(beliefs):
    for start in ("", QUESTIONS):
        shown = QuestionsText(QuestionsText(start).with_misconceptions(beliefs)).misconceptions
        assert without_was(shown) == without_was(beliefs)


@given(lesson_values, question_values)
@settings(max_examples=40, deadline=None)
def test_a_field_the_form_does_not_know_is_never_dropped(lesson, question):
    front = LessonText(LessonText(LESSON).with_values(lesson)).data
    assert front["uid"] == "lesson-1"
    assert front["future"] == {"kept": [1, 2]}
    assert front["run"]["device"] == "cpu"
    assert front["run"]["predict"]["hint_after"] == 3
    assert front["look"]["zoom"] == 2
    assert front["look"]["predict"]["later"] is True
    assert front["mistakes"]["seed"] == 7
    assert front["train"]["schedule"] == [1, 2]
    document = QuestionsText(QuestionsText(QUESTIONS).with_question("q1", question))
    assert document.data["extra"] == 1
    assert document.data["test"]["later"] is True
    assert document.misconceptions[0]["slug"] == "m1"
    assert document.questions[0]["points"] == 3
    assert document.questions[0]["proof"]["timeout"] == 9
    assert document.questions[0]["proof"]["mistakes"]["z"] == "print(3)"
    assert document.questions[1] == yamltext.load(QUESTIONS)["questions"][1]


def test_a_row_keeps_its_unknown_fields_when_it_moves_or_is_renamed():
    values = LessonText(LESSON).values
    values["objectives"] = [values["objectives"][1], {**values["objectives"][0], "id": "look"}]
    kept = LessonText(LessonText(LESSON).with_values(values)).data["objectives"]
    assert kept == [{"id": "tell", "text": "Tell"}, {"id": "look", "text": "See", "weight": 2}]


def test_a_broken_run_keeps_its_unknown_fields_when_it_moves_or_is_renamed():
    values = LessonText(LESSON).values
    case = deepcopy(values["cases"][0])
    case["id"] = "renamed"
    case["explanations"].reverse()
    values["cases"] = [{"was": "", "id": "new", "mistake": "nearest"}, case]
    new, kept = LessonText(LessonText(LESSON).with_values(values)).data["mistakes"]["cases"]
    assert new == {"id": "new", "mistake": "nearest"}
    assert (kept["id"], kept["weight"]) == ("renamed", 3)
    assert kept["explanations"] == [
        {"text": "Two", "right": False, "feedback": "No."},
        {"text": "One", "right": True, "feedback": "Yes.", "hint": "kept"},
    ]


def test_a_part_that_is_emptied_is_gone_and_what_no_form_knows_is_not():
    values = LessonText(LESSON).values
    emptied = {name: [] if isinstance(value, list) else None for name, value in values.items() if name.startswith("train_")}
    emptied |= {"train_network": "", "train_blocks": "", "train_strategy": ""}
    assert LessonText(LessonText(LESSON).with_values({**values, **emptied})).data["train"] == {"schedule": [1, 2]}


@pytest.mark.parametrize(
    "path", sorted(Path(settings_of_the_site.ROOT).glob("lessons/content/*/*/lesson.md")), ids=lambda path: path.parent.name
)
def test_the_shipped_lessons_come_out_of_the_form_byte_for_byte(path):
    text = path.read_text()
    document = LessonText(text)
    assert document.values["cases"]
    assert document.with_values(document.values) == text
    changed = document.with_values({**document.values, "train_epochs": 12})
    assert [line for line in changed.splitlines() if line not in text.splitlines()] == ["  epochs: 12"]
    assert LessonText(changed).values == {**document.values, "train_epochs": 12}


def test_saving_an_untouched_form_changes_no_byte():
    assert LessonText(LESSON).with_values(LessonText(LESSON).values) == LESSON
    questions = QuestionsText(QUESTIONS)
    for uid in questions.uids:
        assert questions.with_question(uid, questions.values(uid)) == QUESTIONS
    assert questions.with_quiz(questions.quiz) == QUESTIONS
    assert questions.with_misconceptions(questions.misconceptions) == QUESTIONS


def test_one_changed_field_changes_its_lines_alone():
    questions = QuestionsText(QUESTIONS)
    values = deepcopy(questions.values("q2"))
    values["hint"] = "Count: them"
    assert questions.with_question("q2", values) == QUESTIONS.replace("      lines\n", "      lines\n    hint: 'Count: them'\n")


def test_a_body_keeps_lines_that_look_like_front_matter():
    values = LessonText(LESSON).values
    assert values["body"].endswith("---\nnot: yaml\n---")
    values["title"] = "---"
    again = LessonText(LessonText(LESSON).with_values(values))
    assert (again.values["title"], again.values["body"]) == ("---", values["body"])


def test_removing_an_option_removes_its_mistake_and_no_other():
    questions = QuestionsText(QUESTIONS)
    values = questions.values("q1")
    values["options"] = values["options"][:1]
    proof = QuestionsText(questions.with_question("q1", values)).questions[0]["proof"]
    assert proof["mistakes"] == {"z": "print(3)"}


def test_deleting_a_question_takes_it_out_of_its_lists():
    document = QuestionsText(QuestionsText(QUESTIONS).without_question("q1"))
    assert document.uids == ["q2"]
    assert document.quiz["test"] == []
    assert document.data["test"]["later"] is True


def test_a_copy_stands_after_its_original_and_in_no_list():
    document = QuestionsText(QuestionsText(QUESTIONS).with_copy("q1", "q1-copy"))
    assert document.uids == ["q1", "q1-copy", "q2"]
    assert document.quiz["test"] == ["q1"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ntitle: [a\nslug: x\n---\n", 3),
        ("---\ntitle: One\nrun: resnet50\n---\n", 3),
        ("---\n- a\n---\n", 2),
        ("---\ntitle: One\n\nobjectives:\n  - just words\n---\n", 4),
        ("---\ntitle: {a: b}\n---\n", 2),
        ("---\nmistakes:\n  cases:\n    - id: a\n    - id: b\n      explanations: words\n---\n", 6),
        ("---\ntrain:\n  epochs: [1]\n---\n", 3),
    ],
)
def test_a_document_that_no_form_can_show_says_where(text, line):
    with pytest.raises(UnreadableError) as caught:
        LessonText(text)
    assert caught.value.line == line


def test_lines_lead_to_form_fields():
    def line(text, words):
        return next(number for number, row in enumerate(text.splitlines(), start=1) if words in row)

    lesson = LessonText(LESSON)
    assert lesson.place_of(line(LESSON, "title:")) == Place("lesson", "title")
    assert lesson.place_of(line(LESSON, "id: tell")).field == "objectives-1"
    assert lesson.place_of(line(LESSON, "predict:")).field.startswith("predict_")
    assert lesson.place_of(line(LESSON, "# Body")) == Place("lesson", "body", line=1)
    assert lesson.place_of(line(LESSON, "not: yaml")) == Place("lesson", "body", line=4)
    assert lesson.place_of(line(LESSON, "future")).page == "lesson"
    assert lesson.place_of(line(LESSON, "mistake: bgr")).field == "cases-0-mistake"
    assert lesson.place_of(line(LESSON, "among:")).field == "cases-0-among"
    assert lesson.place_of(line(LESSON, "text: Two")).field == "cases-0-explanations-1-text"
    assert lesson.place_of(line(LESSON, "weight: 3")).field == "cases-0"
    assert lesson.place_of(line(LESSON, "blocks: 3")).field == "train_blocks"
    questions = QuestionsText(QUESTIONS)
    assert questions.place_of(line(QUESTIONS, "Two")) == Place("question", "stem", uid="q2")
    assert questions.place_of(line(QUESTIONS, "id: b")).field == "options-1"
    assert questions.place_of(line(QUESTIONS, "mistakes:")).field == "snippet"
    proved = QUESTIONS.replace("{b: print(2), z: print(3)}", "\n        b: print(2)")
    assert QuestionsText(proved).place_of(line(proved, "b: print(2)")).field == "options-1-mistake"
    assert questions.place_of(line(QUESTIONS, "belief: X")) == Place("misconceptions", "misconceptions-0-belief")
    assert questions.place_of(line(QUESTIONS, "test:")).page == "quiz"
    assert questions.place_of(line(QUESTIONS, "extra:")) == Place()


def test_an_excerpt_is_one_short_line():
    assert excerpt("A\n\n  b") == "A b"
    assert len(excerpt("word " * 100)) <= 90


@given(st.lists(st.tuples(st.sampled_from(["", "own", "bgr-chelsea"]), st.sampled_from(["", "bgr", "train_mode"])), max_size=6))
def test_every_broken_run_gets_a_short_name_and_keeps_the_one_it_has(cases):
    values = {"cases": [{"id": name, "mistake": mistake, "sample": "chelsea"} for name, mistake in cases]}
    named = [case["id"] for case in with_names_of_cases(values)["cases"]]
    made = [name for name, (given, _mistake) in zip(named, cases, strict=True) if not given]
    assert all(name == given for name, (given, _mistake) in zip(named, cases, strict=True) if given)
    assert all(made)
    assert len(set(made)) == len(made)
    assert not set(made) & {given for given, _mistake in cases}
