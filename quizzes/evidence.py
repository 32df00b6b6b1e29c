"""What a person's answers say of their strengths: the rows behind `quizzes.strength` and `quizzes.adapting`.

Which answers count: the first one to a question in an attempt, as soon as the learner may be told
whether it was right. Of several attempts the latest counts. Giving up counts as not right. An answer after a hint counts
neither way, so that hints stay free; nor does the redo of a test, which asks again what was just explained, nor a guess at what
is asked before the lesson.

Two things are made of them, and kept apart. The verdict (weak, growing, strong) rests on what was answered without help alone,
in tests of any kind, and on what was left open there: `verdict_evidence`. What practice goes on with follows from practice as
well: `adaptive_evidence`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import F, OuterRef, Q, Subquery

from accounts.models import User
from lessons.models import Lesson
from quizzes.adapting import Candidate, Pick, next_question
from quizzes.calibration import Calibration, calibration_of
from quizzes.models import BEFOREHAND, UNAIDED, Attempt, AttemptQuestion, CountedAnswers, Grade, QuizMode, Response
from quizzes.results import committed_answers
from quizzes.reveal import takes_answers, tells_questions, tells_verdict
from quizzes.services import situation_of, standing_of
from quizzes.strength import (
    Estimate,
    Observation,
    authored_difficulty,
    estimate,
    guessing_floor,
    left_open,
    observed_difficulty,
)

Objective = tuple[int, str]
"""A lesson's row id and the objective's id within it."""

Group = TypeVar("Group", bound=Hashable)

OBSERVED = (*UNAIDED, QuizMode.PRACTICE)
"""Whose first answers say how hard a question is: not those before the lesson was read, nor those after it was explained."""

_VERSION = "attempt_question__question_version"
_ATTEMPT = "attempt_question__attempt"


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """The first answer to one question in one attempt, or that it was left open."""

    asked: AttemptQuestion
    objective: Objective
    score: float
    counts: bool  # see the head of this module
    told: bool  # whether the learner may know by now if it was right
    confidence: str  # how sure they said they were; empty: not said
    is_hinted: bool = False
    is_answered: bool = True

    @property
    def is_unaided(self) -> bool:
        """Whether the verdict may rest on it."""
        return self.counts and self.asked.attempt.mode in UNAIDED


def first_answers(person: User | None, *, lesson: Lesson | None = None) -> list[FirstAnswer]:
    """This person's first answers, the oldest first, in one query; only those to a lesson's questions where one is named."""
    if person is None:
        return []
    rows = Response.objects.filter(number=1, attempt_question__attempt__user=person).annotate(newest_score=newest_score())
    if lesson is not None:
        rows = rows.filter(attempt_question__attempt__quiz_version__quiz__lesson=lesson)
    rows = rows.select_related(_VERSION, f"{_ATTEMPT}__quiz_version__quiz").defer(f"{_VERSION}__stem", f"{_VERSION}__facts")
    return [_first_answer(row, row.newest_score) for row in rows.order_by("committed_at", "pk")]


def answers_and_open(person: User | None, *, lesson: Lesson | None = None) -> list[FirstAnswer]:
    """What a verdict is made of: this person's first answers, and before them what they left open in tests; one query more."""
    return [*_left_open(person, lesson), *first_answers(person, lesson=lesson)]


def _left_open(person: User | None, lesson: Lesson | None) -> list[FirstAnswer]:
    """What this person handed in unanswered, as far as they may be told of it. What no time was left for says nothing."""
    if person is None:
        return []
    had_time = Q(attempt__deadline_at=None) | Q(attempt__finished_at__lt=F("attempt__deadline_at"))
    rows = AttemptQuestion.objects.filter(
        had_time,
        attempt__user=person,
        attempt__is_redo=False,
        attempt__finished_at__isnull=False,
        attempt__quiz_version__quiz__mode__in=UNAIDED,
        responses__isnull=True,
    )
    if lesson is not None:
        rows = rows.filter(attempt__quiz_version__quiz__lesson=lesson)
    rows = rows.select_related("question_version", "attempt__quiz_version__quiz")
    rows = rows.defer("question_version__stem", "question_version__facts").order_by("attempt__finished_at", "pk")
    return [_unanswered(asked) for asked in rows]


def _unanswered(asked: AttemptQuestion) -> FirstAnswer:
    told = tells_questions(standing_of(asked.attempt))
    return FirstAnswer(
        asked=asked,
        objective=(asked.attempt.quiz_version.quiz.lesson_id, asked.question_version.objective),
        score=0.0,
        counts=told,
        told=told,
        confidence="",
        is_answered=False,
    )


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
        is_hinted=response.hint_seen,
    )


