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

from inference.connections import Unreachable, client

log = logging.getLogger(__name__)

CHANNEL = "traces"
MAXIMUM_LENGTH = 500
EXPIRY_SECONDS = 3600
LINGER_SECONDS = 0.01
"""How soon one trip to Redis follows another: it takes the worker as long as ten more events on the one before."""
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
        self._events: list[tuple[str, str]] = []  # names, and data as JSON
        self._sent = 0

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Have one event sent. Never raises for Redis' sake: the page has the database to fall back on."""
        self._events.append((name, json.dumps(data)))
        self._post.wake()

    def unsent(self) -> _Sending | None:
        """What was not sent yet; None when there is nothing."""
        events = self._events[self._sent :]
        if not events:
            return None
        words = [
            word
            for sequence, event in enumerate(events, start=self._sent + 1)
            for word in (str(EventId(self._attempt, sequence)), *event)
        ]
        return _Sending(self, str(self._job_id), len(events), words)

    def note_answer(self, answer: int | str, *, events: int) -> None:
        """Learn from what Redis answered to that many events whether the stream has them: its length, or why it took none."""
        self._sent += events
        if isinstance(answer, str):
            # The stream holds a newer id: these very events (the answer was lost) or those of a newer attempt, in which case
            # this worker has lost its lease and will learn so from the database.
            log.info("job %s: event not taken: %s", self._job_id, answer)
        elif answer < min(self._sent, MAXIMUM_LENGTH):
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
        if self._is_awake:
            return
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
            with self._waking:
                self._waking.wait_for(lambda: self._is_over, timeout=LINGER_SECONDS)

    def _send(self) -> bool:
        """Sends what was not sent yet; False when there was nothing."""
        sendings = [sending for publisher in self._publishers if (sending := publisher.unsent())]
        if not sendings:
            return False
        answers = _sent(sendings)
        for sending, answer in zip(sendings, answers, strict=True):
            sending.publisher.note_answer(answer, events=sending.events)
        return True


class _Sending(NamedTuple):
    """What a publisher has to send: how many events, and for each its id, its name and its data."""

    publisher: Publisher
    job: str
    events: int
    words: list[str]


_SEND = """
    local channel, longest, expiry = KEYS[1], ARGV[1], ARGV[2]
    local at, answers = 3, {}
    for number = 2, #KEYS do
        local job, events, refused = ARGV[at], tonumber(ARGV[at + 1]), nil
        at = at + 2
        for _ = 1, events do
            local id, name, data = ARGV[at], ARGV[at + 1], ARGV[at + 2]
            at = at + 3
            local added = redis.pcall('XADD', KEYS[number], 'MAXLEN', '~', longest, id, 'event', name, 'data', data)
            refused = refused or (type(added) == 'table' and added.err)
            local told = '{"job": "%s", "id": "%s", "event": "%s", "data": '
            redis.call('PUBLISH', channel, told:format(job, id, name) .. data .. '}')
        end
        redis.call('EXPIRE', KEYS[number], expiry)
        answers[number - 1] = refused or redis.call('XLEN', KEYS[number])
    end
    return answers
"""
"""For each stream: its events added, each told on the channel too, and the stream's length or why not all was taken.

In Redis itself because packing four commands for each of a run's many events takes the worker as long as a stage of a network.
"""


def _sent(sendings: Sequence[_Sending]) -> list[int | str]:
    """What Redis answers for each: the stream's length, or why it did not take all."""
    keys = [CHANNEL, *(key_of(sending.job) for sending in sendings)]
    words: list[str | int] = [MAXIMUM_LENGTH, EXPIRY_SECONDS]
    for sending in sendings:
        words += [sending.job, sending.events, *sending.words]
    answers: list[int | str] = client().register_script(_SEND)(keys=keys, args=words)
    return answers


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
