"""Delivery by a process of its own, beside one that runs networks.

Threads that encode pictures, write files and talk to Redis take Python's lock from the network between any two of its
operations. Here the network's process writes into a pipe and goes on.

A courier delivers until its worker has closed the pipe or died. When the courier dies, the runs of that moment wait in line
again, and the next pass starts another one.
"""

from __future__ import annotations

import fcntl
import logging
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.conf import settings

from inference.contracts import Attachment, Picture
from inference.delivering import Delivery, DeliveryHere, NotDelivered, Parcels

log = logging.getLogger(__name__)

COMMAND = "deliver"
LISTEN_SECONDS = 0.05
"""How often a run looks whether its courier has said something."""
ENDS_SECONDS = 10

ROOM = 1024 * 1024
"""Bytes that may be on their way to a courier before its worker waits: as far as Linux lets anybody have a pipe."""


class CourierLost(Exception):
    """The courier died with what it carried: the run has to be made again."""


# --- what a worker sends ----------------------------------------------------------------------------------------------------


class Begin(NamedTuple):
    """A pass begins."""


class Attempt(NamedTuple):
    """An attempt will have events, under this number."""

    number: int
    job_id: UUID
    attempt: int


class Told(NamedTuple):
    """An event, to be told once its files are in storage."""

    number: int
    name: str
    data: dict[str, Any]
    files: dict[str, Picture | Attachment]


class Settle(NamedTuple):
    """Say when all files of an attempt are in storage."""

    number: int


class End(NamedTuple):
    """The pass is over."""


# --- what its courier answers -----------------------------------------------------------------------------------------------


class Reached(NamedTuple):
    """Whether Redis is reached, when that changes."""

    is_reached: bool


class Wrong(NamedTuple):
    """What keeps an attempt's files from storage."""

    number: int
    reason: str


class Settled(NamedTuple):
    """The answer to Settle."""


class Line:
    """One end of the two pipes between them."""

    def __init__(self, hears: Connection, says: Connection) -> None:
        self._hears = hears
        self._says = says

    @classmethod
    def of(cls, hears: int, says: int) -> Line:
        """The end that has these file descriptors."""
        return cls(Connection(hears, writable=False), Connection(says, readable=False))

    @classmethod
    def both_ends(cls) -> tuple[Line, Line]:
        """A worker's and its courier's."""
        courier_hears, worker_says = Pipe(duplex=False)
        worker_hears, courier_says = Pipe(duplex=False)
        with suppress(OSError, AttributeError):  # where less is allowed, or this is not Linux, workers wait more often
            fcntl.fcntl(worker_says.fileno(), fcntl.F_SETPIPE_SZ, ROOM)
        return cls(worker_hears, worker_says), cls(courier_hears, courier_says)

    @property
    def descriptors(self) -> tuple[int, int]:
        """What it hears by and what it says by."""
        return self._hears.fileno(), self._says.fileno()

    def say(self, message: tuple[Any, ...]) -> None:
        """OSError when the other end is gone."""
        self._says.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def hear(self) -> tuple[Any, ...]:
        """The next message; OSError or EOFError when the other end is gone."""
        message: tuple[Any, ...] = pickle.loads(self._hears.recv_bytes())  # noqa: S301 - a process of ours wrote it
        return message

    def has_something(self) -> bool:
        """Whether there is a message to hear, or nobody at the other end."""
        return self._hears.poll()

    def close(self) -> None:
        """Let the other end find this one gone."""
        self._hears.close()
        self._says.close()


# --- in the worker ----------------------------------------------------------------------------------------------------------


