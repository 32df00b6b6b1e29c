"""A file of answers in, a file of grades out: each `answers/*.answers.csv` is played by the API as its clock says.

The gradebook's own file must come to `*.grades.csv`, worked out by hand; so must a second, plain computation here.
A line says who does what: answer or save a question, finish, redo, practise, give up; the instructor corrects and regrades.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from accounts.models import User
from lessons.models import Course
from quizzes.grading import letter_of
from quizzes.models import Attempt, Counting, QuizMode, RegradePolicy, Response
from quizzes.questions import Asks, kind_named
from quizzes.regrading import apply_regrade, plan_regrade
from quizzes.services import attempt_question, position_of, quiz_version_of
from tests.quizzes.conftest import Publish
from tests.quizzes.test_correcting import corrected, version_of

FOLDER = Path(__file__).parent / "answers"
QUESTIONS = (FOLDER / "questions.yaml").read_text(encoding="utf-8")
CASES = sorted(path.name.removesuffix(".answers.csv") for path in FOLDER.glob("*.answers.csv"))

Row = dict[str, str]


def read(name: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO((FOLDER / name).read_text(encoding="utf-8"))))


# --- the site -----------------------------------------------------------------------------------------------------------------


class Site:
    """Plays the lines of a file as people's programs would: by the API."""

    def __init__(self, publish: Publish, instructor: User) -> None:
        version = publish(QUESTIONS)
        self._quizzes = {
            mode: quiz.quiz_id for mode in ("test", "practice") if (quiz := quiz_version_of(version, QuizMode(mode)))
        }
        self._instructor = instructor
        self._visitors: dict[str, Client] = {}
        self._beside: dict[str, str] = {}  # who → the redo or practice attempt that they are in
        self._sent = 0

    def play(self, row: Row) -> None:
        if row["who"] == "instructor":
            self._decide(row)
            return
        match row["does"]:
            case "redo":
                last = Attempt.objects.filter(user__name=row["who"], is_redo=False).latest("started_at")
                self._visitor(row["who"]).post(f"/attempts/{last.pk}/redo/")
                self._beside[row["who"]] = str(last.redos.get().pk)
            case "practise":
                self._beside[row["who"]] = self._begin(row["who"], "practice")
            case "give up":
                attempt = self._attempt(row["who"])
                self._visitor(row["who"]).post(f"{_address(attempt, row['question'])}/steps/1")
            case "finish":
                self._visitor(row["who"]).post(f"/api/v1/attempts/{self._last(row['who'])}/finish")
                self._beside.pop(row["who"], None)
            case "answer" | "save":
                self._answer(row)

    def _answer(self, row: Row) -> None:
        attempt = self._attempt(row["who"])
        asked = attempt_question(attempt, _position(attempt, row["question"]))
        self._sent += 1
        sent: dict[str, Any] = {"final": row["does"] == "answer", "idempotency_key": f"k{self._sent}"}
        if row["confidence"]:
            sent["confidence"] = row["confidence"]
        if kind_named(asked.question_version.kind).asks is Asks.NUMBER:
            sent["text"] = row["answer"]
        else:
            sent["options"] = [letter_of(key, asked.option_order) for key in row["answer"].split()]
        address = _address(attempt, row["question"])
        response = self._visitor(row["who"]).put(address, sent, content_type="application/json")
        assert response.status_code in (200, 409), response.content  # 409: a second answer, which doesn't count

    def _decide(self, row: Row) -> None:
        key = version_of(row["question"]).key_revisions.latest("number")
        if row["does"] == "correct":
            corrected(row["question"], self._instructor, revision=key.number, correct=frozenset(row["answer"].split()))
            return
        policy = RegradePolicy(row["answer"])
        plan = plan_regrade(key_revision=key, policy=policy)
        apply_regrade(
            key_revision=key, policy=policy, fingerprint=plan.fingerprint, author=self._instructor, now=timezone.now()
        )

    def _visitor(self, who: str) -> Client:
        if who not in self._visitors:
            self._visitors[who] = Client()
            self._visitors[who].force_login(User.objects.create_user(f"{who}@example.org", name=who))
        return self._visitors[who]

    def _begin(self, who: str, mode: str) -> str:
        response = self._visitor(who).post(f"/api/v1/quizzes/{self._quizzes[mode]}/attempts")
        return str(response.json()["id"])

    def _attempt(self, who: str) -> Attempt:
        return Attempt.objects.get(pk=self._beside.get(who) or self._begin(who, "test"))

    def _last(self, who: str) -> str:
        return self._beside.get(who) or str(Attempt.objects.filter(user__name=who).latest("started_at").pk)

    def grades(self, client: Client, counting: Counting) -> dict[str, tuple[float, int]]:
        """Who → score and number of attempts, from the gradebook's own file."""
        client.force_login(self._instructor)
        response = client.get(f"/studio/courses/{Course.objects.get().slug}/gradebook.csv?counting={counting}")
        rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
        return {row["learner"]: _cells(row) for row in rows}


def _cells(row: Row) -> tuple[float, int]:
    """Of a course with one test: what was reached, and in how many attempts."""
    attempts = next(name for name in row if name.endswith(": attempts"))
    return float(row[attempts.removesuffix(": attempts")]), int(row[attempts])


def _position(attempt: Attempt, uid: str) -> int:
    position = position_of(attempt, uid)
    assert position is not None, uid
    return position


def _address(attempt: Attempt, uid: str) -> str:
    return f"/api/v1/attempts/{attempt.pk}/questions/{_position(attempt, uid)}"


