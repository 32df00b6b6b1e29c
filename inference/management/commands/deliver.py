"""`manage.py deliver`: a worker's courier. Workers start it themselves."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inference import courier


class Command(BaseCommand):
    help = "For workers, which start it themselves: keep the files and tell the events of their runs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("descriptor", type=int, help="of this end of the pipe")

    def handle(self, *args: Any, **options: Any) -> None:
        courier.serve(Connection(options["descriptor"]))
