"""What a lesson's page costs: its time as a ratio to an empty page of the same frame in the same run, and its queries.

`python -m tests.benchmarks.pages` prints a table for the small course of the tests in a database of its own; with
`--installed` for every lesson of the installation at DATA_DIR. `--json` prints one JSON object. "cold" renders the words,
"warm" finds them rendered.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Row, Section, at_most, say

ROOT = Path(__file__).resolve().parents[2]
QUERIES, P95_MS = 10, 50
"""The most queries of a lesson's page (tests hold it to them), and its 95th percentile on an idle machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--installed", action="store_true", help="the lessons of the installation at DATA_DIR")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory() as folder:
        if not options.installed:
            os.environ["DATA_DIR"] = os.environ["MEDIA_DIR"] = folder
        measured = measure(installed=options.installed, folder=Path(folder), rounds=options.rounds)
    section = Section(
        "Pages of lessons",
        "python -m tests.benchmarks.pages" + (" --installed" if options.installed else ""),
        rows=[row for page in measured for row in rows_of(page)],
        conditions={"rounds": options.rounds, "an empty page": f"{empty_of(measured)} ms"},
    )
    say(section, as_json=options.json)


def measure(*, installed: bool, folder: Path, rounds: int) -> list[dict[str, Any]]:
    """One row for each lesson and mode."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from lessons.modes import modes_of
    from lessons.services import catalogue, lesson_url

    settings.ALLOWED_HOSTS = ["*"]
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    if not installed:
        call_command("migrate", verbosity=0)
        load_small_course(folder)
    client = Client()
    rows = []
    for card in catalogue():
        for version in card.lessons:
            for mode in modes_of(version):
                path = lesson_url(version, mode.slug)
                rows.append({"path": path, **timed(client, path, rounds=rounds)})
    return rows


def empty_of(pages: list[dict[str, Any]]) -> float:
    """Milliseconds of the empty page that the others are measured against."""
    return round(statistics.median(page["empty_ms"] for page in pages), 2)


def load_small_course(folder: Path) -> None:
    """The course of tests/lessons in the temporary database."""
    from django.utils import timezone

    from inference.facts import store_facts
    from lessons.folders import load_folder
    from tests.lessons import conftest

    for name, title, parameters in (("tinynet", "TinyNet", 2_500_000), ("widenet", "WideNet", 25_000_000)):
        store_facts(name, conftest.network(title, parameters), now=timezone.now())
    store_facts("efficientnet_lite0", conftest.network("Lite", 4_000_000), now=timezone.now())
    load_folder(conftest.copy_of_the_tiny_course(folder / "tiny"), now=timezone.now())


def timed(client: Any, path: str, *, rounds: int) -> dict[str, Any]:
    """Ratios to the empty page, asked for by turns, and the queries of the last request."""
    from django.core.cache import cache
    from django.db import connection, reset_queries
    from django.urls import reverse

    def asked(address: str) -> float:
        started = time.perf_counter()
        response = client.get(address)
        if response.streaming:
            b"".join(response)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
        return time.perf_counter() - started

    def cold() -> float:
        cache.clear()
        return asked(path)

    empty = reverse("web:plans")
    ways: dict[str, Callable[[], float]] = {"empty": lambda: asked(empty), "cold": cold, "warm": lambda: asked(path)}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            seconds = way()
            if turn:  # the first turn loads templates
                taken[name].append(seconds)
    connection.force_debug_cursor = True
    reset_queries()
    asked(path)
    queries = len(connection.queries)
    connection.force_debug_cursor = False
    median = {name: statistics.median(times) for name, times in taken.items()}
    return {
        "empty_ms": round(1000 * median["empty"], 2),
        "warm": round(median["warm"] / median["empty"], 2),
        "cold": round(median["cold"] / median["empty"], 2),
        "warm_p95_ms": round(1000 * statistics.quantiles(taken["warm"], n=20)[-1], 2) if rounds > 1 else None,
        "queries": queries,
    }


def rows_of(page: dict[str, Any]) -> list[Row]:
    """A page's figures."""
    path = page["path"]
    rows = [
        Row(f"{path}: rendered before", page["warm"], "×", ratio_to="an empty page"),
        Row(f"{path}: for the first time", page["cold"], "×", ratio_to="an empty page"),
        Row(f"{path}: queries", page["queries"], "", goal=at_most(QUERIES)),
    ]
    if page["warm_p95_ms"] is not None:
        rows.insert(1, Row(f"{path}: 95th percentile", page["warm_p95_ms"], "ms", goal=at_most(P95_MS)))
    return rows


if __name__ == "__main__":
    main()
