"""pretest and predictions in questions.yaml: what is wrong with them, and what publishing makes of them."""

from __future__ import annotations

import pytest

from lessons.models import Lesson, LessonVersion
from lessons.parts import Severity
from quizzes.folder import QuestionsPart
from quizzes.models import QuizQuestion
from tests.quizzes.beforehand.conftest import BEFOREHAND, META, quiz_of
from tests.quizzes.conftest import context_for

PRETEST, PREDICTIONS = "questions: [b-one, b-two]", "predictions: {run: b-run, train: b-train}"


def findings(lesson: Lesson, text: str) -> list[tuple[Severity, str]]:
    """What is said about the lists of what is asked beforehand."""
    found = QuestionsPart().check(text, context_for(lesson, meta=META))
    lines = {
        number for number, line in enumerate(text.splitlines(), 1) if "b-one]" in line or "b-two" in line or "b-run" in line
    }
    lines |= {
        number for number, line in enumerate(text.splitlines(), 1) if line.startswith(("predictions:", "  questions: [b-"))
    }
    return [
        (finding.severity, finding.message) for finding in found if finding.line in lines and "proof" not in finding.message
    ]


def test_what_is_right_is_not_complained_about(lesson: Lesson) -> None:
    assert findings(lesson, BEFOREHAND) == []


@pytest.mark.parametrize(
    ("before", "after", "severity", "says"),
    [
        (PRETEST, "questions: [b-one]", Severity.ERROR, "A pretest asks two questions, and here it has 1."),
        (PRETEST, "questions: [b-one, b-two, p-easy]", Severity.ERROR, "here it has 3."),
        (PRETEST, "questions: [b-one, b-one]", Severity.ERROR, "“b-one” stands here twice"),
        (PRETEST, "questions: [b-one, nobody]", Severity.ERROR, "There is no question “nobody” in this file."),
        (PRETEST, "questions: [b-one, q-head]", Severity.WARNING, "“q-head” is graded as well"),
        (PREDICTIONS, "predictions: {run: nobody}", Severity.ERROR, "There is no question “nobody” in this file."),
        (PREDICTIONS, "predictions: {run: q-head}", Severity.WARNING, "“q-head” is graded as well"),
        (PREDICTIONS, "predictions: {run: b-run, train: b-run}", Severity.ERROR, "“b-run” is asked before two modes."),
        (PREDICTIONS, "predictions: {break: b-run}", Severity.WARNING, "does not declare the mode “break”"),
    ],
)
def test_a_mistake_is_told(lesson: Lesson, before: str, after: str, severity: Severity, says: str) -> None:
    assert before in BEFOREHAND
    assert [one for one in findings(lesson, BEFOREHAND.replace(before, after)) if one[0] is severity and says in one[1]]


def test_a_prediction_is_one_choice_or_one_number(lesson: Lesson) -> None:
    several = BEFOREHAND.replace("uid: b-run\n    kind: single", "uid: b-run\n    kind: multiple")
    assert "“b-run” asks for several" in str(findings(lesson, several))
    i = BEFOREHAND.index("  - uid: b-run")
    j = BEFOREHAND.index("  - uid: b-train")
    drawn = "  - {uid: b-run, kind: generated, about: concept, difficulty: easy, objective: features, template: output_shape}\n"
    assert "“b-run” is drawn anew for each attempt" in str(findings(lesson, BEFOREHAND[:i] + drawn + BEFOREHAND[j:]))


def test_only_the_three_modes_can_be_predicted(lesson: Lesson) -> None:
    found = QuestionsPart().check(BEFOREHAND.replace(PREDICTIONS, "predictions: {read: b-run}"), context_for(lesson, meta=META))
    assert "read" in str(found[0])


def test_publishing_keeps_which_mode_each_is_asked_before(version: LessonVersion) -> None:
    asked = QuizQuestion.objects.filter(quiz_version=quiz_of(version, "prediction")).order_by("position")
    assert list(asked.values_list("before", "question_version__question__uid")) == [("run", "b-run"), ("train", "b-train")]
    pretest = quiz_of(version, "pretest")
    assert (pretest.reveal, pretest.quiz_questions.count()) == ("finish", 2)
