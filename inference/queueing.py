"""Which line a run waits in, and the bells that call workers to the lines. The rows in the database are the lines themselves.

A bell is one message in a queue of Celery's that says "look at this line". While nobody has heard it a line's next bell adds
nothing, and who hears it takes whatever waits by then, so that a bell that comes twice finds nothing and one that got lost is
made good by the next, or by the reaper.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass

from celery import current_app
from kombu.exceptions import KombuError

from inference.connections import Unreachable, client
from inference.contracts import RunKind

log = logging.getLogger(__name__)

BELL_SECONDS = 20
"""How long a bell keeps others silent: longer than a busy worker's turn, shorter than anybody wants to wait for a lost one."""


@dataclass(frozen=True, slots=True)
class Line:
    """Runs that wait for the same workers."""

    queue: str  # Celery's, and the workers' that listen to it
    task: str
    kinds: tuple[RunKind, ...]
    has_turns: bool = False  # its networks take turns, each with a bell of its own
    has_limit_of_traces: bool = False  # TRACE_RUNNING_LIMIT at once for each person; otherwise one
    at_once: int | None = None  # how many may run on the whole site; None: as many as there are workers


TRACES = Line(
    "trace",
    "inference.tasks.run_traces",
    (RunKind.TRACE, RunKind.LOOK, RunKind.MISTAKE, RunKind.TRIAL, RunKind.MEASUREMENT),
    has_turns=True,
    has_limit_of_traces=True,
)
TRAININGS = Line("train", "inference.tasks.run_trainings", (RunKind.TRAINING,))
# One at a time: the reaper shares their three threads.
DOWNLOADS = Line("checks", "inference.tasks.run_downloads", (RunKind.DOWNLOAD,), at_once=1)
# A queue of its own: only workers on machines with a full sandbox listen to it. One at a time: a snippet may take 4 GiB.
PROOFS = Line("proofs", "inference.tasks.run_proofs", (RunKind.PROOF,), at_once=1)
LINES = (TRACES, TRAININGS, DOWNLOADS, PROOFS)


def line_of(kind: str) -> Line:
    """The line in which runs of this kind wait."""
    return next(line for line in LINES if kind in line.kinds)


def ring(line: Line, network: str) -> bool:
    """Call a worker to the line, to what waits there for this network; False when the queue could not be reached."""
    bell = _bell(line, network)
    try:
        if not client().set(bell, 1, nx=True, ex=BELL_SECONDS):
            return True  # it rings already
        # retry=False: with Celery's own retries a request would hang for seconds while Redis is down
        current_app.send_task(line.task, kwargs={"network": network}, queue=line.queue, ignore_result=True, retry=False)
    except (KombuError, *Unreachable) as error:
        log.warning("%s: the queue could not be reached: %s", bell, error)
        with suppress(*Unreachable):
            client().delete(bell)
        return False
    return True


def heard(line: Line, network: str) -> None:
    """Somebody looks at the line now: what comes after this rings anew. Said before looking, so that nothing falls between."""
    with suppress(*Unreachable):  # a bell that goes on ringing is silent for BELL_SECONDS at most
        client().delete(_bell(line, network))


def _bell(line: Line, network: str) -> str:
    return f"bell:{line.queue}:{network}" if line.has_turns else f"bell:{line.queue}"
