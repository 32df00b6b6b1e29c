"""questions.yaml: what it may say, what is wrong with it and on which line, and what publishing makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.models import Proof
from inference.proofs import Snippet, proof_of, snippet_sha256
from inference.sandbox.snippets import SnippetResult
from lessons.models import Lesson
from lessons.parts import Finding, Severity
from quizzes.folder import QuestionsPart
from quizzes.models import KeyRevision, Misconception, Option, Question, QuestionVersion, QuizQuestion, QuizVersion
from tests.quizzes.conftest import QUESTIONS, Publish, context_for

Check = Callable[..., list[Finding]]


@pytest.fixture
def check(lesson: Lesson, proof_rows: None) -> Check:
    def check(text: str, **context: Any) -> list[Finding]:
        return QuestionsPart().check(text, context_for(lesson, **{"proofs": proof_of, **context}))

    return check


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == Severity.ERROR]


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if words in line)


def test_the_example_can_be_published(check: Check) -> None:
    assert errors(check(QUESTIONS)) == []


def test_an_empty_file_asks_nothing(check: Check) -> None:
    assert errors(check("")) == []


@pytest.mark.parametrize(
    ("before", "after", "at", "says"),
    [
        ("right: true, feedback: FEEDBACK-FEATURES-A", "feedback: FEEDBACK-FEATURES-A", None, "No option is right"),
        (
            "1000 numbers, feedback",
            "1000 numbers, right: true, feedback",
            None,
            "Several options are right",
        ),
        ("    hint: HINT-FEATURES look at the input of the head.\n", "", "uid: q-features", "“questions.1.hint” is missing"),
        ("hint: HINT-HEAD print the network.", 'hint: "  "', 'hint: "  "', "is empty"),
        (
            ", feedback: FEEDBACK-FEATURES-C that is the side of the photo.",
            "",
            "id: c, text: 224 numbers",
            "feedback” is missing",
        ),
        ("solution: [STEP-HEAD-1 print it.]", "solution: []", "solution: []", "is empty"),
        ("solution: [STEP-HEAD-1 print it.]", "solution: print it.", "solution: print it.", "must be a list"),
        ("answer: FINAL-EASY the head.", "answer: 2048", "answer: 2048", "must be text"),
        ("difficulty: medium", "difficulty: tricky", "difficulty: tricky", "must be one of"),
        ("kind: single\n    about: api", "kind: essay\n    about: api", "kind: essay", "must be"),
        ("about: api", "abuot: api", "abuot: api", "Did you mean “about”"),
        ("text: 224 numbers", "text: 1000  Numbers", "text: 1000  Numbers", "read the same"),
        ("objective: heads", "objective: tails", "objective: tails", "no objective “tails”"),
        (
            "there is none., misconception: head-is-fc",
            "there is none., misconception: nobody",
            "misconception: nobody",
            "no misconception “nobody”",
        ),
        (
            "feedback: FEEDBACK-EASY-A",
            "misconception: head-is-fc, feedback: FEEDBACK-EASY-A",
            "FEEDBACK-EASY-A",
            "right option can’t",
        ),
        ("questions: [p-hard, p-easy]", "questions: [p-hard, p-none]", "[p-hard, p-none]", "no question “p-none”"),
        ("questions: [p-hard, p-easy]", "questions: [p-hard, p-hard]", "[p-hard, p-hard]", "stands here twice"),
        ("questions: [p-hard, p-easy]", "questions: [p-hard, q-head]", "[p-hard, q-head]", "is in the test as well"),
        ("uid: p-easy", "uid: p-hard", "uid: p-hard", "Two questions have the uid"),
        ("slug: head-is-fc\n", "slug: features-are-classes\n", "slug: features-are-classes", "defined twice"),
        ("{id: b, text: VGG", "{id: a, text: VGG", "{id: a, text: VGG", "Two options have the id"),
        (
            '{{ resnet50.feature_dim }} numbers", right',
            '{{ resnet50.depths }} numbers", right',
            "resnet50.depths",
            "resnet50.depths",
        ),
        ("WHY-FC each family", "WHY-FC {{ resnet50.nothing }}", "WHY-FC {{", "resnet50.nothing"),
        (
            "hint: HINT-EASY last of all.",
            "hint: |\n      Look.\n\n      ::: question p-hard",
            "hint: |",
            "can’t hold another question",
        ),
        ("print([1] * 2)", "print([1] * 3)", "snippet: |", "no proof for the installed versions"),
        ("mistakes: {a:", "mistakes: {z:", "mistakes: {z:", "no option “z”"),
        ("mistakes: {a:", "mistakes: {b:", "mistakes: {b:", "is right, so no mistake"),
        ("mistakes: {a:", "mistakes: {c:", "mistakes: {c:", "Running this gives “[2, 2]”, but the option says “2”"),
        (
            'text: "`[1, 1]`"',
            'text: "`[1, 1, 1]`"',
            "snippet: |",
            "Running this gives “[1, 1]”, but the option says “[1, 1, 1]”",
        ),
        ("compare: output", "compare: error", "snippet: |", "Running this gives “”"),
        ("reveal: each", "reveal: sometimes", "reveal: sometimes", "must be one of"),
        (
            "title: Every head is called fc\n",
            "title: Every head is called fc\n    mistake: gbr\n",
            "mistake: gbr",
            "no mistake “gbr” to run",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(check: Check, before: str, after: str, at: str | None, says: str) -> None:
    assert before in QUESTIONS
    text = QUESTIONS.replace(before, after)
    found = errors(check(text))
    assert any(says in finding.message for finding in found), found
    if at is not None:
        lines = [finding.line for finding in found if says in finding.message]
        assert any(at in line for line in (text.splitlines()[number - 1] for number in lines)), (lines, text)


def test_a_misconception_may_name_a_mistake_that_can_be_run(check: Check) -> None:
    text = QUESTIONS.replace("title: Every head is called fc\n", "title: Every head is called fc\n    mistake: wrong_size\n")
    assert errors(check(text)) == []


def test_a_fact_is_missed_on_the_line_of_a_block(check: Check) -> None:
    text = QUESTIONS.replace("      What replaces the head here?", "      First line.\n\n      {{ resnet50.gone }} here?")
    found = errors(check(text))
    assert [finding.line for finding in found] == [line_of(text, "resnet50.gone")]


def test_a_question_about_output_needs_a_proof(check: Check) -> None:
    text = QUESTIONS[: QUESTIONS.index("    proof:\n")] + QUESTIONS[QUESTIONS.index("  - uid: p-hard") :]
    assert any("needs a proof" in finding.message for finding in errors(check(text)))


def test_a_stale_proof_blocks(check: Check, lesson: Lesson) -> None:
    Proof.objects.update(torch="1.0.0")
    found = errors(check(QUESTIONS))
    assert len(found) == 2
    assert all("check_content" in finding.message for finding in found)


def test_a_snippet_that_could_not_run_proves_nothing(check: Check) -> None:
    Proof.objects.update(missing="weights/resnet50", output="")
    assert any("weights/resnet50" in finding.message for finding in errors(check(QUESTIONS)))


def test_a_snippets_warnings_are_passed_on(check: Check) -> None:
    Proof.objects.update(warnings=["UserWarning: pretrained is deprecated"])
    warnings = [finding for finding in check(QUESTIONS) if finding.severity == Severity.WARNING]
    assert any("pretrained is deprecated" in finding.message for finding in warnings)


ERROR_QUESTION = """\
test: {questions: [q]}
questions:
  - uid: q
    kind: single
    about: error
    difficulty: easy
    objective: heads
    stem: |
      This ends with

      ```text
      AttributeError: 'VGG' object has no attribute 'fc'
      ```

      Why?
    options:
      - {id: a, text: "%s", right: true, feedback: yes it is}
      - {id: b, text: "ValueError: no", feedback: no it is not}
    hint: h
    solution: [s]
    answer: a
    proof: {snippet: "vgg16().fc", compare: %s}
