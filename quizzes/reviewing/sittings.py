"""A sitting: the cards that are due, asked one after the other. Keyword arguments and the clock come from the caller.

A question is asked in an ordinary attempt at its lesson's review, so that drafts, hints, steps, feedback and reports are those
of practice. Two tabs meet at the sitting's row: each step is taken once, and who comes second is led to where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import hold
from lessons.models import Lesson, LessonVersion
from lessons.services import current_version
from quizzes.drawing import draw_questions
from quizzes.models import (
    Attempt,
    Quiz,
    QuizMode,
    QuizQuestion,
    QuizVersion,
    Reveal,
    Review,
    ReviewItem,
    ReviewSitting,
    Skipped,
)
from quizzes.reviewing.cards import rate
from quizzes.reviewing.gathering import asked_now, cards_of, insight_of, waiting
from quizzes.reviewing.rules import MOST_CARDS, Rating, is_enough, queue
from quizzes.services import finish_attempt, start_attempt
from web.problems import Problem, not_found

STALE = timedelta(hours=12)
"""An open sitting is gone on with until then; afterwards other cards may be more urgent."""

_ITEMS = ("card__lesson", "card__question", "attempt_question__attempt", "review")


def review_quiz(version: LessonVersion) -> QuizVersion:
    """The quiz that asks a lesson version's reviewed questions: it has none of its own, and is made when it is first needed."""
    quiz, _new = Quiz.objects.get_or_create(lesson=version.lesson, mode=QuizMode.REVIEW)
    found, _made = QuizVersion.objects.get_or_create(quiz=quiz, lesson_version=version, defaults={"reveal": Reveal.EACH})
    return found


def sitting_for(*, sitting_id: UUID | str, person: User | None) -> ReviewSitting:
    """This person's sitting; 404 for one that is not there and for one that is someone else's."""
    found = person and ReviewSitting.objects.select_related("lesson").filter(pk=sitting_id, user=person).first()
    if not found:
        raise not_found()
    return found


def open_sitting(person: User | None, *, lesson: Lesson | None, now: datetime) -> ReviewSitting | None:
    """The sitting to go on with; none where it was about other cards, or is too old."""
    if person is None:
        return None
    fresh = ReviewSitting.objects.filter(user=person, finished_at__isnull=True, started_at__gt=now - STALE)
    return fresh.filter(lesson=lesson).first()


def sitting_asking_in(attempt: Attempt) -> ReviewSitting | None:
    """The latest sitting that asked a question in this attempt; none where none did."""
    return ReviewSitting.objects.filter(items__attempt_question__attempt=attempt).order_by("-started_at").first()


def items_of(sitting: ReviewSitting) -> list[ReviewItem]:
    """The sitting's cards in order, with all that says where each stands."""
    return list(sitting.items.select_related(*_ITEMS))


def asked_item(sitting: ReviewSitting, items: Sequence[ReviewItem]) -> ReviewItem | None:
    """The card that is asked and can be answered; none between two cards, and after the last."""
    if sitting.is_finished:
        return None
    return next((item for item in items if item.asked_at and _is_unsettled(item) and not _is_left(item)), None)


def _is_unsettled(item: ReviewItem) -> bool:
    return not item.skipped and not is_done(item)


def _is_left(item: ReviewItem) -> bool:
    """Whether the attempt in which the question is asked was ended without an answer to it."""
    return item.attempt_question is not None and item.attempt_question.attempt.is_finished


def is_done(item: ReviewItem) -> bool:
    """Whether the card was reviewed in its sitting."""
    return review_in(item) is not None


def review_in(item: ReviewItem) -> Review | None:
    """What the card was rated in its sitting; none before."""
    return getattr(item, "review", None)


# --- the steps ---------------------------------------------------------------------------------------------------------------


def begin(*, person: User, now: datetime, lesson: Lesson | None = None, most: int = MOST_CARDS) -> ReviewSitting:
    """A sitting with the cards that are due now, or the one to go on with. Problem 409 where nothing is due."""
    with transaction.atomic():
        hold(person)
        if going_on := open_sitting(person, lesson=lesson, now=now):
            return going_on
        cards = cards_of(person, now=now, lesson=lesson).due(now)
        chosen = queue((waiting(card, now=now) for card in cards), now=now, most=min(most, MOST_CARDS))
        if not chosen:
            raise Problem(409, _("Nothing is due"), _("No card is due now. Come back when one is, or practise a lesson."))
        for older in ReviewSitting.objects.filter(user=person, finished_at__isnull=True):
            _close(older, now=now)
        sitting = ReviewSitting.objects.create(user=person, lesson=lesson, started_at=now)
        ReviewItem.objects.bulk_create(
            ReviewItem(sitting=sitting, position=position, card_id=one.card) for position, one in enumerate(chosen, start=1)
        )
    return sitting


