"""What learners decide themselves: which question or insight comes up in their review, and which doesn't."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from quizzes.models import AttemptQuestion, Response, ReviewCard
from quizzes.results import committed_answers
from quizzes.reveal import tells_answer, tells_verdict
from quizzes.reviewing.cards import add_question, brings, card_for, rate_missed, remove
from quizzes.reviewing.gathering import SOURCES
from quizzes.services import situation_of
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class CardState:
    """Whether a told question is in its learner's review."""

    card: ReviewCard | None

    @property
    def is_in(self) -> bool:
        return self.card is not None and self.card.removed_at is None

    def comes_in(self, now: datetime) -> timedelta:
        """How long until it is due; nothing for one that is due."""
        return max(self.card.due_at - now, timedelta()) if self.card else timedelta()


def card_state(asked: AttemptQuestion, *, now: datetime) -> CardState | None:
    """Whether the question is in the review; none while nothing of it may be told, since a card would be a hint."""
    person = asked.attempt.user
    if person is None or not _may_be_told(asked, now):
        return None
    question = asked.question_version.question_id
    card = card_for(person, question=question)
    missed = _missed(asked)
    if missed is not None and brings(missed, card):
        # Not in the answer's transaction: that holds the attempt, and whoever makes a card holds the person first.
        rate_missed(person, [missed])
        card = card_for(person, question=question)
    return CardState(card)


def _missed(asked: AttemptQuestion) -> Response | None:
    """The first answer, where it was not right and misses make cards; nobody may have looked at them since."""
    committed = committed_answers(asked)
    if asked.attempt.is_redo or asked.attempt.mode not in SOURCES or not committed or committed[0].is_right:
        return None
    return committed[0].response


def change_card(asked: AttemptQuestion, *, wanted: bool, now: datetime) -> CardState:
    """The question in the learner's review, or out of it. Problem 409 before they were told."""
    state = card_state(asked, now=now)
    person = asked.attempt.user
    if state is None or person is None:
        raise Problem(409, _("Not yet"), _("You can review a question once you have been told what is right."))
    if wanted:
        return CardState(add_question(person, asked.question_version.question, now=now))
    return CardState(remove(state.card, now=now) if state.card else None)


def _may_be_told(asked: AttemptQuestion, now: datetime) -> bool:
    situation = situation_of(asked.attempt, asked, answered=bool(asked.responses.all()), now=now)
    return tells_verdict(situation) or tells_answer(situation)
