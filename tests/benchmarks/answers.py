"""Learners who answer at once: answers a second and how long each waits, on SQLite and on PostgreSQL, and queries of each page.

`python -m tests.benchmarks.answers` starts the site's web process in a temporary folder, once on each database (a PostgreSQL
of its own, or the server at POSTGRES_URL), and lets 50 learners answer their test at the same time: each sends an answer as a
page with scripts does, waits for the question with its feedback, and sends the next one. By turns with that the same learners
ask for an empty page of the same frame as often, which no database has a part in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.benchmarks.queue import ROOT, middle, percentile, processor_seconds, redis
from tests.benchmarks.report import Row, Section, at_most, say
from tests.benchmarks.streams import web

LEARNERS = 50
QUESTIONS = 5
DATABASES = ("SQLite", "PostgreSQL")
PATIENCE = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=DATABASES, help="one database, whose figures are printed as they are")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.only:
        sys.stdout.write(json.dumps(on(options.only, rounds=options.rounds)) + "\n")
        return
    measured = {database: in_a_process_of_its_own(database, rounds=options.rounds) for database in DATABASES}
    section = Section(
        "Answers",
        "python -m tests.benchmarks.answers",
        rows=[*speed_rows(measured), *query_rows(measured["SQLite"]["queries"])],
        conditions={
            "rounds": options.rounds,
            "learners": LEARNERS,
            "answers of each in a round": QUESTIONS,
            "web processes": 1,
        },
        note="Learners are connections of one client process on the same machine, which takes its share of the processors.",
    )
    say(section, as_json=options.json)


def in_a_process_of_its_own(database: str, *, rounds: int) -> dict[str, Any]:
    """What one database came to; Django knows one database in a process."""
    command = [sys.executable, "-m", "tests.benchmarks.answers", "--only", database, "--rounds", str(rounds)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def speed_rows(measured: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Throughput and waiting on each database, and the databases beside each other."""
    rows = []
    for database, figures in measured.items():
        rows += [
            Row(f"{database}: answers of {LEARNERS} learners at once", figures["answers"], "per second"),
            Row(f"{database}: an answer, in the middle", figures["middle_ms"], "ms"),
            Row(f"{database}: an answer, p95", figures["p95_ms"], "ms", goal=at_most(2000)),
            Row(f"{database}: one learner alone, an answer", figures["alone_ms"], "ms"),
            Row(f"{database}: what an answer takes of the web's processor", figures["processor_ms"], "ms"),
            Row(
                f"{database}: answers beside empty pages",
                figures["answers"] / figures["empty_pages"],
                "×",
                ratio_to="empty pages a second, asked for by the same learners of the same server",
            ),
        ]
    answers = [measured[database]["answers"] for database in DATABASES]
    return [*rows, Row("answers on PostgreSQL", answers[1] / answers[0], "×", ratio_to="answers on SQLite")]