"""


def proved(output: str = "", raised: str = "", message: str = "") -> Callable[[Snippet], Proof]:
    return lambda snippet: Proof(output=output, raised=raised, message=message)


def test_an_error_is_compared_as_python_writes_it(check: Check) -> None:
    run = proved(raised="AttributeError", message="'VGG' object has no attribute 'fc'")
    text = ERROR_QUESTION % ("`AttributeError: 'VGG' object has no attribute 'fc'`", "error")
    assert errors(check(text, proofs=run)) == []
    assert errors(check(text, proofs=proved(raised="TypeError", message="no"))) != []
    assert errors(check(text, proofs=proved(output="fine"))) != []


def test_a_mistake_may_print_or_raise_whatever_its_option_says(check: Check) -> None:
    text = (ERROR_QUESTION % ("`AttributeError: no fc`", "error")).replace(
        'snippet: "vgg16().fc"', 'mistakes: {b: "int(2)"}, snippet: "vgg16().fc"'
    )

    def runs(mistake: Proof) -> Callable[[Snippet], Proof]:
        main = Proof(raised="AttributeError", message="no fc")
        return lambda snippet: main if "fc" in snippet.code else mistake

    assert errors(check(text, proofs=runs(Proof(raised="ValueError", message="no")))) == []
    assert errors(check(text, proofs=runs(Proof(raised="ValueError", message="yes")))) != []
    assert errors(check(text.replace("ValueError: no", "2"), proofs=runs(Proof(output="2\n")))) == []


def test_a_question_about_a_cause_shows_the_proved_error_in_its_stem(check: Check) -> None:
    text = ERROR_QUESTION % ("VGG names its head classifier", "stem")
    assert errors(check(text, proofs=proved(raised="AttributeError", message="'VGG' object has no attribute 'fc'"))) == []
    found = errors(check(text, proofs=proved(raised="AttributeError", message="'ViT' object has no attribute 'fc'")))
    assert any("the stem does not show" in finding.message for finding in found)


def test_the_longest_option_gives_itself_away(check: Check) -> None:
    text = QUESTIONS.replace("text: In the head,", "text: In the head since that is what turns features into classes,")
    warnings = [finding.message for finding in check(text) if finding.severity == Severity.WARNING]
    assert sum("longest" in message for message in warnings) == 1 + sum("longest" in f.message for f in check(QUESTIONS))


def test_a_distractor_without_a_misconception_is_warned_about(check: Check) -> None:
    warnings = [finding for finding in check(QUESTIONS) if finding.severity == Severity.WARNING]
    assert any(
        "without a misconception" in finding.message and finding.line == line_of(QUESTIONS, "224 numbers")
        for finding in warnings
    )


def test_a_misconception_belongs_to_one_lesson(check: Check, lesson: Lesson) -> None:
    other = Lesson.objects.create(course=lesson.course, uid="lesson-two", slug="two")
    Misconception.objects.create(course=lesson.course, lesson=other, slug="head-is-fc", title="t", belief="b", why="w")
    found = errors(check(QUESTIONS))
    assert [finding.line for finding in found] == [line_of(QUESTIONS, "slug: head-is-fc")]
    assert "two" in found[0].message


def test_an_option_may_name_another_lessons_misconception(check: Check, lesson: Lesson) -> None:
    other = Lesson.objects.create(course=lesson.course, uid="lesson-two", slug="two")
    Misconception.objects.create(course=lesson.course, lesson=other, slug="from-two", title="t", belief="b", why="w")
    assert (
        errors(
            check(QUESTIONS.replace("too early., misconception: features-are-classes", "too early., misconception: from-two"))
        )
        == []
    )


def test_a_uid_belongs_to_one_lesson(check: Check, lesson: Lesson) -> None:
    other = Lesson.objects.create(course=lesson.course, uid="lesson-two", slug="two")
    Question.objects.create(lesson=other, uid="p-hard")
    assert any("belongs to a question of the lesson “two”" in finding.message for finding in errors(check(QUESTIONS)))


def test_a_new_course_can_be_checked_before_it_is_saved(course: object, proof_rows: None) -> None:
    from lessons.models import Course

    unsaved = Lesson(course=Course(uid="new", slug="new", title="New"), uid="new-one", slug="one")
    assert errors(QuestionsPart().check(QUESTIONS, context_for(unsaved, proofs=proof_of))) == []


def test_the_snippets_are_those_that_need_proofs() -> None:
    found = QuestionsPart().snippets(QUESTIONS)
    assert [name for name, _snippet in found] == ["q-printed", "q-printed/a"]
    assert [snippet.code for _name, snippet in found] == ["print([1] * 2)\n", "print([n * 2 for n in [1, 1]])"]
    assert QuestionsPart().snippets("questions: 3") == []


def test_an_error_snippet_says_what_it_is_meant_to_raise() -> None:
    text = ERROR_QUESTION % ("`AttributeError: 'VGG' object has no attribute 'fc'`", "error")
    assert QuestionsPart().snippets(text) == [("q", Snippet("vgg16().fc", raises="AttributeError"))]


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["questions", "test", "practice", "options", "uid", "stem", "proof", "misconceptions", "kind"])
            | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=GARBAGE)
def test_no_document_breaks_the_check(check: Check, value: object) -> None:
    for finding in check(yaml.safe_dump(value, allow_unicode=True)):
        assert finding.file == "questions.yaml"
        assert finding.message


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_file_breaks_the_check(check: Check, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(QUESTIONS)))
    end = data.draw(st.integers(start, min(len(QUESTIONS), start + 60)))
    check(QUESTIONS[:start] + data.draw(st.text(max_size=6)) + QUESTIONS[end:])


# --- publishing


def test_publishing_stores_public_part_and_key_apart(publish: Publish) -> None:
    version = publish()
    asked = QuestionVersion.objects.get(question__uid="q-features")
    assert asked.facts == {"resnet50.feature_dim": 2048}
    assert [option.key for option in asked.options.all()] == ["a", "b", "c"]
    key = asked.key_revisions.get()
    assert key.correct == ["a"]
    assert key.facts == {"resnet50.feature_dim": 2048}
    assert key.misconceptions["b"]["slug"] == "features-are-classes"
    assert not any(
        field.name in ("right", "correct", "feedback") for field in (*Option._meta.fields, *QuestionVersion._meta.fields)
    )
    assert QuizVersion.objects.filter(lesson_version=version).count() == 2
    assert QuizQuestion.objects.filter(quiz_version__lesson_version=version).count() == 5


def test_publishing_the_same_again_makes_no_new_versions(publish: Publish) -> None:
    publish()
    before = (QuestionVersion.objects.count(), KeyRevision.objects.count(), Misconception.objects.count())
    publish()
    assert (QuestionVersion.objects.count(), KeyRevision.objects.count(), Misconception.objects.count()) == before
    assert QuizVersion.objects.count() == 4


def test_only_a_changed_question_gets_a_version(publish: Publish) -> None:
    publish()
    publish(QUESTIONS.replace("Where are the classes?", "Where do classes come from?"))
    numbers = dict(Question.objects.values_list("uid", "versions__number"))
    assert QuestionVersion.objects.filter(number=2).get().question.uid == "p-easy"
    assert numbers["q-head"] == 1


def test_a_changed_key_alone_makes_a_key_revision(publish: Publish) -> None:
    publish()
    publish(QUESTIONS.replace("HINT-EASY last of all.", "HINT-EASY at the very end."))
    assert QuestionVersion.objects.filter(number=2).count() == 0
    revision = KeyRevision.objects.get(number=2)
    assert revision.question_version.question.uid == "p-easy"
    assert revision.hint == "HINT-EASY at the very end."


def test_a_changed_fact_makes_a_version_that_shows_it(publish: Publish) -> None:
    publish()
    publish(facts={"resnet50.feature_dim": 4096})
    newest = QuestionVersion.objects.get(question__uid="q-features", number=2)
    assert newest.facts == {"resnet50.feature_dim": 4096}
    assert QuestionVersion.objects.get(question__uid="q-features", number=1).facts == {"resnet50.feature_dim": 2048}


def test_a_misconception_follows_its_file(publish: Publish) -> None:
    publish()
    publish(QUESTIONS.replace("title: Features are classes", "title: Features name classes"))
    assert Misconception.objects.get(slug="features-are-classes").title == "Features name classes"
    assert Misconception.objects.count() == 2


def test_a_file_with_mistakes_is_not_published(publish: Publish) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        publish(QUESTIONS.replace("kind: single", "kind: essay"))


def test_a_proof_is_kept_under_the_hash_of_its_snippet() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", snippet_sha256(QuestionsPart().snippets(QUESTIONS)[0][1]))
    assert SnippetResult(raised="ValueError", message="no").error == "ValueError: no"
