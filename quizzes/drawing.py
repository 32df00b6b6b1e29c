"""Which questions an attempt asks, and in which order: chance and mode decide it once, and the attempt keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random, SystemRandom
from typing import Protocol

from accounts.models import User
from quizzes.grading import draw_order
from quizzes.models import Attempt, AttemptQuestion, Difficulty, QuestionVersion, QuizMode, QuizQuestion, QuizVersion
from quizzes.patterns.drawing import drawn_of
from quizzes.variants import NotDrawable, Variants, is_template


class Asked(Protocol):
    """What a question to be drawn comes from: a quiz, the attempt that missed it, or the wish for one more like another."""

    @property
    def question_version(self) -> QuestionVersion: ...

    @property
    def points(self) -> int: ...


_EASY_FIRST = {value: rank for rank, value in enumerate(Difficulty.values)}


def questions_to_ask(quiz_version: QuizVersion, person: User) -> list[QuizQuestion]:
    """The questions that this person's new attempt at the quiz asks, in its order: practice goes from easy to hard."""
    questions = _questions_of(quiz_version)
    if quiz_version.quiz.mode == QuizMode.PATTERN:
        return drawn_of(_askable(questions, person), person, SystemRandom())
    if quiz_version.quiz.mode == QuizMode.PRACTICE:
        questions.sort(key=lambda question: _EASY_FIRST.get(question.question_version.difficulty, 0))
    return questions


def _questions_of(quiz_version: QuizVersion) -> list[QuizQuestion]:
    asked = quiz_version.quiz_questions.select_related("question_version__question__lesson__course")
    return list(asked.order_by("position"))


def draw_questions(attempt: Attempt, questions: Iterable[Asked], *, after: int = 0) -> Sequence[AttemptQuestion]:
    """Puts the questions into the attempt, behind the place `after`, each with an order of options of its own.

    A template is asked by a variant of its own, in words that the attempt has not asked yet. One of which nothing can be drawn,
    because what it is drawn from is not known (yet), is left out.
    """
    by_chance = attempt.mode != QuizMode.PREDICTION
    asked = _versions(questions, attempt.user, besides=set(attempt.questions.values_list("question_version__stem", flat=True)))
    return AttemptQuestion.objects.bulk_create(
        AttemptQuestion(
            attempt=attempt,
            position=position,
            question_version=version,
            points=points,
            option_order=order_of(version) if by_chance else order_for_all(version),
        )
        for position, (version, points) in enumerate(asked, start=after + 1)
    )


def order_of(version: QuestionVersion) -> list[str]:
    """The question's options in an order of this one attempt."""
    return draw_order([option.key for option in version.options.all()], SystemRandom())


def order_for_all(version: QuestionVersion) -> list[str]:
    """The question's options in an order that everybody sees: a prediction is on its page before there is an attempt."""
    return draw_order([option.key for option in version.options.all()], Random(version.public_sha256))  # noqa: S311 - no secret


def _versions(questions: Iterable[Asked], person: User | None, *, besides: set[str]) -> list[tuple[QuestionVersion, int]]:
    """What is asked for each question, and its points: itself, or a fresh variant with another stem than those in `besides`."""
    variants, found = Variants(person), []
    for question in questions:
        version = question.question_version
        if is_template(version):
            try:
                version = variants.of(version, besides=besides)
            except NotDrawable:
                continue
        besides.add(version.stem)
        found.append((version, question.points))
    return found


def can_ask(quiz_version: QuizVersion) -> bool:
    """Whether a new attempt would ask anything: false while all that a quiz asks is drawn from what is not known yet."""
    versions = [question.question_version for question in _questions_of(quiz_version)]
    variants = Variants()
    return any(not is_template(version) or _is_drawable(version, variants) for version in versions)


def _askable(questions: Iterable[QuizQuestion], person: User) -> list[QuizQuestion]:
    """Without those that would be left out: a pool has others in their place."""
    variants = Variants(person)
    return [one for one in questions if not is_template(one.question_version) or _is_drawable(one.question_version, variants)]


def _is_drawable(template: QuestionVersion, variants: Variants) -> bool:
    try:
        variants.drawn(template, seed=1)
    except NotDrawable:
        return False
    return True
