"""One cell of the gradebook, set by somebody who teaches: appended with its reason, taken back by another row."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import hold
from quizzes.gradebook import Cell, counting_of, gradebook_of
from quizzes.models import GradeOverride, Quiz
from web.problems import Problem

LONGEST = 300
"""Characters of a reason."""


def overrides_of(quiz: Quiz, person: User) -> list[GradeOverride]:
    """Every override of the cell, the newest first."""
    rows = GradeOverride.objects.filter(quiz=quiz, user=person).select_related("created_by")
    return list(rows.order_by("-number"))


def cell_of(quiz: Quiz, person: User) -> Cell:
    """The cell as the course counts it now; an empty one for somebody without a row."""
    book = gradebook_of(quiz.lesson.course, counting_of(quiz.lesson.course), person=person)
    row = book.row_of(person.pk)
    cells = row.cells if row else [Cell(column, None, 0) for column in book.columns]
    return next(cell for cell in cells if cell.column.quiz == quiz)


def override_grade(
    *, quiz: Quiz, person: User, score: float | None, reason: str, known: int, author: User, now: datetime
) -> GradeOverride:
    """The row that counts from now on: a share (0..1), or none to let what was computed count again.

    `known` is the number of the newest override that the author saw (0 for none). Raises Problem 409 when somebody was there
    meanwhile or nothing is to be taken back, and 422 for a score that is no share or without a reason.
    """
    reason = " ".join(reason.split())
    if score is not None and not 0 <= score <= 1:
        raise Problem(422, _("Not a grade"), _("Write a number of percent from 0 to 100."))
    if not reason or len(reason) > LONGEST:
        raise Problem(422, _("No reason"), _("Say why, in at most %(most)d characters.") % {"most": LONGEST})
    meanwhile = Problem(
        409,
        _("Changed meanwhile"),
        _("Somebody changed this grade after you looked. Nothing was written: look at what stands now."),
    )
    try:
        with transaction.atomic():
            hold(person)
            cell = cell_of(quiz, person)
            if cell.newest != known:
                raise meanwhile
            if score is None and cell.override is None:
                raise Problem(409, _("Nothing to take back"), _("This grade is what was computed."))
            return GradeOverride.objects.create(
                quiz=quiz,
                user=person,
                number=cell.newest + 1,
                score=score,
                former=cell.score,
                reason=reason,
                created_at=now,
                created_by=author,
            )
    except IntegrityError:
        raise meanwhile from None
