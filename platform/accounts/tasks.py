"""What beat rings for people."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from accounts import services


@shared_task
def expire_guests() -> None:
    """Removes idle guests. Delivered twice, the second finds nothing to do."""
    services.expire_guests(now=timezone.now())


@shared_task
def clear_sessions() -> None:
    """Removes the rows of sessions whose time is over, which nobody can use any more."""
    call_command("clearsessions")