class Courier:
    """A process' own courier. Used by the one thread that runs networks."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._numbers = count()
        self._wrong: dict[int, str] = {}
        self._settled = 0
        self._listened_at = 0.0
        self.is_reached = True

    def start(self) -> None:
        """Have one ready: it takes about a second until a new one hears."""
        if self._line is not None:
            return
        self.stop()
        self._line, its_end = Line.both_ends()
        command = [sys.executable, "manage.py", COMMAND, *map(str, its_end.descriptors)]
        self._process = subprocess.Popen(
            command, cwd=settings.ROOT, pass_fds=its_end.descriptors, stdin=subprocess.DEVNULL, start_new_session=True
        )  # a session of its own, where no terminal's Ctrl-C comes
        its_end.close()
        self.is_reached = True

    def stop(self) -> None:
        """Let it deliver what it has, and end."""
        self._hang_up()
        if self._process is None:
            return
        try:
            self._process.wait(ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Self:
        self.start()
        self._wrong, self._settled = {}, 0
        self._send(Begin())
        return self

    def __exit__(self, *_exception: object) -> None:
        self._send(End())

    def parcels(self, *, job_id: UUID, attempt: int) -> Parcels:
        number = next(self._numbers)
        self._send(Attempt(number, job_id, attempt))
        return _Parcels(self, number)

    def tell(self, number: int, name: str, data: dict[str, Any], files: Mapping[str, Picture | Attachment]) -> None:
        """Hands an event over. Raises what is known to have gone wrong before."""
        now = time.monotonic()
        if now >= self._listened_at + LISTEN_SECONDS:
            self._listened_at = now
            self._listen()
        if error := self._wrong_with(number):
            raise error
        self._send(Told(number, name, data, dict(files)))

    def settle(self, number: int) -> Exception | None:
        """Waits until an attempt's files are in storage; what went wrong there."""
        awaited = self._settled + 1
        self._send(Settle(number))
        while self._line is not None and self._settled < awaited:
            self._take_answer(self._line)
        return self._wrong_with(number)

    def _wrong_with(self, number: int) -> Exception | None:
        if self._line is None:
            return CourierLost()
        return NotDelivered(self._wrong[number]) if number in self._wrong else None

    def _send(self, message: tuple[Any, ...]) -> None:
        if self._line is None:
            return  # found out by whoever asks for an answer
        try:
            self._line.say(message)
        except OSError:
            self._lose()

    def _listen(self) -> None:
        try:
            while self._line is not None and self._line.has_something():
                self._take_answer(self._line)
        except OSError:
            self._lose()

    def _take_answer(self, line: Line) -> None:
        try:
            answer = line.hear()
        except (OSError, EOFError):
            self._lose()
            return
        match answer:
            case Reached():
                self.is_reached = answer.is_reached
            case Wrong():
                self._wrong[answer.number] = answer.reason
            case Settled():
                self._settled += 1

    def _lose(self) -> None:
        log.error("courier %s has died; what it carried is run again", self.pid)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


class _Parcels:
    def __init__(self, courier: Courier, number: int) -> None:
        self._courier = courier
        self._number = number

    def tell(self, name: str, data: dict[str, Any], files: Mapping[str, Picture | Attachment]) -> None:
        self._courier.tell(self._number, name, data, files)

    def settle(self) -> Exception | None:
        return self._courier.settle(self._number)


# --- in the courier's process -----------------------------------------------------------------------------------------------


def serve(line: Line) -> None:
    """Deliver pass by pass what comes over the line, until nobody is at its other end."""
    for deaf_to in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(deaf_to, signal.SIG_IGN)  # they are for its worker, whose end is its own
    with suppress(OSError, EOFError):
        while True:
            line.hear()
            with DeliveryHere(waits=True) as delivery:
                _Pass(line, delivery).serve()


class _Pass:
    """The events of one pass, from Begin to End."""

    def __init__(self, line: Line, delivery: Delivery) -> None:
        self._line = line
        self._delivery = delivery
        self._parcels: dict[int, Parcels] = {}
        self._was_reached = True

    def serve(self) -> None:
        """Raises OSError or EOFError when the worker is gone."""
        while not isinstance(message := self._line.hear(), End):
            self._take(message)
            if self._delivery.is_reached != self._was_reached:
                self._was_reached = self._delivery.is_reached
                self._line.say(Reached(self._was_reached))

    def _take(self, message: tuple[Any, ...]) -> None:
        match message:
            case Attempt():
                self._parcels[message.number] = self._delivery.parcels(job_id=message.job_id, attempt=message.attempt)
            case Told():
                try:
                    self._parcels[message.number].tell(message.name, message.data, message.files)
                except Exception as error:
                    self._complain(message.number, error)
            case Settle():
                if wrong := self._parcels[message.number].settle():
                    self._complain(message.number, wrong)
                self._line.say(Settled())

    def _complain(self, number: int, error: Exception) -> None:
        log.error("a run's file can't be kept", exc_info=error)
        self._line.say(Wrong(number, f"{type(error).__name__}: {error}"))
