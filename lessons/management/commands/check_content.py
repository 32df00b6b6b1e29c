from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference.proofs import LockError
from lessons.folders import NotLoadable
from lessons.models import Course
from lessons.parts import Finding, errors
from lessons.proving import prove_drafts, prove_folder, record
from lessons.schema import COURSE_FILE

SHIPPED = settings.ROOT / "lessons" / "content"


def shipped_folders() -> list[Path]:
    """The course folders that come with the site."""
    return sorted(path.parent for path in SHIPPED.glob(f"*/{COURSE_FILE}"))


class Command(BaseCommand):
    help = "Runs every code sample and every question's proof, and says where a page says something else than the code."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", nargs="*", type=Path, help="course folders; without any, the shipped ones")
        parser.add_argument("--course", metavar="SLUG", help="the drafts of this course in the database instead of a folder")
        parser.add_argument("--record", action="store_true", help="write what was printed to proofs.lock.yaml")

    def handle(self, *_args: Any, **options: Any) -> None:
        folders, slug = options["folder"], options["course"]
        if folders and slug:
            raise CommandError(_("Name folders, or a course with --course, not both."))
        if slug:
            findings = self._drafts(slug)
        else:
            findings = [
                finding for path in folders or shipped_folders() for finding in self._folder(path, recording=options["record"])
            ]
        for finding in findings:
            self.stdout.write(str(finding))
        stopping = len(errors(findings))
        if stopping:
            counted = ngettext("%(count)s thing is wrong.", "%(count)s things are wrong.", stopping)
            raise CommandError(counted % {"count": stopping})
        self.stdout.write(self.style.SUCCESS(_("Everything says what the code does.")))

    def _folder(self, path: Path, *, recording: bool) -> list[Finding]:
        self.stdout.write(_("%(folder)s: running its snippets") % {"folder": path.name})
        try:
            proved = prove_folder(path, report=self._report)
        except NotLoadable as error:
            return error.findings
        except LockError as error:
            raise CommandError(str(error)) from error
        if not recording:
            return [*proved.findings, *proved.behind]
        record(path, proved, now=timezone.now())
        return proved.findings

    def _drafts(self, slug: str) -> list[Finding]:
        course = Course.objects.filter(slug=slug).first()
        if course is None:
            raise CommandError(_("There is no course “%(slug)s”.") % {"slug": slug})
        return prove_drafts(course, now=timezone.now(), report=self._report).findings

    def _report(self, ended: int, total: int) -> None:
        if ended in (0, total) or ended % 10 == 0:
            self.stdout.write(_("  %(ended)s of %(total)s have run") % {"ended": ended, "total": total})
            self.stdout.flush()
