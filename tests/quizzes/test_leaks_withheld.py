"""Before its date, or for good, nothing of right and wrong is told at any address: as words of the key, as marks, as figures.

Of two people who take the same, one is all right and the other all wrong: what is withheld from both reads the same for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from quizzes import personal
from quizzes.evidence import first_answers
from quizzes.grades import grades_of
from quizzes.models import Attempt, QuizMode, QuizVersion
from quizzes.overriding import override_grade
from quizzes.reports import report_key
from quizzes.services import finish_attempt, quiz_version_of, save_answer, start_attempt, start_redo
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from tests.quizzes.test_leaks import NOTHING, answers_about, assert_walk_tells_only
from web.problems import Problem

EVERYTHING = r".*"
MARKS = re.compile(r'class="[^"]*\b(?:right|wrong|partly)\b|“?not quite', re.IGNORECASE)
"""What a page would mark an answer with."""

COMING, PAST = "2999-11-24T14:00:00Z", "2001-11-24T14:00:00Z"

SECTIONS = {
    QuizMode.TEST: "test:\n  title: How well do you know it?\n  reveal: {reveal}\n",
    QuizMode.EXAM: "exam:\n  title: How well do you know it?\n  minutes: 30\n  attempts: 2\n  reveal: {reveal}\n",
}

PERSONAL = re.compile(r"\b[A-Za-z0-9]{64}\b|<time.*?</time>|/attempts/[0-9a-f-]+/|Lena Learner|Other Learner")
"""What differs between any two people: tokens, moments, addresses of their own, names."""

Asked = Callable[[QuizMode, str], QuizVersion]


@pytest.fixture
def asked(publish: Publish) -> Asked:
    """Publishes the example's test, or an exam in its place, under a policy."""

    def asked(mode: QuizMode, reveal: str) -> QuizVersion:
        section = SECTIONS[mode].format(reveal=reveal)
        return quiz_version_of(publish(QUESTIONS.replace(SECTIONS[QuizMode.TEST].format(reveal="each"), section)), mode)

    return asked


def date(at: str) -> str:
    return f"date\n  reveal_at: {at}"


def save_all(attempt: Attempt, chosen: dict[str, str]) -> None:
    for question in attempt.questions.all():
        answer = chose(chosen[uid_at(attempt, question.position)])
        save_answer(attempt=attempt, position=question.position, answer=answer, now=timezone.now())


def sat(user: User, quiz: QuizVersion, chosen: dict[str, str], *, finished: bool = True) -> Attempt:
    attempt = start_attempt(user=user, quiz_version=quiz, now=timezone.now())
    save_all(attempt, chosen)
    return finish_attempt(attempt=attempt, now=timezone.now()) if finished else attempt


