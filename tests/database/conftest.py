"""Connections to databases of their own, beside the one that other tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environ
import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def connected(alias: str, settings: dict[str, Any], blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    """A connection under an alias of its own, closed and forgotten afterwards."""
    connections.databases[alias] = connections.configure_settings({"default": {}, alias: settings})[alias]
    with blocker.unblock():
        try:
            yield connections[alias]
        finally:
            connections[alias].close()
            del connections[alias]
            del connections.databases[alias]


@pytest.fixture
def sqlite_connection(tmp_path: Path, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    with connected("other", {"ENGINE": "database.sqlite", "NAME": str(tmp_path / "other.sqlite3")}, django_db_blocker) as it:
        yield it


@pytest.fixture
def postgresql_connection(postgres_url: str, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    settings = environ.Env.db_url_config(postgres_url)
    with connected("other", settings, django_db_blocker) as it:
        yield it
