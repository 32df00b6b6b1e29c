"""Migration operations of the house."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from database import triggers


class InsertOnly(Operation):
    """Makes a table insert-only: the database refuses to change a row's value in any column but the `free` ones.

    Rows can still be deleted: tests flush, and a person's erasure must go through. `free` names fields ("created_by") that
    something else may have to clear, as erasing a person does. An update that is refused raises IntegrityError.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, model_name: str, free: Iterable[str] = ()) -> None:
        self.model_name = model_name
        self.free = tuple(free)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, [self.model_name], {"free": self.free} if self.free else {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are: only the database learns of it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        table = model._meta.db_table
        free = [_column(model, name) for name in self.free]
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(triggers.POSTGRESQL_FUNCTION, params=None)
            schema_editor.execute(triggers.create_on_postgresql(table, free=free), params=None)
        elif schema_editor.connection.vendor == "sqlite":
            columns = [field.column for field in model._meta.local_concrete_fields]
            schema_editor.execute(triggers.create_on_sqlite(table, columns=columns, free=free), params=None)
        else:
            raise NotImplementedError(f"InsertOnly knows SQLite and PostgreSQL, not {schema_editor.connection.vendor}")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        drop = triggers.drop_on_postgresql if schema_editor.connection.vendor == "postgresql" else triggers.drop_on_sqlite
        schema_editor.execute(drop(model._meta.db_table), params=None)

    def describe(self) -> str:
        return f"Make {self.model_name} insert-only"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name.lower()}_insert_only"


def _column(model: type[models.Model], name: str) -> str:
    """The column of a field named as the field ("created_by") or as its attribute ("created_by_id")."""
    for field in model._meta.local_concrete_fields:
        if name in (field.name, field.attname) and field.column:
            return field.column
    raise ValueError(f"{model._meta.label} has no field {name}")
