"""What a person's answers say of their strengths: the rows behind `quizzes.strength` and `quizzes.adapting`.

Which answers count: the first one to a question in an attempt, in practice and tests alike, as soon as the learner may be told
whether it was right. Of several attempts the latest counts. Giving up counts as not right. An answer after a hint counts
neither way, so that hints stay free; nor does the redo of a test, which asks again what was just explained, nor a guess at what
is asked before the lesson.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, Subquery, Sum

from accounts.models import User
from lessons.models import Lesson
from quizzes.adapting import Candidate, Pick, next_question
from quizzes.calibration import Calibration, calibration_of
from quizzes.models import BEFOREHAND, Attempt, AttemptQuestion, Grade, QuizMode, Response
from quizzes.results import committed_answers
from quizzes.reveal import takes_answers, tells_verdict
from quizzes.services import situation_of
from quizzes.strength import Estimate, Observation, authored_difficulty, estimate, guessing_floor, observed_difficulty

Objective = tuple[int, str]
"""A lesson's row id and the objective's id within it."""

_VERSION = "attempt_question__question_version"
_ATTEMPT = "attempt_question__attempt"


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """The first answer to one question in one attempt."""

    asked: AttemptQuestion
    objective: Objective
    score: float
    counts: bool  # see the head of this module
    told: bool  # whether the learner may know by now if it was right
    confidence: str  # how sure they said they were; empty: not said


def first_answers(person: User | None, *, lesson: Lesson | None = None) -> list[FirstAnswer]:
    """This person's first answers, the oldest first, in one query; only those to a lesson's questions where one is named."""
    if person is None:
        return []
    rows = Response.objects.filter(number=1, attempt_question__attempt__user=person).annotate(newest_score=newest_score())
    if lesson is not None:
        rows = rows.filter(attempt_question__attempt__quiz_version__quiz__lesson=lesson)
    rows = rows.select_related(_VERSION, f"{_ATTEMPT}__quiz_version__quiz").defer(f"{_VERSION}__stem", f"{_VERSION}__facts")
    return [_first_answer(row, row.newest_score) for row in rows.order_by("committed_at", "pk")]


def _first_answer(response: Response, score: float) -> FirstAnswer:
    asked = response.attempt_question
    attempt = asked.attempt
    told = tells_verdict(situation_of(attempt, asked, answered=True))
    return FirstAnswer(
        asked=asked,
        objective=(attempt.quiz_version.quiz.lesson_id, asked.question_version.objective),
        score=score,
        counts=told and attempt.mode not in BEFOREHAND and not attempt.is_redo and not response.hint_seen,
        told=told,
        confidence=response.confidence,
    )


def calibration_from(answers: Iterable[FirstAnswer]) -> Calibration:
    """How right somebody was when they said how sure they were: of the answers they may know the outcome of."""
    return calibration_of((first.confidence, first.score >= 1) for first in answers if first.told)


def strengths_by_objective(person: User | None, answers: Iterable[FirstAnswer]) -> dict[Objective, Estimate]:
    """The strength in every objective that an answer was counted for; one query, for how hard others found the questions."""
    latest = {first.asked.question_version.question_id: first for first in answers if first.counts}
    difficulties = difficulties_of([first.asked for first in latest.values()], without=person)
    observed: dict[Objective, list[Observation]] = {}
    for first in latest.values():
        observation = Observation(difficulties[first.asked.question_version_id], _floor(first.asked), first.score)
        observed.setdefault(first.objective, []).append(observation)
    return {objective: estimate(observations) for objective, observations in observed.items()}


def difficulties_of(asked: Sequence[AttemptQuestion], *, without: User | None) -> dict[int, float]:
    """Question version id → difficulty in logits: as authored, moved by first answers in everybody else's finished attempts.

    The person's own answers are left out, since they are what their strength is estimated from.
    """
    wanted = {one.question_version_id: one for one in asked}
    rows = Response.objects.filter(
        number=1,
        hint_seen=False,
        attempt_question__question_version__in=wanted,
        attempt_question__attempt__is_redo=False,
        attempt_question__attempt__finished_at__isnull=False,
    ).exclude(
        Q(attempt_question__attempt__user=without) | Q(attempt_question__attempt__quiz_version__quiz__mode__in=BEFOREHAND)
    )
    scored = rows.annotate(newest_score=newest_score()).values_list(_VERSION)
    totals = scored.annotate(answers=Count("pk"), reached=Sum("newest_score")) if wanted else ()
    seen = {version: (answers, reached) for version, answers, reached in totals}
    return {version: _difficulty(one, *seen.get(version, (0, 0.0))) for version, one in wanted.items()}


def _difficulty(asked: AttemptQuestion, answers: int, reached: float) -> float:
    authored = authored_difficulty(asked.question_version.difficulty)
    return observed_difficulty(authored=authored, guessing=_floor(asked), reached=reached, answers=answers)


def _floor(asked: AttemptQuestion) -> float:
    return guessing_floor(asked.question_version.kind, len(asked.option_order))


def newest_score() -> Subquery:
    """The score of a response's newest grade: the one that counts."""
    return Subquery(Grade.objects.filter(response=OuterRef("pk")).order_by("-pk").values("score")[:1])


