"""Tables that are insert-only, on both databases: what is refused, what is free, and what survives later migrations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.migration import Migration
from django.db.migrations.operations import (
    AddField,
    AlterField,
    CreateModel,
    RemoveField,
    RenameField,
    RenameModel,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from database.operations import InsertOnly

APP = "papers"
AUTHOR = CreateModel("Author", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())])
PAPER = CreateModel(
    "Paper",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("title", models.TextField()),
        ("meta", models.JSONField(default=dict)),
        ("author", models.ForeignKey("papers.Author", models.SET_NULL, null=True)),
    ],
)


class Schema:
    """A database with migrations of its own, applied one operation at a time."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.state = ProjectState()
        self._undo: list[tuple[Operation, ProjectState, ProjectState]] = []

    def apply(self, *operations: Operation) -> None:
        for operation in operations:
            before, after = self.state.clone(), self.state.clone()
            operation.state_forwards(APP, after)
            migration = Migration("test", APP)
            migration.operations = [operation]
            with self.connection.schema_editor(atomic=True) as editor:
                migration.apply(before.clone(), editor)
            self.state = after
            self._undo.append((operation, before, after))

    def undo(self) -> None:
        operation, before, after = self._undo.pop()
        with self.connection.schema_editor(atomic=True) as editor:
            operation.database_backwards(APP, editor, after, before)
        self.state = before

    def rows(self, name: str) -> Any:
        """All rows of a model as it is after the operations so far."""
        return self.state.apps.get_model(APP, name).objects.using(self.connection.alias)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def schema(request: pytest.FixtureRequest) -> Iterator[Schema]:
    connection: BaseDatabaseWrapper = request.getfixturevalue(f"{request.param}_connection")
    schema = Schema(connection)
    schema.apply(AUTHOR, PAPER, InsertOnly("Paper", free=("author",)))
    yield schema
    while schema._undo:
        schema.undo()


def paper(schema: Schema) -> Any:
    author = schema.rows("Author").create(name="Ada")
    return schema.rows("Paper").create(title="On engines", meta={"pages": 3}, author=author)


def refused(queryset: Any, **values: Any) -> bool:
    try:
        with transaction.atomic(using=queryset.db):
            queryset.update(**values)
    except IntegrityError as error:
        assert "insert-only" in str(error)
        return True
    return False


def test_a_changed_value_is_refused_and_the_row_stays_as_it_was(schema: Schema) -> None:
    one = paper(schema)
    rows = schema.rows("Paper").filter(pk=one.pk)
    assert refused(rows, title="On machines")
    assert refused(rows, meta={"pages": 4})
    assert rows.get().title == "On engines"


def test_the_free_column_may_change_so_that_a_person_can_be_erased(schema: Schema) -> None:
    one = paper(schema)
    one.author.delete()
    assert schema.rows("Paper").get(pk=one.pk).author is None


def test_a_free_column_does_not_open_the_others(schema: Schema) -> None:
    one = paper(schema)
    assert refused(schema.rows("Paper").filter(pk=one.pk), author=None, title="On machines")


def test_rows_can_be_deleted(schema: Schema) -> None:
    one = paper(schema)
    one.delete()
    assert not schema.rows("Paper").exists()


def test_a_column_added_later_is_covered_and_the_others_stay_so(schema: Schema) -> None:
    one = paper(schema)
    schema.apply(
        AddField("Paper", "pages", models.IntegerField(default=1)), AddField("Paper", "note", models.TextField(null=True))
    )
    rows = schema.rows("Paper").filter(pk=one.pk)
    assert refused(rows, pages=2)
    assert refused(rows, note="later")
    assert refused(rows, title="On machines")
    assert not refused(rows, author=None)


def test_altering_removing_and_renaming_columns_keeps_the_table_insert_only(schema: Schema) -> None:
    one = paper(schema)
    schema.apply(
        AlterField("Paper", "title", models.CharField(max_length=200)),
        RemoveField("Paper", "meta"),
        RenameField("Paper", "title", "heading"),
    )
    rows = schema.rows("Paper").filter(pk=one.pk)
    assert refused(rows, heading="On machines")
    assert not refused(rows, author=None)


def test_a_renamed_table_stays_insert_only(schema: Schema) -> None:
    one = paper(schema)
    schema.apply(RenameModel("Paper", "Article"))
    assert refused(schema.rows("Article").filter(pk=one.pk), title="On machines")


def test_it_is_reversible(schema: Schema) -> None:
    one = paper(schema)
    schema.undo()
    assert not refused(schema.rows("Paper").filter(pk=one.pk), title="On machines")
    schema.apply(InsertOnly("Paper"))
    assert refused(schema.rows("Paper").filter(pk=one.pk), author=None)


def test_a_free_column_that_does_not_exist_is_an_error_of_the_migration(schema: Schema) -> None:
    with pytest.raises(ValueError, match="has no field editor"):
        schema.apply(InsertOnly("Author", free=("editor",)))


def test_it_is_written_into_a_migration_as_it_was_made() -> None:
    assert InsertOnly("Paper", free=("author",)).deconstruct() == ("InsertOnly", ["Paper"], {"free": ("author",)})
    assert InsertOnly("Paper").deconstruct() == ("InsertOnly", ["Paper"], {})
