"""The way into a lesson's test of the pattern: from its pages (`settings.LESSON_DOORS`), and on the page of its mode Test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from lessons.doors import Door
from lessons.models import LessonVersion
from lessons.services import lesson_url
from quizzes.announcing import promise_of
from quizzes.doors import earlier
from quizzes.drawing import can_ask
from quizzes.evidence import answers_and_open, difficulties_of, evidence_of
from quizzes.models import Attempt, QuizMode, QuizVersion
from quizzes.patterns.choosing import ASKED
from quizzes.saying import level_word
from quizzes.services import attempts_at, nothing_to_ask

PREVIOUS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PatternDoor:
    """What stands at the way into a test of the pattern."""

    quiz_version: QuizVersion
    questions: int  # that one attempt asks
    pool: int
    promise: str
    nothing_to_ask: str  # why it can't begin; empty where it can
    open_attempt: Attempt | None
    previous: Sequence[dict[str, Any]]


def pattern_door(quiz_version: QuizVersion, *, person: User | None, now: datetime) -> PatternDoor:
    """The way into this test for this person; each earlier one with its verdict, in a fixed number of queries for these."""
    attempts = attempts_at(quiz=quiz_version.quiz, person=person, now=now)
    pool = quiz_version.quiz_questions.count()
    finished = [attempt for attempt in attempts if attempt.is_finished][:PREVIOUS_SHOWN]
    answers = answers_and_open(person, lesson=quiz_version.lesson_version.lesson) if finished else []
    difficulties = difficulties_of([first.asked for first in answers], own=answers)
    verdicts = {attempt.pk: evidence_of(attempt, answers, difficulties).whole().level for attempt in finished}
    return PatternDoor(
        quiz_version=quiz_version,
        questions=min(ASKED, pool),
        pool=pool,
        promise=promise_of(quiz_version),
        nothing_to_ask="" if can_ask(quiz_version) else nothing_to_ask(),
        open_attempt=next((attempt for attempt in attempts if not attempt.is_finished), None),
        previous=[
            {**earlier(attempt), "level": level_word(verdicts[attempt.pk]), "style": verdicts[attempt.pk].value}
            for attempt in finished
        ],
    )


def pattern_doors(versions: Sequence[LessonVersion]) -> dict[int, Door]:
    """Version id → the door of its test of the pattern, of those versions that have one; one query."""
    tested = [version for version in versions if "test" in version.meta.get("modes", [])]
    rows = QuizVersion.objects.filter(lesson_version__in=tested, quiz__mode=QuizMode.PATTERN)
    pools = dict(rows.values_list("lesson_version_id").annotate(questions=Count("quiz_questions"))) if tested else {}
    return {version.pk: _door(version, min(ASKED, pools[version.pk])) for version in tested if version.pk in pools}


def _door(version: LessonVersion, questions: int) -> Door:
    about = ngettext(
        "%(questions)s question, no hints: find out how strong you are.",
        "%(questions)s questions from easy to hard, no hints: find out how strong you are.",
        questions,
    )
    return Door(_("Test this pattern"), f"{lesson_url(version, 'test')}#pattern", about % {"questions": questions})
