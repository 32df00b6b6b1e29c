"""`manage.py compute_facts`: the figures of networks, computed by the engine and stored for the pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inference import facts
from inference.contracts import INSPECTED_NETWORKS


class Command(BaseCommand):
    help = "Compute the figures of networks (parameters, shapes, operations) and store them. Computed ones are left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("networks", nargs="*", metavar="NAME", help="networks; those the lessons name when none is given")
        parser.add_argument("--all", action="store_true", help="every classification network of torchvision (about a minute)")
        parser.add_argument("--again", action="store_true", help="compute what is already there, too")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = self._wanted(options)
        missing = wanted if options["again"] else [name for name in wanted if facts.facts_of(name) is None]
        if not missing:
            self.stdout.write(f"The figures of {len(wanted)} networks are there already.")
            return
        began = time.monotonic()

        def started(networks: Sequence[str]) -> None:
            last = missing.index(networks[-1]) + 1
            self.stdout.write(f"[{last}/{len(missing)}] {', '.join(networks)} …")
            self.stdout.flush()

        failures = facts.compute(missing, now=timezone.now(), started=started)
        seconds = time.monotonic() - began
        self.stdout.write(f"Computed the figures of {len(missing) - len(failures)} networks in {seconds:.0f} s.")
        if failures:
            lines = [f"{network}: {reason}" for network, reason in failures.items()]
            raise CommandError("Not computed:\n" + "\n".join(lines))

    def _wanted(self, options: dict[str, Any]) -> list[str]:
        if options["networks"]:
            return list(dict.fromkeys(options["networks"]))
        named = [facts.LIBRARY, *INSPECTED_NETWORKS]
        if not options["all"]:
            return named
        try:
            return list(dict.fromkeys([*named, *facts.all_network_ids(now=timezone.now())]))
        except facts.FactsNotComputed as error:
            raise CommandError(str(error)) from error
