"""From a lesson's pool and a person's history to the questions of one test of the pattern."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from django.db.models import Max

from accounts.models import User
from quizzes.models import QuestionVersion, QuizQuestion, Response
from quizzes.patterns.choosing import Candidate, choose


def drawn_of(pool: Sequence[QuizQuestion], person: User, chance: Random) -> list[QuizQuestion]:
    """The questions that this person's next test asks, from easy to hard; one query."""
    seen = _seen(person, {question.question_version.question_id for question in pool})
    candidates = [_candidate(place, question.question_version, seen) for place, question in enumerate(pool)]
    return [pool[one.place] for one in choose(candidates, chance)]


def _candidate(place: int, version: QuestionVersion, seen: dict[int, int]) -> Candidate:
    return Candidate(
        place=place,
        objective=version.objective,
        difficulty=version.difficulty,
        family=f"{version.kind} {version.recipe.get('template', version.pk)}" if version.recipe else "",
        seen=seen.get(version.question_id, 0),
    )


def _seen(person: User, questions: Collection[int]) -> dict[int, int]:
    """Question id → the number (from 1, the oldest first) of the sitting it was last answered in, in any mode."""
    answered = Response.objects.filter(
        attempt_question__attempt__user=person, attempt_question__question_version__question__in=questions
    )
    rows = answered.values_list("attempt_question__question_version__question_id")
    last = dict(rows.annotate(last=Max("attempt_question__attempt__started_at")))
    numbers = {at: number for number, at in enumerate(sorted(set(last.values())), start=1)}
    return {question: numbers[at] for question, at in last.items()}
