"""What may be asked of networks besides a run on a photo: to be timed on a worker, and that their weights be fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from inference import facts, services
from inference.contracts import RunKind, is_measurable
from inference.models import Job, JobState, Trace
from inference.presenting import told_so_far
from web.problems import Problem

UNFINISHED = (JobState.WAITING, JobState.RUNNING)
MEASURED_LATELY = timedelta(minutes=1)
"""For how long a measurement answers whoever asks for the same."""


def entry_of(network: str) -> dict[str, Any]:
    """What is known of a network, at least its record; raises Problem 404."""
    known = facts.figures_of(network) or facts.record_of(network)
    if known is None:
        raise services.no_such_network()
    return known


# --- time -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """How long one pass took on a worker, and on which."""

    network: str
    median_ms: float
    fastest_ms: float
    slowest_ms: float
    passes: int
    input_size: int
    device: str
    dtype: str
    threads: int
    measured_at: datetime

    @property
    def runs_may_be_faster(self) -> bool:
        """Whether a run may be faster: on a GPU it is computed in half precision where that costs no answer."""
        return self.device != "cpu" and self.dtype == "float32"


def request_measurement(*, owner: User, network: str, now: datetime) -> Trace:
    """One person's wish to see how long a network takes on a worker. Raises Problem: 404, 422 for one too large, 429."""
    known = entry_of(network)
    weights = facts.usable_weights(network, known) or {}
    parameters = known.get("parameters") or weights.get("parameters") or 0
    macs = known.get("macs") or 1e9 * (weights.get("gmacs") or 0)
    if not is_measurable(parameters, macs):
        sentence = _(
            "%(network)s is so large that timing it would keep others waiting. On a terminal of your own:"
            " python -m inference.engine measure %(id)s"
        )
        title = str(known.get("title") or network)
        raise Problem(422, _("Too large to be timed here"), sentence % {"network": title, "id": network}, network=network)
    before = _finished(RunKind.MEASUREMENT, network).filter(finished_at__lt=now - MEASURED_LATELY)
    return services.request_run(
        kind=RunKind.MEASUREMENT, owner=owner, network=network, options={"after": _newest(before)}, needs_weights=False, now=now
    )


def measured(networks: Iterable[str]) -> dict[str, Measured]:
    """The newest measurement of each of these networks that has one, whoever asked for it."""
    found: dict[str, Measured] = {}
    jobs = Job.objects.filter(kind=RunKind.MEASUREMENT, state=JobState.DONE, network__in=list(networks))
    for network, document, finished_at in jobs.order_by("finished_at").values_list("network", "document", "finished_at"):
        one = _measured(network, document or {}, finished_at) if finished_at is not None else None
        if one is not None:
            found[network] = one
    return found


def measured_by(job: Job) -> Measured | None:
    """What this run measured; None before it is done."""
    if job.state != JobState.DONE or job.finished_at is None:
        return None
    return _measured(job.network, job.document or {}, job.finished_at)


def measurement_for(*, trace_id: UUID, person: User | None) -> Trace | None:
    """A person's own measurement; None for everybody else, and for runs of other kinds."""
    if person is None:
        return None
    own = Trace.objects.filter(owner=person, job__kind=RunKind.MEASUREMENT).select_related("job")
    return own.filter(pk=trace_id).first()


def being_measured(networks: Iterable[str]) -> set[str]:
    """Those of these networks that wait to be timed, or are being timed."""
    jobs = Job.objects.filter(kind=RunKind.MEASUREMENT, state__in=UNFINISHED, network__in=list(networks))
    return set(jobs.values_list("network", flat=True))


def _measured(network: str, document: dict[str, Any], finished_at: datetime) -> Measured | None:
    result = next((result for result in document.get("results", ()) if result["name"] == "measurement"), None)
    if result is None:
        return None
    figures, made_by = result["figures"], document.get("made_by") or {}
    return Measured(
        network=network,
        median_ms=figures["median_ms"],
        fastest_ms=figures["fastest_ms"],
        slowest_ms=figures["slowest_ms"],
        passes=figures["passes"],
        input_size=figures["input_size"],
        device=str(made_by.get("device", "")),
        dtype=str(made_by.get("dtype", "")),
        threads=int(made_by.get("threads", 1)),
        measured_at=finished_at,
    )


def _finished(kind: RunKind, network: str) -> QuerySet[Job]:
    return Job.objects.filter(kind=kind, network=network, state=JobState.DONE)


def _newest(jobs: QuerySet[Job]) -> str:
    """The id of the newest of these: in a further one's options it makes that another job.

    Their count would not: once somebody deletes one of them, it is that of a job that has run already.
    """
    return str(jobs.order_by("-finished_at", "-created_at").values_list("pk", flat=True).first() or "")


# --- weights --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way, or one that could not be had. `total` is 0 while the server has not said how much there is."""

    job: Job
    bytes: int
    total: int
    bytes_per_second: int
    waits: bool

    @property
    def percent(self) -> int:
        return 100 * self.bytes // self.total if self.total else 0


def request_download(*, owner: User, network: str, weights: str, now: datetime) -> Trace:
    """An instructor's wish to have a weights' file here. Raises Problem: 403, 404, 409 when it is here, 429."""
    if not owner.is_instructor:
        raise Problem(403, _("For instructors"), _("Only instructors may have weights fetched. Ask one of them."))
    known = entry_of(network)
    record = (known.get("weights") or {}).get(weights)
    if record is None:
        raise Problem(404, _("No such weights"), _("This network has no weights of this name. Its page lists those it has."))
    if facts.weights_are_here(network, str(record.get("file") or "")):
        raise Problem(409, _("They are here already"), _("These weights are on this machine: the network can be run."))
    before = _finished(RunKind.DOWNLOAD, network).filter(options__weights=weights)  # fetched, and removed since
    return services.request_run(
        kind=RunKind.DOWNLOAD,
        owner=owner,
        network=network,
        options={"weights": weights, "after": _newest(before)},
        needs_weights=False,
        now=now,
    )


def downloads() -> dict[tuple[str, str], Download]:
    """The newest download of each network's weights that has not ended well."""
    jobs = Job.objects.filter(kind=RunKind.DOWNLOAD).exclude(state=JobState.DONE).order_by("queued_at")
    return {(job.network, str(job.options.get("weights"))): download_of(job) for job in jobs}


def download_of(job: Job) -> Download:
    """How far a download has come."""
    steps = [one["figures"] for one in told_so_far(job).get("results", ()) if one["name"].startswith("progress:")]
    last = steps[-1] if steps else {}
    return Download(
        job=job,
        bytes=int(last.get("bytes", 0)),
        total=int(last.get("total", 0)),
        bytes_per_second=int(last.get("bytes_per_second", 0)),
        waits=bool(last.get("waits")),
    )
