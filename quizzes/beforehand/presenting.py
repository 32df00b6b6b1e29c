"""A prediction as one person may see it now: to be made, made and waiting for a run, or told beside what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from django.urls import reverse

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.beforehand.happened import happened_since
from quizzes.beforehand.predictions import made_of, tell
from quizzes.drawing import order_for_all
from quizzes.models import AttemptQuestion, QuizQuestion
from quizzes.presenting import QuestionView, question_view, unasked_view


@dataclass(frozen=True, slots=True)
class PredictionView:
    """The question before a run, what was said, and what came true."""

    question: QuestionView
    mode: str
    version: int  # of the quiz: what is answered is what was shown
    url: str
    outcome_url: str
    happened: str = ""  # what the latest run since came to
    made: AttemptQuestion | None = None
    notice: str = ""  # why an answer was refused
    written: str = ""  # the number that was refused, which must not be lost
    focus: str = ""  # the id of what is new
    idempotency_key: UUID = field(default_factory=uuid4)

    @property
    def is_told(self) -> bool:
        return self.question.verdict is not None

    @property
    def said(self) -> str:
        """The letters that were chosen, or the number that was written."""
        return self.question.text or ", ".join(option.letter for option in self.question.options if option.chosen)


def prediction_view(
    asked: QuizQuestion,
    version: LessonVersion,
    person: User | None,
    *,
    now: datetime,
    notice: str = "",
    written: str = "",
    focus: str = "",
) -> PredictionView:
    """What to show before a mode. A prediction that a run was made after is told from here on."""
    made = made_of(asked, person)
    happened = ""
    if made is not None and person is not None:
        answered_at = min(response.committed_at for response in made.responses.all())
        happened = happened_since(asked.before, version=version, person=person, since=answered_at)
        if happened and made.answer_shown_at is None:
            tell(made, now=now)
    arguments = [asked.quiz_version.quiz_id, asked.before]
    return PredictionView(
        question=question_view(made.attempt, made, total=1)
        if made
        else unasked_view(asked.question_version, order_for_all(asked.question_version), version),
        mode=asked.before,
        version=asked.quiz_version_id,
        url=reverse("quizzes:prediction", args=arguments),
        outcome_url=reverse("quizzes:outcome", args=arguments),
        happened=happened,
        made=made,
        notice=notice,
        written=written,
        focus=focus,
    )
