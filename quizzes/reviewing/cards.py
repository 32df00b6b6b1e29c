"""Cards: made, taken out, put back, and rated once by each answer. The clock comes from the caller.

`quizzes.services` rates by these functions when it commits an answer, so nothing here imports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import hold
from lessons.models import Lesson
from quizzes.models import AttemptQuestion, Question, Response, Review, ReviewCard, ReviewItem, Skipped
from quizzes.reviewing.rules import Known, Rating, is_certain_and_wrong, rating_of
from quizzes.reviewing.scheduling import FIRST_AFTER, LIBRARY, PARAMETERS, Scheduled, replay, review


def card_for(
    person: User | int | None, *, question: Question | int | None = None, lesson: Lesson | None = None
) -> ReviewCard | None:
    """This person's card of a question, or of a lesson's insight; none where they have none. Removed ones are found too."""
    if person is None:
        return None
    about = {"question": question} if question is not None else {"question": None, "lesson": lesson}
    return ReviewCard.objects.filter(user=person, **about).first()


def add_question(person: User, question: Question, *, now: datetime) -> ReviewCard:
    """The card of a question, made or put back. Whether the person may know that it is worth one is for the caller to ask."""
    return put_back(made_card(person, question=question, due_at=now + FIRST_AFTER, now=now))


def add_insight(person: User, lesson: Lesson, *, now: datetime) -> ReviewCard:
    """The card of a lesson's key insight, made or put back."""
    return put_back(made_card(person, lesson=lesson.pk, due_at=now + FIRST_AFTER, now=now))


def made_card(
    person: User, *, question: Question | None = None, lesson: int | None = None, due_at: datetime, now: datetime
) -> ReviewCard:
    """The card of a question, or of the insight of the lesson with this id, made where there is none; removed ones too.

    Problem 409 for a person who was merged or erased meanwhile: their card would be nobody's.
    """
    about = {"question": question} if question else {"question": None, "lesson_id": lesson}
    defaults = {"due_at": due_at, "created_at": now, **({"lesson_id": question.lesson_id} if question else {})}
    with transaction.atomic():
        hold(person)  # so that nobody else makes the same card now
        return ReviewCard.objects.filter(user=person, **about).first() or ReviewCard.objects.create(
            user=person, **(about | defaults)
        )


def make_insights(person: User, due: Mapping[int, datetime], *, now: datetime) -> None:
    """The cards of the insights of these lessons (id → when it is due), made where there are none."""
    if not due:
        return
    with transaction.atomic():
        hold(person)  # so that nobody else makes the same cards now
        there = ReviewCard.objects.filter(user=person, question=None, lesson__in=due).values_list("lesson", flat=True)
        wanted = [lesson for lesson in due if lesson not in set(there)]
        cards = [ReviewCard(user=person, lesson_id=lesson, due_at=due[lesson], created_at=now) for lesson in wanted]
        ReviewCard.objects.bulk_create(cards)


def put_back(card: ReviewCard) -> ReviewCard:
    """The card, asked again from when it was due."""
    if card.removed_at is not None:
        card.removed_at = None
        card.save(update_fields=["removed_at"])
    return card


def remove(card: ReviewCard, *, now: datetime) -> ReviewCard:
    """The card, not asked any more: not in the sitting that is open either, nor after the next wrong answer."""
    with transaction.atomic():
        if card.removed_at is None:
            card.removed_at = now
            card.save(update_fields=["removed_at"])
        planned = ReviewItem.objects.filter(card=card, sitting__finished_at__isnull=True, review__isnull=True, skipped="")
        planned.update(skipped=Skipped.REMOVED)
    return card


# --- rating ------------------------------------------------------------------------------------------------------------------


def rate_answer(asked: AttemptQuestion, response: Response, *, right: bool) -> Review | None:
    """The rating that the first answer to a reviewed question gives its card; none for further tries and outside a review."""
    item = ReviewItem.objects.select_related("card").filter(attempt_question=asked).first() if response.number == 1 else None
    if item is None:
        return None
    known = known_by(response, right=right)
    return rate(item.card, rating_of(known), known=known, response=response, item=item, at=response.committed_at)


