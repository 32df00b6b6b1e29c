"""What the checks found, each with the form field or document line where it is repaired."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from lessons.models import Lesson
from lessons.parts import Finding, Severity
from lessons.schema import LESSON_FILE
from quizzes.schema import QUESTIONS_FILE
from studio.documents import LessonText, Place, QuestionsText
from studio.editing import Files
from studio.forms import called
from studio.yamltext import UnreadableError

_OPTION = re.compile(r"options-(\d+)")


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """One finding: its sentence, what it is about in words, and where to repair it."""

    message: str
    is_error: bool
    where: str
    url: str
    line: int
    file: str
    document_url: str


def placed(findings: Iterable[Finding], *, lesson: Lesson, files: Files) -> list[PlacedFinding]:
    """The findings, errors first, each leading to its field where a form shows it, else to its line."""
    places = _Places(lesson, files)
    found = [places.of(finding) for finding in findings]
    return sorted(found, key=lambda one: not one.is_error)


class _Places:
    def __init__(self, lesson: Lesson, files: Files) -> None:
        self.lesson = lesson
        self.documents: dict[str, LessonText | QuestionsText] = {}
        for name, reader in ((LESSON_FILE, LessonText), (QUESTIONS_FILE, QuestionsText)):
            try:
                self.documents[name] = reader(files.get(name, ""))
            except UnreadableError:
                continue  # no form shows it: its lines do

    def of(self, finding: Finding) -> PlacedFinding:
        document = self.documents.get(finding.file)
        place = document.place_of(finding.line) if document and finding.line else Place()
        if finding.file == LESSON_FILE and document and not finding.line:
            place = Place("lesson")
        address = self._url("document", finding.file) if finding.file in (LESSON_FILE, QUESTIONS_FILE) else ""
        document_url = f"{address}?line={finding.line}#id_text" if address else ""
        return PlacedFinding(
            message=finding.message,
            is_error=finding.severity == Severity.ERROR,
            where=self._words(place, finding),
            url=self._address(place) or document_url,
            line=finding.line,
            file=finding.file,
            document_url=document_url,
        )

    def _address(self, place: Place) -> str:
        fragment = f"#id_{place.field}" if place.field else ""
        line = f"?line={place.line}" if place.line else ""
        match place.page:
            case "lesson":
                return self._url("lesson") + line + fragment
            case "question":
                return self._url("question", place.uid) + fragment if place.uid else ""
            case "misconceptions":
                return self._url("misconceptions") + fragment
            case "quiz":
                return self._url("questions") + (f"#list-{place.field}" if place.field in ("test", "practice") else fragment)
        return ""

    def _words(self, place: Place, finding: Finding) -> str:
        if place.page == "question":
            question = _("Question “%(called)s”") % {"called": self._called(place.uid) or place.uid}
            option = _OPTION.match(place.field)
            # Sentences name an option by its short name, which forms don't show: they count.
            return (
                _("%(question)s, option %(number)s") % {"question": question, "number": int(option[1]) + 1}
                if option
                else question
            )
        if place.field == "body":
            return _("Lesson text, line %(line)s") % {"line": place.line}
        pages = {"misconceptions": _("Misconceptions"), "quiz": _("Test and practice"), "lesson": _("Lesson")}
        if place.page in pages:
            return pages[place.page]
        if finding.line:
            return _("%(file)s, line %(line)s") % {"file": finding.file, "line": finding.line}
        return finding.file

    def _called(self, uid: str) -> str:
        document = self.documents.get(QUESTIONS_FILE)
        if not isinstance(document, QuestionsText):
            return ""
        return called(document.questions[document.uids.index(uid)], 60)

    def _url(self, name: str, *more: str) -> str:
        return reverse(f"studio:{name}", args=[self.lesson.course.slug, self.lesson.slug, *more])
