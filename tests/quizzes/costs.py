"""What each page of a quiz may ask the database: a course with a crowd, its pages, and their ceilings.

`test_costs.py` holds the pages to them, and `tests/benchmarks/answers.py` tells the figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from lessons.facts import frozen
from lessons.models import Course, CourseRole, Lesson, LessonVersion, Membership, Release, ReleaseLesson
from lessons.parts import PartContext
from lessons.services import lesson_url
from quizzes.folder import QuestionsPart
from quizzes.grading import letter_of
from quizzes.models import Attempt, QuizMode, QuizVersion
from quizzes.questions import Answer
from quizzes.services import attempt_question, finish_attempt, newest_key, quiz_version_of, start_attempt, submit_response
from tests.quizzes.conftest import FACTS, META, QUESTIONS

HTMX = {"HX-Request": "true"}
SCRIPT = {"X-Requested-With": "fetch"}
CROWD = 30
LONG = "A lesson has some pages of words, which no page of its questions shows.\n\n" * 200


@dataclass(frozen=True, slots=True)
class Page:
    """One request, and the most queries that it may take."""

    name: str
    ceiling: int
    ask: Callable[[], Any]


def queries_of(page: Page) -> int:
    """How many queries the request takes; raises RuntimeError when it doesn't come to what was asked for."""
    with CaptureQueriesContext(connection) as captured:
        response = page.ask()
    if response.status_code not in (200, 302):
        raise RuntimeError(f"{page.name}: answered {response.status_code}")
    return len(captured)


def published_test(*, questions: int) -> QuizVersion:
    """The test of a course of its own: so many questions like those of the other tests, and their practice."""
    course = Course.objects.create(uid="course-costs", slug="costs", title="Costs")
    lesson = Lesson.objects.create(course=course, uid="lesson-costs", slug="costs")
    text = _document(questions)
    version = LessonVersion.objects.create(
        lesson=lesson,
        number=1,
        title="Costs",
        meta={**META, "uid": "lesson-costs", "slug": "costs"},
        body=LONG,
        files={"lesson.md": LONG, "questions.yaml": text},
        files_sha256="1",
    )
    context = PartContext(course, lesson, version.meta, frozen(FACTS), lambda snippet: None)
    QuestionsPart().publish(text, context, version)
    release = Release.objects.create(course=course, number=1, published_at=timezone.now())
    ReleaseLesson.objects.create(release=release, position=0, lesson_version=version)
    return _quiz(version, QuizMode.TEST)


def _document(questions: int) -> str:
    document = yaml.safe_load(QUESTIONS)
    tested = [one for one in document["questions"] if one["uid"] in document["test"]["questions"]]
    copies = [{**tested[number % len(tested)], "uid": f"q-{number}"} for number in range(questions)]
    document["test"]["questions"] = [copy["uid"] for copy in copies]
    document["questions"] = [*copies, *(one for one in document["questions"] if one not in tested)]
    return json.dumps(document)  # which is YAML, and repeats what YAML would only name again


def _quiz(version: LessonVersion, mode: QuizMode) -> QuizVersion:
    quiz = quiz_version_of(version, mode)
    if quiz is None:
        raise LookupError(f"the lesson has no {mode}")
    return quiz


