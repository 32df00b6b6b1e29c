"""The result of a test of the pattern: its verdict, why it is that, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.template.defaultfilters import floatformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lessons.modes import modes_of
from lessons.services import lesson_url
from quizzes.evidence import FirstAnswer, evidence_of
from quizzes.models import Attempt, Difficulty
from quizzes.patterns.outcome import Given, Outcome, outcome_of
from quizzes.presenting import MisconceptionView, QuestionView
from quizzes.results import Result
from quizzes.saying import StrengthView, level_word, verdicts_chart
from quizzes.strength import ENOUGH_ANSWERS, Estimate, Level, guessing_floor
from web.charts import Chart


@dataclass(frozen=True, slots=True)
class Verdict:
    """How strong somebody is in a lesson by one test of its pattern alone, and why that is said."""

    estimate: Estimate
    why: tuple[str, ...]  # a sentence each

    @property
    def level(self) -> str:
        return level_word(self.estimate.level)

    @property
    def style(self) -> str:
        """The level as a class of quiz.css."""
        return self.estimate.level.value


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do after the test."""

    label: str
    what: SafeString | str
    url: str


@dataclass(frozen=True, slots=True)
class PatternView:
    """What the results of a test of the pattern show beside its score and its questions."""

    verdict: Verdict
    chart: Chart  # by objective, from all tests so far
    steps: tuple[Step, ...]


def verdict_of(attempt: Attempt, result: Result, answers: Sequence[FirstAnswer]) -> Verdict:
    """The verdict of a finished test; `answers` are its person's `answers_and_open`, to that lesson at least. One query."""
    estimate = evidence_of(attempt, answers).whole()
    return Verdict(estimate, tuple(why(estimate, _outcome(result))))


def pattern_view(
    attempt: Attempt,
    result: Result,
    answers: Sequence[FirstAnswer],
    *,
    questions: Sequence[QuestionView],
    objectives: Mapping[str, StrengthView],
) -> PatternView:
    """The result of a finished test; `objectives` are its person's strengths in those that it asked about."""
    return PatternView(
        verdict=verdict_of(attempt, result, answers),
        chart=verdicts_chart(objectives.values()),
        steps=tuple(_steps(attempt, result, questions, objectives)),
    )


def _outcome(result: Result) -> Outcome:
    return outcome_of(
        [
            Given(
                number=item.question.position,
                difficulty=item.question.question_version.difficulty,
                score=item.counting.grade.score if item.counting else None,
                guessing=guessing_floor(item.question.question_version.kind, len(item.question.option_order)),
            )
            for item in result.items
        ]
    )


# --- why ---------------------------------------------------------------------------------------------------------------------


def why(estimate: Estimate, outcome: Outcome) -> list[str]:
    """What the verdict rests on, in sentences: the bounds and what they mean, how hard what was known is, what was missed."""
    said = [_bounds(estimate)] if estimate.answers else []
    said.append(_meaning(estimate))
    if outcome.levels:
        said.append(_known(outcome))
    if outcome.missed:
        said.append(_missed(outcome))
    if outcome.left_open:
        said.append(
            ngettext(
                "%(number)s question was left open. It counts like a blind guess: answer it next time, and the"
                " verdict says more.",
                "%(number)s questions were left open. Each counts like a blind guess: answer all of them next time, and the"
                " verdict says more.",
                outcome.left_open,
            )
            % {"number": outcome.left_open}
        )
    return said


def _bounds(estimate: Estimate) -> str:
    said = _("You probably know from %(low)s to %(high)s%% of medium questions; the best guess is %(chance)s%%.")
    shares = {"low": estimate.low, "high": estimate.high, "chance": estimate.chance}
    return said % {name: round(100 * share) for name, share in shares.items()}


def _meaning(estimate: Estimate) -> str:
    meanings: Mapping[Level, str] = {
        Level.STRONG: _("Even the lower number is at least 50, so you are strong in this."),
        Level.WEAK: _("Even the higher number is below 50, so you are weak in this."),
        Level.GROWING: _("50 lies between the two numbers, so you are growing in this: so few answers can’t tell more."),
    }
    if estimate.level in meanings:
        return meanings[estimate.level]
    if estimate.answers < ENOUGH_ANSWERS:
        return _("A verdict takes at least %(enough)s answers.") % {"enough": ENOUGH_ANSWERS}
    return _("The two numbers lie too far apart to say more.")


def _known(outcome: Outcome) -> str:
    """ "Right: 3 of 3 easy, 2 of 4 medium and 1 of 3 hard ones. Guessing alone gets about 2.5 of them." """
    names = dict(Difficulty.choices)
    levels = [
        _("%(right)s of %(answered)s %(difficulty)s")
        % {"right": level.right, "answered": level.answered, "difficulty": names[level.difficulty]}
        for level in outcome.levels
    ]
    return _("Right: %(levels)s. Guessing alone gets about %(chance)s right.") % {
        "levels": get_text_list(levels, _("and")),
        "chance": floatformat(outcome.by_chance, 1),
    }


def _missed(outcome: Outcome) -> str:
    names = dict(Difficulty.choices)
    questions = [f"{one.number} ({names[one.difficulty]})" for one in outcome.missed]
    said = ngettext("Not right: question %(questions)s.", "Not right: questions %(questions)s.", len(questions))
    return said % {"questions": get_text_list(questions, _("and"))}


# --- what to do next ---------------------------------------------------------------------------------------------------------


def _steps(
    attempt: Attempt, result: Result, questions: Sequence[QuestionView], objectives: Mapping[str, StrengthView]
) -> list[Step]:
    """Practise the weakest of what was missed, see the commonest mistake happen, review; nothing where nothing was missed."""
    version = attempt.quiz_version.lesson_version
    offered = {mode.slug for mode in modes_of(version)}
    missed = {item.question.question_version.objective for item in result.missed}
    weakest = min(
        (name for name in objectives if name in missed), key=lambda name: objectives[name].estimate.ability, default=""
    )
    steps = []
    if weakest and "practise" in offered:
        steps.append(Step(_("Practise"), objectives[weakest].objective, lesson_url(version, "practise")))
    if belief := _commonest(questions):
        steps.append(_break_step(belief))
    if missed and "review" in offered:
        steps.append(
            Step(_("Review"), _("What you missed comes back when it is about to fade."), lesson_url(version, "review"))
        )
    return steps


def _commonest(questions: Sequence[QuestionView]) -> MisconceptionView | None:
    """The misconception that most wrong answers came of, the first of those that did alike often; of those with a page."""
    verdicts = [question.verdict for question in questions if question.verdict]
    beliefs = [said.misconception for verdict in verdicts for said in verdict.said if said.misconception]
    pages = {belief.url: belief for belief in reversed(beliefs) if belief.url}
    times = Counter(belief.url for belief in beliefs if belief.url)
    return pages[times.most_common(1)[0][0]] if times else None


def _break_step(belief: MisconceptionView) -> Step:
    what = format_html("“{}”", belief.title)
    return Step(_("See the mistake happen") if belief.runs else _("Read why it fails"), what, belief.url)
