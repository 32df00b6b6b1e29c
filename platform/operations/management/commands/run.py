"""`manage.py run`: the whole site in one command."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.problems import CannotStart
from operations.supervisor import Supervisor


class Command(BaseCommand):
    help = "Starts the site with its Redis and its workers, and stops them all on Ctrl-C."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        def say(line: str) -> None:
            with suppress(OSError):  # the terminal may be closed while the site is being stopped
                self.stdout.write(line)
                self.stdout.flush()

        try:
            status = Supervisor(say=say).run()
        except CannotStart as error:
            raise CommandError(str(error)) from error
        sys.exit(status)
