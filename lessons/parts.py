"""What a room that keeps its own file in a lesson's folder must offer, and what it is told.

`settings.FOLDER_PARTS` names the classes; lessons call them blind, so that this room knows nothing of quizzes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from inference.models import Proof
    from inference.proofs import Snippet
    from lessons.models import Course, Lesson, LessonVersion
    from lessons.standing import Latest, Standing


class Severity(StrEnum):
    ERROR = "error"  # stops publishing
    WARNING = "warning"  # is said and stops nothing


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong with a course folder or draft: where, and a sentence that says what to do."""

    file: str
    line: int  # counts from 1; 0 when it is about the file as a whole
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class PartContext:
    """What a part may know while it checks or publishes its file."""

    course: Course
    lesson: Lesson
    meta: Mapping[str, Any]  # the lesson's validated front matter
    facts: Callable[[str], Any]  # "resnet50.parameters" → its value; raises inference.facts.FactMissing
    proofs: Callable[[Snippet], Proof | None]  # the fresh proof of a snippet; none: it must be proved first
    pictures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name → {sha256, width, height}


class LessonPart(Protocol):
    """One more file of a lesson's folder, kept by another room."""

    filename: str

    def check(self, text: str, context: PartContext) -> list[Finding]:
        """What is wrong with the file; empty when it can be published."""

    def publish(self, text: str, context: PartContext, version: LessonVersion) -> None:
        """Stores the file's content as new immutable rows of `version`, inside the publishing transaction."""

    def snippets(self, text: str) -> Sequence[tuple[str, Snippet]]:
        """Every snippet whose proof the file needs, each with what it proves; empty for a file that cannot be read."""

    def standings(self, text: str, latest: Latest, facts: Callable[[str], Any]) -> Sequence[Standing]:
        """How the proofs of these snippets stand, in their order."""


def folder_parts() -> list[LessonPart]:
    """One instance of each class that settings.FOLDER_PARTS names."""
    return [import_string(path)() for path in settings.FOLDER_PARTS]


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """Those findings that stop publishing."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]
