"""Keys that were wrong: what a correction may say, and that publishing doesn't undo it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from quizzes.correcting import Correction, correct_key
from quizzes.models import KeyRevision, QuestionVersion
from quizzes.services import newest_key
from tests.quizzes.conftest import QUESTIONS
from web.problems import Problem

NUMBER = """
  - uid: q-number
    kind: numeric
    about: concept
    difficulty: easy
    objective: heads
    stem: How many parameters has ResNet-50?
    options:
      - {id: a, text: "{{ resnet50.parameters }}", right: true, feedback: Right. Counted.}
      - {id: b, text: "23508032", feedback: That leaves the head out., misconception: head-is-fc}
    tolerance: {relative: 0.01}
    hint: Count.
    solution: [Count them.]
    answer: "{{ resnet50.parameters }}"
"""


def version_of(uid: str) -> QuestionVersion:
    return QuestionVersion.objects.get(question__uid=uid)


def correction_of(version: QuestionVersion, **changes: object) -> Correction:
    """The newest key as a correction that changes nothing, with some changes."""
    key = newest_key(version)
    same = Correction(
        correct=frozenset(key.correct),
        feedback=key.feedback,
        solution=key.solution,
        answer=key.answer,
        reason="The other one is right.",
        number=key.rule.get("words", {}).get("a", ""),
    )
    return replace(same, **changes)


def corrected(uid: str, author, *, revision: int = 1, **changes: object) -> KeyRevision:
    version = version_of(uid)
    return correct_key(
        question_version=version,
        correction=correction_of(version, **changes),
        revision=revision,
        author=author,
        now=timezone.now(),
    )


def test_a_correction_is_a_key_of_its_own_with_a_reason(version, instructor):
    key = corrected("q-features", instructor, correct=frozenset("b"), answer="FINAL-B 1000 numbers.")
    assert (key.number, key.correct, key.answer) == (2, ["b"], "FINAL-B 1000 numbers.")
    assert (key.reason, key.created_by) == ("The other one is right.", instructor)
    assert key.misconceptions == {}, "what is right leads to no misconception"
    assert newest_key(version_of("q-features")) == key
    assert version_of("q-features").key_revisions.count() == 2
    assert QuestionVersion.objects.filter(question__uid="q-features").count() == 1, "no public word changed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"correct": frozenset()}, "No option is right"),
        ({"correct": frozenset("ab")}, "Several options are right"),
        ({"correct": frozenset("z")}, "No option is right"),
        ({"reason": "  "}, "Say why"),
        ({"reason": "x" * 301}, "longer than 300"),
        ({"answer": " "}, "may not be empty"),
        ({"solution": [" "]}, "may not be empty"),
        ({"feedback": {"a": "Yes."}}, "may not be empty"),
        ({"answer": "{{ vgg16.parameters }}"}, "vgg16"),
        ({}, "Nothing changed"),
    ],
)
def test_what_is_no_key_is_refused_with_a_sentence(version, instructor, changes, words):
    with pytest.raises(Problem) as refused:
        corrected("q-features", instructor, **changes)
    assert refused.value.status == 422
    assert words in f"{refused.value.title} {refused.value.detail}"
    assert version_of("q-features").key_revisions.count() == 1


def test_a_key_that_somebody_else_corrected_meanwhile_is_not_overwritten(version, instructor, colleague):
    corrected("q-features", colleague, correct=frozenset("b"))
    with pytest.raises(Problem) as refused:
        corrected("q-features", instructor, correct=frozenset("c"))
    assert refused.value.status == 409
    assert newest_key(version_of("q-features")).correct == ["b"]


def test_a_number_is_corrected_by_writing_it(publish, instructor):
    publish(QUESTIONS + NUMBER.replace("\n", "\n", 1))
    key = corrected("q-number", instructor, number="25,600,000", answer="25.6 million")
    assert key.rule["numbers"]["a"] == "25600000.0"
    assert key.rule["words"]["a"] == "25,600,000"
    assert key.correct == ["a"]
    for number, words in (("many", "not a number"), ("23508032", "tolerance takes it")):
        with pytest.raises(Problem, match=words):
            corrected("q-number", instructor, revision=2, number=number)


def test_what_a_run_proves_is_not_corrected_by_hand(publish, instructor, proof_rows):
    publish(QUESTIONS.replace("uid: q-printed\n    kind: single", "uid: q-printed\n    kind: output"))
    with pytest.raises(Problem, match="proved by running"):
        corrected("q-printed", instructor, correct=frozenset("a"))


def test_publishing_the_old_words_for_another_reason_keeps_the_correction(publish, version, instructor):
    corrected("q-features", instructor, correct=frozenset("b"))
    publish(QUESTIONS.replace("FINAL-HEAD the seventh", "FINAL-HEAD its seventh"))
    assert newest_key(version_of("q-features")).correct == ["b"]
    assert newest_key(version_of("q-head")).number == 2


def test_publishing_another_key_after_a_correction_holds(publish, version, instructor):
    corrected("q-features", instructor, correct=frozenset("b"))
    publish(QUESTIONS.replace("FINAL-FEATURES {{", "FINAL-FEATURES just {{"))
    key = newest_key(version_of("q-features"))
    assert (key.number, key.correct, key.reason) == (3, ["a"], "")
