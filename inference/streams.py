"""Events of running jobs in Redis: one stream a job, and one channel over which every web process hears all of them.

Only a worker writes to a stream, and only about its own attempt, so that ids never go back. Everything that changes a job
from elsewhere (a person stops it, the reaper gives up on it) is in the database and only noted on the channel: "look there".
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from redis.exceptions import ResponseError

from inference.connections import Unreachable, client

log = logging.getLogger(__name__)

CHANNEL = "traces"
MAXIMUM_LENGTH = 500
EXPIRY_SECONDS = 3600
LONGEST_NUMBER = 18  # Redis keeps 64 bits of each part of an id


class EventId(NamedTuple):
    """Which event of which attempt. Ids grow within a job, across redeliveries too; the stream, SSE and pages use the same."""

    attempt: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.attempt}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> EventId:
        """The id that `text` writes, or the one before all others when it writes none."""
        attempt, dash, sequence = text.strip().partition("-")
        written = all(part.isascii() and part.isdigit() and len(part) <= LONGEST_NUMBER for part in (attempt, sequence))
        if dash and written:
            return cls(int(attempt), int(sequence))
        return BEFORE_ALL


BEFORE_ALL = EventId(0, 0)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One thing that happened in a run: loading, stage, prediction, done, failed or cancelled."""

    id: EventId
    name: str
    data: dict[str, Any]


def key_of(job_id: UUID | str) -> str:
    """The stream's name in Redis."""
    return f"job:{job_id}"


class Publisher:
    """Writes one attempt's events. What Redis did not take is kept and sent, in order, with the next one: never a gap."""

    def __init__(self, *, job_id: UUID, attempt: int) -> None:
        self._job_id = job_id
        self._attempt = attempt
        self._sequence = 0
        self._unsent: list[StreamEvent] = []

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Send one event. Never raises for Redis' sake: the page has the database to fall back on."""
        self._sequence += 1
        self._unsent.append(StreamEvent(EventId(self._attempt, self._sequence), name, data))
        try:
            self._send()
        except ResponseError as error:
            # The stream holds a newer id: this very event (its answer was lost) or those of a newer attempt, in which case
            # this worker has lost its lease and will learn so from the database.
            log.info("job %s: event not taken: %s", self._job_id, error)
            self._unsent.clear()
        except Unreachable as error:
            if len(self._unsent) == 1:
                log.warning("job %s: its events wait for Redis: %s", self._job_id, error)

    def _send(self) -> None:
        key = key_of(self._job_id)
        pipeline = client().pipeline(transaction=False)
        for event in self._unsent:
            text = json.dumps(event.data)
            pipeline.xadd(key, {"event": event.name, "data": text}, id=str(event.id), maxlen=MAXIMUM_LENGTH, approximate=True)
            pipeline.publish(
                CHANNEL, json.dumps({"job": str(self._job_id), "id": str(event.id)} | {"event": event.name, "data": event.data})
            )
        pipeline.expire(key, EXPIRY_SECONDS)
        pipeline.execute()
        self._unsent.clear()


def note(job_id: UUID) -> None:
    """Tell every web process that the database knows something new about this job. Without Redis they poll anyway."""
    try:
        client().publish(CHANNEL, json.dumps({"job": str(job_id)}))
    except Unreachable as error:
        log.info("job %s: no note sent: %s", job_id, error)


def stored_events(job_id: UUID, *, after: EventId = BEFORE_ALL) -> list[StreamEvent]:
    """The job's events that are still in Redis, after an id; empty when they expired or Redis is gone."""
    try:
        rows: Any = client().xrange(key_of(job_id), min=f"({after}")
    except Unreachable:
        return []
    return [_event(event_id, fields) for event_id, fields in rows]


def _event(event_id: str, fields: dict[str, str]) -> StreamEvent:
    return StreamEvent(EventId.parse(event_id), fields["event"], json.loads(fields["data"]))


def forget(job_id: UUID) -> None:
    """Remove the stream of a job that is no more; without Redis it expires by itself."""
    try:
        client().delete(key_of(job_id))
    except Unreachable as error:
        log.info("job %s: stream not removed: %s", job_id, error)
