"""A review as its learner may see it: what is due and when, the card on the screen, what a sitting came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import unescape

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from lessons.models import Lesson, LessonVersion
from lessons.services import current_version
from lessons.words import words_html
from quizzes.models import AttemptQuestion, Rated, Review, ReviewCard, ReviewItem, ReviewSitting, Skipped
from quizzes.presenting import objectives_of
from quizzes.reviewing.adding import card_state
from quizzes.reviewing.gathering import Cards, cards_of, insight_of
from quizzes.reviewing.rules import FEW, LONGEST, MOST_CARDS, Rating, is_enough, offers_few
from quizzes.reviewing.scheduling import intervals
from quizzes.reviewing.sittings import items_of, open_sitting, review_in, spans_of
from quizzes.words import shown
from web.charts import Chart, Series

DAYS_AHEAD = 7
STEM_LENGTH = 90


def in_days(span: timedelta) -> str:
    """A span of whole days in words: "1 day"."""
    days = max(1, round(span / timedelta(days=1)))
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}


# --- what is due -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueOn:
    """How many cards come due in one part of the week: now, later today, on a day."""

    label: str
    day: date | None  # none: now
    cards: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What a person's review holds, of one lesson or of all."""

    cards: Cards
    due: int
    week: Sequence[DueOn]
    later: int  # cards that come after the week
    next_at: datetime | None  # when the next one comes; none while one is due, and without cards
    answered_today: int
    offers_few: bool
    sitting: ReviewSitting | None  # to go on with

    @property
    def most(self) -> int:
        return MOST_CARDS

    @property
    def minutes(self) -> int:
        return int(LONGEST / timedelta(minutes=1))

    @property
    def few(self) -> int:
        return FEW

    @property
    def total(self) -> int:
        return len(self.cards.cards)

    @property
    def chart(self) -> Chart:
        """Cards by when they come due."""
        return Chart(
            title=_("Cards due now and in the coming week"),
            labels=[one.label for one in self.week],
            series=[Series(_("cards"), [one.cards for one in self.week])],
            axis=_("When"),
            decimals=0,
        )


def overview_of(person: User | None, *, now: datetime, lesson: Lesson | None = None) -> Overview:
    """What is due now and in the coming week, and how a sitting can begin."""
    cards = cards_of(person, now=now, lesson=lesson)
    due = cards.due(now)
    week = _week(cards.cards, now=now)
    last = max((card.reviewed_at or card.created_at for card in cards.cards), default=None)
    return Overview(
        cards=cards,
        due=len(due),
        week=week,
        later=len(cards.cards) - sum(one.cards for one in week),
        next_at=None if due else min((card.due_at for card in cards.cards), default=None),
        answered_today=_answered_today(person, now=now),
        offers_few=offers_few(due=len(due), last=last, now=now),
        sitting=open_sitting(person, lesson=lesson, now=now),
    )


def _week(cards: Sequence[ReviewCard], *, now: datetime) -> list[DueOn]:
    today = timezone.localtime(now).date()
    days = [timezone.localtime(card.due_at).date() for card in cards if card.due_at > now]
    coming = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    return [
        DueOn(_("now"), None, sum(card.due_at <= now for card in cards)),
        *(DueOn(_day(day, today=today), day, days.count(day)) for day in coming),
    ]


def _day(day: date, *, today: date) -> str:
    if day == today:
        return _("later today")
    return _("tomorrow") if day == today + timedelta(days=1) else date_format(day, _("D j M"))


def _answered_today(person: User | None, *, now: datetime) -> int:
    """Cards reviewed in sittings since midnight where the person is."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Review.objects.filter(item__sitting__user=person, reviewed_at__gte=midnight)
    return mine.count() if person else 0


# --- the card on the screen --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemView:
    """One card of a sitting."""

    item: ReviewItem
    total: int
    review: Review | None

    @property
    def number(self) -> int:
        return self.item.position

    @property
    def sitting(self) -> ReviewSitting:
        return self.item.sitting

    @property
    def rating(self) -> str:
        return str(Rated(self.review.rating).label) if self.review else ""

    @property
    def comes_back(self) -> str:
        """When the card comes back: "3 days"; empty before it was reviewed."""
        return in_days(self.review.due_at - self.review.reviewed_at) if self.review else ""

    @property
    def url(self) -> str:
        return item_url(self.item)

    @property
    def is_out(self) -> bool:
        """Whether the learner doesn't want it asked again."""
        return self.item.card.removed_at is not None

    @property
    def skipped(self) -> str:
        return str(Skipped(self.item.skipped).label) if self.item.skipped else ""


