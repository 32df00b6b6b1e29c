"""`manage.py process web|trace|train|checks|clock`: one process of the site, for hosts with a manager of their own."""

from __future__ import annotations

import argparse
import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from operations import preflight, processes, steps, web
from operations.problems import CannotStart


class Command(BaseCommand):
    help = "Runs one of the site's processes. `web` first brings the database, static files, facts and courses up to date."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", choices=["web", *processes.QUEUES, "clock"])

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            self._check()
            if name == "web":
                self._serve()
        except CannotStart as error:
            raise CommandError(str(error)) from error
        command = processes.clock_command() if name == "clock" else processes.worker_command(name)
        os.execvpe(command[0], command, processes.environment())  # noqa: S606 (this process becomes the worker)

    def _check(self) -> None:
        preflight.check_folders()
        if settings.EMBEDDED_REDIS:
            raise CannotStart(_("Single processes need REDIS_URL, the Redis they share; `manage.py run` brings its own."))
        preflight.check_redis_url()
        preflight.check_database()

    def _serve(self) -> None:
        steps.migrate()
        steps.collect_static()
        call_command("compute_facts")
        call_command("load_course")
        web.serve(preflight.listen(settings.HOST, settings.PORT))
        raise SystemExit(0)
