"""One running site per data folder: a lock that ends with its process, and a note that says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from operations.problems import CannotStart


@contextmanager
def locked(folder: Path) -> Iterator[DataFolderLock]:
    """Holds the folder's lock; raises CannotStart with the holder's process and address when another one runs."""
    descriptor = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            # The kernel drops this lock when the process ends, however it ends: a stale one can't exist.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(_already_running(folder, file.read())) from None
        lock = DataFolderLock(file.fileno())
        lock.note(url="")
        yield lock
        os.ftruncate(file.fileno(), 0)


class DataFolderLock:
    """The lock while it is held; its file tells others who holds it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def note(self, *, url: str) -> None:
        """Writes down this process and the address where its site answers."""
        text = json.dumps({"pid": os.getpid(), "url": url}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


def _already_running(folder: Path, note: str) -> str:
    try:
        holder = json.loads(note)
    except ValueError:
        holder = {}
    if holder.get("url"):
        return _(
            "The site already runs at %(url)s (process %(pid)s) with the data in %(folder)s: open it, or stop it first."
        ) % {
            "url": holder["url"],
            "pid": holder["pid"],
            "folder": folder,
        }
    return _("Another process (%(pid)s) is starting with the data in %(folder)s: wait for it, or stop it first.") % {
        "pid": holder.get("pid", "?"),
        "folder": folder,
    }