def item_view(item: ReviewItem, *, total: int | None = None) -> ItemView:
    """The card, with how many its sitting has."""
    return ItemView(item, item.sitting.items.count() if total is None else total, review_in(item))


def item_asked_at(asked: AttemptQuestion) -> ItemView | None:
    """The card that a question of an attempt was asked for; none outside a review."""
    item = (
        ReviewItem.objects.select_related("sitting", "card", "review", "attempt_question")
        .filter(attempt_question=asked)
        .first()
    )
    return item_view(item) if item else None


def item_url(item: ReviewItem) -> str:
    """Where a card that is asked is answered."""
    if item.attempt_question is not None:
        return reverse("quizzes:question", args=[item.attempt_question.attempt_id, item.attempt_question.position])
    return reverse("reviewing:insight", args=[item.sitting_id, item.position])


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the four ratings of an insight, and what it would do."""

    name: str  # "again"
    label: str
    comes_back: str


@dataclass(frozen=True, slots=True)
class InsightView:
    """A key insight as a card: the question side from the lesson's title and objectives, then the insight."""

    version: LessonVersion
    front: Sequence[SafeString]  # the objectives
    back: SafeString
    choices: Sequence[Choice]


def insight_view(card: ReviewCard, *, now: datetime) -> InsightView | None:
    """The insight in the words of the lesson as readers see it now; none where there is none any more."""
    version = current_version(card.lesson)
    words = insight_of(version)
    if version is None or not words:
        return None
    spans = intervals(card.state, at=now)
    return InsightView(
        version=version,
        front=[words_html(version, text) for text in objectives_of(version).values()],
        back=words_html(version, words, level="full"),
        choices=[Choice(rating.name.lower(), str(Rated(rating).label), in_days(spans[rating])) for rating in Rating],
    )


def rating_named(name: str) -> Rating | None:
    """The rating of a form's or a script's word; none for any other word."""
    return Rating.__members__.get(name.upper()) if name.islower() else None


@dataclass(frozen=True, slots=True)
class CardView:
    """Whether a told question is in its learner's review."""

    is_in: bool
    comes_in: str  # "3 days"; empty for one that is due


def card_view(asked: AttemptQuestion, *, now: datetime) -> CardView | None:
    """The card of a question in an attempt; none while nothing of it may be told."""
    state = card_state(asked, now=now)
    if state is None:
        return None
    span = state.comes_in(now)
    return CardView(is_in=state.is_in, comes_in=in_days(span) if span else "")


# --- what a sitting came to --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One card of a sitting in its list."""

    view: ItemView
    title: str
    lesson: str


@dataclass(frozen=True, slots=True)
class SittingView:
    """A sitting, and what came of each of its cards."""

    sitting: ReviewSitting
    lines: Sequence[Line]
    enough: bool  # it ended since its time was up

    @property
    def reviewed(self) -> Sequence[Line]:
        """Those that were reviewed, in the order in which they come back."""
        return sorted((line for line in self.lines if line.view.review), key=_comes_back_at)

    @property
    def skipped(self) -> Sequence[Line]:
        return [line for line in self.lines if line.view.item.skipped]

    @property
    def left(self) -> int:
        """Cards that were not come to."""
        return len(self.lines) - len(self.reviewed) - len(self.skipped)


def _comes_back_at(line: Line) -> tuple[datetime, int]:
    review = line.view.review
    return (review.due_at if review else line.view.sitting.started_at, line.view.number)


def sitting_view(sitting: ReviewSitting) -> SittingView:
    """What the sitting came to (so far)."""
    items = items_of(sitting)
    versions = {item.card.lesson_id: current_version(item.card.lesson) for item in items}
    return SittingView(
        sitting=sitting,
        lines=[_line(item, versions, total=len(items)) for item in items],
        enough=sitting.is_finished and is_enough(spans_of(items)),
    )


def _line(item: ReviewItem, versions: Mapping[int, LessonVersion | None], *, total: int) -> Line:
    version = versions[item.card.lesson_id]
    asked = item.attempt_question
    title = _("A question")
    if item.card.is_insight:
        title = _("Key insight")
    elif asked is not None:
        title = _first_words(asked)
    return Line(item_view(item, total=total), title, version.title if version else item.card.lesson.slug)


def _first_words(asked: AttemptQuestion) -> str:
    """How a question begins, as plain words."""
    version = asked.question_version
    stem = shown(version.stem, facts=version.facts, version=asked.attempt.quiz_version.lesson_version)
    return Truncator(" ".join(unescape(strip_tags(stem)).split())).chars(STEM_LENGTH)
