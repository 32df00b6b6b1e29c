"""SQLite changes most tables by making a new one and dropping the old, and the old one's triggers go with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import schema as sqlite
from django.db.models import Field, Model

from database import triggers


class DatabaseSchemaEditor(sqlite.DatabaseSchemaEditor):
    """Sets a table's insert-only trigger aside while the table is changed, and puts it back over the columns it then has."""

    def add_field(self, model: type[Model], field: Field[Any, Any]) -> None:
        with self._insert_only_kept(model._meta.db_table):
            super().add_field(model, field)

    def remove_field(self, model: type[Model], field: Field[Any, Any]) -> None:
        with self._insert_only_kept(model._meta.db_table):
            super().remove_field(model, field)

    def alter_field(
        self, model: type[Model], old_field: Field[Any, Any], new_field: Field[Any, Any], strict: bool = False
    ) -> None:
        with self._insert_only_kept(model._meta.db_table):
            super().alter_field(model, old_field, new_field, strict)

    def alter_db_table(self, model: type[Model], old_db_table: str, new_db_table: str) -> None:
        with self._insert_only_kept(old_db_table, afterwards=new_db_table):
            super().alter_db_table(model, old_db_table, new_db_table)

    def _remake_table(self, model: type[Model], *args: Any, **kwargs: Any) -> None:
        with self._insert_only_kept(model._meta.db_table):
            super()._remake_table(model, *args, **kwargs)  # type: ignore[misc]

    @contextmanager
    def _insert_only_kept(self, table: str, *, afterwards: str | None = None) -> Iterator[None]:
        # The calls above nest; the outermost finds the trigger, the inner ones find none and do nothing.
        trigger = self._insert_only_trigger(table)
        if trigger is None:
            yield
            return
        self.execute(triggers.drop_on_sqlite(table), params=None)
        yield
        table = afterwards or table
        with self.connection.cursor() as cursor:
            columns = [column.name for column in self.connection.introspection.get_table_description(cursor, table)]
        self.execute(
            triggers.create_on_sqlite(table, columns=columns, free=triggers.free_columns(trigger)),
            params=None,
        )

    def _insert_only_trigger(self, table: str) -> str | None:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = %s", [triggers.sqlite_trigger_name(table)]
            )
            row = cursor.fetchone()
        return row[0] if row else None
