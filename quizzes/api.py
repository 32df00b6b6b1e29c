"""Quizzes and attempts over HTTP. Options go by the letters that this learner saw, so an id says nothing about the key."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from ninja import Field, Path, Query, Router, Schema
from pydantic import model_validator

from accounts import people
from accounts.auth import cookie_or_bearer
from lessons.services import lesson_named
from quizzes.calibration import Sureness
from quizzes.dashboard import LessonStrengths, calibration_of_person, strengths_of
from quizzes.evidence import answers_and_open
from quizzes.grading import key_at
from quizzes.likeness import ask_another
from quizzes.models import Attempt, AttemptQuestion, Quiz, QuizMode, QuizVersion
from quizzes.patterns.choosing import ASKED
from quizzes.patterns.presenting import verdict_of
from quizzes.presenting import MisconceptionView, QuestionView, objectives_of, question_view, question_views, questions_of
from quizzes.questions import Answer
from quizzes.results import Result, result_of
from quizzes.reveal import tells_questions, tells_total
from quizzes.services import (
    attempt_for,
    attempt_question,
    current_quiz_version,
    finish_attempt,
    save_answer,
    show_hint,
    show_outcome,
    show_step,
    standing_of,
    start_attempt,
    submit_response,
)
from quizzes.strength import Estimate
from web.problems import REFUSALS, ProblemOut

router = Router(tags=["quizzes"], auth=cookie_or_bearer)

UNUSABLE = {**REFUSALS, 422: ProblemOut}
CONFLICTS = {**UNUSABLE, 409: ProblemOut}

LARGEST_ID = 2**63 - 1
RowId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Position = Annotated[int, Path(ge=1, le=1000)]


class QuizOut(Schema):
    id: int
    mode: str
    title: str
    reveal: str
    reveal_at: datetime | None = Field(description="When it tells what was right, for the policy “date”.")
    minutes: int | None = Field(description="How long an attempt may take; extra time comes on top.")
    attempts: int | None = Field(description="How many times it can be taken; none: any number.")
    opens_at: datetime | None
    closes_at: datetime | None
    questions: int
    lesson: str
    lesson_version: int


class QuizList(Schema):
    items: list[QuizOut]
    next: str | None = None


class OptionOut(Schema):
    id: str  # the letter under which this learner sees the option
    html: str
    chosen: bool
    mark: str = Field(description="“right” or “wrong”, once it may be told; else empty.")


class MisconceptionOut(Schema):
    option: str
    title: str
    belief: str
    why: str
    url: str = Field(description="Of its page, as a path; empty where readers have none.")


class SaidOut(Schema):
    option: str = Field(description="The letter of an option that was chosen; empty for a number.")
    feedback: str
    misconception: MisconceptionOut | None


class VerdictOut(Schema):
    right: bool
    score: float
    gave_up: bool
    regraded: str = Field(description="Why the points changed after a corrected key, and how; empty where they didn’t.")
    said: list[SaidOut]


class AnswerOut(Schema):
    options: list[str] = Field(description="The letters of the right options; none for a number.")
    reason: str
    final: str
    quick_check: str
    mistakes: list[MisconceptionOut]


class QuestionOut(Schema):
    number: int
    about: str
    difficulty: str
    objective: str
    stem: str
    asks: str = Field(description="“one” option, “several” or a “number”.")
    options: list[OptionOut]
    text: str = Field(description="What was written.")
    confidence: str = Field(
        description="How sure you said you are: “guess”, “likely” or “certain”; empty where you did not say."
    )
    open: bool = Field(description="Whether it still takes an answer.")
    answered: bool
    tries: int
    hint: str | None
    steps: list[str]
    verdict: VerdictOut | None = Field(description="About the latest answer, as soon as the reveal policy allows it.")
    answer: AnswerOut | None = Field(description="What is right and why, as soon as the reveal policy allows it.")


class ObjectiveScoreOut(Schema):
    objective: str
    reached: float
    points: float


class ResultOut(Schema):
    score: float
    right: int | None = Field(description="How many questions were right; none where only the total is told.")
    questions: int
    reached: float
    points: float
    objectives: list[ObjectiveScoreOut] = Field(description="Empty where only the total is told.")
    verdict: VerdictOfTestOut | None = Field(description="Of a test of the pattern.")


class VerdictOfTestOut(Schema):
    """How strong you are by this test alone. The chances (0..1) are those to know the answer to a medium question."""

    level: str = Field(description="“weak”, “growing”, “strong”; “unknown” for not enough to say.")
    low: float = Field(description="Nine in ten that it is more.")
    high: float = Field(description="Nine in ten that it is less.")
    chance: float
    answers: int = Field(description="How many answers it rests on.")
    left_open: int = Field(description="How many questions were left open: each counts like a blind guess.")
    why: list[str]


class AttemptOut(Schema):
    id: UUID
    mode: str
    reveal: str
    reveal_at: datetime | None = Field(description="When it is told what was right, for the policy “date”.")
    lesson: str
    lesson_version: int
    started_at: datetime
    deadline_at: datetime | None = Field(description="When it is handed in by itself; none without a limit.")
    finished_at: datetime | None
    questions: list[QuestionOut]
    result: ResultOut | None = Field(description="After finishing, as soon as the reveal policy allows it.")


class StrengthOut(Schema):
    """How strong you are in an objective. The chances (0..1) are those to know the answer to a medium question."""

    lesson: str
    objective: str
    text: str
    level: str = Field(description="“weak”, “growing”, “strong”; “unknown” for not enough answers.")
    answers: int
    left_open: int = Field(description="How many questions tests asked and you left open: each counts like a blind guess.")
    chance: float
    low: float = Field(description="Nine in ten that it is more.")
    high: float = Field(description="Nine in ten that it is less.")


class StrengthList(Schema):
    items: list[StrengthOut]
    next: str | None = None


class SurenessOut(Schema):
    """The answers at one level of confidence. All shares are from 0 to 1."""

    confidence: str
    means_low: float = Field(description="What the level is taken to mean: at least this share right,")
    means_high: float = Field(description="and at most this one.")
    answers: int
    right: int
    share: float
    low: float = Field(description="The 95 % interval of the share (Wilson 1927): its lower end,")
    high: float = Field(description="and its upper end.")
    verdict: str = Field(description="“over” (surer than right), “under”, “fits”, or “too_few” answers to tell.")


class CalibrationOut(Schema):
    answers: int = Field(description="With a confidence, of which you may know whether they were right.")
    enough: bool = Field(description="Whether these are enough to say something; without, there are no levels.")
    levels: list[SurenessOut]


class ChoiceIn(Schema):
    options: list[Annotated[str, Field(max_length=16)]] = Field(default=[], max_length=6)
    text: str = Field(default="", max_length=100, description="What was written, for a question that asks for a number.")
    confidence: Literal["", "guess", "likely", "certain"] | None = Field(
        default=None, description="How sure you are: never part of a grade. Left out, what you said before stays."
    )
    final: bool = Field(default=False, description="No: keep the choice. Yes: commit and grade it.")
    idempotency_key: str = Field(default="", max_length=64, description="Needed with final: the same key is graded once.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not {"options", "text"} & self.model_fields_set:
            raise ValueError(_("Send options, or text for a number."))
        return self


class ChoiceOut(Schema):
    status: str = Field(description="“saved”, “answered” (nothing may be told yet) or “graded”.")
    question: QuestionOut


class AnotherOut(Schema):
    attempt: UUID = Field(description="The same one in practice; from the results of a test, the one at its lesson’s practice.")
    question: QuestionOut


def never_kept(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation with `Cache-Control: no-store` on its answer."""

    @functools.wraps(operation)
    def kept_by_nobody(request: HttpRequest, response: HttpResponse, *args: Any, **kwargs: Any) -> Any:
        add_never_cache_headers(response)
        return operation(request, response, *args, **kwargs)

    return kept_by_nobody


