"""A review over HTTP: what is due, and a sitting card by card. A question is answered like any other of an attempt."""

# Annotations are values here, not words: `never_kept` comes from another module, whose names are not these.

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from accounts import people
from accounts.auth import cookie_or_bearer
from lessons.services import lesson_named
from quizzes.api import CONFLICTS, UNUSABLE, Position, RowId, never_kept
from quizzes.models import Rated, Review, ReviewCard, ReviewItem, ReviewSitting
from quizzes.reviewing.cards import remove
from quizzes.reviewing.gathering import waiting
from quizzes.reviewing.presenting import Overview, insight_view, overview_of, sitting_view
from quizzes.reviewing.rules import MOST_CARDS, Rating, queue
from quizzes.reviewing.scheduling import intervals
from quizzes.reviewing.sittings import asked_item, begin, finish, go_on, items_of, rate_insight, sitting_for
from web.problems import REFUSALS, not_found

router = Router(tags=["review"], auth=cookie_or_bearer)


class CardOut(Schema):
    id: int
    kind: str = Field(description="“question” or “insight”.")
    lesson: str
    due_at: datetime
    certain_and_wrong: bool = Field(description="Asked first: the last answer was certain, and wrong.")


class DueOnOut(Schema):
    label: str
    day: date | None = Field(description="None: now.")
    cards: int


class ReviewsOut(Schema):
    due: int
    answered_today: int
    week: list[DueOnOut]
    sitting: UUID | None = Field(description="One that is open.")
    items: list[CardOut] = Field(description="The cards that are due, as they are asked; at most 20.")
    next: str | None = None


class RatingOut(Schema):
    rating: str
    days: int


class AskedOut(Schema):
    kind: str
    lesson: str
    attempt: UUID | None = Field(description="Where a question is answered: PUT /attempts/{attempt}/questions/{question}.")
    question: int | None
    insight: str | None = Field(description="As HTML. Call it to mind before you show it.")
    choices: list[RatingOut] = Field(description="What each rating of an insight does.")


class ReviewedOut(Schema):
    position: int
    rating: str
    days: int = Field(description="After how many the card comes back.")
    due_at: datetime


class SkippedOut(Schema):
    position: int
    why: str


class SittingOut(Schema):
    id: UUID
    started_at: datetime
    finished_at: datetime | None
    cards: int
    position: int | None = Field(description="Of the card that is asked now.")
    card: AskedOut | None
    reviewed: list[ReviewedOut]
    skipped: list[SkippedOut]


class BeginIn(Schema):
    lesson: str = Field(default="", max_length=80, description="Only the cards of this lesson.")
    most: Annotated[int, Field(ge=1, le=MOST_CARDS)] = MOST_CARDS


class RatingIn(Schema):
    rating: Literal["again", "hard", "good", "easy"]


@router.get("/me/reviews", response={200: ReviewsOut, **REFUSALS}, summary="What is due in your review")
@never_kept
def list_reviews(request: HttpRequest, response: HttpResponse) -> Any:
    now = timezone.now()
    found = overview_of(people.current(request), now=now)
    return {
        "due": found.due,
        "answered_today": found.answered_today,
        "week": [{"label": one.label, "day": one.day, "cards": one.cards} for one in found.week],
        "sitting": found.sitting.pk if found.sitting else None,
        "items": [_card(card, found.cards.versions[card.lesson_id].lesson.slug) for card in _in_order(found, now)],
        "next": None,
    }


@router.post("/me/reviews", response={200: SittingOut, **CONFLICTS}, summary="Begin a review, or go on with the open one")
@never_kept
def begin_review(request: HttpRequest, response: HttpResponse, wanted: BeginIn) -> Any:
    lesson = lesson_named(wanted.lesson).lesson if wanted.lesson else None
    sitting = begin(person=people.ensure(request), lesson=lesson, most=wanted.most, now=timezone.now())
    return _gone_on(sitting)


@router.get("/me/reviews/{sitting_id}", response={200: SittingOut, **UNUSABLE}, summary="Where a review stands")
@never_kept
def get_review(request: HttpRequest, response: HttpResponse, sitting_id: UUID) -> Any:
    return _sitting(sitting_for(sitting_id=sitting_id, person=people.current(request)))


