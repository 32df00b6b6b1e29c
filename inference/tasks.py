"""What workers do: each task calls one function. Only here, and only inside a worker, is the engine imported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import Task, shared_task, signals
from django.conf import settings
from django.utils import timezone

from inference import heartbeat, jobs, runs, services
from inference.contracts import DEFAULT_NETWORK, EngineError, Event, Material, RunRequest

if TYPE_CHECKING:
    from inference.engine import NetworkCache

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def networks() -> NetworkCache:
    """This process' warm networks. The first call loads torch: never outside a worker. EngineError without the GPU it needs."""
    from inference import engine  # noqa: PLC0415 - a web process imports this module and must not load torch

    return engine.NetworkCache(
        weights_dir=Path(settings.WEIGHTS_DIR),
        device=engine.chosen_device(settings.TRACE_DEVICE),
        threads=settings.TRACE_THREADS,
    )


def perform(request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    """Let the engine do what is asked, with this process' warm networks; raises Cancelled and EngineError."""
    from inference import engine  # noqa: PLC0415 - as above

    engine.perform(request, material, networks=networks(), emit=emit, cancelled=cancelled)


@signals.worker_process_init.connect
def warm_up(**_signal: Any) -> None:
    """Load the network that is always there, then say that this worker is warm.

    Connected here because a spawned child imports the task modules, and not the module of the Celery application.
    """
    from inference import engine  # noqa: PLC0415 - as above

    try:
        networks().get(DEFAULT_NETWORK, weights=engine.record(DEFAULT_NETWORK).default_weights)
    except EngineError:
        log.exception("%s can’t be loaded: this worker stays cold", DEFAULT_NETWORK)
        return
    beating = heartbeat.start(network=DEFAULT_NETWORK)
    signals.worker_process_shutdown.connect(lambda **_signal: beating.stop(), weak=False)


@signals.worker_ready.connect
def ask_for_house_traces(**_signal: Any) -> None:
    """A new installation's home page need not wait for the clock's first stroke."""
    ensure_house_traces.delay()


@shared_task(name="inference.tasks.run_trace", bind=True)
def run_trace(self: Task[Any, Any], *, job_id: str) -> None:
    """Run one job; delivered twice, the second finds nothing to do."""
    redelivered = bool((self.request.delivery_info or {}).get("redelivered"))
    runs.run_job(job_id=UUID(job_id), holder=str(self.request.id), redelivered=redelivered, perform=perform)


@shared_task(name="inference.tasks.reap")
def reap() -> None:
    """Set right what dead workers and lost queues left behind."""
    jobs.reap(now=timezone.now())


@shared_task(name="inference.tasks.ensure_house_traces")
def ensure_house_traces() -> None:
    """Ask for the stored traces of the sample photos that are missing."""
    services.ensure_house_traces(now=timezone.now())


@shared_task(name="inference.tasks.expire")
def expire() -> None:
    """Remove traces whose time is over."""
    services.expire(now=timezone.now())