def calibration_from(answers: Iterable[FirstAnswer]) -> Calibration:
    """How right somebody was when they said how sure they were: of the answers they may know the outcome of."""
    return calibration_of((first.confidence, first.score >= 1) for first in answers if first.told)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Answers that an estimate rests on, each with what it says by the model of `quizzes.strength`."""

    weighed: Sequence[tuple[FirstAnswer, Observation]]

    def by_objective(self) -> dict[Objective, Estimate]:
        """The estimate for every objective that one of the answers was about."""
        return self._grouped(lambda first: first.objective)

    def by_lesson(self) -> dict[int, Estimate]:
        """The estimate for every lesson, by its row id, that one of the answers was about."""
        return self._grouped(lambda first: first.objective[0])

    def whole(self) -> Estimate:
        """One estimate from all of the answers."""
        return estimate(observation for _first, observation in self.weighed)

    def _grouped(self, group_of: Callable[[FirstAnswer], Group]) -> dict[Group, Estimate]:
        groups: dict[Group, list[Observation]] = {}
        for first, observation in self.weighed:
            groups.setdefault(group_of(first), []).append(observation)
        return {group: estimate(observations) for group, observations in groups.items()}


Difficulties = Mapping[int, float]
"""Question version id → difficulty in logits."""


def verdict_evidence(answers: Sequence[FirstAnswer], difficulties: Difficulties | None = None) -> Evidence:
    """What the verdict rests on: the latest answer to each question that was given without help. Practice is never in it.

    Of `answers_and_open`, what was left open counts where the question was never answered in a test. One query for the
    difficulties, unless they are at hand.
    """
    return _weighed(_latest(first for first in answers if first.is_unaided), answers, difficulties)


def adaptive_evidence(answers: Sequence[FirstAnswer], difficulties: Difficulties | None = None) -> Evidence:
    """What practice adapts to: the latest answer to each question, in practice and tests alike; queries as above."""
    return _weighed(_latest(first for first in answers if first.counts and first.is_answered), answers, difficulties)


def evidence_of(attempt: Attempt, answers: Sequence[FirstAnswer], difficulties: Difficulties | None = None) -> Evidence:
    """What one test alone says. `answers` are its person's `answers_and_open`, to that lesson at least; queries as above."""
    given = [first for first in answers if first.is_unaided and first.asked.attempt_id == attempt.pk]
    return _weighed(given, answers, difficulties)


def _latest(answers: Iterable[FirstAnswer]) -> list[FirstAnswer]:
    return list({first.asked.question_version.question_id: first for first in answers}.values())


def _weighed(chosen: Sequence[FirstAnswer], own: Sequence[FirstAnswer], difficulties: Difficulties | None) -> Evidence:
    if difficulties is None:
        difficulties = difficulties_of([first.asked for first in chosen], own=own)
    return Evidence([(first, _observed(first, difficulties[first.asked.question_version_id])) for first in chosen])


def _observed(first: FirstAnswer, difficulty: float) -> Observation:
    guessing = _floor(first.asked)
    return (
        Observation(difficulty, guessing, first.score)
        if first.is_answered
        else left_open(difficulty=difficulty, guessing=guessing)
    )


def difficulties_of(asked: Sequence[AttemptQuestion], *, own: Iterable[FirstAnswer]) -> Difficulties:
    """Question version id → difficulty in logits: as authored, moved by how everybody else's first answers came out; one query.

    The person's `own` answers are taken out of what was counted, since they are what their strength is estimated from.
    Variants of one template share its count.
    """
    versions = {one.question_version_id: one for one in asked}
    rows = (
        CountedAnswers.objects.filter(question_version__in={counted_as(one) for one in versions.values()}) if versions else ()
    )
    counts = {row.question_version_id: _Count(row.answers, row.reached, row.until) for row in rows}
    for first in own:
        count = counts.get(counted_as(first.asked))
        if count and is_counted(first, until=count.until):
            count.take_out(first.score)
    return {version: _difficulty(one, counts.get(counted_as(one))) for version, one in versions.items()}


@dataclass(slots=True)
class _Count:
    answers: int
    reached: float
    until: datetime

    def take_out(self, score: float) -> None:
        # A regrade since the count may leave more to take out than there is.
        self.answers = max(0, self.answers - 1)
        self.reached = min(max(0.0, self.reached - score), float(self.answers))


def counted_as(asked: AttemptQuestion) -> int:
    """Under which question version the answers are counted: of a variant, its template."""
    return asked.question_version.template_id or asked.question_version_id


def is_counted(first: FirstAnswer, *, until: datetime) -> bool:
    """Whether a count up to that moment holds this answer; `quizzes.observing` asks the database the same."""
    attempt = first.asked.attempt
    finished = attempt.finished_at is not None and attempt.finished_at <= until
    return first.is_answered and finished and attempt.mode in OBSERVED and not first.is_hinted


def _difficulty(asked: AttemptQuestion, count: _Count | None) -> float:
    authored = authored_difficulty(asked.question_version.difficulty)
    if count is None:
        return authored
    return observed_difficulty(authored=authored, guessing=_floor(asked), reached=count.reached, answers=count.answers)


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
    strengths = adaptive_evidence(before).by_objective()
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
    difficulties = difficulties_of(left, own=before)
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