def query_rows(queries: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Queries of each page, with the ceiling that tests hold it to."""
    return [Row(f"{one['name']}: queries", one["queries"], goal=at_most(one["ceiling"])) for one in queries]


# --- one database -----------------------------------------------------------------------------------------------------------


def on(database: str, *, rounds: int) -> dict[str, Any]:
    """What this database came to: medians over the rounds, and the queries of pages."""
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    from tests.postgres import postgres

    server = postgres() if database == "PostgreSQL" else nullcontext("")
    with tempfile.TemporaryDirectory(prefix="fp-") as folder, server as url:
        os.environ |= {
            "DATA_DIR": folder,
            "MEDIA_DIR": f"{folder}/media",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": url or f"sqlite:///{folder}/site.sqlite3",
            "LOG_LEVEL": "ERROR",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        }
        os.environ.pop("REDIS_URL", None)
        return measure(rounds=rounds)


def measure(*, rounds: int) -> dict[str, Any]:
    """Rounds of answers and of empty pages by turns; the first round loads templates and is left out."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    quiz = published_test()
    answers, empty, alone, processor = [], [], [], []
    with redis(), web() as (port, process):
        for turn in range(rounds + 1):
            crowd = [sitting(quiz) for _learner in range(LEARNERS)]
            single = sitting(quiz)
            connections.close_all()
            one = asyncio.run(together(port, [single.requests]))
            before = processor_seconds(process)
            many = asyncio.run(together(port, [sat.requests for sat in crowd]))
            taken = (processor_seconds(process) - before) / len(many.waits)
            pages = asyncio.run(together(port, [[sat.empty_page] * QUESTIONS for sat in crowd]))
            hand_in([single, *crowd])
            if turn:
                answers.append(many)
                empty.append(pages)
                alone.append(one)
                processor.append(taken)
    waits = [wait for one in answers for wait in one.waits]
    connections.close_all()
    return {
        "answers": middle(one.per_second for one in answers),
        "empty_pages": middle(one.per_second for one in empty),
        "middle_ms": 1000 * middle(waits),
        "p95_ms": 1000 * percentile(waits, 95),
        "alone_ms": 1000 * middle(wait for one in alone for wait in one.waits),
        "processor_ms": 1000 * middle(processor),
        "queries": counted(quiz),
    }


@dataclass(frozen=True, slots=True)
class Together:
    """What a round of requests came to."""

    seconds: float
    waits: Sequence[float]

    @property
    def per_second(self) -> float:
        return len(self.waits) / self.seconds


async def together(port: int, sent_by: Sequence[Sequence[bytes]]) -> Together:
    """Everybody's requests on a connection of their own, all learners at once and each one's one after the other."""
    began = time.perf_counter()
    waits = await asyncio.wait_for(asyncio.gather(*(one_after_the_other(port, requests) for requests in sent_by)), PATIENCE)
    return Together(time.perf_counter() - began, [wait for mine in waits for wait in mine])


async def one_after_the_other(port: int, requests: Sequence[bytes]) -> list[float]:
    """How long each answer took to come whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits = []
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if not head.startswith("http/1.1 200"):
            raise SystemExit(f"The site answered: {head}")
        await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
        waits.append(time.perf_counter() - began)
    writer.close()
    return waits


# --- what is answered -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sitting:
    """A learner's open attempt, with everything their browser will send."""

    attempt: Any
    requests: Sequence[bytes]
    empty_page: bytes


def published_test() -> Any:
    """A published test of `QUESTIONS` questions like those of tests/quizzes."""
    from tests.quizzes import costs

    return costs.published_test(questions=QUESTIONS)


def sitting(quiz: Any) -> Sitting:
    """A new guest's attempt; they choose the first letter of every question."""
    from django.core.signing import get_cookie_signer
    from django.middleware.csrf import _get_new_csrf_string
    from django.urls import reverse
    from django.utils import timezone

    from accounts.models import User
    from accounts.people import GUEST_COOKIE, GUEST_SALT
    from quizzes.services import start_attempt

    guest = User.objects.create_guest()
    attempt = start_attempt(user=guest, quiz_version=quiz, now=timezone.now())
    signed = get_cookie_signer(salt=GUEST_COOKIE + GUEST_SALT).sign(str(guest.pk))
    token = _get_new_csrf_string()
    headers = f"Host: localhost\r\nCookie: {GUEST_COOKIE}={signed}; csrftoken={token}\r\nHX-Request: true\r\n"
    requests = []
    for position in range(1, QUESTIONS + 1):
        body = urlencode({"choice": "A", "idempotency_key": f"k{position}", "csrfmiddlewaretoken": token})
        address = reverse("quizzes:question", args=[attempt.pk, position])
        form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        requests.append(f"POST {address} HTTP/1.1\r\n{headers}{form}\r\n{body}".encode())
    return Sitting(attempt, requests, f"GET {reverse('web:plans')} HTTP/1.1\r\n{headers}\r\n".encode())


def hand_in(sittings: Sequence[Sitting]) -> None:
    """Every attempt is finished; each of its answers has been graded once."""
    from django.utils import timezone

    from quizzes.models import Grade
    from quizzes.services import finish_attempt

    for sat in sittings:
        graded = Grade.objects.filter(response__attempt_question__attempt=sat.attempt).count()
        if graded != QUESTIONS:
            raise SystemExit(f"{graded} of {QUESTIONS} answers were graded.")
        finish_attempt(attempt=sat.attempt, now=timezone.now())


def counted(quiz: Any) -> list[dict[str, Any]]:
    """The queries of each page of an attempt and of its results."""
    from tests.quizzes import costs

    return [{"name": one.name, "queries": costs.queries_of(one), "ceiling": one.ceiling} for one in costs.pages(quiz)]


if __name__ == "__main__":
    main()