@router.get("/quizzes", response={200: QuizList, **UNUSABLE}, summary="The quizzes of a lesson")
def list_quizzes(request: HttpRequest, lesson: Annotated[str, Query(max_length=80)]) -> Any:
    version = lesson_named(lesson)
    quizzes = QuizVersion.objects.filter(lesson_version=version).select_related("quiz").order_by("quiz__mode")
    return {"items": [_quiz(quiz, lesson, version.number) for quiz in quizzes], "next": None}


@router.get("/me/strengths", response={200: StrengthList, **REFUSALS}, summary="How strong you are in each objective")
@never_kept
def list_strengths(request: HttpRequest, response: HttpResponse) -> Any:
    lessons = strengths_of(people.current(request))
    return {"items": [_strength(lesson, name) for lesson in lessons for name in lesson.objectives], "next": None}


@router.get("/me/calibration", response={200: CalibrationOut, **REFUSALS}, summary="How right you are when you are sure")
@never_kept
def get_calibration(request: HttpRequest, response: HttpResponse) -> Any:
    found = calibration_of_person(people.current(request))
    levels = [_sureness(level) for level in found.levels] if found.is_enough else []
    return {"answers": found.answers, "enough": found.is_enough, "levels": levels}


@router.post(
    "/quizzes/{quiz_id}/attempts",
    response={200: AttemptOut, **CONFLICTS},
    summary="Begin, or go on with the open attempt; the time of an exam begins with it",
)
@never_kept
def create_attempt(request: HttpRequest, response: HttpResponse, quiz_id: RowId) -> Any:
    quiz = get_object_or_404(Quiz.objects.select_related("lesson__course"), pk=quiz_id)
    quiz_version = current_quiz_version(quiz)
    attempt = start_attempt(user=people.ensure(request), quiz_version=quiz_version, now=timezone.now())
    return _attempt(attempt)


