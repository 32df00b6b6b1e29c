"""`manage.py deliver`: a worker's courier. Workers start it themselves."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inference import courier


class Command(BaseCommand):
    help = "For workers, which start it themselves: keep the files and tell the events of their runs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("hears", type=int, help="the file descriptor of the pipe that it hears its worker by")
        parser.add_argument("says", type=int, help="the file descriptor of the pipe that its worker hears it by")

    def handle(self, *args: Any, **options: Any) -> None:
        courier.serve(courier.Line.of(options["hears"], options["says"]))