@pytest.fixture
def visitor(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client


WITHHELD = {"before its date": date(COMING), "never": "never"}
MODES = (QuizMode.TEST, QuizMode.EXAM)


@pytest.mark.parametrize("finished", [False, True], ids=["open", "finished"])
@pytest.mark.parametrize("reveal", WITHHELD.values(), ids=WITHHELD)
@pytest.mark.parametrize("mode", MODES)
def test_no_address_tells_what_is_withheld(visitor, learner, asked, mode, reveal, finished):
    attempt = sat(learner, asked(mode, reveal), WRONG, finished=finished)
    assert_walk_tells_only(visitor, attempt, NOTHING)
    for where, response in answers_about(visitor, attempt):
        assert not MARKS.search(response.content.decode()) or str(attempt.pk) not in where, where


def test_after_the_date_everything_is_told(visitor, learner, asked):
    attempt = sat(learner, asked(QuizMode.EXAM, date(PAST)), WRONG)
    told = assert_walk_tells_only(visitor, attempt, EVERYTHING)
    assert {"FINAL-HEAD", "FEEDBACK-HEAD-A", "STEP-PRINTED-1"} <= told
    assert visitor.get(f"/api/v1/attempts/{attempt.pk}").json()["result"]["right"] == 0
    assert len(first_answers(learner)) == 3
    assert all(answer.counts for answer in first_answers(learner))
    assert start_redo(attempt=attempt, now=timezone.now()).is_practice
    assert grades_of(learner)[0].grades[0].cell.score == 0


def test_the_hour_alone_opens_what_was_closed(visitor, learner, asked, monkeypatch):
    attempt = sat(learner, asked(QuizMode.EXAM, date(COMING)), WRONG)
    address = f"/attempts/{attempt.pk}/results/"
    assert "Results come on" in visitor.get(address).content.decode()
    at = attempt.quiz_version.reveal_at
    for moment, told in ((at - timedelta(microseconds=1), False), (at, True)):
        monkeypatch.setattr("quizzes.services.timezone", SimpleNamespace(now=lambda moment=moment: moment))
        assert ("FINAL-HEAD" in visitor.get(address).content.decode()) == told


def told_of(client: Client, attempt: Attempt) -> dict[str, Any]:
    """Each figure that a person could read of their own standing."""
    api = client.get(f"/api/v1/attempts/{attempt.pk}").json()
    kept = personal.export(attempt.user)["attempts"][0]
    return {
        "result": api["result"],
        "verdicts": [question["verdict"] for question in api["questions"]],
        "marks": [option["mark"] for question in api["questions"] for option in question["options"]],
        "steps": [(question["steps"], question["answer"], question["hint"]) for question in api["questions"]],
        "strengths": client.get("/api/v1/me/strengths").json()["items"],
        "grades": client.get("/api/v1/me/grades").json()["items"],
        "exported": (kept["score"], [one["answers"][0]["right"] for one in kept["questions"]]),
        "counted": [answer.counts for answer in first_answers(attempt.user)],
        "activities": [activity.text for activity in personal.recent(attempt.user)],
        "states": re.findall(r'class="place (\w+)"', client.get(f"/attempts/{attempt.pk}/results/").content.decode()),
        "progress": PERSONAL.sub("", client.get("/me/progress/").content.decode()),
    }


@pytest.mark.parametrize("mode", MODES)
def test_before_the_date_who_was_right_reads_what_who_was_wrong_reads(visitor, learner, asked, mode):
    quiz = asked(mode, date(COMING))
    other = User.objects.create_user("other@example.org", "correct horse", name="Other Learner")
    theirs = Client()
    theirs.force_login(other)
    wrong, right = sat(learner, quiz, WRONG), sat(other, quiz, RIGHT)
    mine, his = told_of(visitor, wrong), told_of(theirs, right)
    assert mine == his
    assert mine["result"] is None
    assert mine["grades"][0]["grades"][0]["score"] is None
    assert mine["states"] == ["answered"] * 3


def test_never_tells_the_total_alone(visitor, learner, asked):
    attempt = sat(learner, asked(QuizMode.TEST, "never"), RIGHT)
    told = told_of(visitor, attempt)
    assert told["result"] == {**told["result"], "score": 1.0, "right": None, "objectives": []}
    assert (told["strengths"], told["counted"]) == ([], [False] * 3)
    assert told["exported"] == (1.0, [None] * 3)
    assert told["grades"][0]["grades"][0]["score"] == 1.0
    assert told["states"] == ["answered"] * 3


@pytest.mark.parametrize("reveal", WITHHELD.values(), ids=WITHHELD)
def test_nothing_that_is_asked_for_tells_it_either(learner, asked, reveal):
    attempt = sat(learner, asked(QuizMode.EXAM, reveal), WRONG)
    for ask in (
        lambda: start_redo(attempt=attempt, now=timezone.now()),
        lambda: report_key(attempt=attempt, position=1, text="It is wrong.", now=timezone.now()),
    ):
        with pytest.raises(Problem) as refused:
            ask()
        assert refused.value.status == 409


def test_an_override_is_withheld_with_what_it_replaces(learner, instructor, asked):
    quiz = asked(QuizMode.EXAM, date(COMING))
    sat(learner, quiz, WRONG)
    override_grade(quiz=quiz.quiz, person=learner, score=0.5, reason="Orally", known=0, author=instructor, now=timezone.now())
    (course,) = grades_of(learner)
    assert (course.grade, course.grades[0].cell, course.is_partial) == (None, None, True)
    (told,) = grades_of(learner, now=quiz.reveal_at)
    assert told.grade == 0.5