@router.get(
    "/attempts/{attempt_id}", response={200: AttemptOut, **UNUSABLE}, summary="What was shown, answered and graded so far"
)
@never_kept
def get_attempt(request: HttpRequest, response: HttpResponse, attempt_id: UUID) -> Any:
    return _attempt(attempt_for(attempt_id=attempt_id, person=people.current(request)))


@router.put(
    "/attempts/{attempt_id}/questions/{position}", response={200: ChoiceOut, **CONFLICTS}, summary="Keep or commit an answer"
)
@never_kept
def put_answer(request: HttpRequest, response: HttpResponse, attempt_id: UUID, position: Position, choice: ChoiceIn) -> Any:
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    order = attempt_question(attempt, position).option_order
    answer = Answer(frozenset(key_at(letter, order) or letter for letter in choice.options), choice.text.strip())
    if choice.final:
        submit_response(
            attempt=attempt,
            position=position,
            answer=answer,
            confidence=choice.confidence,
            idempotency_key=choice.idempotency_key,
            now=timezone.now(),
        )
    else:
        save_answer(attempt=attempt, position=position, answer=answer, confidence=choice.confidence, now=timezone.now())
    question = _one(attempt, position)
    committed = "graded" if question.verdict else "answered"
    return {"status": committed if choice.final else "saved", "question": _question(question)}


@router.post(
    "/attempts/{attempt_id}/questions/{position}/hint",
    response={200: QuestionOut, **CONFLICTS},
    summary="Show the hint (practice)",
)
@never_kept
def post_hint(request: HttpRequest, response: HttpResponse, attempt_id: UUID, position: Position) -> Any:
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    show_hint(attempt=attempt, position=position, now=timezone.now())
    return _question(_one(attempt, position))


@router.post(
    "/attempts/{attempt_id}/questions/{position}/steps/{step}",
    response={200: QuestionOut, **CONFLICTS},
    summary="Show the solution up to a step (practice); before any answer this gives up",
)
@never_kept
def post_step(request: HttpRequest, response: HttpResponse, attempt_id: UUID, position: Position, step: Position) -> Any:
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    show_step(attempt=attempt, position=position, step=step, now=timezone.now())
    return _question(_one(attempt, position))


@router.post(
    "/attempts/{attempt_id}/questions/{position}/another",
    response={200: AnotherOut, **CONFLICTS},
    summary="One more question like this one, to practise",
)
@never_kept
def post_another(request: HttpRequest, response: HttpResponse, attempt_id: UUID, position: Position) -> Any:
    """The question that is alike, added to practice where none waits: asking twice before answering it adds one."""
    person = people.current(request)
    found = ask_another(attempt=attempt_for(attempt_id=attempt_id, person=person), position=position, now=timezone.now())
    practice = attempt_for(attempt_id=found.attempt_id, person=person)
    return {"attempt": practice.pk, "question": _question(_one(practice, found.position))}


@router.post(
    "/attempts/{attempt_id}/questions/{position}/outcome",
    response={200: QuestionOut, **CONFLICTS},
    summary="Tell what was right of a prediction that was made",
)
@never_kept
def post_outcome(request: HttpRequest, response: HttpResponse, attempt_id: UUID, position: Position) -> Any:
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    show_outcome(attempt=attempt, position=position, now=timezone.now())
    return _question(_one(attempt, position))


@router.post(
    "/attempts/{attempt_id}/finish", response={200: AttemptOut, **UNUSABLE}, summary="Hand in; doing it twice changes nothing"
)
@never_kept
def post_finish(request: HttpRequest, response: HttpResponse, attempt_id: UUID) -> Any:
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    return _attempt(finish_attempt(attempt=attempt, now=timezone.now()))


# --- values as JSON ----------------------------------------------------------------------------------------------------------


def _strength(lesson: LessonStrengths, objective: str) -> dict[str, Any]:
    strength = lesson.objectives[objective].estimate
    return {
        "lesson": lesson.version.lesson.slug,
        "objective": objective,
        "text": objectives_of(lesson.version)[objective],
        **_estimate(strength),
    }