# --- practice ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Practice:
    """What practice goes on with: the best question of all (`best`), and the best after the one on the screen (`onward`)."""

    best: Pick | None = None
    onward: Pick | None = None


def adapts(attempt: Attempt) -> bool:
    """Whether the next question follows from the history: in practice, while it goes on; tests and redos keep their order."""
    return attempt.quiz_version.quiz.mode == QuizMode.PRACTICE and not attempt.is_redo and not attempt.is_finished


def practice_at(attempt: Attempt, questions: Sequence[AttemptQuestion], *, here: int = 0) -> Practice:
    """The best question among the open ones of a practice attempt, and the best other than the one at the place `here`.

    `questions` are all of the attempt's, with their answers. Neither is found where nothing adapts. Nothing is written, so that
    two tabs of the same history are led to the same question.
    """
    if not adapts(attempt):
        return Practice()
    before = first_answers(attempt.user, lesson=attempt.quiz_version.lesson_version.lesson)
    strengths = strengths_by_objective(attempt.user, before)
    lesson = attempt.quiz_version.quiz.lesson_id
    names = {question.question_version.objective for question in questions}
    estimates = {name: strengths.get((lesson, name)) or estimate(()) for name in names}
    candidates = _candidates(attempt, questions, before)
    others = [candidate for candidate in candidates if candidate.position != here]
    return Practice(next_question(candidates, estimates), next_question(others, estimates))


def _candidates(attempt: Attempt, questions: Sequence[AttemptQuestion], before: Sequence[FirstAnswer]) -> list[Candidate]:
    """The attempt's questions that still take answers, as the rules of `quizzes.adapting` see them."""
    answered = {question.pk: bool(committed_answers(question)) for question in questions}
    left = [
        question for question in questions if takes_answers(situation_of(attempt, question, answered=answered[question.pk]))
    ]
    seen = _sittings_of(before, without=attempt)
    difficulties = difficulties_of(left, without=attempt.user)
    return [
        Candidate(
            position=question.position,
            objective=question.question_version.objective,
            difficulty=difficulties[question.question_version_id],
            guessing=_floor(question),
            tried=answered[question.pk],
            seen=seen.get(question.question_version.question_id, 0),
        )
        for question in left
    ]


def _sittings_of(before: Sequence[FirstAnswer], *, without: Attempt) -> dict[int, int]:
    """Question id → the number (from 1, the oldest first) of the earlier attempt that it was last answered in."""
    earlier = [first for first in before if first.asked.attempt_id != without.pk]
    numbers: dict[object, int] = {}
    for first in earlier:
        numbers.setdefault(first.asked.attempt_id, len(numbers) + 1)
    return {first.asked.question_version.question_id: numbers[first.asked.attempt_id] for first in earlier}
