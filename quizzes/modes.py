"""The two modes that quizzes add to a lesson: Practise and Test. Both are doors; the questions are at /attempts/…"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from quizzes.announcing import promise_of
from quizzes.doors import earlier, exam_door
from quizzes.drawing import can_ask
from quizzes.misconceptions.services import list_url
from quizzes.models import About, Attempt, Difficulty, QuizMode, QuizQuestion, QuizVersion
from quizzes.patterns.doors import pattern_door
from quizzes.services import attempts_at, nothing_to_ask, quiz_version_of
from web.problems import not_found

PREVIOUS_SHOWN = 5


class _QuizMode:
    """A lesson's door to one of its quizzes."""

    slug: str
    title: str | Promise
    group: str
    order: int
    quiz_mode: QuizMode
    beside: tuple[QuizMode, ...] = ()  # other quizzes that have their door on the same page
    template: str

    def offered(self, version: LessonVersion) -> bool:
        """Whether this version asks any such questions."""
        return QuizVersion.objects.filter(lesson_version=version, quiz__mode__in=(self.quiz_mode, *self.beside)).exists()

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """What the quiz is, what was reached before, and the way in."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.offered(page.version):
            raise not_found()
        quiz_version = quiz_version_of(page.version, self.quiz_mode)
        context = self.doors(page)
        if quiz_version is not None:
            context |= self.context(page, quiz_version)
            context["wanted"] = _asked_at(quiz_version, request.GET.get("question", ""))
        return page.render(self.template, context)

    def doors(self, page: LessonPage) -> dict[str, Any]:
        """What the page shows of the other quizzes that have their door here."""
        return {}

    def context(self, page: LessonPage, quiz_version: QuizVersion) -> dict[str, Any]:
        attempts = attempts_at(quiz=quiz_version.quiz, person=page.person)
        asked = quiz_version.quiz_questions.values_list("question_version__difficulty", "question_version__about")
        rows = list(asked)
        return {
            "quiz_version": quiz_version,
            "count": len(rows),
            "nothing_to_ask": "" if can_ask(quiz_version) else nothing_to_ask(),
            "difficulties": _counted([difficulty for difficulty, _about in rows], Difficulty),
            "abouts": _counted([about for _difficulty, about in rows], About),
            "open_attempt": next((attempt for attempt in attempts if _is_open_at(attempt, quiz_version)), None),
            "promise": promise_of(quiz_version),
            "previous": [earlier(attempt) for attempt in attempts[:PREVIOUS_SHOWN] if not _is_open_at(attempt, quiz_version)],
        }


def _is_open_at(attempt: Attempt, quiz_version: QuizVersion) -> bool:
    return not attempt.is_finished and attempt.quiz_version_id == quiz_version.pk


def _asked_at(quiz_version: QuizVersion, uid: str) -> QuizQuestion | None:
    """The question that a card in the lesson's prose led to; none when this quiz doesn't ask it."""
    return (
        quiz_version.quiz_questions.select_related("question_version__question")
        .filter(question_version__question__uid=uid)
        .first()
    )


def _counted(values: list[str], names: type[Difficulty] | type[About]) -> list[tuple[str, int]]:
    """What there is of each, in the order of the names: ("easy", 3)."""
    counts = Counter(values)
    return [(str(name.label), counts[name.value]) for name in names if counts[name.value]]


class PractiseMode(_QuizMode):
    slug = "practise"
    title: str | Promise = _("Practise")
    group = Group.DO.value
    order = 20
    quiz_mode = QuizMode.PRACTICE
    template = "quizzes/practise.html"

    def context(self, page: LessonPage, quiz_version: QuizVersion) -> dict[str, Any]:
        return super().context(page, quiz_version) | {"misconceptions_url": list_url(page.course)}


class TestMode(_QuizMode):
    __test__ = False  # pytest would take it for a test

    slug = "test"
    title: str | Promise = _("Test")
    group = Group.KEEP.value
    order = 10
    quiz_mode = QuizMode.TEST
    beside = (QuizMode.EXAM, QuizMode.PATTERN)
    template = "quizzes/test.html"

    def doors(self, page: LessonPage) -> dict[str, Any]:
        exam, pattern = (quiz_version_of(page.version, mode) for mode in (QuizMode.EXAM, QuizMode.PATTERN))
        now = timezone.now()
        return {
            "exam": exam_door(exam, person=page.person, now=now) if exam else None,
            "pattern": pattern_door(pattern, person=page.person, now=now) if pattern else None,
        }