# --- the same once more, plainly ----------------------------------------------------------------------------------------------


@dataclass
class Sheet:
    """One sitting at the test as a teacher would keep it on paper: question → what stands, and what was reached."""

    saved: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    reached: dict[str, Fraction] = field(default_factory=dict)
    is_finished: bool = False


class Paper:
    """Keeps the books of a file by itself, from the words of questions.yaml alone."""

    def __init__(self) -> None:
        document = yaml.safe_load(QUESTIONS)
        self.questions = {question["uid"]: question for question in document["questions"]}
        self.asked: list[str] = document["test"]["questions"]
        self.right = {
            uid: {option["id"] for option in question["options"] if option.get("right")}
            for uid, question in self.questions.items()
        }
        self.sheets: defaultdict[str, list[Sheet]] = defaultdict(list)
        self.beside: set[str] = set()

    def play(self, row: Row) -> None:
        who, uid = row["who"], row["question"]
        if who == "instructor":
            self.decide(row)
        elif row["does"] in ("redo", "practise"):
            self.beside.add(who)
        elif who in self.beside:
            self.beside -= {who} if row["does"] == "finish" else set()
        elif row["does"] == "finish":
            sheet = self.sheets[who][-1]
            for drafted, words in sheet.saved.items():
                if words and drafted not in sheet.answers and not sheet.is_finished:
                    self.commit(sheet, drafted, words)
            sheet.is_finished = True
        else:
            if not self.sheets[who] or self.sheets[who][-1].is_finished:
                self.sheets[who].append(Sheet())
            sheet = self.sheets[who][-1]
            if row["does"] == "save":
                sheet.saved[uid] = row["answer"]
            elif uid not in sheet.answers:
                self.commit(sheet, uid, row["answer"])

    def commit(self, sheet: Sheet, uid: str, words: str) -> None:
        sheet.answers[uid] = words
        sheet.reached[uid] = self.score(uid, words)

    def score(self, uid: str, words: str) -> Fraction:
        question, right = self.questions[uid], self.right[uid]
        if question["kind"] == "numeric":
            (aim,) = (option["text"] for option in question["options"] if option["id"] in right)
            target, given = (Fraction(Decimal(text)) for text in (aim.replace(",", ""), _plain(words)))
            tolerance = question["tolerance"]
            reach = Fraction(str(tolerance.get("absolute", 0))) + Fraction(str(tolerance.get("relative", 0))) * target
            return Fraction(abs(given - target) <= reach)
        chosen = set(words.split())
        match question.get("credit"):
            case "right_minus_wrong":
                return max(Fraction(0), Fraction(len(chosen & right) - len(chosen - right), len(right)))
            case "right_without_wrong":
                return Fraction(0) if chosen - right else Fraction(len(chosen), len(right))
        return Fraction(chosen == right)

    def decide(self, row: Row) -> None:
        uid = row["question"]
        if row["does"] == "correct":
            self.right[uid] = set(row["answer"].split())
            return
        for sheet in (sheet for sheets in self.sheets.values() for sheet in sheets if uid in sheet.answers):
            stands, new = sheet.reached[uid], self.score(uid, sheet.answers[uid])
            by_policy = {"new": new, "better": max(stands, new), "full": Fraction(1), "none": stands}
            sheet.reached[uid] = by_policy[row["answer"]]

    def grades(self) -> Iterator[tuple[str, list[Fraction]]]:
        """Who → the scores of their finished sittings, in their order."""
        for who, sheets in sorted(self.sheets.items()):
            finished = [sum(sheet.reached.values()) / Fraction(len(self.asked)) for sheet in sheets if sheet.is_finished]
            if finished:
                yield who, finished


def _plain(number: str) -> str:
    """1,010,000 and 0,45 as a program writes them."""
    head, _comma, tail = number.rpartition(",")
    return number.replace(",", "") if len(tail) == 3 and head != "0" else number.replace(",", ".")


def counted_by_hand(scores: list[Fraction]) -> dict[str, Fraction]:
    return {
        "best": sorted(scores)[-1],
        "last": scores[-1],
        "first": scores[0],
        "mean": sum(scores, Fraction(0)) / len(scores),
    }


# --- both meet ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_file_of_answers_comes_to_its_file_of_grades(
    case: str, publish: Publish, instructor: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, grades = read(f"{case}.answers.csv"), {row["who"]: row for row in read(f"{case}.grades.csv")}
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines), "a file tells what happened in its order"
    site, paper = Site(publish, instructor), Paper()
    for line in lines:
        at = datetime.strptime(line["at"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda at=at: at)
        site.play(line)
        paper.play(line)
    for counting in Counting:
        expected = {who: (Fraction(row[counting]), int(row["attempts"])) for who, row in grades.items()}
        on_paper = {who: (counted_by_hand(scores)[counting], len(scores)) for who, scores in paper.grades()}
        assert on_paper == expected
        found = site.grades(client, counting)
        assert found == {who: (pytest.approx(float(score), abs=0.00006), n) for who, (score, n) in expected.items()}
    committed = [line for line in lines if line["does"] == "answer" and line["confidence"]]
    said = Response.objects.exclude(confidence="").values_list("attempt_question__attempt__user__name", "confidence")
    assert {(line["who"], line["confidence"]) for line in committed} <= set(said)


def test_every_file_of_answers_has_its_file_of_grades() -> None:
    assert len(CASES) >= 6
    assert {f"{case}.grades.csv" for case in CASES} == {path.name for path in FOLDER.glob("*.grades.csv")}
