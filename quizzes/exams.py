"""What an exam asks of a sitting before it begins: its window, how many times, and how long it may take."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from lessons.models import Course
from quizzes.models import Attempt, ExtraTime, QuizVersion
from quizzes.timing import Extra, Window, deadline_of, seconds_left, window_at
from web.problems import Problem


def extra_of(user: User | None, course: Course) -> Extra:
    """What this person gets on top in the exams of a course; nothing without a row."""
    row = ExtraTime.objects.filter(course=course, user=user, taken_back_at__isnull=True).first() if user else None
    return Extra(row.percent, row.minutes) if row else Extra()


def deadline_for(quiz_version: QuizVersion, *, user: User | None, started_at: datetime) -> datetime | None:
    """When a sitting of this person that began then must be handed in; none for a quiz without a limit."""
    if quiz_version.minutes is None and quiz_version.closes_at is None:
        return None
    extra = extra_of(user, quiz_version.quiz.lesson.course)
    return deadline_of(started_at=started_at, minutes=quiz_version.minutes, closes_at=quiz_version.closes_at, extra=extra)


def sittings_left(quiz_version: QuizVersion, *, user: User | None) -> int | None:
    """How many more times this person may begin; none without a limit. Every version of the quiz counts."""
    if quiz_version.attempts_allowed is None:
        return None
    begun = Attempt.objects.filter(user=user, quiz_version__quiz_id=quiz_version.quiz_id, is_redo=False).count() if user else 0
    return max(0, quiz_version.attempts_allowed - begun)


def refuse_to_begin(quiz_version: QuizVersion, *, user: User, now: datetime) -> None:
    """Problem 409 with a sentence where no sitting can begin now; to be called while the person's row is held."""
    match window_at(now, opens_at=quiz_version.opens_at, closes_at=quiz_version.closes_at):
        case Window.EARLY:
            raise Problem(409, _("Not open yet"), _("It opens on %(at)s.") % {"at": moment_words(quiz_version.opens_at)})
        case Window.OVER:
            raise Problem(409, _("Closed"), _("It closed on %(at)s.") % {"at": moment_words(quiz_version.closes_at)})
    if sittings_left(quiz_version, user=user) == 0:
        allowed = quiz_version.attempts_allowed or 0
        raise Problem(
            409,
            _("Taken already"),
            ngettext(
                "It can be taken once, and you have taken it.",
                "It can be taken %(count)d times, and you have taken it that often.",
                allowed,
            )
            % {"count": allowed},
        )


def clock_of(attempt: Attempt, *, now: datetime | None = None) -> dict[str, Any]:
    """The time that is left of an attempt at `now` (none: this moment), as its pages and their script need it.

    Without a limit, or once it is finished, no seconds are left to count.
    """
    deadline = None if attempt.is_finished else attempt.deadline_at
    return {
        "runs": deadline is not None,
        "seconds_left": seconds_left(deadline, now or timezone.now()) if deadline else None,
        "ends": moment_words(attempt.deadline_at),
    }


def moment_words(at: datetime | None) -> str:
    """A moment in the reader's time zone: “24 November 2026, 14:00 CET”; empty for none."""
    return date_format(timezone.localtime(at), _("j F Y, H:i T")) if at else ""
