"""Extra time: given to one person for every exam of a course, and taken back. It holds for an exam that is running, too."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.models import Course
from quizzes.exams import deadline_for
from quizzes.models import Attempt, ExtraTime, QuizMode
from quizzes.services import hand_in_overdue, hold_attempts
from web.problems import Problem, not_found

MOST_PERCENT = 300
MOST_MINUTES = 300
LONGEST = 300
"""Characters of a reason."""


def give_extra_time(
    *, course: Course, user: User, percent: int, minutes: int, reason: str, author: User, now: datetime
) -> ExtraTime:
    """What this person has from now on, in place of what they had. Running exams get their new deadline at once.

    An exam whose time is up is not opened again. Problem 422 for nothing, for too much, and without a reason.
    """
    reason = " ".join(reason.split())
    if not (percent or minutes):
        raise Problem(422, _("Nothing given"), _("Write a share of the time, minutes, or both."))
    if not (0 <= percent <= MOST_PERCENT and 0 <= minutes <= MOST_MINUTES):
        raise Problem(
            422,
            _("Too much"),
            _("Give at most %(percent)d percent and %(minutes)d minutes.") % {"percent": MOST_PERCENT, "minutes": MOST_MINUTES},
        )
    if not reason or len(reason) > LONGEST:
        raise Problem(422, _("No reason"), _("Say why, in at most %(most)d characters.") % {"most": LONGEST})
    hand_in_overdue(now=now, user=user)
    with transaction.atomic():
        _end_former(course, user, author=author, now=now)
        given = ExtraTime.objects.create(
            course=course, user=user, percent=percent, minutes=minutes, reason=reason, given_at=now, given_by=author
        )
        _set_deadlines(course, user, now=now)
    return given


def take_back_extra_time(*, course: Course, number: int, author: User, now: datetime) -> ExtraTime:
    """The row, taken back; twice is as good as once. Problem 404 for a row of another course.

    A running exam gets the deadline it would have without, but none that has passed already: it then ends now.
    """
    given = ExtraTime.objects.select_related("user").filter(course=course, pk=number).first()
    if given is None:
        raise not_found()
    hand_in_overdue(now=now, user=given.user)
    with transaction.atomic():
        taken = ExtraTime.objects.filter(pk=given.pk, taken_back_at__isnull=True)
        if taken.update(taken_back_at=now, taken_back_by=author):
            _set_deadlines(course, given.user, now=now)
    given.refresh_from_db()
    return given


def extra_times_of(course: Course) -> list[ExtraTime]:
    """Everything that was given in a course, what holds now first."""
    rows = ExtraTime.objects.filter(course=course).select_related("user", "given_by", "taken_back_by")
    return sorted(rows, key=lambda row: row.taken_back_at is not None)


def _end_former(course: Course, user: User, *, author: User, now: datetime) -> None:
    """Takes back what holds. Two who give at once meet at the person's row, one after the other."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    ExtraTime.objects.filter(course=course, user=user, taken_back_at__isnull=True).update(
        taken_back_at=now, taken_back_by=author
    )


def _set_deadlines(course: Course, user: User, *, now: datetime) -> None:
    """Each running exam's deadline anew. The attempts are held: one that is handed in meanwhile stays as it was handed in."""
    running = Attempt.objects.filter(
        user=user,
        quiz_version__quiz__lesson__course=course,
        quiz_version__quiz__mode=QuizMode.EXAM,
        is_redo=False,
        finished_at__isnull=True,
    )
    hold_attempts(running)
    for attempt in running.select_related("quiz_version__quiz__lesson__course"):
        deadline = deadline_for(attempt.quiz_version, user=user, started_at=attempt.started_at)
        if deadline is not None and attempt.deadline_at is not None:
            # What was done in time stays in time.
            attempt.deadline_at = max(deadline, min(now, attempt.deadline_at))
            attempt.save(update_fields=["deadline_at"])
