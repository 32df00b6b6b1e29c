"""SQL of the trigger that makes a table insert-only, for SQLite and PostgreSQL. Deleting rows stays allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_FREE = re.compile(r"/\* free: (?P<columns>[^*]*) \*/")


def sqlite_trigger_name(table: str) -> str:
    """SQLite's trigger names are unique in the whole database, so the table's name is part of it."""
    return f"{table}_insert_only"


def create_on_sqlite(table: str, *, columns: Sequence[str], free: Iterable[str]) -> str:
    """The CREATE TRIGGER statement; it keeps the names of the free columns in a comment, for `free_columns`."""
    free = sorted(set(free))
    missing = [column for column in free if column not in columns]
    if missing:
        raise ValueError(
            f"{table} has no column {', '.join(missing)}: an insert-only table's free column was renamed or removed; "
            "remove InsertOnly before that change and add it again after"
        )
    changed = " OR ".join(f"OLD.{_quoted(column)} IS NOT NEW.{_quoted(column)}" for column in columns if column not in free)
    return (
        f"CREATE TRIGGER {_quoted(sqlite_trigger_name(table))} BEFORE UPDATE ON {_quoted(table)} FOR EACH ROW "
        f"WHEN {changed} /* free: {' '.join(free)} */ "
        f"BEGIN SELECT RAISE(ABORT, '{_refusal(table)}'); END"
    )


def drop_on_sqlite(table: str) -> str:
    return f"DROP TRIGGER IF EXISTS {_quoted(sqlite_trigger_name(table))}"


def free_columns(trigger_sql: str) -> list[str]:
    """The columns that a trigger made by `create_on_sqlite` leaves free."""
    found = _FREE.search(trigger_sql)
    return found["columns"].split() if found else []


POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(OLD) - TG_ARGV[0]::text[] IS DISTINCT FROM to_jsonb(NEW) - TG_ARGV[0]::text[] THEN
        RAISE EXCEPTION '% is insert-only: its rows are never changed', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""


def create_on_postgresql(table: str, *, free: Iterable[str]) -> str:
    """The CREATE TRIGGER statement; the function compares whole rows, so that a column added later is covered too."""
    names = ",".join(_quoted(column) for column in sorted(set(free)))
    return (
        f"CREATE TRIGGER insert_only BEFORE UPDATE ON {_quoted(table)} FOR EACH ROW EXECUTE FUNCTION insert_only('{{{names}}}')"
    )


def drop_on_postgresql(table: str) -> str:
    return f"DROP TRIGGER IF EXISTS insert_only ON {_quoted(table)}"


def _refusal(table: str) -> str:
    return f"{table} is insert-only: its rows are never changed"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
