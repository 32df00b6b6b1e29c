"""The doorbell: telling the workers that a job waits. The row in the database is the truth; this may get lost."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import current_app
from kombu.exceptions import KombuError

from inference.connections import Unreachable, client

log = logging.getLogger(__name__)

RUN_TRACE = "inference.tasks.run_trace"
TRACE_QUEUE = "trace"


def ring(job_id: UUID) -> bool:
    """Ask a worker to run this job; False when the queue could not be reached. Ringing twice does no harm."""
    try:
        # retry=False: with Celery's own retries a request would hang for seconds while Redis is down
        current_app.send_task(RUN_TRACE, kwargs={"job_id": str(job_id)}, queue=TRACE_QUEUE, ignore_result=True, retry=False)
    except (KombuError, *Unreachable) as error:
        log.warning("job %s: the queue could not be reached: %s", job_id, error)
        return False
    return True


def unanswered() -> int | None:
    """How many rings no worker has picked up yet; None when Redis is gone."""
    try:
        return int(client().llen(TRACE_QUEUE))
    except Unreachable:
        return None
