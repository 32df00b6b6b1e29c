"""manage.py export_course SLUG FOLDER: write a course as learners see it into a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lessons.models import Course
from lessons.publishing import NotLoadable, export_folder


class Command(BaseCommand):
    help = "Write a course as learners see it into a new folder, in the form that load_course reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("course", metavar="SLUG")
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *args: Any, course: str, folder: Path, **options: Any) -> None:
        found = Course.objects.filter(slug=course).first()
        if found is None:
            known = ", ".join(Course.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no course {course}. Courses: {known}.")
        try:
            written = export_folder(found, folder)
        except NotLoadable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(written)} files in {folder}")
