"""Server-sent events of a trace: resumed by Last-Event-ID, followed over Redis, and told from the database where that is gone.

One process has one connection that hears the events of all jobs and hands each to whoever follows it. A follower subscribes,
reads what the stream already holds, then follows; what comes twice is known by its id.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager, suppress
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils.translation import get_language, override

from inference import documents, streams
from inference.connections import Unreachable, follower
from inference.models import JobState, Trace
from inference.streams import EventId, StreamEvent

log = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 15.0
POLL_SECONDS = 2.0
WORDINGS_KEPT = 256
SAME_FOR_ALL = (documents.LOADING, documents.STAGE, documents.RESULT)
"""The events that nobody's name, place or form changes."""
RETRY_MILLISECONDS = 1000

Inbox = asyncio.Queue[StreamEvent | None]
Describe = Callable[[Trace, str, dict[str, Any]], dict[str, Any]]
"""Turns an event's name and data into what the reader of this trace is told; called in a thread, may ask the database."""


def message(name: str, data: dict[str, Any], *, event_id: EventId | None = None) -> str:
    """One server-sent event. Without an id the reader's place stays what it was."""
    place = f"id: {event_id}\n" if event_id is not None else ""
    return f"{place}event: {name}\ndata: {json.dumps(data)}\n\n"


class Snapshot(NamedTuple):
    """What the database says at one moment."""

    trace: Trace
    is_over: bool
    stored: list[StreamEvent]


