"""`manage.py backup FILE.tar.gz`: the SQLite database as it is at one moment, and the uploads and pictures."""

from __future__ import annotations

import argparse
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.translation import gettext as _


class Command(BaseCommand):
    help = "Writes the SQLite database, uploads, pictures and the secret key to one file, while the site runs."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where to write it, ending in .tar.gz")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError(_("The data is in PostgreSQL: back that up with pg_dump, and copy MEDIA_DIR."))
        if file.exists():
            raise CommandError(_("%(file)s exists already; a backup never overwrites one.") % {"file": file})
        try:
            self._write(file)
        except (OSError, sqlite3.Error) as error:
            file.unlink(missing_ok=True)
            raise CommandError(_("The backup could not be written: %(error)s.") % {"error": error}) from error
        self.stdout.write(
            _("%(file)s holds the database, uploads and pictures. To restore it, unpack it into an empty DATA_DIR.")
            % {"file": file}
        )

    def _write(self, file: Path) -> None:
        source = Path(connection.settings_dict["NAME"])
        with tempfile.TemporaryDirectory(dir=source.parent) as folder, tarfile.open(file, "x:gz") as archive:
            copy = Path(folder) / source.name
            # SQLite's own backup: a copied file would miss what is still in the write-ahead log.
            with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(copy)) as target:
                original.backup(target)
            archive.add(copy, "forward-pass.sqlite3")
            # After the database: a picture that is newer than it does no harm, a missing one would.
            for path, name in ((Path(settings.MEDIA_ROOT), "media"), (Path(settings.DATA_DIR) / "secret_key", "secret_key")):
                if path.exists():
                    archive.add(path, name)
