"""Which questions an attempt asks, and in which order: chance and mode decide it once, and the attempt keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import SystemRandom

from quizzes.grading import draw_order
from quizzes.models import Attempt, AttemptQuestion, Difficulty, QuizMode, QuizQuestion, QuizVersion

Asked = QuizQuestion | AttemptQuestion
"""What a question to be drawn comes from: a quiz, or the attempt that missed it."""

_EASY_FIRST = {value: rank for rank, value in enumerate(Difficulty.values)}


def questions_to_ask(quiz_version: QuizVersion) -> list[QuizQuestion]:
    """The questions that a new attempt at this quiz asks, in its order: practice goes from easy to hard."""
    questions = list(quiz_version.quiz_questions.select_related("question_version").order_by("position"))
    if quiz_version.quiz.mode == QuizMode.PRACTICE:
        questions.sort(key=lambda question: _EASY_FIRST.get(question.question_version.difficulty, 0))
    return questions


def draw_questions(attempt: Attempt, questions: Iterable[Asked], *, after: int = 0) -> Sequence[AttemptQuestion]:
    """Puts the questions into the attempt, behind the place `after`, each with an order of options of its own."""
    chance = SystemRandom()
    return AttemptQuestion.objects.bulk_create(
        AttemptQuestion(
            attempt=attempt,
            position=position,
            question_version=question.question_version,
            points=question.points,
            option_order=draw_order([option.key for option in question.question_version.options.all()], chance),
        )
        for position, question in enumerate(questions, start=after + 1)
    )
