"""Authors' code that a worker runs for the site: whether one could, asking for it, and how far it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from inference import heartbeat, queueing, services
from inference.connections import Unreachable
from inference.contracts import RunKind
from inference.models import Job, JobState, Trace
from inference.presenting import told_so_far
from inference.proof_orders import MOST_CHARACTERS, options_of, sha256_of, snippets_of, that_fit
from inference.sandbox.snippets import Snippet, Stopped, snippet_sha256
from web.problems import Problem

UNFINISHED = (JobState.WAITING, JobState.RUNNING)


class Prover(StrEnum):
    """Whether the site can run authors' code just now."""

    READY = "ready"  # a worker on a machine with a whole sandbox listens
    NO_SANDBOX = "no_sandbox"  # workers are there, none of them with a whole sandbox
    NOBODY = "nobody"  # no worker for chores is there at all
    UNKNOWN = "unknown"  # Redis, where workers report, can't be reached
    OFF = "off"  # whoever runs the site has turned it off


def prover() -> Prover:
    """Whether the site can run authors' code just now."""
    if not settings.PROOFS:
        return Prover.OFF
    try:
        queues = {worker["queue"] for worker in heartbeat.workers()}
    except Unreachable:
        return Prover.UNKNOWN
    if queueing.PROOFS.queue in queues:
        return Prover.READY
    return Prover.NO_SANDBOX if queueing.DOWNLOADS.queue in queues else Prover.NOBODY


def why_not(state: Prover) -> str:
    """Why nothing can be run from the site, and what to do; empty when it can."""
    return {
        Prover.READY: "",
        Prover.OFF: _("Running authors’ code is turned off on this site (PROOFS)."),
        Prover.NO_SANDBOX: _("This site has no sandbox (bubblewrap), so it runs no author’s code."),
        Prover.NOBODY: _("No worker is there to run them just now. Try again in a minute."),
        Prover.UNKNOWN: _(
            "The site can’t reach its queue (Redis) just now, so nothing can be run. Nothing is lost; try again in a minute."
        ),
    }[state]


# --- asking ---------------------------------------------------------------------------------------------------------------


def request_proofs(*, owner: User, lesson: int, snippets: Collection[Snippet], everything: bool, now: datetime) -> Trace:
    """One author's wish to have a lesson's snippets run: the one they have going, or a new run of as many as fit into one.

    The caller has checked that they may. Raises Problem: 409 where the site runs no code, 503 while nobody can, 422 when none
    of these fits, 429 while proofs of another lesson run for the same person.
    """
    going = own_run(owner=owner, lesson=lesson)
    if going is not None:
        return going
    _refuse_without_prover()
    fitting = that_fit(snippets)
    if not fitting:
        sentence = _(
            "None of this code can be run from here: it is longer than %(count)d characters, or has some that no code can have."
            " Shorten it, or run manage.py check_content."
        )
        raise Problem(422, _("Not to be run here"), sentence % {"count": MOST_CHARACTERS})
    finished = _of(lesson).filter(state=JobState.DONE).order_by("-finished_at", "-created_at")
    after = str(finished.values_list("pk", flat=True).first() or "")
    options = options_of(fitting, lesson=lesson, everything=everything, after=after)
    with transaction.atomic():
        trace = services.request_run(kind=RunKind.PROOF, owner=owner, network="", options=options, needs_weights=False, now=now)
        _refuse_a_second_run(trace)
    return trace


def _refuse_without_prover() -> None:
    state = prover()
    if state is Prover.READY:
        return
    status = 503 if state in (Prover.NOBODY, Prover.UNKNOWN) else 409
    raise Problem(status, _("Nothing was run"), why_not(state))


def _refuse_a_second_run(trace: Trace) -> None:
    """Raises Problem 429, which undoes the request, while other snippets run for the same person, or wait to."""
    if Trace.objects.filter(**_unfinished(trace.owner_id)).exclude(job=trace.job_id).exists():
        sentence = _("Other proofs are being run for you. Let them finish or stop them, then ask again.")
        headers = {"Retry-After": str(services.RETRY_AFTER_SECONDS)}
        raise Problem(429, _("One run of proofs at a time"), sentence, headers=headers)


def own_run(*, owner: User, lesson: int) -> Trace | None:
    """The person's own run of this lesson's proofs that waits or runs."""
    own = Trace.objects.filter(**_unfinished(owner.pk), job__options__lesson=lesson)
    return own.select_related("job").order_by("created_at").first()


def stop(*, owner: User, lesson: int, now: datetime) -> bool:
    """Stop the person's own run of this lesson's proofs; False when none was going. What had run stays proved."""
    trace = own_run(owner=owner, lesson=lesson)
    if trace is None:
        return False
    services.cancel_trace(trace=trace, now=now)
    return True


def _unfinished(owner_id: int | None) -> dict[str, Any]:
    return {
        "owner_id": owner_id,
        "cancelled_at": None,
        "job__kind": RunKind.PROOF,
        "job__state__in": UNFINISHED,
    }


def _of(lesson: int) -> QuerySet[Job]:
    return Job.objects.filter(kind=RunKind.PROOF, options__lesson=lesson)


# --- looking --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProofRun:
    """One run of a lesson's proofs, as far as it has come."""

    job: Job
    hashes: frozenset[str]  # of the snippets that are to run
    ended: frozenset[str]  # of those that have
    stopped: Mapping[str, Stopped]  # of those that did not reach their own end, why

    @property
    def total(self) -> int:
        return len(self.hashes)

    @property
    def is_going(self) -> bool:
        return not self.job.is_finished


def newest_run(lesson: int) -> ProofRun | None:
    """The run of this lesson's proofs that is going, else the last one; None before there was one."""
    going = _of(lesson).filter(state__in=UNFINISHED).order_by("queued_at").first()
    job = going or _of(lesson).order_by("-queued_at").first()
    return None if job is None else _run_of(job)


def _run_of(job: Job) -> ProofRun:
    told = {sha256_of(one["name"]): one["figures"] for one in told_so_far(job).get("results", ())}
    hashes = _hashes(snippets_of(job.options))
    ended = hashes & told.keys()
    stopped = {sha256: Stopped(told[sha256]["stopped"]) for sha256 in ended if told[sha256]["stopped"]}
    return ProofRun(job, hashes, frozenset(ended), stopped)


def _hashes(snippets: Iterable[Snippet]) -> frozenset[str]:
    return frozenset(map(snippet_sha256, snippets))
