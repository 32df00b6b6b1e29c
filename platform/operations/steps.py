"""What a start brings up to date before or beside the site: the database's tables, static files, facts and courses."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError
from django.utils.translation import gettext as _

from lessons.models import Release
from operations.preflight import first_line
from operations.problems import CannotStart


def migrate() -> bool:
    """Brings the tables up to date; whether there was anything to do."""
    try:
        executor = MigrationExecutor(connection)
        executor.loader.check_consistent_history(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        raise CannotStart(
            _("The database's tables could not be brought up to date: %(error)s.") % {"error": first_line(error).rstrip(".")}
        ) from error
    finally:
        connection.close()  # the supervisor holds no connection while the site runs
    return True


def collect_static() -> bool:
    """Collects the static files when one has changed; whether there was anything to do."""
    kept = Path(settings.DATA_DIR) / "static.sha256"
    found = _static_fingerprint()
    try:
        if Path(settings.STATIC_ROOT).is_dir() and kept.exists() and kept.read_text() == found:
            return False
        call_command("collectstatic", verbosity=0, interactive=False)
        kept.write_text(found)
    except OSError as error:
        raise CannotStart(
            _("Styles and scripts can't be collected into %(folder)s: %(error)s. Allow it to be written.")
            % {"folder": settings.STATIC_ROOT, "error": error.strerror or error}
        ) from error
    return True


def has_courses() -> bool:
    """Whether learners would find anything to read."""
    try:
        return Release.objects.exists()
    finally:
        connection.close()


def _static_fingerprint() -> str:
    """Changes when a static file is added, removed or written, or when another storage handles them."""
    digest = hashlib.sha256(repr((settings.STORAGES["staticfiles"], settings.STATIC_URL)).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
