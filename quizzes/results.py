"""What an attempt came to: by question, by objective, in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizzes.grading import Marked, Tally, tally, tally_by_objective
from quizzes.models import Attempt, AttemptQuestion, Grade, Response


@dataclass(frozen=True, slots=True)
class Committed:
    """One committed answer with the grade that counts: the newest."""

    response: Response
    grade: Grade

    @property
    def is_right(self) -> bool:
        return self.grade.score >= 1


@dataclass(frozen=True, slots=True)
class ResultItem:
    """One question of an attempt and what was answered; no answer reaches nothing."""

    question: AttemptQuestion
    committed: tuple[Committed, ...]

    @property
    def counting(self) -> Committed | None:
        """The answer that counts is the first one; in practice the later ones are for learning."""
        return self.committed[0] if self.committed else None

    @property
    def is_right(self) -> bool:
        """Right at the first answer."""
        return self.counting is not None and self.counting.is_right

    @property
    def is_partly_right(self) -> bool:
        """Neither wholly right nor wholly wrong at the first answer."""
        return self.counting is not None and 0 < self.counting.grade.score < 1

    @property
    def marked(self) -> Marked:
        reached = self.counting.grade.points if self.counting else 0.0
        return Marked(self.question.question_version.objective, points=self.question.points, reached=reached)


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to."""

    attempt: Attempt
    items: tuple[ResultItem, ...]
    total: Tally
    by_objective: dict[str, Tally]  # objective id → tally

    @property
    def right(self) -> int:
        """How many questions were right at the first answer."""
        return sum(item.is_right for item in self.items)

    @property
    def missed(self) -> tuple[ResultItem, ...]:
        return tuple(item for item in self.items if not item.is_right)


def committed_answers(question: AttemptQuestion) -> tuple[Committed, ...]:
    """A question's answers with their newest grades, oldest first. Prefetch `responses__grades` to spare queries."""
    return tuple(
        Committed(response, max(response.grades.all(), key=lambda grade: grade.pk)) for response in question.responses.all()
    )


def items_of(attempt: Attempt, questions: Sequence[AttemptQuestion] | None = None) -> tuple[ResultItem, ...]:
    """Every question of the attempt with its committed answers; `questions` are these, where they were read before."""
    if questions is None:
        questions = list(attempt.questions.select_related("question_version").prefetch_related("responses__grades"))
    return tuple(ResultItem(question, committed_answers(question)) for question in questions)


def result_of(attempt: Attempt, questions: Sequence[AttemptQuestion] | None = None) -> Result:
    """What the attempt came to (so far, while it is open). Who may see it yet is for the caller to ask `quizzes.reveal`.

    `questions` are the attempt's with their answers and grades, where they were read before.
    """
    items = items_of(attempt, questions)
    marks = [item.marked for item in items]
    return Result(attempt=attempt, items=items, total=tally(marks), by_objective=tally_by_objective(marks))


def missed_questions(attempt: Attempt) -> list[AttemptQuestion]:
    """The questions that were not right at the first answer."""
    return [item.question for item in items_of(attempt) if not item.is_right]
