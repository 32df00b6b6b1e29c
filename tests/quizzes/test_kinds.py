"""Questions of every kind, from the folder to the page and the API: what is shown before an answer, and said after one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from lessons.models import Lesson
from lessons.parts import Finding, Severity
from quizzes.folder import QuestionsPart
from quizzes.models import Attempt, Grade, KeyRevision, QuestionVersion, Response
from quizzes.questions import Answer
from quizzes.results import result_of
from quizzes.services import finish_attempt, quiz_version_of, save_answer, start_attempt, submit_response
from tests.quizzes.conftest import QUESTIONS, Publish, chose, context_for
from tests.quizzes.test_api import Caller
from tests.quizzes.test_leaks import token, told
from tests.quizzes.test_pages import page, text_of
from web.problems import Problem

HEAD = QUESTIONS[: QUESTIONS.index("test:")]
SEVERAL = """\
  - uid: k-several
    kind: multiple
    credit: right_minus_wrong
    about: concept
    difficulty: easy
    objective: features
    stem: Which of these change while only the head is trained?
    options:
      - {id: a, text: its weights, right: true, feedback: FEEDBACK-SEVERAL-A they are trained.}
      - {id: b, text: its biases, right: true, feedback: FEEDBACK-SEVERAL-B they are trained too.}
      - {id: c, text: the stem, feedback: FEEDBACK-SEVERAL-C it is frozen., misconception: features-are-classes}
      - {id: d, text: the photo, feedback: FEEDBACK-SEVERAL-D nobody trains a photo.}
    hint: HINT-SEVERAL what has gradients?
    solution: [STEP-SEVERAL-1 list what has gradients.]
    answer: FINAL-SEVERAL weights and biases of the head.
"""
NUMBER = """\
  - uid: k-number
    kind: numeric
    tolerance: {relative: 0.01}
    about: concept
    difficulty: medium
    objective: heads
    stem: How many parameters has ResNet-50?
    options:
      - {id: all, text: "{{ resnet50.parameters }}", right: true, feedback: FEEDBACK-NUMBER-ALL all of them.}
      - {id: width, text: "{{ resnet50.feature_dim }}", feedback: FEEDBACK-NUMBER-WIDTH a width., misconception: head-is-fc}
    hint: HINT-NUMBER millions.
    solution: [STEP-NUMBER-1 add them up.]
    answer: FINAL-NUMBER {{ resnet50.parameters }}.
"""
OUTPUT = """\
  - uid: k-output
    kind: output
    about: output
    difficulty: hard
    objective: heads
    stem: What does this print?
    options:
      - {id: a, text: "`[2, 2]`", feedback: FEEDBACK-OUTPUT-A doubled., misconception: features-are-classes}
      - {id: b, text: "`[1, 1]`", right: true, feedback: FEEDBACK-OUTPUT-B repeated.}
    hint: HINT-OUTPUT lists repeat.
    solution: [STEP-OUTPUT-1 repeat.]
    answer: FINAL-OUTPUT two ones.
    proof: {snippet: "print([1] * 2)", compare: output, mistakes: {a: "print([n * 2 for n in [1, 1]])"}}
