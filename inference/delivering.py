"""What a run tells on its way out: files into storage, then the event about them to Redis, beside the network that runs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Protocol, Self
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from inference.contracts import Attachment, Picture
from inference.streams import Post, Publisher


class NotDelivered(Exception):
    """A file could not be put into storage; the run can't be shown."""


class Parcels(Protocol):
    """One attempt's events and files, in their order."""

    def tell(self, name: str, data: dict[str, Any], files: Mapping[str, Picture | Attachment]) -> None:
        """Have an event told once its files (by their paths in storage) are there. Raises what kept earlier ones from it."""

    def settle(self) -> Exception | None:
        """Wait until all files are in storage; what went wrong there."""


class Delivery(Protocol):
    """Takes the events of the runs of one pass, from `with` to its end."""

    @property
    def is_reached(self) -> bool:
        """Whether Redis could be told of the newest events, as far as is known."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...

    def parcels(self, *, job_id: UUID, attempt: int) -> Parcels:
        """For the events of this attempt."""


class DeliveryHere:
    """By two threads of this process: one puts files into storage, one after the other; one talks to Redis.

    With `waits` whoever tells of files puts them into storage itself: for a process that has nothing else to do.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self._post = Post()
        self._shelf = None if waits else ThreadPoolExecutor(1, thread_name_prefix="files")

    @property
    def is_reached(self) -> bool:
        return self._post.is_reached

    def __enter__(self) -> Self:
        self._post.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._shelf is not None:
            self._shelf.shutdown()
        self._post.__exit__(*exception)

    def parcels(self, *, job_id: UUID, attempt: int) -> Parcels:
        return _ParcelsHere(self._post.publisher(job_id=job_id, attempt=attempt), self._shelf)


class _ParcelsHere:
    def __init__(self, publisher: Publisher, shelf: Executor | None) -> None:
        self._publisher = publisher
        self._shelf = shelf
        self._last: Future[None] | None = None
        self._wrong: Exception | None = None

    def tell(self, name: str, data: dict[str, Any], files: Mapping[str, Picture | Attachment]) -> None:
        if self._wrong is not None:
            raise self._wrong
        if self._shelf is None:
            self._keep_and_publish(name, data, files)
        else:
            self._last = self._shelf.submit(self._keep_and_publish, name, data, files)

    def settle(self) -> Exception | None:
        if self._last is not None:
            self._last.result()  # the shelf keeps the order: all before it are told by then
        return self._wrong

    def _keep_and_publish(self, name: str, data: dict[str, Any], files: Mapping[str, Picture | Attachment]) -> None:
        if self._wrong is not None:
            return
        try:
            for path, file in files.items():
                default_storage.save(path, ContentFile(file.content))
            self._publisher.publish(name, data)
        except Exception as error:  # whatever storage raises ends the run, in the thread that runs it
            self._wrong = error