def go_on(*, sitting: ReviewSitting, now: datetime) -> ReviewItem | None:
    """The card to answer: the one that is asked and open, else the next one, asked now. None when the sitting is over.

    A card whose question is gone is skipped; after about ten minutes no further card is asked.
    """
    with transaction.atomic():
        sitting = _locked(sitting)
        if sitting.is_finished:
            return None
        items = items_of(sitting)
        for item in items:
            if not _is_unsettled(item):
                continue
            if item.asked_at is None and is_enough(spans_of(items)):
                break
            if _is_open(item, now=now):
                return item
        _close(sitting, now=now)
    return None


def spans_of(items: Sequence[ReviewItem]) -> list[tuple[datetime, datetime]]:
    """When each reviewed card was asked and answered."""
    return [(item.asked_at, review.reviewed_at) for item in items if item.asked_at and (review := review_in(item))]


def rate_insight(*, sitting: ReviewSitting, position: int, rating: Rating, now: datetime) -> Review:
    """The learner's own rating of a key insight. The first one counts; 404 for a place without one, 409 before it is asked."""
    with transaction.atomic():
        sitting = _locked(sitting)
        item = sitting.items.select_related("card").filter(position=position).first()
        if item is None or not item.card.is_insight:
            raise not_found()
        if found := review_in(item):
            return found
        if sitting.is_finished or item.skipped or item.asked_at is None:
            raise Problem(
                409,
                _("Not asked now"),
                _("This card is not being asked, perhaps because of another tab. Go on with the review."),
            )
        return rate(item.card, rating, item=item, at=now)


def finish(*, sitting: ReviewSitting, now: datetime) -> ReviewSitting:
    """Ends the sitting; what was not answered stays due. Doing it again changes nothing."""
    with transaction.atomic():
        sitting = _locked(sitting)
        if not sitting.is_finished:
            _close(sitting, now=now)
    return sitting


# --- within a step -----------------------------------------------------------------------------------------------------------


def _is_open(item: ReviewItem, *, now: datetime) -> bool:
    """Whether the card can be answered, asked now if it was not; one that can't be is skipped."""
    if item.asked_at is not None:
        return _skip(item, Skipped.LEFT) if _is_left(item) else True
    if item.card.question_id is None:
        if not insight_of(current_version(item.card.lesson)):
            return _skip(item, Skipped.WITHDRAWN)
    elif not _ask(item, asked_now(item.card.question_id), now=now):
        return _skip(item, Skipped.WITHDRAWN)
    item.asked_at = now
    item.save(update_fields=["asked_at", "attempt_question"])
    return True


def _skip(item: ReviewItem, why: Skipped) -> bool:
    item.skipped = why
    item.save(update_fields=["skipped"])
    return False


def _ask(item: ReviewItem, question: QuizQuestion | None, *, now: datetime) -> bool:
    """Puts the question, as the current release asks it, into the attempt at its lesson's review."""
    if question is None:
        return False
    version = LessonVersion.objects.select_related("lesson").get(pk=question.quiz_version.lesson_version_id)
    attempt = start_attempt(user=item.sitting.user, quiz_version=review_quiz(version), now=now)
    for asked in draw_questions(attempt, [question], after=attempt.questions.count()):
        item.attempt_question = asked
        return True
    return False  # a template of which nothing can be drawn now


def _close(sitting: ReviewSitting, *, now: datetime) -> None:
    """Finishes the sitting and the attempts in which it asked."""
    sitting.items.filter(asked_at__isnull=False, review__isnull=True, skipped="").update(skipped=Skipped.LEFT)
    for attempt in Attempt.objects.filter(questions__review_item__sitting=sitting, finished_at__isnull=True).distinct():
        finish_attempt(attempt=attempt, now=now)
    sitting.finished_at = now
    sitting.save(update_fields=["finished_at"])


def _locked(sitting: ReviewSitting) -> ReviewSitting:
    """The sitting as it is now, held until the transaction ends, its person first: whoever merges or begins does so too."""
    hold(sitting.user)
    return ReviewSitting.objects.select_for_update(of=("self",)).select_related("user").get(pk=sitting.pk)