def pages(quiz: QuizVersion, *, crowd: int = CROWD) -> Iterator[Page]:
    """The pages of a learner and of an instructor, in the order of a sitting; each is to be asked for before the next."""
    version = quiz.lesson_version
    lesson, course = version.lesson, version.lesson.course
    for number in range(crowd):
        _sit(User.objects.create_user(f"crowd{number}@example.org", name=f"Learner {number}"), quiz, right=number % 3 > 0)
    learner = User.objects.create_user("costs@example.org", name="Lena Learner")
    teacher = User.objects.create_user("teacher@example.org", name="Ines Instructor", role=Role.INSTRUCTOR)
    Membership.objects.create(course=course, user=teacher, role=CourseRole.OWNER)
    visitor, author = (Client(SERVER_NAME="localhost") for _ in range(2))
    visitor.force_login(learner)
    author.force_login(teacher)
    for mode in ("read", "practise", "test"):
        visitor.get(lesson_url(version, mode))  # fills the caches of words and modes
    yield Page("a lesson's words", 16, lambda: visitor.get(lesson_url(version)))
    yield Page("the door of a test", 20, lambda: visitor.get(lesson_url(version, "test")))
    yield Page("beginning a test", 22, lambda: visitor.post(reverse("quizzes:start", args=[quiz.quiz_id])))
    attempt = Attempt.objects.get(user=learner)
    right, wrong, body = _choice(attempt, 1), _choice(attempt, 2, right=False), _body(attempt, 3)
    one, two, three = (reverse("quizzes:question", args=[attempt.pk, position]) for position in (1, 2, 3))
    yield Page("a question", 12, lambda: visitor.get(one))
    yield Page("keeping a choice", 12, lambda: visitor.post(f"{one}draft/", right, headers=SCRIPT))
    yield Page("a right answer, with its feedback", 24, lambda: visitor.post(one, right, headers=HTMX))
    yield Page("a wrong answer, with its feedback", 32, lambda: visitor.post(two, wrong, headers=HTMX))
    yield Page("an answered question", 17, lambda: visitor.get(two))
    api = f"/api/v1/attempts/{attempt.pk}"
    yield Page("an answer by the API", 22, lambda: visitor.put(f"{api}/questions/3", body, "application/json"))
    yield Page("going on after it", 17, lambda: visitor.get(three))
    yield Page("handing in", 12, lambda: visitor.post(f"/attempts/{attempt.pk}/finish/"))
    yield Page("results", 28, lambda: visitor.get(f"/attempts/{attempt.pk}/results/"))
    yield Page("an attempt by the API", 16, lambda: visitor.get(api))
    practice = start_attempt(user=learner, quiz_version=_quiz(version, QuizMode.PRACTICE), now=timezone.now())
    easy = _choice(practice, 1)
    practised = reverse("quizzes:question", args=[practice.pk, 1])
    yield Page("a practice question", 20, lambda: visitor.get(practised))
    yield Page("a right answer in practice", 30, lambda: visitor.post(practised, easy, headers=HTMX))
    missed = Client(SERVER_NAME="localhost")
    missed.force_login(User.objects.get(email="crowd0@example.org"))
    yield Page(
        "one's progress, for the first time after a test that was missed", 30, lambda: missed.get(reverse("quizzes:progress"))
    )
    yield Page("one's progress", 24, lambda: visitor.get(reverse("quizzes:progress")))
    yield Page(f"a gradebook of {crowd} learners", 16, lambda: author.get(reverse("studio:gradebook", args=[course.slug])))
    yield Page("what learners answered", 22, lambda: author.get(reverse("studio:answers", args=[course.slug, lesson.slug])))


def _choice(attempt: Attempt, position: int, *, right: bool = True) -> dict[str, str]:
    """The fields of a question's form."""
    asked = attempt_question(attempt, position)
    correct = newest_key(asked.question_version).correct
    chosen = next(key for key in asked.option_order if (key in correct) == right)
    return {"choice": letter_of(chosen, asked.option_order), "idempotency_key": f"k{position}"}


def _body(attempt: Attempt, position: int) -> dict[str, object]:
    """The same for the API."""
    form = _choice(attempt, position)
    return {"options": [form["choice"]], "idempotency_key": form["idempotency_key"], "final": True}


def _sit(user: User, quiz: QuizVersion, *, right: bool) -> None:
    attempt = start_attempt(user=user, quiz_version=quiz, now=timezone.now())
    for asked in attempt.questions.select_related("question_version"):
        correct = newest_key(asked.question_version).correct
        wrong = [key for key in asked.option_order if key not in correct]
        submit_response(
            attempt=attempt,
            position=asked.position,
            answer=Answer(frozenset(correct if right else wrong[:1])),
            idempotency_key=f"k{asked.position}",
            now=timezone.now(),
        )
    finish_attempt(attempt=attempt, now=timezone.now())
