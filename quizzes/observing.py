"""How everybody's first answers to each question came out, counted every few minutes: nobody's page counts them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from quizzes.evidence import OBSERVED, newest_score
from quizzes.models import CountedAnswers, Response

SETTLED = timedelta(minutes=1)
"""An attempt counts this long after it was finished: one that is being committed right now would be taken out unread."""

_ASKED = "attempt_question__question_version"
_ATTEMPT = "attempt_question__attempt"


def count_answers(*, now: datetime) -> int:
    """Counts anew the answers that `quizzes.evidence.is_counted` holds; returns of how many questions."""
    until = now - SETTLED
    answers = Response.objects.filter(
        number=1,
        hint_seen=False,
        **{
            f"{_ATTEMPT}__is_redo": False,
            f"{_ATTEMPT}__finished_at__lte": until,
            f"{_ATTEMPT}__quiz_version__quiz__mode__in": OBSERVED,
        },
    ).annotate(newest_score=newest_score(), counted_as=Coalesce(f"{_ASKED}__template", _ASKED))
    totals = answers.values_list("counted_as").annotate(answers=Count("pk"), reached=Sum("newest_score")).order_by()
    rows = [
        CountedAnswers(question_version_id=version, answers=count, reached=reached, until=until)
        for version, count, reached in totals
    ]
    with transaction.atomic():
        CountedAnswers.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["question_version"], update_fields=["answers", "reached", "until"]
        )
        CountedAnswers.objects.filter(until__lt=until).delete()  # whose answers are gone
    return len(rows)
