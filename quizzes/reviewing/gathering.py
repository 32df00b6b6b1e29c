"""Which cards a person has now.

A card's row is made when somebody looks, from what was missed and finished by then, dated as it happened: so a card of a test
that tells nothing yet can't exist, and one whose date of telling has come needs no clock to ring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from accounts.models import User
from lessons.models import Lesson, LessonVersion
from lessons.services import catalogue
from quizzes.evidence import newest_score
from quizzes.models import Attempt, QuizMode, QuizQuestion, Response, ReviewCard
from quizzes.reveal import tells_verdict
from quizzes.reviewing.cards import brings, make_insights, question_of, rate_missed
from quizzes.reviewing.rules import Waiting
from quizzes.reviewing.scheduling import FIRST_AFTER, chance_at
from quizzes.services import situation_of

SOURCES = (QuizMode.PRACTICE, QuizMode.TEST, QuizMode.PATTERN, QuizMode.EXAM)
"""What is missed here becomes a card, and finishing one of them makes a card of the lesson's key insight."""


@dataclass(frozen=True, slots=True)
class Cards:
    """A person's cards that are not taken out: those that can be asked now or later, and those whose question is gone."""

    cards: Sequence[ReviewCard]
    gone: Sequence[ReviewCard]
    versions: Mapping[int, LessonVersion]  # lesson id → the version that readers see
    asked: Mapping[int, QuizQuestion]  # question id → how its lesson asks it now

    def due(self, now: datetime) -> list[ReviewCard]:
        return [card for card in self.cards if card.due_at <= now]


def due_count(person: User | None, now: datetime) -> int:
    """How many cards this person can review now."""
    return len(cards_of(person, now=now).due(now))


def cards_of(person: User | None, *, now: datetime, lesson: Lesson | None = None) -> Cards:
    """This person's cards, those of one lesson where it is named; what has become tellable since is among them."""
    if person is None:
        return Cards((), (), {}, {})
    versions = {version.lesson_id: version for card in catalogue() for version in card.lessons}
    _gather(person, versions, now=now)
    rows = ReviewCard.objects.filter(user=person, removed_at__isnull=True).order_by("due_at", "pk")
    cards = list(rows if lesson is None else rows.filter(lesson=lesson))
    asked = _asked([card.question_id for card in cards if card.question_id], versions.values())
    there = {card.pk for card in cards if _is_there(card, versions, asked)}
    return Cards(
        cards=[card for card in cards if card.pk in there],
        gone=[card for card in cards if card.pk not in there],
        versions=versions,
        asked=asked,
    )


def waiting(card: ReviewCard, *, now: datetime) -> Waiting:
    """The card as the queue sees it."""
    return Waiting(
        card=card.pk,
        about=("question", card.question_id) if card.question_id else ("insight", card.lesson_id),
        due_at=card.due_at,
        chance=chance_at(card.state, now),
        certain_and_wrong=card.certain_and_wrong,
    )


def insight_of(version: LessonVersion | None) -> str:
    """The key insight in a lesson's words, Markdown; empty where there is none."""
    return str(version.meta.get("insight", "")) if version else ""


def asked_now(question_id: int) -> QuizQuestion | None:
    """How the current release asks a question; none when it doesn't."""
    versions = [version for card in catalogue() for version in card.lessons]
    return _asked([question_id], versions).get(question_id)


def _asked(questions: Sequence[int], versions: Iterable[LessonVersion]) -> dict[int, QuizQuestion]:
    """Question id → how one of these lesson versions asks it."""
    rows = QuizQuestion.objects.filter(
        quiz_version__lesson_version__in=versions,
        quiz_version__quiz__mode__in=SOURCES,
        question_version__question__in=questions,
    ).select_related("question_version", "quiz_version")
    return {row.question_version.question_id: row for row in rows} if questions else {}


def _is_there(card: ReviewCard, versions: Mapping[int, LessonVersion], asked: Mapping[int, QuizQuestion]) -> bool:
    if card.question_id is not None:
        return card.question_id in asked
    return bool(insight_of(versions.get(card.lesson_id)))


# --- making cards ------------------------------------------------------------------------------------------------------------


def _gather(person: User, versions: Mapping[int, LessonVersion], *, now: datetime) -> None:
    rate_missed(person, _missed(person, now=now))
    insights = {lesson: at + FIRST_AFTER for lesson, at in _finished(person) if insight_of(versions.get(lesson))}
    make_insights(person, insights, now=now)


def _missed(person: User, *, now: datetime) -> list[Response]:
    """The first answers that were not right, that may be told so, and that bring a card; the oldest first."""
    rows = Response.objects.filter(
        number=1,
        review__isnull=True,
        attempt_question__attempt__user=person,
        attempt_question__attempt__is_redo=False,
        attempt_question__attempt__quiz_version__quiz__mode__in=SOURCES,
    ).annotate(newest_score=newest_score())
    related = ("attempt_question__question_version__question", "attempt_question__attempt__quiz_version__quiz")
    missed = rows.filter(newest_score__lt=1).select_related(*related).order_by("committed_at", "pk")
    told = [response for response in missed if _may_be_told(response, now)]
    asked_about = [question_of(response) for response in told]
    there = ReviewCard.objects.filter(user=person, question__in=asked_about) if told else ()
    cards = {card.question_id: card for card in there}
    return [response for response in told if brings(response, cards.get(question_of(response).pk))]


def _may_be_told(response: Response, now: datetime) -> bool:
    asked = response.attempt_question
    return tells_verdict(situation_of(asked.attempt, asked, answered=True, now=now))


def _finished(person: User) -> list[tuple[int, datetime]]:
    """(lesson id, when) of every lesson that was practised or tested to the end and whose insight has no card."""
    rows = Attempt.objects.filter(
        user=person, is_redo=False, finished_at__isnull=False, quiz_version__quiz__mode__in=SOURCES
    ).exclude(quiz_version__quiz__lesson__in=ReviewCard.objects.filter(user=person, question=None).values("lesson"))
    return list(rows.values_list("quiz_version__quiz__lesson").annotate(at=Min("finished_at")).order_by("at"))
