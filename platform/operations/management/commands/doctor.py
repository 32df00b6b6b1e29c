"""`manage.py doctor`: one line for each part of the installation; exit status 1 when something is wrong."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from operations import doctor


class Command(BaseCommand):
    help = "Says what is wrong with this installation."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        for finding in doctor.examine():
            mark = "–" if finding.warning else "✓" if finding.ok else "✗"
            self.stdout.write(f"{mark} {finding.subject}: {finding.sentence}")
            wrong += not finding.ok
        sys.exit(1 if wrong else 0)
