"""What beat rings for quizzes."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from quizzes import observing, services


@shared_task
def count_answers() -> None:
    """Counts how first answers came out, for the difficulty of questions. Delivered twice, the second counts the same."""
    observing.count_answers(now=timezone.now())


@shared_task
def hand_in_overdue() -> None:
    """Hands in attempts whose time is up and at which nobody has looked since. Delivered twice, the second finds none."""
    services.hand_in_overdue(now=timezone.now())