def _sureness(level: Sureness) -> dict[str, Any]:
    (least, most), (low, high) = level.means, level.interval
    return {
        "confidence": level.level,
        "means_low": least,
        "means_high": most,
        "answers": level.answers,
        "right": level.right,
        "share": round(level.share, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "verdict": level.verdict.value,
    }


def _quiz(version: QuizVersion, lesson: str, number: int) -> dict[str, Any]:
    return {
        "id": version.quiz_id,
        "mode": version.quiz.mode,
        "title": version.title,
        "reveal": version.reveal,
        "reveal_at": version.reveal_at,
        "minutes": version.minutes,
        "attempts": version.attempts_allowed,
        "opens_at": version.opens_at,
        "closes_at": version.closes_at,
        "questions": _asked_by(version),
        "lesson": lesson,
        "lesson_version": number,
    }


def _asked_by(version: QuizVersion) -> int:
    """How many questions one attempt asks: of a pool, those that it draws."""
    questions = version.quiz_questions.count()
    return min(ASKED, questions) if version.quiz.mode == QuizMode.PATTERN else questions


def _one(attempt: Attempt, position: int) -> QuestionView:
    """One question of the attempt, as its learner may see it now."""
    questions = questions_of(attempt)
    asked = next(question for question in questions if question.position == position)
    return question_view(attempt, asked, total=len(questions))


def _attempt(attempt: Attempt) -> dict[str, Any]:
    version = attempt.quiz_version.lesson_version
    questions = questions_of(attempt)
    return {
        "id": attempt.pk,
        "mode": attempt.mode.value,
        "reveal": attempt.quiz_version.reveal,
        "reveal_at": attempt.quiz_version.reveal_at,
        "lesson": version.lesson.slug,
        "lesson_version": version.number,
        "started_at": attempt.started_at,
        "deadline_at": attempt.deadline_at,
        "finished_at": attempt.finished_at,
        "questions": [_question(view) for view in question_views(attempt, questions)],
        "result": _result(attempt, questions) if tells_total(standing_of(attempt)) else None,
    }


def _question(view: QuestionView) -> dict[str, Any]:
    return {
        "number": view.number,
        "about": view.about,
        "difficulty": view.difficulty,
        "objective": view.objective,
        "stem": view.stem,
        "asks": str(view.asks),
        "text": view.text,
        "confidence": view.confidence,
        "options": [
            {"id": option.letter, "html": option.html, "chosen": option.chosen, "mark": option.mark} for option in view.options
        ],
        "open": view.is_open,
        "answered": view.situation.answered,
        "tries": view.tries,
        "hint": view.hint,
        "steps": list(view.steps),
        "verdict": view.verdict
        and {
            "right": view.verdict.right,
            "score": view.verdict.score,
            "gave_up": view.verdict.gave_up,
            "regraded": view.verdict.regraded,
            "said": [
                {
                    "option": said.letter,
                    "feedback": said.feedback,
                    "misconception": said.misconception and _misconception(said.misconception),
                }
                for said in view.verdict.said
            ],
        },
        "answer": view.answer
        and {
            "options": [right.letter for right in view.answer.right if right.letter],
            "reason": view.answer.reason,
            "final": view.answer.final,
            "quick_check": f"{view.answer.quick_check} {view.answer.texts}",
            "mistakes": [_misconception(mistake) for mistake in view.answer.mistakes],
        },
    }


def _misconception(view: MisconceptionView) -> dict[str, str]:
    return {"option": view.letter, "title": view.title, "belief": view.belief, "why": view.why, "url": view.url}


def _result(attempt: Attempt, questions: Sequence[AttemptQuestion]) -> dict[str, Any]:
    result = result_of(attempt, questions)
    names = objectives_of(attempt.quiz_version.lesson_version)
    return {
        "score": result.total.share,
        "right": result.right if tells_questions(standing_of(attempt)) else None,
        "questions": len(result.items),
        "reached": result.total.reached,
        "points": result.total.points,
        "objectives": [
            {"objective": names.get(name, name), "reached": tally.reached, "points": tally.points}
            for name, tally in (result.by_objective.items() if tells_questions(standing_of(attempt)) else ())
        ],
        "verdict": _verdict(attempt, result) if attempt.mode == QuizMode.PATTERN else None,
    }


def _verdict(attempt: Attempt, result: Result) -> dict[str, Any]:
    found = verdict_of(attempt, result, answers_and_open(attempt.user, lesson=attempt.quiz_version.lesson_version.lesson))
    return {**_estimate(found.estimate), "why": list(found.why)}


def _estimate(strength: Estimate) -> dict[str, Any]:
    return {
        "level": strength.level.value,
        "answers": strength.answers,
        "left_open": strength.left_open,
        "chance": round(strength.chance, 4),
        "low": round(strength.low, 4),
        "high": round(strength.high, 4),
    }
