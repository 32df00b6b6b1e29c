"""What stands before a lesson's pages; `settings.LESSON_OPENINGS` names both functions."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from lessons.modes import LessonPage
from lessons.openings import Opening
from quizzes.beforehand.modes import PretestMode
from quizzes.beforehand.predictions import asked_before
from quizzes.beforehand.presenting import prediction_view
from quizzes.beforehand.pretest import taken_by, was_put_away
from quizzes.models import QuizMode
from quizzes.results import result_of
from quizzes.services import quiz_version_of

DOORS = ("read", "run")
"""The modes that a lesson is begun with."""

PREDICTED = ("run", "break", "train")

STYLES = ("quizzes/quiz.css",)


def pretest(page: LessonPage) -> Opening | None:
    """Two questions before anything, for who has not answered or put them away; a line about them afterwards."""
    if page.mode.slug not in DOORS or isinstance(page.mode, PretestMode):
        return None
    quiz_version = quiz_version_of(page.version, QuizMode.PRETEST)
    if quiz_version is None:
        return None
    taken = taken_by(page.person, quiz_version.quiz)
    if taken and taken.is_finished and (page.mode.slug != "read" or was_put_away(taken)):
        return None
    context: dict[str, Any] = {
        "quiz_version": quiz_version,
        "taken": taken,
        "result": result_of(taken) if taken and taken.is_finished else None,
        "here": page.url(),
    }
    return Opening(render_to_string("quizzes/beforehand/_pretest.html", context, request=page.request), styles=STYLES)


def prediction(page: LessonPage) -> Opening | None:
    """The question before this run, what one said, and what came true."""
    asked = asked_before(page.version, page.mode.slug) if page.mode.slug in PREDICTED else None
    if asked is None:
        return None
    view = prediction_view(asked, page.version, page.person, now=timezone.now())
    context = {"prediction": view, "question": view.question, "here": page.request.get_full_path()}
    html = render_to_string("quizzes/beforehand/_prediction.html", context, request=page.request)
    return Opening(html, styles=STYLES, scripts=("quizzes/quiz.js",), predicts=True)
