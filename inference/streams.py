"""Events of running jobs in Redis: one stream a job, and one channel over which every web process hears all of them.

Only a worker writes to a stream, and only about its own attempt, so that ids never go back. Everything that changes a job
from elsewhere (a person stops it, the reaper gives up on it) is in the database and only noted on the channel: "look there".
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from redis.client import Pipeline
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
    """Writes one attempt's events, in order. What Redis did not take, or lost since, is sent again: never a gap."""

    def __init__(self, post: Post, *, job_id: UUID, attempt: int) -> None:
        self._post = post
        self._job_id = job_id
        self._attempt = attempt
        self._events: list[_Written] = []
        self._sent = 0

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Have one event sent. Never raises for Redis' sake: the page has the database to fall back on."""
        event_id = f"{self._attempt}-{len(self._events) + 1}"
        self._events.append(_Written.of(event_id, job=str(self._job_id), name=name, data=json.dumps(data)))
        self._post.wake()

    def add_to(self, pipeline: Pipeline) -> _Sending | None:
        """Puts what was not sent yet into a pipeline; None when there is nothing."""
        unsent = self._events[self._sent :]
        if not unsent:
            return None
        key = key_of(self._job_id)
        for event in unsent:
            pipeline.xadd(key, event.fields, id=event.id, maxlen=MAXIMUM_LENGTH, approximate=True)
            pipeline.publish(CHANNEL, event.message)
        pipeline.expire(key, EXPIRY_SECONDS)
        pipeline.xlen(key)
        return _Sending(self, len(unsent))

    def note_answers(self, answers: Sequence[Any], *, events: int) -> None:
        """Learn from what Redis answered to that many events whether they are in the stream; raises what else went wrong."""
        refused = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if refused is not None and not isinstance(refused, ResponseError):
            raise refused
        if refused is not None:
            # The stream holds a newer id: these very events (the answer was lost) or those of a newer attempt, in which case
            # this worker has lost its lease and will learn so from the database.
            log.info("job %s: event not taken: %s", self._job_id, refused)
        self._sent += events
        if refused is None and answers[-1] < min(self._sent, MAXIMUM_LENGTH):
            # Redis came back without what it had not written down. Ids only grow, so the stream is begun anew.
            log.warning("job %s: Redis lost events, which are sent again", self._job_id)
            client().delete(key_of(self._job_id))
            self._sent = 0


class Post(threading.Thread):
    """Sends the events of a worker's runs while these go on: what came meanwhile goes in one trip to Redis and back."""

    def __init__(self) -> None:
        super().__init__(name="events", daemon=True)
        self._publishers: list[Publisher] = []
        self._waking = threading.Condition()
        self._is_awake = False
        self._is_over = False
        self.is_reached = True
        """Whether Redis could be told of the newest events."""

    def publisher(self, *, job_id: UUID, attempt: int) -> Publisher:
        """Who writes this attempt's events."""
        publisher = Publisher(self, job_id=job_id, attempt=attempt)
        self._publishers.append(publisher)
        return publisher

    def wake(self) -> None:
        """There is something to send."""
        with self._waking:
            self._is_awake = True
            self._waking.notify()

    def __enter__(self) -> Post:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._waking:
            self._is_over = True
            self._waking.notify()
        self.join()

    def run(self) -> None:
        is_over = False
        while not is_over:
            with self._waking:
                self._waking.wait_for(lambda: self._is_awake or self._is_over)
                self._is_awake, is_over = False, self._is_over
            try:
                while self._send():
                    pass
                self.is_reached = True
            except Unreachable as error:
                if self.is_reached:
                    log.warning("events wait for Redis: %s", error)
                self.is_reached = False
            except Exception:  # a thread's exception would end in nobody's hands, and with it every later event
                log.exception("events not sent")
                self.is_reached = False

    def _send(self) -> bool:
        """Sends what was not sent yet; False when there was nothing."""
        pipeline = client().pipeline(transaction=False)
        sending = [sending for publisher in self._publishers if (sending := publisher.add_to(pipeline))]
        if not sending:
            return False
        answers = pipeline.execute(raise_on_error=False)
        for publisher, events in sending:
            own, answers = answers[: 2 * events + 2], answers[2 * events + 2 :]
            publisher.note_answers(own, events=events)
        return True


class _Sending(NamedTuple):
    """How many of a publisher's events are in a pipeline: two commands each, and two more."""

    publisher: Publisher
    events: int


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
