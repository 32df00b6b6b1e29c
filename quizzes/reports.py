"""Learners' reports that a key is wrong, and the sentence that answers each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import limits
from accounts.limits import Limit
from accounts.models import User
from accounts.services import hold
from lessons.models import Lesson
from quizzes.models import Attempt, AttemptQuestion, KeyReport
from quizzes.results import committed_answers
from quizzes.reveal import tells_answer
from quizzes.services import attempt_question, newest_key, situation_of
from web.problems import Problem

LONGEST = 500
"""Characters of a report, and of its answer."""


def report_limits(user: User) -> list[Limit]:
    """Lets nobody fill an instructor's page."""
    return [Limit(("key-report", str(user.pk)), 10, timedelta(hours=1))]


def may_report(attempt: Attempt, question: AttemptQuestion) -> bool:
    """Whether the key has been told: nobody can doubt it before, and nobody may learn of it this way."""
    return tells_answer(situation_of(attempt, question, answered=question.responses.exists()))


def report_key(*, attempt: Attempt, position: int, text: str, now: datetime) -> KeyReport:
    """The report, or the learner's open one about the same question. Problem 409 before the key is told; 404, 422, 429."""
    question = attempt_question(attempt, position)
    user = attempt.user
    if user is None or not may_report(attempt, question):
        raise Problem(409, _("Not yet"), _("You can report a key once you have been told what is right."))
    text = _words(text, empty=_("Say what is wrong with the key."))
    wanted = {"user": user, "question": question.question_version.question}
    with transaction.atomic():
        hold(user)
        if found := KeyReport.objects.filter(**wanted, answered_at__isnull=True).first():
            return found
        if limits.wait(report_limits(user), now=now):
            raise Problem(
                429, _("Too many reports"), _("You sent many reports within an hour. Wait a little, then send this one.")
            )
        committed = committed_answers(question)
        key = committed[-1].grade.key_revision if committed else newest_key(question.question_version)
        report = KeyReport.objects.create(**wanted, attempt_question=question, key_revision=key, text=text, created_at=now)
        limits.count(report_limits(user), now=now)
    return report


def answer_report(*, report: KeyReport, text: str, author: User, now: datetime) -> KeyReport:
    """The report, answered once and for all; what somebody else answered first stands, with Problem 409. 422 without words."""
    text = _words(text, empty=_("Write the sentence that the learner gets."))
    answered = KeyReport.objects.filter(pk=report.pk, answered_at__isnull=True).update(
        answer=text, answered_at=now, answered_by=author
    )
    if not answered:
        raise Problem(409, _("Answered already"), _("Somebody answered this report meanwhile. Reload the page to read it."))
    report.refresh_from_db()
    return report


def _words(text: str, *, empty: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise Problem(422, _("Nothing written"), empty)
    if len(words) > LONGEST:
        raise Problem(422, _("Too long"), _("Write at most %(most)d characters.") % {"most": LONGEST})
    return words


def own_reports(*, user: User, question: AttemptQuestion) -> list[KeyReport]:
    """What this person reported about the question in any attempt, the newest first."""
    return list(KeyReport.objects.filter(user=user, question=question.question_version.question))


def reports_of(lesson: Lesson) -> Sequence[KeyReport]:
    """Every report about a question of the lesson with what it is about: open ones first, then the newest."""
    related = (
        "user",
        "question",
        "key_revision",
        "answered_by",
        "attempt_question__question_version",
        "attempt_question__attempt__quiz_version__lesson_version",
    )
    found = KeyReport.objects.filter(question__lesson=lesson).select_related(*related)
    return sorted(
        found.prefetch_related("attempt_question__question_version__options", "attempt_question__responses"),
        key=lambda report: report.answered_at is not None,
    )


def open_reports(lessons: Sequence[Lesson]) -> dict[int, int]:
    """Lesson's pk → how many reports about its questions wait for an answer."""
    counts: dict[int, int] = {}
    waiting = KeyReport.objects.filter(question__lesson__in=lessons, answered_at__isnull=True)
    for lesson in waiting.order_by().values_list("question__lesson_id", flat=True):
        counts[lesson] = counts.get(lesson, 0) + 1
    return counts
