"""manage.py load_course [FOLDER…]: make the site show course folders; by default the shipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from lessons.publishing import FolderReport, NotLoadable, load_folder
from lessons.schema import COURSE_FILE


class Command(BaseCommand):
    help = "Load course folders (default: the shipped ones). Loading an unchanged folder does nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
        parser.add_argument("--owner", metavar="EMAIL", help="the instructor who owns a course that is new here")

    def handle(self, *args: Any, folders: list[Path], owner: str | None, **options: Any) -> None:
        author = User.objects.filter(email=owner).first() if owner else None
        if owner and author is None:
            raise CommandError(f"There is no account with the address {owner}.")
        failed = 0
        for folder in folders or shipped_folders():
            try:
                self._say(folder, load_folder(folder, author=author, now=timezone.now()))
            except NotLoadable as error:
                failed += 1
                for finding in error.findings:
                    self.stderr.write(f"{folder.name}/{finding}")
        if failed:
            raise CommandError("Nothing was loaded from the folders named above. Repair them and load again.")

    def _say(self, folder: Path, report: FolderReport) -> None:
        for finding in report.warnings:
            self.stderr.write(f"{folder.name}/{finding}")
        for lesson in report.published:
            self.stdout.write(f"{report.course.slug}: published {lesson}")
        for lesson in report.drafted:
            self.stdout.write(
                f"{report.course.slug}: {lesson} was edited in the studio; the folder's words wait there as its draft"
            )
        for lesson in report.left_alone:
            self.stdout.write(f"{report.course.slug}: {lesson} has a draft in the studio and was left alone")
        if not (report.published or report.drafted or report.left_alone):
            self.stdout.write(f"{report.course.slug}: unchanged")


def shipped_folders() -> list[Path]:
    """The courses that come with the house."""
    content = Path(settings.ROOT) / "lessons" / "content"
    return sorted(path.parent for path in content.glob(f"*/{COURSE_FILE}"))