def rate_missed(person: User, missed: Sequence[Response]) -> None:
    """The cards of what these answers missed, the oldest first, made where there are none; each answer is a review of its card.

    As many queries for a hundred answers as for one. Problem 409 as `made_card`.
    """
    if not missed:
        return
    with transaction.atomic():
        hold(person)  # so that nobody else makes the same cards now
        rated = set(Review.objects.filter(response__in=missed).values_list("response", flat=True))
        about = {question_of(response) for response in missed}
        there = ReviewCard.objects.select_for_update().filter(user=person, question__in=about).order_by("pk")
        cards = {card.question_id: card for card in there}
        done = []
        for response in missed:
            card = cards.setdefault(question_of(response).pk, _new_card(person, response))
            if response.pk not in rated and brings(response, card):
                done.append((card, _slipped(card, response)))
        _keep([card for card, _review in done])
        for card, made in done:
            made.card = card  # only now it has a row
        Review.objects.bulk_create([made for _card, made in done])


def question_of(response: Response) -> Question:
    """What was asked."""
    return response.attempt_question.question_version.question


def brings(response: Response, card: ReviewCard | None) -> bool:
    """Whether a wrong answer makes a card, or sets one back: not one that was taken out, or was known better since."""
    if card is None:
        return True
    return card.removed_at is None and (card.reviewed_at is None or response.committed_at > card.reviewed_at)


def _new_card(person: User, response: Response) -> ReviewCard:
    question, at = question_of(response), response.committed_at
    return ReviewCard(user=person, question=question, lesson_id=question.lesson_id, due_at=at + FIRST_AFTER, created_at=at)


def _slipped(card: ReviewCard, response: Response) -> Review:
    """What the log says of the card that this answer set back; neither is kept yet."""
    at = response.committed_at
    scheduled = review(_state(card), Rating.AGAIN, at=at)
    known = known_by(response, right=False)
    _put_off(card, scheduled, at=at, certain_and_wrong=is_certain_and_wrong(known))
    return Review(response=response, rating=Rating.AGAIN, state=scheduled.state, due_at=scheduled.due_at, reviewed_at=at)


def _keep(cards: Iterable[ReviewCard]) -> None:
    """Each of these cards as it is now, once."""
    each = {card.question_id: card for card in cards}.values()
    ReviewCard.objects.bulk_update([card for card in each if card.pk is not None], _RATED)
    ReviewCard.objects.bulk_create([card for card in each if card.pk is None])


def known_by(response: Response, *, right: bool) -> Known:
    """What an answer says of memory."""
    return Known(right=right, helped=response.hint_seen or response.steps_seen > 0, confidence=response.confidence)


def rate(
    card: ReviewCard,
    rating: Rating,
    *,
    at: datetime,
    known: Known | None = None,
    response: Response | None = None,
    item: ReviewItem | None = None,
) -> Review:
    """The rating in the card's log, and the card put off by it. What was rated before stays as it was rated."""
    with transaction.atomic():
        card = ReviewCard.objects.select_for_update().get(pk=card.pk)
        done = Review.objects.filter(response=response) if response is not None else Review.objects.filter(item=item)
        if found := done.first():
            return found
        scheduled = review(_state(card), rating, at=at)
        made = Review.objects.create(
            card=card,
            response=response,
            item=item,
            rating=rating,
            state=scheduled.state,
            due_at=scheduled.due_at,
            reviewed_at=at,
        )
        put_off(card, scheduled, at=at, certain_and_wrong=known is not None and is_certain_and_wrong(known))
    return made


def _state(card: ReviewCard) -> dict[str, object]:
    """What the scheduler remembers; found anew from the log where another version or other parameters made it."""
    if card.reviewed_at is None:
        return {}  # there is no log
    if (card.scheduler, card.parameters) == (LIBRARY, PARAMETERS):
        return dict(card.state)
    again = replayed(card)
    return dict(again.state) if again else {}


def replayed(card: ReviewCard) -> Scheduled | None:
    """Where the card's log leaves it; none for one that was never reviewed."""
    log = card.reviews.order_by("reviewed_at", "pk").values_list("rating", "reviewed_at")
    return replay((Rating(rating), at) for rating, at in log)


def put_off(card: ReviewCard, scheduled: Scheduled, *, at: datetime, certain_and_wrong: bool) -> None:
    """Keeps what a review made of the card."""
    _put_off(card, scheduled, at=at, certain_and_wrong=certain_and_wrong)
    card.save(update_fields=_RATED)


def _put_off(card: ReviewCard, scheduled: Scheduled, *, at: datetime, certain_and_wrong: bool) -> None:
    card.state = dict(scheduled.state)
    card.scheduler, card.parameters = LIBRARY, PARAMETERS
    card.due_at = scheduled.due_at
    card.reviewed_at = at
    card.certain_and_wrong = certain_and_wrong


_RATED = ("state", "scheduler", "parameters", "due_at", "reviewed_at", "certain_and_wrong")
"""What a review changes of a card."""
