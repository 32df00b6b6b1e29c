"""Which attempt counts is the course's; a cell set by hand stands beside what was computed, for good and with its reason."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.services import erase_person
from lessons.publishing import publish, save_draft
from quizzes.gradebook import Counting, counting_of, gradebook_of
from quizzes.grades import grades_of
from quizzes.models import Attempt, ExtraTime, GradeOverride, Quiz
from quizzes.overriding import override_grade
from quizzes.services import finish_attempt, start_attempt, submit_response
from studio.answers import harmless
from tests.quizzes.conftest import chose
from tests.studio.conftest import LESSON, QUESTIONS
from web.problems import Problem

GRADEBOOK = "/studio/courses/vision/gradebook/"
EXAM = QUESTIONS.replace(
    "practice:\n", "exam:\n  minutes: 30\n  attempts: 2\n  questions: [edge-practice]\npractice:\n", 1
).replace("practice:\n  questions: [edge-practice]\n", "")


@pytest.fixture
def published(lesson, instructor):
    """The lesson with a test and an exam."""
    files = {"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": EXAM}
    save_draft(lesson=lesson, files=files, revision=2, author=instructor, now=timezone.now())
    publish(lesson=lesson, author=instructor, note="First", now=timezone.now())
    return lesson


@pytest.fixture
def quiz(published) -> Quiz:
    return Quiz.objects.get(lesson=published, mode="test")


@pytest.fixture
def exam(published) -> Quiz:
    return Quiz.objects.get(lesson=published, mode="exam")


def sit(quiz: Quiz, user: User, option: str, *, minutes: int = 0) -> Attempt:
    at = timezone.now() + timedelta(minutes=minutes)
    attempt = start_attempt(user=user, quiz_version=quiz.versions.get(), now=at)
    submit_response(attempt=attempt, position=1, answer=chose(option), idempotency_key="k", now=at)
    return finish_attempt(attempt=attempt, now=at)


def override(quiz: Quiz, person: User, author: User, *, score: float | None = 0.75, known: int = 0, reason: str = "Orally"):
    return override_grade(quiz=quiz, person=person, score=score, reason=reason, known=known, author=author, now=timezone.now())


def page_of(quiz: Quiz, person: User) -> str:
    return f"{GRADEBOOK}{quiz.pk}/{person.pk}/"


# --- columns and what counts


def test_a_lessons_test_and_its_exam_are_two_columns(quiz, exam, learner, course):
    sit(quiz, learner, "b")
    sit(exam, learner, "a")
    book = gradebook_of(course, Counting.BEST)
    assert [column.title for column in book.columns] == ["Edges", "Edges: exam"]
    assert [cell.score for cell in book.rows[0].cells] == [0, 1]
    assert book.rows[0].grade == 0.5


def test_what_was_not_taken_is_no_nought_in_the_course_grade(quiz, exam, learner, course):
    sit(exam, learner, "a")
    assert gradebook_of(course, Counting.BEST).rows[0].grade == 1


def test_the_owner_says_once_which_attempt_counts(owner, second, quiz, learner, course):
    sit(quiz, learner, "a")
    sit(quiz, learner, "b", minutes=1)
    assert counting_of(course) == Counting.BEST
    assert "This is a preview" in owner.get(GRADEBOOK + "?counting=last").content.decode()
    assert counting_of(course) == Counting.BEST, "looking stores nothing"
    assert second.post(GRADEBOOK, {"counting": "last"}).status_code == 403
    assert owner.post(GRADEBOOK, {"counting": "nonsense"}).status_code == 422
    owner.post(GRADEBOOK, {"counting": "last"})
    assert counting_of(course) == Counting.LAST
    (line,) = csv.DictReader(io.StringIO(owner.get("/studio/courses/vision/gradebook.csv").content.decode("utf-8-sig")))
    assert line["Edges"] == "0"
    told = owner.get("/api/v1/courses/vision/gradebook").json()
    assert (told["counting"], told["items"][0]["grades"][0]["score"]) == ("last", 0)
    (own,) = grades_of(learner)
    assert (own.counting, own.grade) == (Counting.LAST, 0)


# --- overrides


def test_an_author_sets_a_grade_with_a_reason_and_takes_it_back(second, colleague, quiz, learner, course):
    sit(quiz, learner, "b")
    page = page_of(quiz, learner)
    assert "Computed from the attempts: 0%" in second.get(page).content.decode()
    refused = second.post(page, {"percent": "87.5", "reason": "", "known": "0"})
    assert refused.status_code == 422
    assert second.post(page, {"percent": "101", "reason": "Orally", "known": "0"}).status_code == 422
    assert second.post(page, {"percent": "nan", "reason": "Orally", "known": "0"}).status_code == 422
    assert second.post(page, {"percent": "", "reason": "Orally", "known": "0"}).status_code == 422
    assert second.post(page, {"percent": "87.5", "reason": "Orally", "known": "0"}).status_code == 302
    cell = gradebook_of(course, Counting.BEST).rows[0].cells[0]
    assert (cell.computed, cell.score, cell.override.former, cell.override.created_by) == (0, 0.875, 0, colleague)
    table = second.get(GRADEBOOK).content.decode()
    assert "set by hand" in table
    assert "Orally" in table
    assert second.post(page, {"take_back": "yes", "reason": "A slip", "known": "1"}).status_code == 302
    cell = gradebook_of(course, Counting.BEST).rows[0].cells[0]
    assert (cell.score, cell.override, cell.newest) == (0, None, 2)
    history = second.get(page).content.decode()
    assert "A slip" in history
    assert "Orally" in history


def test_an_override_is_for_good(quiz, learner, instructor):
    row = override(quiz, learner, instructor)
    with pytest.raises(IntegrityError), transaction.atomic():
        GradeOverride.objects.filter(pk=row.pk).update(score=1)


def test_two_who_set_one_grade_are_told_of_each_other(quiz, learner, instructor, colleague):
    override(quiz, learner, instructor)
    with pytest.raises(Problem, match="after you looked"):
        override(quiz, learner, colleague)
    with pytest.raises(Problem, match="what was computed"):
        override(quiz, learner, colleague, score=None, known=override(quiz, learner, colleague, score=None, known=1).number)
    assert GradeOverride.objects.count() == 2


def test_what_is_no_grade_is_refused(quiz, learner, instructor):
    for score in (-0.01, 1.01, float("nan")):
        with pytest.raises(Problem, match="from 0 to 100"):
            override(quiz, learner, instructor, score=score)
    with pytest.raises(Problem, match="Say why"):
        override(quiz, learner, instructor, reason=" ")


def test_nobody_else_is_told_that_there_is_a_grade(quiz, learner, outsider, client):
    sit(quiz, learner, "a")
    stranger = User.objects.create_user("stranger@example.org", "correct horse", name="Sam Stranger")
    for user, refused in ((outsider, 404), (learner, 403)):  # the studio is for nobody but instructors
        visitor = Client()
        visitor.force_login(user)
        for address in (page_of(quiz, learner), GRADEBOOK, "/studio/courses/vision/extra-time/"):
            assert visitor.get(address).status_code == refused, address
        assert visitor.get("/api/v1/courses/vision/gradebook").status_code == 404
    owner = Client()
    owner.force_login(User.objects.get(email="instructor@example.org"))
    assert owner.get(page_of(quiz, stranger)).status_code == 404, "somebody who took nothing here"
    practice_like = Quiz.objects.create(lesson=quiz.lesson, mode="practice")
    assert owner.get(page_of(practice_like, learner)).status_code == 404


def test_an_erased_person_leaves_no_override_behind(quiz, learner, instructor):
    sit(quiz, learner, "a")
    override(quiz, learner, instructor)
    erase_person(user=learner)
    assert not GradeOverride.objects.exists()


# --- the file


@pytest.mark.parametrize(
    "reason", ["=HYPERLINK(1)", "+1", "-1", "@x", " =1+1", "plain", "with, comma and “quotes”", 'a "quote"']
)
def test_the_file_gives_back_what_the_table_says(owner, quiz, learner, instructor, course, reason):
    User.objects.filter(pk=learner.pk).update(name="=cmd|' /C calc'!A0")
    sit(quiz, learner, "a")
    override(quiz, learner, instructor, score=1 / 3, reason=reason)
    text = owner.get("/studio/courses/vision/gradebook.csv").content
    assert text.startswith(b"\xef\xbb\xbf")
    (line,) = csv.DictReader(io.StringIO(text.decode("utf-8-sig")))
    cell = gradebook_of(course, Counting.BEST).rows[0].cells[0]
    assert float(line["Edges"]) == cell.computed
    assert float(line["Edges: override"]) == pytest.approx(cell.score, abs=5e-5)
    assert int(line["Edges: attempts"]) == cell.attempts
    assert line["Edges: reason"].removeprefix("'") == cell.override.reason
    assert not any(value[:1] in ("=", "+", "-", "@") for value in line.values())


@given(st.text(max_size=40))
def test_no_text_is_a_formula_and_none_is_lost(text):
    written = io.StringIO()
    csv.writer(written).writerow([harmless(text), "end"])
    (read, end), *rest = csv.reader(io.StringIO(written.getvalue(), newline=""))
    assert (read.removeprefix("'") if read != text else read, end, rest) == (text, "end", [])
    assert not read.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


# --- one's own grades


def test_a_learner_reads_their_grade_and_why_it_was_set(quiz, exam, learner, instructor):
    sit(quiz, learner, "b")
    sit(exam, learner, "a")
    override(quiz, learner, instructor, score=0.5, reason="The second half orally")
    visitor = Client()
    visitor.force_login(learner)
    page = visitor.get("/me/grades/").content.decode()
    for words in ("Your grade so far: 75%", "Set by hand; computed was 0%", "The second half orally", "Edges: exam"):
        assert words in page
    (course,) = visitor.get("/api/v1/me/grades").json()["items"]
    assert [(one["score"], one["computed"], one["override"]) for one in course["grades"]] == [(0.5, 0, 0.5), (1, 1, None)]


def test_whoever_has_no_grades_is_told_what_will_stand_there(client):
    assert "No grades yet" in client.get("/me/grades/").content.decode()


# --- extra time


def test_extra_time_is_given_by_address_and_taken_back(owner, published, learner):
    page = "/studio/courses/vision/extra-time/"
    assert owner.post(page, {"email": "nobody@example.org", "percent": "50", "reason": "R"}).status_code == 422
    assert owner.post(page, {"email": learner.email, "percent": "", "minutes": "", "reason": "R"}).status_code == 422
    assert owner.post(page, {"email": learner.email, "percent": "many", "reason": "R"}).status_code == 422
    assert owner.post(page, {"email": learner.email, "percent": "50", "reason": "Reads slowly"}).status_code == 302
    (given,) = ExtraTime.objects.all()
    assert "Reads slowly" in owner.get(page).content.decode()
    for wrong in ("x", "9" * 19, "9" * 30, "²"):
        assert owner.post(page, {"take_back": wrong}).status_code == 404
    assert owner.post(page, {"take_back": str(given.pk)}).status_code == 302
    assert "taken back" in owner.get(page).content.decode()
