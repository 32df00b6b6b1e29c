"""SQLite under many writers: nobody is told that the database is locked, and nobody waits for long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

ALIAS = "other"


@pytest.fixture
def notes(sqlite_connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    with sqlite_connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT UNIQUE,"
            " parent INTEGER REFERENCES note DEFERRABLE INITIALLY DEFERRED)"
        )
    yield sqlite_connection


def execute(query: str, *values: object) -> list[tuple[object, ...]]:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def in_threads(count: int, work: Callable[[int], None]) -> list[Exception]:
    errors: list[Exception] = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as error:
            errors.append(error)
        finally:
            connections[ALIAS].close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def in_background(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections[ALIAS].close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_connection_uses_the_write_ahead_log(notes: BaseDatabaseWrapper) -> None:
    assert execute("PRAGMA journal_mode") == [("wal",)]


def test_fifty_threads_read_and_write_in_transactions_and_outside_without_an_error(notes: BaseDatabaseWrapper) -> None:
    slowest = [0.0] * 50

    def submit(number: int) -> None:
        for turn in range(10):
            began = time.monotonic()
            with transaction.atomic(using=ALIAS):
                count = execute("SELECT count(*) FROM note")[0][0]
                execute("INSERT INTO note (text) VALUES (%s)", f"{number}-{turn} after {count}")
                with transaction.atomic(using=ALIAS):
                    execute("UPDATE note SET text = text || '!' WHERE text = %s", f"{number}-{turn} after {count}")
            execute("INSERT INTO note (text) VALUES (%s) RETURNING id", f"{number}-{turn} alone")
            slowest[number] = max(slowest[number], time.monotonic() - began)

    assert in_threads(50, submit) == []
    assert execute("SELECT count(*) FROM note") == [(1000,)]
    # What each transaction read was still so when it wrote: they ran one after another.
    read = [
        int(str(text).split(" after ")[1].rstrip("!"))
        for (text,) in execute("SELECT text FROM note WHERE text LIKE '%%after%%'")
    ]
    assert len(set(read)) == 500
    assert max(slowest) < 10


def test_a_rolled_back_transaction_lets_the_next_writer_in(notes: BaseDatabaseWrapper) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=ALIAS):
        execute("INSERT INTO note (text) VALUES ('gone')")
        raise ZeroDivisionError
    assert in_threads(1, lambda _: execute("INSERT INTO note (text) VALUES ('there')") and None) == []
    assert execute("SELECT text FROM note") == [("there",)]


def test_a_commit_that_fails_lets_the_next_writer_in(notes: BaseDatabaseWrapper) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(using=ALIAS):
        execute("INSERT INTO note (text, parent) VALUES ('orphan', 99)")
    assert in_threads(1, lambda _: execute("INSERT INTO note (text) VALUES ('there')") and None) == []


def test_a_single_statement_that_fails_lets_the_next_writer_in(notes: BaseDatabaseWrapper) -> None:
    execute("INSERT INTO note (text) VALUES ('once')")
    with pytest.raises(IntegrityError):
        execute("INSERT INTO note (text) VALUES ('once')")
    assert in_threads(1, lambda _: execute("INSERT INTO note (text) VALUES ('twice')") and None) == []


def test_a_closed_connection_lets_the_next_writer_in(notes: BaseDatabaseWrapper) -> None:
    notes.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    notes.close()
    assert in_threads(1, lambda _: execute("INSERT INTO note (text) VALUES ('there')") and None) == []


def test_readers_do_not_wait_for_a_writer(notes: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using=ALIAS):
        execute("INSERT INTO note (text) VALUES ('not yet')")
        seen: list[object] = []
        assert in_threads(1, lambda _: seen.extend(execute("SELECT count(*) FROM note"))) == []
    assert seen == [(0,)]


def test_a_writer_that_waits_too_long_is_told_so(notes: BaseDatabaseWrapper) -> None:
    notes.settings_dict["OPTIONS"]["timeout"] = 0.05
    with transaction.atomic(using=ALIAS):
        errors = in_threads(1, lambda _: execute("INSERT INTO note (text) VALUES ('late')") and None)
    assert [type(error) for error in errors] == [OperationalError]
    assert "locked" in str(errors[0])


def test_rows_that_an_insert_returns_can_be_read_in_every_way(notes: BaseDatabaseWrapper) -> None:
    insert = "INSERT INTO note (text) VALUES (%s), (%s), (%s) RETURNING id"
    with notes.cursor() as cursor:
        cursor.execute(insert, ["a", "b", "c"])
        assert [cursor.fetchone(), cursor.fetchmany(1), cursor.fetchall(), cursor.fetchone()] == [(1,), [(2,)], [(3,)], None]
        cursor.execute(insert, ["d", "e", "f"])
        assert list(cursor) == [(4,), (5,), (6,)]
        cursor.executemany("INSERT INTO note (text) VALUES (%s)", [["g"], ["h"]])
        cursor.execute("SELECT count(*) FROM note")
        assert cursor.fetchone() == (8,)


def test_a_forked_child_does_not_wait_for_a_lock_that_its_parents_thread_held(notes: BaseDatabaseWrapper) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(using=ALIAS):
            held.set()
            release.wait(10)

    thread = in_background(hold)
    held.wait(10)
    child = os.fork()
    if child == 0:
        wrapper = connections[ALIAS]
        began = time.monotonic()
        wrapper.take_write_lock()
        os._exit(0 if time.monotonic() - began < 1 else 1)
    _, status = os.waitpid(child, 0)
    release.set()
    thread.join()
    assert status == 0
