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
        source = Path(connection.settings_dict["NAME"])
        if not source.exists():
            # SQLite would make an empty one, and the operator would keep that in the belief of having a backup.
            raise CommandError(
                _("There is no database at %(path)s, so there is nothing to back up: set DATA_DIR to the site's own folder.")
                % {"path": source}
            )
        try:
            file.touch(mode=0o600, exist_ok=False)  # people's data and the key that signs their cookies: for this user alone
        except FileExistsError as error:
            raise CommandError(_("%(file)s exists already; a backup never overwrites one.") % {"file": file}) from error
        except OSError as error:
            raise _not_written(file, error) from error
        try:
            self._write(source, file)
        except (OSError, sqlite3.Error) as error:
            file.unlink(missing_ok=True)
            raise _not_written(file, error) from error
        self.stdout.write(
            _(
                "%(file)s holds the database, uploads, pictures and the secret key: keep it where only you can read it. "
                "To restore it, unpack it into an empty DATA_DIR."
            )
            % {"file": file}
        )

    def _write(self, source: Path, file: Path) -> None:
        with tempfile.TemporaryDirectory(dir=source.parent) as folder, tarfile.open(file, "w:gz") as archive:
            copy = Path(folder) / source.name
            # SQLite's own backup: a copied file would miss what is still in the write-ahead log.
            with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(copy)) as target:
                original.backup(target)
            copy.chmod(0o600)
            archive.add(copy, "forward-pass.sqlite3")
            # After the database: a picture that is newer than it does no harm, a missing one would.
            for path, name in ((Path(settings.MEDIA_ROOT), "media"), (Path(settings.DATA_DIR) / "secret_key", "secret_key")):
                if path.exists():
                    archive.add(path, name)


def _not_written(file: Path, error: OSError | sqlite3.Error) -> CommandError:
    said = getattr(error, "strerror", None) or error
    return CommandError(_("The backup %(file)s could not be written: %(error)s.") % {"file": file, "error": said})
