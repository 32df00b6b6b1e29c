"""Strengths, calibration, and why practice goes on with a question, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import unescape

from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lessons.models import LessonVersion
from lessons.words import words_html
from quizzes.adapting import Pick, Why
from quizzes.calibration import ENOUGH_AT_A_LEVEL, MEANS, Calibration, Sureness, Verdict
from quizzes.models import Confidence
from quizzes.strength import Estimate, Level
from web.charts import Chart, Series


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


@dataclass(frozen=True, slots=True)
class Practised:
    """How practice goes in an objective: said beside the verdict, and never part of it."""

    right: int
    questions: int

    @property
    def said(self) -> str:
        said = ngettext(
            "In practice: %(right)s of %(questions)s question right at the first try.",
            "In practice: %(right)s of %(questions)s questions right at the first try.",
            self.questions,
        )
        return said % {"right": self.right, "questions": self.questions}


def verdicts_chart(views: Iterable[StrengthView]) -> Chart:
    """Of medium questions, how many are probably known and between which bounds, by objective of which a test asked."""
    told = [view for view in views if view.estimate.answers]
    return Chart(
        title=_("Medium questions you probably know, in percent"),
        labels=[unescape(strip_tags(view.objective)) for view in told],
        series=[
            Series(_("best guess"), [view.percent for view in told]),
            Series(_("at least"), [_percent(view.estimate.low) for view in told]),
            Series(_("at most"), [_percent(view.estimate.high) for view in told]),
        ],
        axis=_("Objective"),
        decimals=0,
        scale=100,
        mark=50,
    )


@dataclass(frozen=True, slots=True)
class SurenessView:
    """The answers at one level of confidence, in words."""

    level: Sureness

    @property
    def word(self) -> str:
        return str(Confidence(self.level.level).label)

    @property
    def means(self) -> str:
        return _from_to(self.level.means)

    @property
    def right(self) -> str:
        return _("%(right)s of %(answers)s") % {"right": self.level.right, "answers": self.level.answers}

    @property
    def probably(self) -> str:
        """What the true share may be; empty without answers."""
        return _from_to(self.level.interval) if self.level.answers else ""

    @property
    def judged(self) -> str:
        """What can be said of this level, in a word or two."""
        return {
            Verdict.OVER: _("surer than right"),
            Verdict.UNDER: _("righter than sure"),
            Verdict.FITS: _("fits"),
        }.get(self.level.verdict, _("too few to tell"))

    @property
    def style(self) -> str:
        """As a class of quiz.css, among those of strengths."""
        return {Verdict.OVER: "weak", Verdict.UNDER: "growing", Verdict.FITS: "strong"}.get(self.level.verdict, "unknown")


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """How well somebody knows what they know."""

    calibration: Calibration

    @property
    def levels(self) -> list[SurenessView]:
        return [SurenessView(level) for level in self.calibration.levels]

    @property
    def said(self) -> str:
        """What it comes to, in a few sentences computed from the levels."""
        over, under = (self.calibration.said(verdict) for verdict in (Verdict.OVER, Verdict.UNDER))
        sentences = [_over(level) for level in over] + [_under(level) for level in under]
        if sentences:
            return " ".join(sentences)
        if not self.calibration.said(Verdict.FITS):
            return _("At no level there are %(enough)s answers yet, so nothing can be said of one.") % {
                "enough": ENOUGH_AT_A_LEVEL
            }
        return _("As far as so many answers can tell, you are as right as you are sure.")

    @property
    def chart(self) -> Chart:
        """Of the answers at each level that was used, how many were right."""
        used = [view for view in self.levels if view.level.answers]
        return Chart(
            title=_("How many were right, in percent, by how sure you were"),
            labels=[_("%(word)s (means %(means)s)") % {"word": view.word, "means": view.means} for view in used],
            series=[Series(_("percent"), [_percent(view.level.share) for view in used])],
            axis=_("You said"),
            decimals=0,
            summary=self.said,
            scale=100,
        )


def _over(level: Sureness) -> str:
    said = _(
        "Where you said “%(word)s”, %(right)s of %(answers)s were right, and the word means at least %(least)s%%:"
        " there you are surer than you are right. Before you commit such an answer, look for a reason why it could be wrong."
    )
    return said % _figures(level)


def _under(level: Sureness) -> str:
    said = _(
        "Where you said “%(word)s”, %(right)s of %(answers)s were right, and the word means at most %(most)s%%:"
        " there you know more than you think."
    )
    return said % _figures(level)


def _figures(level: Sureness) -> dict[str, object]:
    least, most = MEANS[level.level]
    return {
        "word": Confidence(level.level).label,
        "right": level.right,
        "answers": level.answers,
        "least": _percent(least),
        "most": _percent(most),
    }


def _from_to(shares: tuple[float, float]) -> str:
    return _("%(low)s to %(high)s\u00a0%%") % {"low": _percent(shares[0]), "high": _percent(shares[1])}


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
        return (
            _("You left open what tests asked about this.")
            if estimate.left_open
            else _("No test has asked you about this yet.")
        )
    bounds = {"answers": estimate.answers, "low": _percent(estimate.low), "high": _percent(estimate.high)}
    said = ngettext(
        "From %(answers)s answer in a test: you probably know from %(low)s to %(high)s%% of medium questions.",
        "From %(answers)s answers in tests: you probably know from %(low)s to %(high)s%% of medium questions.",
        estimate.answers,
    )
    more = [_left_open(estimate.left_open)] if estimate.left_open else []
    more += [_("A few more answers will tell.")] if estimate.level is Level.UNKNOWN else []
    return " ".join([said % bounds, *more])


def _left_open(questions: int) -> str:
    said = ngettext(
        "In it is %(questions)s question that you left open, which counts like a blind guess.",
        "In it are %(questions)s questions that you left open, each of which counts like a blind guess.",
        questions,
    )
    return said % {"questions": questions}


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
