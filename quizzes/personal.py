"""What this room keeps of a person: their attempts and reports. Export, erasure, and a guest's work joining an account."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.activity import Activity
from accounts.models import User
from quizzes.grading import letter_of
from quizzes.models import BEFOREHAND, Attempt, ExtraTime, GradeOverride, KeyReport, QuizMode
from quizzes.results import Committed, ResultItem, result_of
from quizzes.reveal import tells_questions, tells_total
from quizzes.reviewing import personal as reviewing
from quizzes.services import close_attempt, hand_in_overdue, hold_attempts, standing_of

RECENT_AT_MOST = 10


def export(user: User) -> dict[str, Any]:
    """Everything this person answered, in values that JSON can hold."""
    hand_in_overdue(now=timezone.now(), user=user)
    attempts = Attempt.objects.filter(user=user).select_related("quiz_version__quiz", "quiz_version__lesson_version__lesson")
    reports = KeyReport.objects.filter(user=user).select_related("attempt_question__question_version")
    return {
        "attempts": [_attempt(attempt) for attempt in attempts.order_by("started_at")],
        "reports_of_keys": [_report(report) for report in reports],
        "review": reviewing.export(user),
        "extra_times": [_extra_time(given) for given in ExtraTime.objects.filter(user=user).select_related("course")],
    }


def _extra_time(given: ExtraTime) -> dict[str, Any]:
    return {
        "course": given.course.title,
        "percent": given.percent,
        "minutes": given.minutes,
        "reason": given.reason,
        "given_at": given.given_at.isoformat(),
        "taken_back_at": given.taken_back_at.isoformat() if given.taken_back_at else None,
    }


def _report(report: KeyReport) -> dict[str, Any]:
    return {
        "question": report.attempt_question.question_version.stem,
        "text": report.text,
        "at": report.created_at.isoformat(),
        "answer": report.answer,
        "answered_at": report.answered_at.isoformat() if report.answered_at else None,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    version = attempt.quiz_version.lesson_version
    result = result_of(attempt)
    standing = standing_of(attempt)
    return {
        "id": str(attempt.pk),
        "mode": attempt.mode.value,
        "lesson": version.title,
        "lesson_version": version.number,
        "started_at": attempt.started_at.isoformat(),
        "deadline_at": attempt.deadline_at.isoformat() if attempt.deadline_at else None,
        "finished_at": attempt.finished_at.isoformat() if attempt.finished_at else None,
        "score": result.total.share if tells_total(standing) else None,
        "questions": [_question(item, told=tells_questions(standing)) for item in result.items],
    }


def _question(item: ResultItem, *, told: bool) -> dict[str, Any]:
    question = item.question
    return {
        "number": question.position,
        "question": question.question_version.stem,
        "draft": [letter_of(key, question.option_order) for key in question.draft],
        "draft_text": question.draft_text,
        "draft_confidence": question.draft_confidence,
        "hint_shown": question.hint_shown_at is not None,
        "steps_shown": question.steps_shown,
        "answers": [_answer(committed, question.option_order, told=told) for committed in item.committed],
    }


def _answer(committed: Committed, order: list[str], *, told: bool) -> dict[str, Any]:
    response = committed.response
    return {
        "options": [letter_of(key, order) for key in response.options],
        "text": response.text,
        "gave_up": response.gave_up,
        "confidence": response.confidence,
        "at": response.committed_at.isoformat(),
        # An export must not be a way around the policy: an attempt that tells nothing yet keeps its grades to itself.
        "right": committed.is_right if told else None,
    }


def recent(user: User) -> list[Activity]:
    """The person's latest attempts and what became of their reports, for the profile page."""
    answered = KeyReport.objects.filter(user=user, answered_at__isnull=False).select_related("attempt_question")
    return [
        *recent_attempts(user),
        *(
            Activity(report.answered_at, _("Your report of a wrong key was answered"), _report_url(report))
            for report in answered.order_by("-answered_at")[:RECENT_AT_MOST]
            if report.answered_at
        ),
    ]


def recent_attempts(user: User) -> list[Activity]:
    """The person's latest attempts, the newest first; what was asked before a lesson is too small to be listed."""
    attempts = (
        Attempt.objects.filter(user=user)
        .exclude(quiz_version__quiz__mode__in=BEFOREHAND)
        .select_related("quiz_version__quiz", "quiz_version__lesson_version")
    )
    return [_activity(attempt) for attempt in attempts.order_by("-started_at")[:RECENT_AT_MOST]]


def _report_url(report: KeyReport) -> str:
    asked = report.attempt_question
    return reverse("quizzes:report", args=[asked.attempt_id, asked.position])


def _activity(attempt: Attempt) -> Activity:
    said = _("Practised: %(lesson)s") if attempt.is_practice else _("Took the test: %(lesson)s")
    if attempt.mode == QuizMode.EXAM:
        said = _("Took the exam: %(lesson)s")
    if attempt.mode == QuizMode.PATTERN:
        said = _("Tested the pattern: %(lesson)s")
    if attempt.mode == QuizMode.REVIEW:
        said = _("Reviewed: %(lesson)s")
    text = said % {"lesson": attempt.quiz_version.lesson_version.title}
    return Activity(attempt.started_at, text, reverse("quizzes:attempt", args=[attempt.pk]))


def erase(user: User) -> None:
    """The answers stay, without a name: statistics and grades of questions rest on them. Reports, in own words, do not."""
    KeyReport.objects.filter(user=user).delete()
    reviewing.erase(user)
    ExtraTime.objects.filter(user=user).delete()
    GradeOverride.objects.filter(user=user).delete()
    hold_attempts(Attempt.objects.filter(user=user))
    Attempt.objects.filter(user=user).update(user=None)


def merge(guest: User, user: User) -> None:
    """The guest's attempts become the account's.

    Where both have one open at the same quiz version, the guest's goes on, since the learner was just in it; the account's is
    finished as it stands.
    """
    with transaction.atomic():
        hold_attempts(Attempt.objects.filter(user__in=[guest, user]))
        for attempt in Attempt.objects.filter(user=guest, finished_at__isnull=True):
            same = Attempt.objects.filter(
                user=user, quiz_version_id=attempt.quiz_version_id, is_redo=attempt.is_redo, finished_at__isnull=True
            )
            for older in same:
                close_attempt(attempt=older, now=timezone.now())
        Attempt.objects.filter(user=guest).update(user=user)
        both = KeyReport.objects.filter(user=user, answered_at__isnull=True).values("question")
        # One open report for each question: the account's own was there first.
        KeyReport.objects.filter(user=guest, answered_at__isnull=True, question__in=both).delete()
        KeyReport.objects.filter(user=guest).update(user=user)
        reviewing.merge(guest, user)
        # An override says what one of the two was worth: where the account has its own, the guest's doesn't follow.
        own = GradeOverride.objects.filter(user=user).values("quiz")
        GradeOverride.objects.filter(user=guest, quiz__in=own).delete()
        GradeOverride.objects.filter(user=guest).update(user=user)
