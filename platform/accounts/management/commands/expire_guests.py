"""manage.py expire_guests: removes guests whom nobody has been for GUEST_DAYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import ngettext

from accounts import services


class Command(BaseCommand):
    help = "Removes idle guests with what they left. Safe to run at any time; once a day is enough."

    def handle(self, *args: Any, **options: Any) -> None:
        expired = services.expire_guests(now=timezone.now())
        self.stdout.write(ngettext("%(count)d guest removed.", "%(count)d guests removed.", expired) % {"count": expired})