class Hub:
    """The one reader of the channel in this process (and event loop), and the inboxes of those who follow a job."""

    def __init__(self) -> None:
        self._inboxes: dict[str, set[Inbox]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._worded: OrderedDict[Hashable, asyncio.Task[str]] = OrderedDict()

    @property
    def is_listening(self) -> bool:
        """Whether the channel is being heard at this moment."""
        return self._reader is not None and not self._reader.done() and self._listening.is_set()

    @asynccontextmanager
    async def follow(self, job_id: UUID) -> AsyncIterator[Inbox]:
        """An inbox of the job's events from now on; None in it says "look into the database". Raises ConnectionError."""
        inbox: Inbox = asyncio.Queue()
        self._inboxes.setdefault(str(job_id), set()).add(inbox)
        try:
            await self._listen()
            yield inbox
        finally:
            self._leave(str(job_id), inbox)

    async def worded_once(self, key: Hashable, word: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """What `word` says, said once for all readers with this key: a class that follows one run is told the same."""
        if (worded := self._worded.get(key)) is None:
            worded = self._worded[key] = asyncio.create_task(word())
            worded.add_done_callback(lambda task: self._forget_failure(key, task))
            while len(self._worded) > WORDINGS_KEPT:
                self._worded.popitem(last=False)
        return await asyncio.shield(worded)  # the reader who was first may leave meanwhile

    def _forget_failure(self, key: Hashable, task: asyncio.Task[str]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._worded.get(key) is task:
            del self._worded[key]  # the database may have been away: whoever comes next asks again

    def _leave(self, job_id: str, inbox: Inbox) -> None:
        self._inboxes[job_id].discard(inbox)
        if not self._inboxes[job_id]:
            del self._inboxes[job_id]
        if not self._inboxes and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _listen(self) -> None:
        """Return once the channel is being heard; raises ConnectionError when it can't be."""
        if self._reader is None or self._reader.done():
            self._listening = asyncio.Event()
            self._reader = asyncio.create_task(self._read(self._listening))
        heard = asyncio.create_task(self._listening.wait())
        try:
            await asyncio.wait({self._reader, heard}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
        if not self.is_listening:
            raise ConnectionError("the channel can't be heard")

    async def _read(self, listening: asyncio.Event) -> None:
        redis = follower()
        try:
            async with redis.pubsub() as channel:
                await channel.subscribe(streams.CHANNEL)
                async for heard in channel.listen():
                    if heard["type"] == "subscribe":
                        listening.set()
                    elif heard["type"] == "message":
                        self._hand_out(json.loads(heard["data"]))
        except Unreachable as error:
            log.warning("the channel of events fell silent: %s", error)
        finally:
            for inbox in chain.from_iterable(self._inboxes.values()):
                inbox.put_nowait(None)
            with suppress(*Unreachable):
                await redis.aclose()

    def _hand_out(self, told: dict[str, Any]) -> None:
        event = StreamEvent(EventId.parse(told["id"]), told["event"], told["data"]) if "id" in told else None
        for inbox in self._inboxes.get(told["job"], ()):
            inbox.put_nowait(event)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The running event loop's hub: a server has one loop, and so one reader."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


async def follow(*, trace: Trace, after: EventId, describe: Describe, audience: Hashable = None) -> AsyncIterator[str]:
    """The trace's events after an id, as text/event-stream, until the run is over.

    Readers of one `audience` are told what runs in the same words, made once for all of them; None is told alone.
    """
    telling = _Telling(trace, after=after, describe=describe, audience=audience, language=get_language())
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    while not telling.is_over:
        try:
            async with hub().follow(trace.job_id) as inbox:
                async for text in telling.live(inbox):
                    yield text
        except Unreachable as error:
            log.info("trace %s: followed without Redis: %s", trace.pk, error)
            async for text in telling.without_redis():
                yield text
            if not telling.is_over:
                await asyncio.sleep(POLL_SECONDS)


class _Telling:
    """One reader's place in one trace's events."""

    def __init__(self, trace: Trace, *, after: EventId, describe: Describe, audience: Hashable, language: str | None) -> None:
        self._trace = trace
        self._last = after
        self._describe = describe
        self._audience = audience
        self._language = language
        self._queued: dict[str, Any] = {}
        self._spoke_at = time.monotonic()
        self._is_late = False
        self._end_is_told = False  # by a stream that is newer than the database, as after a restored backup
        self.is_over = False

    async def live(self, inbox: asyncio.Queue[StreamEvent | None]) -> AsyncIterator[str]:
        """What the stream holds, then what comes in, until the run is over or Redis is gone (which raises)."""
        self._is_late = False
        async for text in self.from_database():
            yield text
        if self.is_over:
            return
        for earlier in await self._in_stream():
            async for text in self._tell(earlier):
                yield text
        while not self.is_over:
            try:
                async with asyncio.timeout(POLL_SECONDS if self._queued or self._end_is_told else KEEPALIVE_SECONDS):
                    event = await inbox.get()
            except TimeoutError:
                async for text in self.from_database():
                    yield text
                continue
            if event is None:
                async for text in self.from_database():
                    yield text
                if not self.is_over and not hub().is_listening:
                    raise ConnectionError("the channel is silent")
            else:
                async for text in self._tell(event):
                    yield text

    async def from_database(self) -> AsyncIterator[str]:
        """What the stored state has that was not told yet: the place in line, what was kept of a run, and its end."""
        snapshot = await sync_to_async(self._look)()
        self._trace = snapshot.trace
        for event in snapshot.stored:
            if event.name != documents.DONE:
                async for text in self._tell(event):
                    yield text
        if snapshot.is_over:
            self.is_over = True
            yield message(*await self._ending())
        elif snapshot.trace.job.state == JobState.WAITING:
            told = await self._described("queued", {})
            if told != self._queued:
                self._queued = told
                yield self._spoken(message("queued", told))
        else:
            self._queued = {}
        if not self.is_over and time.monotonic() - self._spoke_at >= KEEPALIVE_SECONDS:
            yield self._spoken(": still here\n\n")

    async def without_redis(self) -> AsyncIterator[str]:
        """What the stored state has, and for a run that goes on that its stages come late."""
        told = self._last
        async for text in self.from_database():
            yield text
        if self._trace.job.state == JobState.RUNNING and not self.is_over and (self._last != told or not self._is_late):
            self._is_late = True
            yield self._spoken(message("late", await self._described("late", {})))

    def _spoken(self, text: str) -> str:
        self._spoke_at = time.monotonic()
        return text

    async def _tell(self, event: StreamEvent) -> AsyncIterator[str]:
        """One event, unless it was told before. The last one is told from the database, which has it by then."""
        if event.id <= self._last:
            return
        self._last = event.id
        self._queued = {}
        if event.name == documents.DONE:
            self._end_is_told = True
            async for text in self.from_database():
                yield text
        else:
            yield self._spoken(await self._worded(event))

    async def _ending(self) -> tuple[str, dict[str, Any]]:
        name = "cancelled" if self._trace.is_cancelled else str(self._trace.job.state)
        return name, await self._described(name, {})

    async def _worded(self, event: StreamEvent) -> str:
        async def word() -> str:
            return message(event.name, await self._described(event.name, event.data), event_id=event.id)

        if self._audience is None or event.name not in SAME_FOR_ALL:
            return await word()
        return await hub().worded_once((self._trace.pk, self._audience, self._language, event.id), word)

    async def _described(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        return await sync_to_async(self._describe_in_language)(name, data)

    def _describe_in_language(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        try:
            with override(self._language):
                return self._describe(self._trace, name, data)
        finally:
            close_old_connections()  # a reader stays for minutes and must not keep a connection of the pool

    def _look(self) -> Snapshot:
        try:
            trace = Trace.objects.select_related("job", "job__upload").filter(pk=self._trace.pk).first()
            if trace is None:  # deleted while it was watched
                self._trace.job.state = JobState.CANCELLED
                return Snapshot(self._trace, is_over=True, stored=[])
            is_over = trace.is_cancelled or trace.job.is_finished
            return Snapshot(trace, is_over, documents.events_of(trace.job.document, after=self._last))
        finally:
            close_old_connections()

    async def _in_stream(self) -> list[StreamEvent]:
        """What the running attempt has told so far; an earlier attempt's events are history."""
        job = self._trace.job
        oldest = job.attempts if job.state == JobState.RUNNING else job.attempts + 1
        events = await sync_to_async(streams.stored_events)(job.pk, after=self._last)
        return [event for event in events if event.id.attempt >= oldest]
