from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.documents import read_yaml, split_front_matter
from lessons.modes import MODE_SLUGS
from lessons.schema import read_course, read_lesson

COURSE = "uid: c\nslug: c\ntitle: C\n"
LESSON = "---\nuid: l\nslug: l\ntitle: L\n{more}---\n\nWords.\n"


def said(text: str) -> list[str]:
    return [f"{finding.line}: {finding.message}" for finding in read_course(text)[1]]


def lesson_said(more: str) -> list[str]:
    return [f"{finding.line}: {finding.message}" for finding in read_lesson(LESSON.format(more=more)).findings]


def test_a_small_course_is_enough():
    course, findings = read_course(COURSE)
    assert findings == []
    assert (course.level, course.language, course.lessons) == ("beginner", "en", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (COURSE + "levl: beginner\n", "4: There is no field “levl” here. Did you mean “level”?"),
        (COURSE + "level: expert\n", "4: “level” must be one of: 'beginner', 'intermediate' or 'advanced'."),
        (COURSE + "title: D\n", "4: “title” is given twice. Keep one of them."),
        (COURSE + "tags: vision\n", "4: “tags” must be a list: [one, two], or one “- …” a line."),
        (COURSE + "tags: [a, b, a]\n", "4: “tags”: a stands there twice. Keep one."),
        ("uid: c\nslug: c\ntitle: 2024\n", "3: “title” must be text. Put it in quotes."),
        ("uid: c\nslug: c\n", "1: “title” is missing. Add it."),
        ("- a\n- b\n", "1: Expected fields, one “name: value” a line."),
        ("", "1: Expected fields, one “name: value” a line."),
    ],
)
def test_an_error_says_its_line_and_what_to_do(text, expected):
    assert expected in said(text)


def test_several_errors_are_reported_at_once():
    assert len(said("uid: c\nslug: C C\nlevl: x\nlanguage: 3\n")) == 4


def test_yes_no_and_dates_are_words():
    course, findings = read_course("uid: c\nslug: c\ntitle: yes\nsubtitle: 2024-01-02\nsummary: no\n")
    assert findings == []
    assert (course.title, course.subtitle, course.summary) == ("yes", "2024-01-02", "no")


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "a: !!python/object/apply:os.system [echo]\n",
        "a: !!python/name:os.system\n",
        "? [a]\n: 1\n",
        "a: b: c\n",
        "a: [1, 2\n",
        "\ta: 1\n",
        "--- a\n--- b\n",
        "[" * 5000,
        "a: 'x\n",
        "a: 1\n" + "b: " + "9" * 5000 + "\n",
        "x" * 1_100_000,
        "a: \x07\n",
    ],
)
def test_strange_yaml_is_a_finding_with_a_line_and_never_an_exception(text):
    course, findings = read_course(text)
    assert course is None
    assert findings
    assert all(finding.message for finding in findings)


def test_the_lines_of_front_matter_are_those_of_the_file():
    assert lesson_said("minutes: soon\nmodes: [read, dance]\n") == [
        "5: “minutes” must be a whole number.",
        "6: “modes.2”: “dance” is not a mode. Modes: " + ", ".join(MODE_SLUGS) + ".",
    ]


def test_a_field_inside_a_list_is_named_with_its_line():
    assert lesson_said("objectives:\n  - id: a\n    text: x\n  - id: b\n    txt: y\n") == [
        "8: “objectives.2.text” is missing. Add it.",
        "9: There is no field “txt” here. Did you mean “text”?",
    ]


def test_two_objectives_may_not_share_an_id():
    assert lesson_said("objectives: [{id: a, text: x}, {id: a, text: y}]\n") == [
        "5: “objectives”: a stands there twice. Keep one."
    ]


def test_a_source_has_a_web_address():
    assert lesson_said("sources: [{title: x, url: 'javascript:alert(1)'}]\n") == [
        "5: “sources.1.url”: A source's address begins with https://."
    ]


def test_a_lesson_without_front_matter_is_told_how_to_begin():
    document = read_lesson("## Words\n")
    assert document.findings[0].message == "A lesson begins with a line ---, its fields, and another line ---. Add them."
    assert document.body == "## Words\n"


def test_the_body_and_its_first_line_are_found():
    halves = split_front_matter("---\na: 1\n---\nbody\n---\nmore\n")
    assert (halves.yaml, halves.body, halves.body_line) == ("a: 1", "body\n---\nmore\n", 4)


@given(st.text(max_size=300))
def test_any_text_at_all_can_be_read(text):
    read_lesson(text)
    read_yaml(text, "x.yaml")


@given(
    st.recursive(
        st.text(st.characters(min_codepoint=32, max_codepoint=1000, exclude_characters="\x85"), max_size=10)
        | st.booleans()
        | st.integers(-999, 999),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_what_yaml_writes_is_read_back(value):
    import yaml

    text = yaml.safe_dump({"top": value}, allow_unicode=True)
    document = read_yaml(text, "x.yaml")
    assert document.findings == []
    assert document.value == {"top": value}


MODES = """---
uid: one
slug: one
title: One
look:
  network: resnet50
  predict:
    question: What?
    options: [one, two]
mistakes:
  network: resnet50
  cases:
    - id: first
      mistake: bgr
      sample: chelsea
      among: [bgr, nearest, squashed]
      story: It happened.
      explanations:
        - {text: One, right: true, feedback: Yes}
        - {text: Two, feedback: No}
train:
  network: resnet50
  data: [tissue]
  strategy: finetune
  epochs: 10
  learning_rate: 0.001
  labels_per_class: 30
  blocks: 2
  seed: 1
---
"""


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("options: [one, two]", "options: [one]", "options:"),
        ("    options: [one, two]\n", "", "predict:"),
        ("[bgr, nearest", "[softmax_twice, nearest", "among:"),
        ("right: true, ", "", "explanations:"),
        ("feedback: No", "right: true, feedback: No", "explanations:"),
        ("epochs: 10", "epochs: 31", "epochs:"),
        ("learning_rate: 0.001", "learning_rate: 2", "learning_rate:"),
        ("labels_per_class: 30", "labels_per_class: 51", "labels_per_class:"),
        ("blocks: 2", "blocks: 11", "blocks:"),
        ("seed: 1", "seed: -1", "seed:"),
    ],
)
def test_what_contradicts_itself_is_told_at_its_own_line(before, after, line):
    assert before in MODES
    text = MODES.replace(before, after)
    (finding,) = read_lesson(text).findings
    assert text.splitlines()[finding.line - 1].strip().startswith(line)


def test_a_setting_is_not_judged_by_a_strategy_that_is_none():
    (finding,) = read_lesson(MODES.replace("finetune", "prayer")).findings
    assert "train.strategy" in finding.message
