"""Who answered what, for the people who teach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from lessons.models import Lesson
from quizzes.grading import letter_of
from quizzes.models import Attempt, Confidence, QuizMode, QuizVersion, Response
from quizzes.variants import title_of


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """One committed answer as an instructor reads it."""

    who: str  # a name, an address, "guest 12", or that the person erased their account
    attempt: Attempt
    mode: str  # a value of QuizMode; the redo of a test is practice
    lesson_version: int
    question_uid: str
    question_version: int  # of a variant, its template's
    drawn: str  # what the template asks, of a variant; empty for a question that says the same to everybody
    stem: str  # Markdown
    objective: str
    letters: tuple[str, ...]  # as this learner saw the options
    chosen: tuple[str, ...]  # the options' keys
    texts: tuple[str, ...]  # the options' words, Markdown; or what was written
    gave_up: bool
    number: int  # the how-manieth answer to this question in the attempt
    right: bool
    score: float
    confidence: str  # how sure they said they were: a value of Confidence; empty: not said
    at: datetime

    @property
    def mode_label(self) -> str:
        return str(QuizMode(self.mode).label)

    @property
    def confidence_label(self) -> str:
        return str(Confidence(self.confidence).label) if self.confidence else ""


def name_of(user: User | None) -> str:
    """How a person is called in a list of answers."""
    if user is None:
        return _("erased account")
    if user.is_guest:
        return _("guest %(number)s") % {"number": user.pk}
    return user.name or user.email or str(user.pk)


def responses_of(source: QuizVersion | Lesson, *, limit: int = 1000) -> list[ResponseRecord]:
    """The newest answers given to a quiz version, or to every version of a lesson's quizzes; at most `limit`."""
    rows = Response.objects.select_related(
        "attempt_question__question_version__question",
        "attempt_question__question_version__template",
        "attempt_question__attempt__user",
        "attempt_question__attempt__quiz_version__quiz",
        "attempt_question__attempt__quiz_version__lesson_version",
    ).prefetch_related("grades", "attempt_question__question_version__options")
    if isinstance(source, QuizVersion):
        rows = rows.filter(attempt_question__attempt__quiz_version=source)
    else:
        rows = rows.filter(attempt_question__attempt__quiz_version__quiz__lesson=source)
    return [_record(response) for response in rows.order_by("-committed_at", "-pk")[:limit]]


def answer_texts(response: Response) -> tuple[str, ...]:
    """The words of the options that were chosen, Markdown; or what was written. Prefetch the options to spare queries."""
    texts = {option.key: option.text for option in response.attempt_question.question_version.options.all()}
    return tuple(texts[key] for key in response.options) or ((response.text,) if response.text else ())


def _record(response: Response) -> ResponseRecord:
    asked = response.attempt_question
    attempt = asked.attempt
    version = asked.question_version
    score = max(response.grades.all(), key=lambda grade: grade.pk).score
    return ResponseRecord(
        who=name_of(attempt.user),
        attempt=attempt,
        mode=attempt.mode.value,
        lesson_version=attempt.quiz_version.lesson_version.number,
        question_uid=version.question.uid,
        question_version=version.number,
        drawn=title_of(version.template) if version.template else "",
        stem=version.stem,
        objective=version.objective,
        letters=tuple(letter_of(key, asked.option_order) for key in response.options),
        chosen=tuple(response.options),
        texts=answer_texts(response),
        gave_up=response.gave_up,
        number=response.number,
        right=score >= 1,
        score=score,
        confidence=response.confidence,
        at=response.committed_at,
    )
