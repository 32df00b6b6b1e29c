from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference.proofs import LockError, installed_versions
from inference.sandbox.nest import bubblewrap
from lessons.folders import NotLoadable
from lessons.models import Course
from lessons.parts import Finding, errors
from lessons.proving import prove_drafts, prove_folder, record
from lessons.schema import COURSE_FILE
from lessons.standing import Standing, State

SHIPPED = settings.ROOT / "lessons" / "content"

CONTENT_IS_WRONG, COMMAND_IS_WRONG = 1, 2  # exit statuses; 0 is "nothing is wrong", advice left aside


def shipped_folders() -> list[Path]:
    """The course folders that come with the site."""
    return sorted(path.parent for path in SHIPPED.glob(f"*/{COURSE_FILE}"))


@dataclass(frozen=True, slots=True)
class _Report:
    """What was found of one course."""

    course: str
    findings: Sequence[Finding]
    standings: Sequence[Standing] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "course": self.course,
            "counts": _counts(self.standings),
            "snippets": [
                {"where": one.where, "state": one.state, "sentence": one.sentence, "warnings": list(one.warnings)}
                for one in self.standings
            ],
            "findings": [
                {"file": one.file, "line": one.line, "severity": one.severity, "message": one.message} for one in self.findings
            ],
        }


class Command(BaseCommand):
    help = (
        "Runs code samples and questions' proofs, and says where a page says something else than the code."
        " Exit status: 0 nothing is wrong, 1 something is wrong, stale or not recorded, 2 the command can't do what was asked."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", nargs="*", type=Path, help="course folders; without any, the shipped ones")
        parser.add_argument("--course", metavar="SLUG", help="the drafts of this course in the database instead of a folder")
        parser.add_argument(
            "--record", action="store_true", help="run what has no fresh record, and write all to proofs.lock.yaml"
        )
        parser.add_argument("--all", action="store_true", help="with --record or --course: run again what has a fresh record")
        parser.add_argument("--json", action="store_true", help="the report as one JSON document on standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        folders, slug = options["folder"], options["course"]
        if folders and slug:
            raise CommandError(_("Name folders, or a course with --course, not both."), returncode=COMMAND_IS_WRONG)
        self.progress = self.stderr if options["json"] else self.stdout
        if not bubblewrap():
            self._say(_("bubblewrap doesn’t work here: snippets can read what you may read. See docs/operations.md."))
        if slug:
            reports = [self._drafts(slug, everything=options["all"])]
        else:
            reports = [
                self._folder(path, recording=options["record"], everything=options["all"])
                for path in folders or shipped_folders()
            ]
        stopping = sum(len(errors(report.findings)) for report in reports)
        if options["json"]:
            self._write_json(reports, stopping)
        else:
            for report in reports:
                self._write(report, everything=options["verbosity"] > 1)
        if stopping:
            counted = ngettext("%(count)s thing is wrong.", "%(count)s things are wrong.", stopping)
            raise CommandError(counted % {"count": stopping}, returncode=CONTENT_IS_WRONG)
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(_("Everything says what the code does.")))

    def _folder(self, path: Path, *, recording: bool, everything: bool) -> _Report:
        self._say(_("%(folder)s: running its snippets") % {"folder": path.name})
        try:
            proved = prove_folder(path, report=self._progress, recording=recording, only_needed=recording and not everything)
        except NotLoadable as error:
            return _Report(path.name, error.findings)
        except LockError as error:
            raise CommandError(str(error), returncode=COMMAND_IS_WRONG) from error
        if recording:
            record(path, proved, now=timezone.now())
            return _Report(path.name, proved.findings, proved.standings)
        return _Report(path.name, [*proved.findings, *proved.behind], proved.standings)

    def _drafts(self, slug: str, *, everything: bool) -> _Report:
        course = Course.objects.filter(slug=slug).first()
        if course is None:
            raise CommandError(_("There is no course “%(slug)s”.") % {"slug": slug}, returncode=COMMAND_IS_WRONG)
        proved = prove_drafts(course, now=timezone.now(), report=self._progress, only_needed=not everything)
        return _Report(slug, proved.findings, proved.standings)

    def _write(self, report: _Report, *, everything: bool) -> None:
        """The table of states by lesson, each snippet that is not fresh, and what is wrong with file and line."""
        for line in _table(report.standings):
            self.stdout.write(line)
        for one in report.standings:
            if everything or one.state is not State.FRESH:
                self.stdout.write(f"{_word(one.state)}: {one.where}" + (f": {one.sentence}" if one.sentence else ""))
            for warned in one.warnings if everything else ():  # those of samples and keys are advice below
                self.stdout.write(_("warns: %(where)s: %(warning)s") % {"where": one.where, "warning": warned})
        for finding in report.findings:
            self.stdout.write(str(finding))

    def _write_json(self, reports: Sequence[_Report], stopping: int) -> None:
        versions = installed_versions()
        document = {
            "installed": {"torch": versions.torch, "torchvision": versions.torchvision},
            "bubblewrap": bool(bubblewrap()),
            "wrong": stopping,
            "courses": [report.as_json() for report in reports],
        }
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))

    def _say(self, line: str) -> None:
        self.progress.write(line)
        self.progress.flush()

    def _progress(self, ended: int, total: int) -> None:
        if ended in (0, total) or ended % 10 == 0:
            self._say(_("  %(ended)s of %(total)s have run") % {"ended": ended, "total": total})


def _word(state: State) -> str:
    return {
        State.FRESH: _("fresh"),
        State.STALE: _("stale"),
        State.MISSING: _("missing"),
        State.FAILED: _("failed"),
        State.WEIGHTS: _("not recordable"),
    }[state]


def _counts(standings: Sequence[Standing]) -> dict[str, int]:
    counted = Counter(one.state for one in standings)
    return {str(state): counted[state] for state in State}


def _table(standings: Sequence[Standing]) -> list[str]:
    """One line for each lesson: how many of its snippets stand how."""
    by_lesson: dict[str, list[Standing]] = {}
    for one in standings:
        by_lesson.setdefault(one.where.partition("/")[0], []).append(one)
    rows = [(lesson, _counts(found)) for lesson, found in by_lesson.items()]
    wide = max((len(lesson) for lesson, _found in rows), default=0)
    lines = ["  ".join([_("lesson").ljust(wide), *(_word(state) for state in State)])]
    for lesson, counts in rows:
        lines.append("  ".join([lesson.ljust(wide), *(str(counts[state]).rjust(len(_word(state))) for state in State)]))
    return lines if rows else []
