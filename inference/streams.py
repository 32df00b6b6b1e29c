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
    """Writes one attempt's events. What Redis did not take, or lost since, is sent again, in order: never a gap."""

    def __init__(self, *, job_id: UUID, attempt: int) -> None:
        self._job_id = job_id
        self._attempt = attempt
        self._events: list[_Written] = []
        self._sent = 0

    def publish(self, name: str, data: dict[str, Any]) -> bool:
        """Send one event; False when Redis can't be told now, for whose sake nothing is ever raised."""
        event_id = f"{self._attempt}-{len(self._events) + 1}"
        self._events.append(_Written.of(event_id, job=str(self._job_id), name=name, data=json.dumps(data)))
        try:
            if self._send() < min(len(self._events), MAXIMUM_LENGTH):
                self._send_all_again()
        except ResponseError as error:
            # The stream holds a newer id: this very event (its answer was lost) or those of a newer attempt, in which case
            # this worker has lost its lease and will learn so from the database.
            log.info("job %s: event not taken: %s", self._job_id, error)
            self._sent = len(self._events)
        except Unreachable as error:
            if len(self._events) - self._sent == 1:
                log.warning("job %s: its events wait for Redis: %s", self._job_id, error)
            return False
        return True

    def _send(self) -> int:
        """Sends what was not sent yet; returns how many events the stream holds by now."""
        key = key_of(self._job_id)
        pipeline = client().pipeline(transaction=False)
        for event in self._events[self._sent :]:
            pipeline.xadd(key, event.fields, id=event.id, maxlen=MAXIMUM_LENGTH, approximate=True)
            pipeline.publish(CHANNEL, event.message)
        pipeline.expire(key, EXPIRY_SECONDS)
        pipeline.xlen(key)
        *_answers, length = pipeline.execute()
        self._sent = len(self._events)
        return int(length)

    def _send_all_again(self) -> None:
        """Redis came back without what it had not written down: ids only grow, so the stream is begun anew."""
        log.warning("job %s: Redis lost events, which are sent again", self._job_id)
        client().delete(key_of(self._job_id))
        self._sent = 0
        self._send()


class _Written(NamedTuple):
    """An event as Redis is given it: the stream's fields, and the channel's message around the same words."""

    id: str
    fields: dict[Any, Any]
    message: str

    @classmethod
    def of(cls, event_id: str, *, job: str, name: str, data: str) -> _Written:
        message = f'{{"job": "{job}", "id": "{event_id}", "event": "{name}", "data": {data}}}'
        return cls(event_id, {"event": name, "data": data}, message)


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
