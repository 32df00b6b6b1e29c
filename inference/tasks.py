"""What workers do: each task calls one function. Only here, and only inside a worker, is the engine imported."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billiard.process import current_process
from celery import shared_task, signals
from django.conf import settings
from django.utils import timezone

from inference import apart, completing, gpus, heartbeat, jobs, queueing, runs, services
from inference.contracts import Asked, Emit, EngineError, Material, RunRequest
from inference.courier import Courier
from inference.runs import Part
from inference.training import sets

if TYPE_CHECKING:
    from inference.engine import NetworkCache

log = logging.getLogger(__name__)

QUEUES = "WORKER_QUEUES"
"""The variable in which a worker tells its children what it listens to."""
TURN_SECONDS = 2
"""How long one network keeps a worker while others wait."""


@lru_cache(maxsize=1)
def networks() -> NetworkCache:
    """This process' warm networks. The first call loads torch: never outside a worker. EngineError without the GPU it needs."""
    from inference import engine  # noqa: PLC0415 - a web process imports this module and must not load torch

    return engine.NetworkCache(
        weights_dir=Path(settings.WEIGHTS_DIR),
        max_bytes=settings.WARM_MEGABYTES * 1024**2,
        device=engine.chosen_device(settings.TRACE_DEVICE),
        threads=settings.TRACE_THREADS,
    )


@lru_cache(maxsize=1)
def courier() -> Courier:
    """Who delivers what this process runs; started with the first pass, or before."""
    return Courier()


class WarmEngine:
    """The engine with this process' warm networks, loaded when first needed."""

    def perform(self, request: RunRequest, material: Material, *, emit: Emit, cancelled: Asked) -> None:
        """Makes one run; raises Cancelled and EngineError."""
        from inference import engine  # noqa: PLC0415 - as above

        engine.perform(request, material, networks=networks(), emit=emit, cancelled=cancelled)

    def perform_together(self, request: RunRequest, parts: Sequence[Part]) -> Sequence[object]:
        """Makes the traces of several photos in one pass; how each ended. Raises EngineError when the network can't be had."""
        from inference import engine  # noqa: PLC0415 - as above

        loaded = networks().get(request.network, weights=str(request.options.get("weights", "")))
        return loaded.trace_many([engine.Order(part.material.photos[0], part.emit, part.cancelled) for part in parts])


# --- a worker's life --------------------------------------------------------------------------------------------------------


@signals.celeryd_init.connect
def note_queues(*, options: dict[str, Any], **_signal: Any) -> None:
    """Let the children that this worker spawns know what it is for."""
    queues = options.get("queues") or ()
    os.environ[QUEUES] = ",".join(queues.split(",") if isinstance(queues, str) else queues)


@signals.worker_process_init.connect
def begin_child(**_signal: Any) -> None:
    """A child that traces gets its own GPU and warms its networks, then says so; one that trains loads nothing yet.

    Connected here because a spawned child imports the task modules, and not the module of the Celery application.
    """
    queues = os.environ.get(QUEUES, "").split(",")
    gpu = gpus.of_child(getattr(current_process(), "index", 0), visible=os.environ.get(gpus.VISIBLE))
    if gpu is not None:
        os.environ[gpus.VISIBLE] = gpu  # before anything loads torch
    if queueing.TRACES.queue in queues:
        courier().start()  # it gets ready while the networks are loaded
        signals.worker_process_shutdown.connect(lambda **_signal: courier().stop(), weak=False)
        warm = _warmed()
        if warm or not settings.WARM_NETWORKS:
            _beat(queueing.TRACES.queue, networks=warm)
    elif queueing.TRAININGS.queue in queues:
        _beat(queueing.TRAININGS.queue)


@signals.worker_ready.connect
def begin_worker(**_signal: Any) -> None:
    """A worker of threads has no children: it says itself that it is there, and sees that the home page need not wait."""
    queues = os.environ.get(QUEUES, "").split(",")
    for line in (queueing.DOWNLOADS, queueing.PROOFS):
        if line.queue in queues:
            _beat(line.queue)
    ensure_house_traces.delay()


def _warmed() -> tuple[str, ...]:
    """Loads the networks that are to be warm; those that could be."""
    from inference import engine  # noqa: PLC0415 - as above

    warm = []
    for network in settings.WARM_NETWORKS:
        try:
            networks().get(network, weights=engine.record(network).default_weights)
        except EngineError:
            log.exception("%s can’t be loaded: this worker does not have it warm", network)
        else:
            warm.append(network)
    return tuple(warm)


def _beat(queue: str, *, networks: Sequence[str] = ()) -> None:
    beating = heartbeat.start(queue=queue, networks=networks)
    signals.worker_process_shutdown.connect(lambda **_signal: beating.stop(), weak=False)
    signals.worker_shutdown.connect(lambda **_signal: beating.stop(), weak=False)


# --- what is rung for -------------------------------------------------------------------------------------------------------


@shared_task(name=queueing.TRACES.task)
def run_traces(*, network: str) -> None:
    """Run what waits for one network, together where that can be, for one turn."""
    runs.run_line(
        line=queueing.TRACES,
        network=network,
        engine=WarmEngine(),
        most=settings.TRACE_BATCH,
        turn_seconds=TURN_SECONDS,
        delivery=courier,
    )


# Acknowledged early: no broker waits as long as a training takes. Its row has a lease, by which the reaper knows a dead worker.
@shared_task(name=queueing.TRAININGS.task, acks_late=False, time_limit=settings.TRAINING_DEADLINE_SECONDS + TURN_SECONDS)
def run_trainings(*, network: str) -> None:
    """Run one training of those that wait."""
    runs.run_line(line=queueing.TRAININGS, network=network, engine=WarmEngine())


@shared_task(name=queueing.DOWNLOADS.task, acks_late=False)
def run_downloads(*, network: str) -> None:
    """Bring one of the files that wait."""
    runs.run_line(line=queueing.DOWNLOADS, network=network, engine=apart.EngineApart())


@shared_task(name=queueing.PROOFS.task, acks_late=False)
def run_proofs(*, network: str) -> None:
    """Run the snippets of one lesson, of those that wait."""
    from inference.sandbox.engine import SandboxEngine  # noqa: PLC0415 - a web process has nothing that runs an author's code

    runs.run_line(line=queueing.PROOFS, network=network, engine=SandboxEngine())


# --- chores -----------------------------------------------------------------------------------------------------------------


@shared_task(name="inference.tasks.reap")
def reap() -> None:
    """Set right what dead workers and lost queues left behind."""
    jobs.reap(now=timezone.now())


@shared_task(name="inference.tasks.ensure_house_traces")
def ensure_house_traces() -> None:
    """Ask for the stored traces of the sample photos that are missing."""
    services.ensure_house_traces(now=timezone.now())


@shared_task(name=completing.COMPUTE_ONE)
def compute_facts(*, network: str) -> None:
    """Compute the figures of a network that somebody wants to look at."""
    completing.compute_one(network=network, now=timezone.now())


@shared_task(name="inference.tasks.complete_facts")
def complete_facts() -> None:
    """Compute the figures of some networks that have none; then, after others had their turn, of some more."""
    if completing.complete_some(now=timezone.now()):
        complete_facts.apply_async(countdown=1)


@shared_task(name="inference.tasks.expire")
def expire() -> None:
    """Remove traces and photo sets whose time is over."""
    services.expire(now=timezone.now())
    sets.expire(now=timezone.now())
