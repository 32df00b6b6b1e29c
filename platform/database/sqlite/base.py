"""Django's SQLite backend with write-ahead logging, IMMEDIATE transactions and one write lock per process.

SQLite lets one connection write at a time; who finds it busy polls with growing pauses and no queue, so under load some
writers wait for seconds while others pass them. Threads of one process queue here instead, in order, and only processes
still meet at SQLite's own lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from django.db import OperationalError
from django.db.backends.sqlite3 import base as sqlite

from database.sqlite.schema import DatabaseSchemaEditor

WRITE_TIMEOUT_SECONDS = 20
WRITING_WORDS = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER", "REINDEX", "VACUUM", "ANALYZE"})

# One lock per database file. setdefault is atomic, so two threads that connect at once get the same lock.
_write_locks: dict[str, threading.Lock] = {}
# A child of fork() inherits locks that its parent's other threads held, and would wait for them for ever.
os.register_at_fork(after_in_child=_write_locks.clear)


class Cursor(sqlite.SQLiteCursorWrapper):
    """Takes the write lock for a single statement that writes outside a transaction."""

    wrapper: DatabaseWrapper
    _returned: Iterator[Any] | None = None

    def execute(self, query: str, params: Any = None) -> Any:
        self._returned = None
        if not self._writes_alone(query):
            return super().execute(query, params)
        self.wrapper.take_write_lock()
        try:
            super().execute(query, params)
            if self.description is not None:
                # INSERT … RETURNING commits only when its rows have been read: read them before the next writer is let in.
                self._returned = iter(super().fetchall())
        finally:
            self.wrapper.release_write_lock()
        return self

    def executemany(self, query: str, param_list: Any) -> Any:
        self._returned = None
        if not self._writes_alone(query):
            return super().executemany(query, param_list)
        self.wrapper.take_write_lock()
        try:
            return super().executemany(query, param_list)
        finally:
            self.wrapper.release_write_lock()

    def fetchone(self) -> Any:
        return super().fetchone() if self._returned is None else next(self._returned, None)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        if self._returned is None:
            return super().fetchmany(size)
        return [row for _, row in zip(range(size or 1), self._returned, strict=False)]

    def fetchall(self) -> list[Any]:
        return super().fetchall() if self._returned is None else list(self._returned)

    def __next__(self) -> Any:
        return super().__next__() if self._returned is None else next(self._returned)

    def _writes_alone(self, query: str) -> bool:
        return self.wrapper.autocommit and not self.wrapper.in_atomic_block and _writes(query)


class DatabaseWrapper(sqlite.DatabaseWrapper):
    """A connection that holds its process's write lock from BEGIN IMMEDIATE to commit, rollback or close."""

    SchemaEditorClass = DatabaseSchemaEditor
    _DEFAULTS: ClassVar[dict[str, Any]] = {
        "timeout": WRITE_TIMEOUT_SECONDS,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: threading.Lock | None = None

    def get_connection_params(self) -> dict[str, Any]:
        self.settings_dict["OPTIONS"] = {**self._DEFAULTS, **self.settings_dict["OPTIONS"]}
        return super().get_connection_params()

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor

    def take_write_lock(self) -> None:
        """Waits for its turn to write; raises OperationalError as SQLite itself does when that takes too long."""
        lock = _write_locks.setdefault(str(self.settings_dict["NAME"]), threading.Lock())
        if not lock.acquire(timeout=self.settings_dict["OPTIONS"]["timeout"]):
            raise OperationalError("database is locked: another thread of this process has been writing for too long")
        self._held = lock

    def release_write_lock(self) -> None:
        lock, self._held = self._held, None
        if lock is not None:
            lock.release()

    def _start_transaction_under_autocommit(self) -> None:
        self.take_write_lock()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.release_write_lock()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        # After a commit that failed the transaction is still open; the rollback that follows releases the lock.
        self.release_write_lock()

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self.release_write_lock()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self.release_write_lock()


def _writes(query: str) -> bool:
    words = query.split(None, 1)
    return bool(words) and words[0].upper() in WRITING_WORDS
