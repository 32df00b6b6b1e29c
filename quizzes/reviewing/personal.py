"""What this room keeps of a person: their cards with the log of each, and their sittings."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import User
from quizzes.models import ReviewCard, ReviewItem, ReviewSitting
from quizzes.reviewing.cards import put_off, replayed
from quizzes.reviewing.sittings import finish


def export(user: User) -> dict[str, Any]:
    """Every card with its reviews, and every sitting, in values that JSON can hold."""
    cards = ReviewCard.objects.filter(user=user).select_related("lesson", "question").prefetch_related("reviews")
    sittings = ReviewSitting.objects.filter(user=user).order_by("started_at")
    return {
        "cards": [_card(card) for card in cards.order_by("created_at", "pk")],
        "sittings": [
            {
                "started_at": sitting.started_at.isoformat(),
                "finished_at": sitting.finished_at.isoformat() if sitting.finished_at else None,
            }
            for sitting in sittings
        ],
    }


def _card(card: ReviewCard) -> dict[str, Any]:
    return {
        "lesson": card.lesson.slug,
        "about": "key insight" if card.is_insight else "question",
        "made_at": card.created_at.isoformat(),
        "due_at": card.due_at.isoformat(),
        "taken_out_at": card.removed_at.isoformat() if card.removed_at else None,
        "scheduler": card.scheduler,
        "state": card.state,
        "reviews": [
            {"rating": review.rating, "at": review.reviewed_at.isoformat(), "due_at": review.due_at.isoformat()}
            for review in card.reviews.all()
        ],
    }


def erase(user: User) -> None:
    """Removes the sittings and the cards with their log: nothing of them is anybody else's."""
    ReviewSitting.objects.filter(user=user).delete()
    ReviewCard.objects.filter(user=user).delete()


def merge(guest: User, user: User) -> None:
    """The guest's cards and sittings become the account's; of two open sittings the guest's goes on.

    Of two cards of the same, the one with the longer history takes in the other's, and stands where both together leave it.
    """
    if ReviewSitting.objects.filter(user=guest, finished_at__isnull=True).exists():
        for older in ReviewSitting.objects.filter(user=user, finished_at__isnull=True):
            finish(sitting=older, now=timezone.now())
    ReviewSitting.objects.filter(user=guest).update(user=user)
    for card in ReviewCard.objects.filter(user=guest):
        own = ReviewCard.objects.filter(user=user, question=card.question_id)
        same = own.first() if card.question_id else own.filter(lesson=card.lesson_id).first()
        kept = _joined(same, card) if same else card
        kept.user = user
        kept.save(update_fields=["user"])


def _joined(own: ReviewCard, theirs: ReviewCard) -> ReviewCard:
    """The one of two cards of the same that stays."""
    kept, other = sorted((own, theirs), key=lambda card: card.reviews.count(), reverse=True)
    other.reviews.update(card=kept)
    ReviewItem.objects.filter(card=other).update(card=kept)
    other.delete()
    scheduled = replayed(kept)
    if scheduled is not None:
        last = kept.reviews.latest("reviewed_at", "pk")
        doubted = kept if kept.reviewed_at == last.reviewed_at else other
        put_off(kept, scheduled, at=last.reviewed_at, certain_and_wrong=doubted.certain_and_wrong)
    if kept.removed_at is not None and other.removed_at is None:
        kept.removed_at = None
        kept.save(update_fields=["removed_at"])
    return kept