"""
EVERY_KIND = f"{HEAD}test: {{questions: [k-several, k-number, k-output]}}\nquestions:\n{SEVERAL}{NUMBER}{OUTPUT}"

Check = Callable[[str], list[Finding]]


@pytest.fixture
def check(lesson: Lesson) -> Check:
    return lambda text: QuestionsPart().check(text, context_for(lesson))


@pytest.fixture
def attempt(publish: Publish, learner: User) -> Attempt:
    quiz = quiz_version_of(publish(EVERY_KIND), "test")
    assert quiz is not None
    return start_attempt(user=learner, quiz_version=quiz, now=timezone.now())


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


def submit(attempt: Attempt, position: int, answer: Answer) -> Grade:
    return submit_response(
        attempt=attempt, position=position, answer=answer, idempotency_key=f"k{position}", now=timezone.now()
    ).grade


def letters(attempt: Attempt, position: int, *keys: str) -> list[str]:
    order = attempt.questions.get(position=position).option_order
    return ["ABCDEF"[order.index(key)] for key in keys]


# --- the folder


def errors(findings: list[Finding]) -> str:
    return " ".join(finding.message for finding in findings if "no proof" not in finding.message)


def test_every_kind_can_be_written(check: Check) -> None:
    assert errors([finding for finding in check(EVERY_KIND) if finding.severity is Severity.ERROR]) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("relative: 0.01", "relative: 1", "less than 1"),
        ("relative: 0.01", "absolute: -1", "greater than or equal to 0"),
        ('text: "{{ resnet50.feature_dim }}"', "text: a width", "Write only numbers"),
        ("relative: 0.01", "relative: 0.999999", "Make the tolerance smaller"),
        ("    tolerance: {relative: 0.01}\n", "    credit: all_or_nothing\n", "belongs to the kind multiple"),
        ("    credit: right_minus_wrong\n", "    tolerance: {absolute: 1}\n", "belongs to the kind numeric"),
        ("credit: right_minus_wrong", "credit: generous", "right_minus_wrong"),
        ("compare: output", "compare: stem", "compare output or error"),
        ("    proof: {snippet", "    # {snippet", "needs a proof"),
        ("right: true, feedback: FEEDBACK-NUMBER-ALL", "feedback: FEEDBACK-NUMBER-ALL", "No option is right"),
    ],
)
def test_what_a_kind_cannot_use_is_said_with_what_to_do(check: Check, old: str, new: str, said: str) -> None:
    assert old in EVERY_KIND
    assert said in errors(check(EVERY_KIND.replace(old, new)))


def test_the_numbers_that_are_expected_are_part_of_the_key_alone(attempt: Attempt) -> None:
    version = QuestionVersion.objects.get(question__uid="k-number")
    assert not version.options.exists()
    assert "25557032" not in str(version.facts)
    rule = KeyRevision.objects.get(question_version=version).rule
    assert {option: float(number) for option, number in rule["numbers"].items()} == {"all": 25557032, "width": 2048}


# --- grading


def test_several_right_options_count_by_the_credit_mode(attempt: Attempt) -> None:
    assert submit(attempt, 1, chose("a", "b", "c")).score == 0.5
    assert not result_of(attempt).items[0].is_right
    assert result_of(attempt).total.reached == 0.5


@pytest.mark.parametrize(("text", "score"), [("25,557,032", 1), ("25.6e6", 1), ("2048", 0), ("25", 0)])
def test_a_number_counts_within_its_tolerance(attempt: Attempt, text: str, score: float) -> None:
    assert submit(attempt, 2, Answer(text=text)).score == score
    assert Response.objects.get().text == text


@pytest.mark.parametrize("text", ["many", "25,557,0", "1" * 70])
def test_what_is_no_number_is_not_committed(attempt: Attempt, text: str) -> None:
    with pytest.raises(Problem, match="not a number"):
        submit(attempt, 2, Answer(text=text))
    assert not Response.objects.exists()


def test_a_number_that_was_only_saved_is_handed_in(attempt: Attempt) -> None:
    save_answer(attempt=attempt, position=2, answer=Answer(text="25.6e6"), now=timezone.now())
    finish_attempt(attempt=attempt, now=timezone.now())
    assert result_of(attempt).right == 1


# --- pages


def test_several_options_can_be_ticked_and_each_is_spoken_of(visitor: Client, attempt: Attempt) -> None:
    before = visitor.get(page(attempt))
    assert before.content.count(b'type="checkbox"') == 4
    assert "one or more" in text_of(before)
    assert not told(before)
    data = {"choice": letters(attempt, 1, "a", "c"), "idempotency_key": "k"}
    after = visitor.post(page(attempt), data, follow=True)
    assert {"FEEDBACK-SEVERAL-A", "FEEDBACK-SEVERAL-C", "BELIEF-CLASSES"} <= told(after)
    first, second = letters(attempt, 1, *sorted("ab", key=lambda key: letters(attempt, 1, key)))
    assert f"{first} and {second} are right" in text_of(after)
    assert "Not quite" in text_of(after), "one right, one wrong: nothing is left of it"


def test_what_is_right_in_part_says_so_of_each_option_and_in_its_place(visitor: Client, attempt: Attempt) -> None:
    data = {"choice": letters(attempt, 1, "a"), "idempotency_key": "k"}
    after = visitor.post(page(attempt), data, follow=True)
    words = text_of(after)
    assert "Partly right" in words
    assert "It gets 50% of the points." in words
    assert f"{data['choice'][0]} · right" in words
    assert "Question 1: partly right" in words
    assert b"place partly" in after.content


def test_a_test_that_tells_nothing_before_its_end_says_of_no_option_whether_it_is_right(
    visitor: Client, publish: Publish, learner: User
) -> None:
    quiz = quiz_version_of(publish(EVERY_KIND.replace("test: {", "test: {reveal: finish, ")), "test")
    assert quiz is not None
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    visitor.post(page(attempt), {"choice": letters(attempt, 1, "a", "b", "c")})
    visitor.post(page(attempt, 2), {"number": "2048"})
    for position in (1, 2):
        kept = visitor.get(page(attempt, position))
        assert not told(kept)
        for word in ("partly", "not right", "of the points", "place right", "place wrong", "25,557,032"):
            assert word not in kept.content.decode().split('id="question"')[1].split("</main>")[0]


def test_a_draft_of_ticks_can_be_taken_back(visitor: Client, attempt: Attempt) -> None:
    def keep(*keys: str) -> str:
        address, data = f"{page(attempt)}draft/", {"choice": letters(attempt, 1, *keys)}
        said: str = visitor.post(address, data, headers={"X-Requested-With": "fetch"}).json()["detail"]
        return said

    assert keep("a", "b") == "Your choice is saved."
    assert attempt.questions.get(position=1).drafted == chose("a", "b")
    assert keep() == "Your answer is taken back."
    assert attempt.questions.get(position=1).drafted.is_empty


def test_a_number_is_written_and_its_belief_named(visitor: Client, attempt: Attempt) -> None:
    before = visitor.get(page(attempt, 2))
    assert b'inputmode="decimal"' in before.content
    assert not told(before)
    assert "25,557,032" not in text_of(before)
    after = visitor.post(page(attempt, 2), {"number": "2,048", "idempotency_key": "k"}, follow=True)
    assert {"FEEDBACK-NUMBER-WIDTH", "BELIEF-FC"} <= told(after)
    assert "The right number 25,557,032" in text_of(after)
    assert "Your number 2,048" in text_of(after)


def test_a_number_nobody_expected_is_said_to_be_that(visitor: Client, attempt: Attempt) -> None:
    after = visitor.post(page(attempt, 2), {"number": "17", "idempotency_key": "k"}, follow=True)
    assert "none of those this question expects" in text_of(after)


def test_what_was_written_is_not_lost_when_it_is_refused(visitor: Client, attempt: Attempt) -> None:
    refused = visitor.post(page(attempt, 2), {"number": "25 million", "idempotency_key": "k"})
    assert refused.status_code == 422
    assert "not a number" in text_of(refused)
    assert b'value="25 million"' in refused.content


def test_results_show_what_was_ticked_and_written(visitor: Client, attempt: Attempt) -> None:
    submit(attempt, 1, chose("a"))
    submit(attempt, 2, Answer(text="25557032"))
    finish_attempt(attempt=attempt, now=timezone.now())
    words = text_of(visitor.get(f"/attempts/{attempt.pk}/results/"))
    assert "1 of 3" in words
    assert "partly right" in words
    assert "Your number 25557032" in words


# --- the API


def test_the_api_says_what_is_asked_and_takes_it(visitor: Client, attempt: Attempt) -> None:
    shown = visitor.get(f"/api/v1/attempts/{attempt.pk}").json()["questions"]
    assert [question["asks"] for question in shown] == ["several", "number", "one"]
    assert shown[1]["options"] == []
    caller = Caller(visitor)
    body = {"text": "25,557,032", "final": True, "idempotency_key": "k"}
    graded = caller.send("PUT", f"/attempts/{attempt.pk}/questions/2", body).json()["question"]
    assert (graded["verdict"]["right"], graded["verdict"]["score"], graded["answer"]["options"]) == (True, 1.0, [])
    assert graded["verdict"]["said"][0]["option"] == ""
    body = {"options": letters(attempt, 1, "a", "b"), "final": True, "idempotency_key": "k"}
    graded = caller.send("PUT", f"/attempts/{attempt.pk}/questions/1", body).json()["question"]
    assert sorted(graded["answer"]["options"]) == sorted(letters(attempt, 1, "a", "b"))


@pytest.mark.parametrize(("position", "body"), [(1, {"text": "7"}), (2, {"options": ["A"]}), (3, {"options": ["A", "B"]})])
def test_the_api_refuses_what_was_not_asked_for(
    visitor: Client, attempt: Attempt, position: int, body: dict[str, object]
) -> None:
    url = f"/api/v1/attempts/{attempt.pk}/questions/{position}"
    refused = visitor.put(url, body, content_type="application/json", headers=token(visitor))
    assert refused.status_code == 422
    assert not told(refused)
