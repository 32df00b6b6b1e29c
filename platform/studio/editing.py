"""Saving one part of a draft, so that two authors never overwrite each other unknowingly.

A form edits one part (the lesson, one question, …) and carries the fingerprint of what it was opened with. When somebody
else saved another part meanwhile, both stay. When they changed the same part, nothing is saved and both are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from accounts.models import User
from lessons.drafts import Conflict, open_draft, save_draft
from lessons.models import Draft, Lesson
from lessons.schema import LESSON_FILE
from quizzes.schema import QUESTIONS_FILE
from studio.conflicts import ClashError, fingerprint
from studio.documents import LISTS, LessonText, QuestionsText, Values

TRIES = 5
"""How often a save begins again when somebody saves in the very same moment."""

Files = Mapping[str, str]


class Part(Protocol):
    """A part of a draft that one form edits."""

    @property
    def file(self) -> str:
        """The document that it belongs to."""

    def read(self, files: Files) -> Values | None:
        """The part's form values; None when it isn't there. Raises UnreadableError for what no form can show."""

    def write(self, files: Files, values: Values) -> dict[str, str]:
        """The files with the part as the values say."""


@dataclass(frozen=True, slots=True)
class WholeLesson:
    """lesson.md."""

    file: str = LESSON_FILE

    def read(self, files: Files) -> Values:
        return LessonText(files.get(LESSON_FILE, "")).values

    def write(self, files: Files, values: Values) -> dict[str, str]:
        return {**files, LESSON_FILE: LessonText(files.get(LESSON_FILE, "")).with_values(values)}


@dataclass(frozen=True, slots=True)
class OneQuestion:
    """One question of questions.yaml, and which lists it is in."""

    uid: str
    file: str = QUESTIONS_FILE

    def read(self, files: Files) -> Values | None:
        return QuestionsText(files.get(QUESTIONS_FILE, "")).values(self.uid)

    def write(self, files: Files, values: Values) -> dict[str, str]:
        return _with_questions(files, QuestionsText(files.get(QUESTIONS_FILE, "")).with_question(self.uid, values))


@dataclass(frozen=True, slots=True)
class Misconceptions:
    """The misconceptions of questions.yaml."""

    file: str = QUESTIONS_FILE

    def read(self, files: Files) -> Values:
        return {"misconceptions": QuestionsText(files.get(QUESTIONS_FILE, "")).misconceptions}

    def write(self, files: Files, values: Values) -> dict[str, str]:
        text = QuestionsText(files.get(QUESTIONS_FILE, "")).with_misconceptions(values["misconceptions"])
        return _with_questions(files, text)


@dataclass(frozen=True, slots=True)
class QuizSettings:
    """What questions.yaml says of the test as a whole."""

    file: str = QUESTIONS_FILE

    def read(self, files: Files) -> Values:
        quiz = QuestionsText(files.get(QUESTIONS_FILE, "")).quiz
        return {name: value for name, value in quiz.items() if name not in LISTS}

    def write(self, files: Files, values: Values) -> dict[str, str]:
        document = QuestionsText(files.get(QUESTIONS_FILE, ""))
        return _with_questions(files, document.with_quiz({**document.quiz, **values}))


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One of the draft's documents as text."""

    file: str

    def read(self, files: Files) -> Values:
        return {"text": files.get(self.file, "").replace("\r\n", "\n").strip("\n")}

    def write(self, files: Files, values: Values) -> dict[str, str]:
        others = {name: text for name, text in files.items() if name != self.file}
        if values == self.read(files):
            return dict(files)
        return {**others, self.file: values["text"] + "\n"} if values["text"].strip() else others


@dataclass(frozen=True, slots=True)
class Saved:
    """A draft as saved; `merged_with` is who saved other parts of it meanwhile."""

    draft: Draft
    merged_with: User | None = None


def save_part(
    *, lesson: Lesson, part: Part, values: Values, opened_with: str, revision: int, author: User, now: datetime
) -> Saved:
    """The draft with the part saved. Raises ClashError when the part isn't what the form was opened with any more."""
    for _attempt in range(TRIES):
        draft = open_draft(lesson)
        theirs = part.read(draft.files)
        files = part.write(draft.files, values)
        if files == draft.files:  # a form sent twice, or one that changed nothing
            return Saved(draft)
        if fingerprint(theirs) != opened_with:
            raise ClashError(theirs, draft.updated_by, fingerprint(theirs))
        try:
            saved = save_draft(lesson=lesson, files=files, revision=draft.revision, author=author, now=now)
        except Conflict:
            continue
        others = draft.updated_by if draft.revision != revision and draft.updated_by != author else None
        return Saved(saved, others)
    raise ClashError(part.read(open_draft(lesson).files), None, opened_with)


def change_files(*, lesson: Lesson, change: Any, author: User, now: datetime) -> Draft:
    """The draft after `change(files)`: for small steps (a move, a copy) that hold on whatever the draft is by now."""
    for _attempt in range(TRIES):
        draft = open_draft(lesson)
        try:
            return save_draft(lesson=lesson, files=change(dict(draft.files)), revision=draft.revision, author=author, now=now)
        except Conflict:
            continue
    raise Conflict(open_draft(lesson), {})


def _with_questions(files: Files, text: str) -> dict[str, str]:
    """The files with this questions.yaml; without one when it says nothing."""
    others = {name: old for name, old in files.items() if name != QUESTIONS_FILE}
    return {**others, QUESTIONS_FILE: text} if text.strip() or QUESTIONS_FILE in files else others
