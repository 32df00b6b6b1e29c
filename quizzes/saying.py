"""Strengths, and why practice goes on with a question, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lessons.models import LessonVersion
from lessons.words import words_html
from quizzes.adapting import Pick, Why
from quizzes.strength import Estimate, Level


@dataclass(frozen=True, slots=True)
class StrengthView:
    """One objective of a lesson, and how strong somebody is in it."""

    objective: SafeString
    estimate: Estimate

    @property
    def level(self) -> str:
        return level_word(self.estimate.level)

    @property
    def style(self) -> str:
        """The level as a class of quiz.css."""
        return self.estimate.level.value

    @property
    def why(self) -> str:
        return why_so(self.estimate)

    @property
    def percent(self) -> int:
        return _percent(self.estimate.chance)


def strength_view(version: LessonVersion, text: str, estimate: Estimate) -> StrengthView:
    """The strength in an objective of this text."""
    return StrengthView(words_html(version, text), estimate)


def level_word(level: Level) -> str:
    """What a level is called."""
    words: Mapping[Level, str] = {
        Level.WEAK: _("weak"),
        Level.GROWING: _("growing"),
        Level.STRONG: _("strong"),
    }
    return words.get(level, _("not enough answers yet"))


def why_so(estimate: Estimate) -> str:
    """What a level rests on: how many answers, and between which bounds the truth probably is."""
    if not estimate.answers:
        return _("You have not answered anything about this yet.")
    bounds = {"answers": estimate.answers, "low": _percent(estimate.low), "high": _percent(estimate.high)}
    said = ngettext(
        "From %(answers)s answer: you probably know from %(low)s to %(high)s %% of medium questions.",
        "From %(answers)s answers: you probably know from %(low)s to %(high)s %% of medium questions.",
        estimate.answers,
    )
    more = _("A few more answers will tell.") if estimate.level is Level.UNKNOWN else ""
    return f"{said % bounds} {more}".strip()


def why_next(pick: Pick, version: LessonVersion, objectives: Mapping[str, str]) -> SafeString | None:
    """Why practice goes on with this question; none where it keeps to the order."""
    sentences: Mapping[Why, str] = {
        Why.NEW: _("You have not answered anything about this yet: {objective}"),
        Why.WEAK: _("You were unsure about this: {objective}"),
        Why.LEAST: _("Of what is left, you are least sure of this: {objective}"),
        Why.STRONG: _("You are strong in all that is left, least so in this: {objective}"),
    }
    if pick.why not in sentences:
        return None
    return format_html(sentences[pick.why], objective=words_html(version, objectives.get(pick.objective, pick.objective)))


def _percent(share: float) -> int:
    return round(100 * share)