@router.post("/me/reviews/{sitting_id}/next", response={200: SittingOut, **UNUSABLE}, summary="Ask the next card, or end")
@never_kept
def next_card(request: HttpRequest, response: HttpResponse, sitting_id: UUID) -> Any:
    return _gone_on(sitting_for(sitting_id=sitting_id, person=people.current(request)))


@router.post("/me/reviews/{sitting_id}/end", response={200: SittingOut, **UNUSABLE}, summary="End a review early")
@never_kept
def end_review(request: HttpRequest, response: HttpResponse, sitting_id: UUID) -> Any:
    return _sitting(finish(sitting=sitting_for(sitting_id=sitting_id, person=people.current(request)), now=timezone.now()))


@router.post(
    "/me/reviews/{sitting_id}/cards/{position}",
    response={200: ReviewedOut, **CONFLICTS},
    summary="Say how well you knew a key insight; the first word counts",
)
@never_kept
def rate_card(request: HttpRequest, response: HttpResponse, sitting_id: UUID, position: Position, said: RatingIn) -> Any:
    sitting = sitting_for(sitting_id=sitting_id, person=people.current(request))
    review = rate_insight(sitting=sitting, position=position, rating=Rating[said.rating.upper()], now=timezone.now())
    return _reviewed(position, review)


@router.delete("/me/reviews/cards/{card_id}", response={204: None, **UNUSABLE}, summary="Don’t ask a card again")
@never_kept
def delete_card(request: HttpRequest, response: HttpResponse, card_id: RowId) -> Any:
    person = people.current(request)
    if person is None:
        raise not_found()
    remove(get_object_or_404(ReviewCard, pk=card_id, user=person), now=timezone.now())
    return Status(204, None)


# --- values as JSON ----------------------------------------------------------------------------------------------------------


def _in_order(overview: Overview, now: datetime) -> list[ReviewCard]:
    cards = {card.pk: card for card in overview.cards.due(now)}
    return [cards[one.card] for one in queue((waiting(card, now=now) for card in cards.values()), now=now)]


def _card(card: ReviewCard, lesson: str) -> dict[str, Any]:
    return {
        "id": card.pk,
        "kind": _kind(card),
        "lesson": lesson,
        "due_at": card.due_at,
        "certain_and_wrong": card.certain_and_wrong,
    }


def _kind(card: ReviewCard) -> str:
    return "insight" if card.is_insight else "question"


def _gone_on(sitting: ReviewSitting) -> dict[str, Any]:
    go_on(sitting=sitting, now=timezone.now())
    sitting.refresh_from_db()
    return _sitting(sitting)


def _sitting(sitting: ReviewSitting) -> dict[str, Any]:
    items = items_of(sitting)
    asked = asked_item(sitting, items)
    view = sitting_view(sitting)
    return {
        "id": sitting.pk,
        "started_at": sitting.started_at,
        "finished_at": sitting.finished_at,
        "cards": len(items),
        "position": asked.position if asked else None,
        "card": _asked(asked) if asked else None,
        "reviewed": [_reviewed(line.view.number, line.view.review) for line in view.reviewed if line.view.review],
        "skipped": [{"position": line.view.number, "why": line.view.skipped} for line in view.skipped],
    }


def _asked(item: ReviewItem) -> dict[str, Any]:
    where, now = item.attempt_question, timezone.now()
    insight = insight_view(item.card, now=now) if item.card.is_insight else None
    spans = intervals(item.card.state, at=now) if insight else {}
    return {
        "kind": _kind(item.card),
        "lesson": item.card.lesson.slug,
        "attempt": where.attempt_id if where else None,
        "question": where.position if where else None,
        "insight": insight.back if insight else None,
        "choices": [{"rating": rating.name.lower(), "days": _days(span)} for rating, span in spans.items()],
    }


def _reviewed(position: int, review: Review) -> dict[str, Any]:
    return {
        "position": position,
        "rating": Rated(review.rating).name.lower(),
        "days": _days(review.due_at - review.reviewed_at),
        "due_at": review.due_at,
    }


def _days(span: timedelta) -> int:
    return round(span / timedelta(days=1))
