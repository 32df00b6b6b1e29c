"""An attempt as its learner may see it now. Pages, partials and the API show these values and nothing else.

A key is loaded in exactly two places here, `_keys_told` and `_hints_shown`, each behind a rule of `quizzes.reveal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.db.models import Q
from django.template.defaultfilters import floatformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lessons.models import Course, LessonVersion
from quizzes.grading import letter_at, letter_of
from quizzes.misconceptions.services import misconception_url, readable_slugs
from quizzes.models import Attempt, AttemptQuestion, Confidence, KeyRevision, QuestionVersion
from quizzes.public import PublicQuestion, public_question
from quizzes.questions import Answer, Asks, kind_named
from quizzes.results import Committed, committed_answers
from quizzes.reveal import Situation, offers_hint, offers_steps, takes_answers, tells_answer, tells_verdict
from quizzes.services import situation_of
from quizzes.words import shown, shown_inline


@dataclass(frozen=True, slots=True)
class OptionView:
    letter: str
    html: SafeString
    chosen: bool  # in a draft, or in the latest answer
    mark: str = ""  # "right" or "wrong", once it may be told


@dataclass(frozen=True, slots=True)
class MisconceptionView:
    letter: str
    title: str
    belief: SafeString
    why: SafeString
    url: str = ""  # of its page; empty where readers have none
    runs: bool = False  # its page has a mistake to run


@dataclass(frozen=True, slots=True)
class SaidView:
    """What is said about one option that was chosen, or about the number that was written."""

    letter: str  # empty for a number
    verdict: str  # whether this option is right, where several can be; else empty
    feedback: SafeString
    misconception: MisconceptionView | None


@dataclass(frozen=True, slots=True)
class ConfidenceView:
    """One answer to "How sure are you?"."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What is said about the latest answer alone."""

    title: str
    right: bool
    score: float
    gave_up: bool
    said: tuple[SaidView, ...]
    part: str = ""  # what an answer gets that is right in part
    regraded: str = ""  # why its points are not those of the first key, and what they were
    was_certain: bool = False  # the learner said so

    @property
    def is_partly(self) -> bool:
        return 0 < self.score < 1

    @property
    def is_surprise(self) -> bool:
        """Certain, and not right: what is looked into now is corrected best (Butterfield & Metcalfe 2001, hypercorrection)."""
        return self.was_certain and not self.right


@dataclass(frozen=True, slots=True)
class RightView:
    """One of the right options, or the right number."""

    letter: str  # empty for a number
    html: SafeString


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What was right, and why."""

    title: str
    right: tuple[RightView, ...]
    reason: SafeString
    final: SafeString
    quick_check: str
    mistakes: tuple[MisconceptionView, ...]

    @property
    def texts(self) -> SafeString:
        """The right options in a row."""
        return format_html_join("; ", "{}", ((right.html,) for right in self.right))


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question of an attempt as its learner may see it now."""

    number: int
    total: int
    about: str
    difficulty: str
    objective: str  # its text
    stem: SafeString
    asks: Asks
    options: tuple[OptionView, ...]
    text: str  # what was written: in a draft, or in the latest answer
    confidence: str  # how sure the learner said they are of it; empty: not said
    situation: Situation
    tries: int
    drafted: bool
    hint: SafeString | None = None
    verdict: VerdictView | None = None
    answer: AnswerView | None = None
    steps: tuple[SafeString, ...] = ()
    steps_shown: int = 0
    steps_total: int = 0  # told from the first answer on

    @property
    def is_open(self) -> bool:
        return takes_answers(self.situation)

    @property
    def confidences(self) -> list[ConfidenceView]:
        """What can be said of how sure one is, least first."""
        return [ConfidenceView(one.value, str(one.label), one.value == self.confidence) for one in Confidence]

    @property
    def offers_hint(self) -> bool:
        return offers_hint(self.situation) and self.hint is None

    @property
    def offers_step(self) -> bool:
        return offers_steps(self.situation)

    @property
    def next_step(self) -> int:
        return self.steps_shown + 1


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One question in the row of numbers below an attempt."""

    number: int
    state: str  # "open", "drafted", "answered", "right", "partly" or "wrong"
    current: bool = False

    @property
    def title(self) -> str:
        """What a screen reader says of it."""
        return {
            "drafted": _("answer saved, not checked yet"),
            "answered": _("answered"),
            "right": _("right"),
            "partly": _("partly right"),
            "wrong": _("not right"),
        }.get(self.state, _("not answered"))


def objectives_of(version: LessonVersion) -> dict[str, str]:
    """Objective id → its text, as this version of the lesson words it."""
    return {item["id"]: item["text"] for item in version.meta.get("objectives", [])}


def questions_of(attempt: Attempt) -> list[AttemptQuestion]:
    """The attempt's questions with everything but keys, in a fixed number of queries."""
    return list(
        attempt.questions.select_related("question_version").prefetch_related("question_version__options", "responses__grades")
    )


def places_of(attempt: Attempt, questions: Sequence[AttemptQuestion], *, current: int = 0) -> list[PlaceView]:
    """Where each question of the attempt stands."""
    return [
        PlaceView(question.position, _state(attempt, question), current=question.position == current) for question in questions
    ]


def _state(attempt: Attempt, question: AttemptQuestion) -> str:
    committed = committed_answers(question)
    if not committed:
        return "open" if question.drafted.is_empty else "drafted"
    if not tells_verdict(situation_of(attempt, question, answered=True)):
        return "answered"
    if committed[-1].is_right:
        return "right"
    return "partly" if committed[-1].grade.score > 0 else "wrong"


def question_views(attempt: Attempt, questions: Sequence[AttemptQuestion]) -> list[QuestionView]:
    """All of the attempt's questions as their learner may see them now, in a number of queries that doesn't grow with them."""
    told, hints = _keys_told(attempt, questions), _hints_shown(attempt, questions)
    return [_question_view(attempt, question, told, hints, total=len(questions)) for question in questions]


def question_view(attempt: Attempt, question: AttemptQuestion, *, total: int) -> QuestionView:
    """The question as its learner may see it now."""
    told, hints = _keys_told(attempt, [question]), _hints_shown(attempt, [question])
    return _question_view(attempt, question, told, hints, total=total)


def _question_view(
    attempt: Attempt, question: AttemptQuestion, keys: _Keys, hints: Mapping[int, _Hint], *, total: int
) -> QuestionView:
    version = question.question_version
    lesson_version = attempt.quiz_version.lesson_version
    committed = committed_answers(question)
    situation = situation_of(attempt, question, answered=bool(committed))
    public = public_question(version, question.option_order)
    given, confidence = question.drafted, question.draft_confidence
    if given.is_empty and committed:
        given = committed[-1].response.answer
    if committed and not takes_answers(situation):
        confidence = committed[-1].response.confidence
    told = _told(question, situation, committed, lesson_version, keys)
    hint = hints.get(version.pk) if question.hint_shown_at is not None else None
    return QuestionView(
        number=question.position,
        total=total,
        about=public.about,
        difficulty=public.difficulty,
        objective=objectives_of(lesson_version).get(public.objective, public.objective),
        stem=shown(public.stem, facts=public.facts, version=lesson_version),
        asks=kind_named(public.kind).asks,
        options=_option_views(public, lesson_version, chosen=given.options, marks=told.marks),
        text=given.text,
        confidence=confidence,
        situation=situation,
        tries=len(committed),
        drafted=not question.drafted.is_empty,
        hint=shown(hint[0], facts=hint[1], version=lesson_version) if hint else None,
        verdict=told.verdict,
        answer=told.answer,
        steps=told.steps,
        steps_shown=question.steps_shown,
        steps_total=told.steps_total,
    )


def unasked_view(version: QuestionVersion, order: Sequence[str], lesson_version: LessonVersion) -> QuestionView:
    """A question as it looks before there is an attempt at it: its public part, open."""
    public = public_question(version, order)
    return QuestionView(
        number=1,
        total=1,
        about=public.about,
        difficulty=public.difficulty,
        objective=objectives_of(lesson_version).get(public.objective, public.objective),
        stem=shown(public.stem, facts=public.facts, version=lesson_version),
        asks=kind_named(public.kind).asks,
        options=_option_views(public, lesson_version),
        text="",
        confidence="",
        situation=Situation(practice=False, after_each=True, finished=False, answered=False, answer_shown=False),
        tries=0,
        drafted=False,
    )


def _option_views(
    public: PublicQuestion,
    version: LessonVersion,
    *,
    chosen: frozenset[str] = frozenset(),
    marks: Mapping[str, str] = MappingProxyType({}),
) -> tuple[OptionView, ...]:
    return tuple(
        OptionView(
            letter=letter_at(index),
            html=shown_inline(option.text, facts=public.facts, version=version),
            chosen=option.key in chosen,
            mark=marks.get(option.key, ""),
        )
        for index, option in enumerate(public.options)
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What the rules allow to be told of the key; nothing by default."""

    marks: Mapping[str, str]
    verdict: VerdictView | None = None
    answer: AnswerView | None = None
    steps: tuple[SafeString, ...] = ()
    steps_total: int = 0


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of those questions that something may be told of, and what of their misconceptions has a page."""

    of: Mapping[int, KeyRevision]  # by the id of the attempt's question
    readable: frozenset[str] = frozenset()


_Hint = tuple[str, Mapping[str, Any]]
"""A hint's Markdown and the facts it shows."""


def _keys_told(attempt: Attempt, questions: Sequence[AttemptQuestion]) -> _Keys:
    """The key that graded the latest answer to each question, or the newest of one without; none of what may not be told."""
    graded: dict[int, int] = {}
    unanswered: dict[int, int] = {}
    for question in questions:
        committed = committed_answers(question)
        situation = situation_of(attempt, question, answered=bool(committed))
        if not tells_verdict(situation) and not tells_answer(situation):
            continue
        if committed:
            graded[question.pk] = committed[-1].grade.key_revision_id
        else:
            unanswered[question.pk] = question.question_version_id
    if not graded and not unanswered:
        return _Keys({})
    rows = KeyRevision.objects.filter(Q(pk__in=graded.values()) | Q(question_version__in=unanswered.values()))
    by_id = {row.pk: row for row in rows.order_by("number")}
    newest = {row.question_version_id: row for row in by_id.values()}
    keys = {question: by_id[key] for question, key in graded.items()}
    keys |= {question: newest[version] for question, version in unanswered.items()}
    slugs = {belief["slug"] for key in keys.values() for belief in key.misconceptions.values()}
    course = attempt.quiz_version.lesson_version.lesson.course
    return _Keys(keys, readable_slugs(course, slugs) if slugs else frozenset())


def _hints_shown(attempt: Attempt, questions: Sequence[AttemptQuestion]) -> dict[int, _Hint]:
    """By question version, the hints that were asked for: those columns of the keys alone leave the database."""
    asked = [question.question_version_id for question in questions if question.hint_shown_at is not None]
    if not asked or not attempt.is_practice:
        return {}
    rows = KeyRevision.objects.filter(question_version__in=asked).order_by("number")
    return {version: (hint, facts) for version, hint, facts in rows.values_list("question_version_id", "hint", "facts")}


def _told(
    question: AttemptQuestion, situation: Situation, committed: Sequence[Committed], version: LessonVersion, keys: _Keys
) -> _Told:
    key = keys.of.get(question.pk)
    if key is None:
        return _Told(marks={})
    latest = committed[-1] if committed else None
    words = _KeyWords(key, question, version, keys.readable)
    marks: dict[str, str] = {}
    if latest:
        marks |= {option: "right" if option in key.correct else "wrong" for option in latest.response.options}
    tells_all = tells_answer(situation)
    if tells_all:
        marks |= dict.fromkeys(key.correct, "right")
    steps = key.solution if tells_all else key.solution[: question.steps_shown]
    return _Told(
        marks=marks,
        verdict=words.verdict(latest) if latest else None,
        answer=words.answer() if tells_all else None,
        steps=tuple(words.shown(step) for step in steps),
        steps_total=len(key.solution),
    )


def verdict_title(score: float) -> str:
    """The heading over the feedback on an answer."""
    if score >= 1:
        return _("Right")
    return _("Partly right") if score > 0 else _("Not quite")


class _KeyWords:
    """A key revision's words, rendered with its own frozen facts and this learner's letters."""

    def __init__(self, key: KeyRevision, question: AttemptQuestion, version: LessonVersion, readable: frozenset[str]) -> None:
        self.key = key
        self.question = question
        self.version = version
        self.readable = readable  # the slugs of the misconceptions that have a page now

    def shown(self, text: str) -> SafeString:
        return shown(text, facts=self.key.facts, version=self.version)

    def letter(self, option: str) -> str:
        """The letter under which this learner saw the option; empty where options are not shown."""
        order = self.question.option_order
        return letter_of(option, order) if option in order else ""

    def feedback(self, option: str) -> SafeString:
        """What is said to those who choose an option, without a verdict in front: the heading above it has that."""
        text: str = self.key.feedback.get(option, "")
        verdict = f"{verdict_title(float(option in self.key.correct))}."
        return self.shown(text.removeprefix(verdict).lstrip())

    def verdict(self, committed: Committed) -> VerdictView:
        """What is said about one answer."""
        response = committed.response
        kind = kind_named(self.question.question_version.kind)
        spoken_to = sorted(kind.spoken_to(response.answer, self.key.key), key=self.letter)
        by_key = committed.grade.score
        if committed.grade.regrade_id:
            # A regrade may give points that the key alone would not: what is said of the answer follows the key.
            by_key = kind.grade(response.answer, self.key.key).value
        return VerdictView(
            title=_("You asked for the steps") if response.gave_up else verdict_title(by_key),
            right=by_key >= 1,
            score=committed.grade.score,
            gave_up=response.gave_up,
            said=tuple(self.said(option, kind.asks) for option in spoken_to),
            part=self.part(response.answer, by_key) if kind.asks is Asks.SEVERAL else "",
            regraded=self.regraded(committed) if committed.grade.regrade_id else "",
            was_certain=response.confidence == Confidence.CERTAIN,
        )

    def regraded(self, committed: Committed) -> str:
        """That the key was corrected after the answer, why, and what that did to its points."""
        first = min(committed.response.grades.all(), key=lambda grade: grade.pk)
        changed = _("The key of this question was corrected after you answered. Points before: %(before)s, now: %(now)s.") % {
            "before": floatformat(first.points, -2),
            "now": floatformat(committed.grade.points, -2),
        }
        return f"{changed} {self.key.reason}".strip()  # a key that was published anew has no reason of its own

    def said(self, option: str, asks: Asks) -> SaidView:
        verdict = ""
        if asks is Asks.SEVERAL:
            verdict = _("right") if option in self.key.correct else _("not right")
        return SaidView(self.letter(option), verdict, self.feedback(option), self.misconception(option))

    def part(self, answer: Answer, score: float) -> str:
        """What an answer gets that is right in part; empty for one that isn't."""
        if score >= 1 or not answer.options & set(self.key.correct):
            return ""
        if score > 0:
            return _("It gets %(percent)s%% of the points.") % {"percent": round(100 * score)}
        return _("Part of it is right, but here that gets no points.")

    def misconception(self, option: str) -> MisconceptionView | None:
        belief: dict[str, Any] | None = self.key.misconceptions.get(option)
        if belief is None:
            return None
        return MisconceptionView(
            letter=self.letter(option),
            title=belief["title"],
            belief=self.shown(belief["belief"]),
            why=self.shown(belief["why"]),
            url=misconception_url(self.course, belief["slug"]) if belief["slug"] in self.readable else "",
            runs=bool(belief.get("mistake")),
        )

    @property
    def course(self) -> Course:
        return self.version.lesson.course

    def answer(self) -> AnswerView:
        """What was right and why, with the quick check computed from the key itself."""
        right = sorted(self.key.correct, key=self.letter)
        letters = [letter for option in right if (letter := self.letter(option))]
        wrong = (option for option in sorted(self.key.feedback, key=self.letter) if option not in right)
        mistakes = (self.misconception(option) for option in wrong)
        return AnswerView(
            title=_right_title(letters),
            right=tuple(RightView(self.letter(option), self._text(option)) for option in right),
            reason=mark_safe("".join(self.feedback(option) for option in right)),  # noqa: S308 - each was made safe
            final=self.shown(self.key.answer),
            quick_check=quick_check(letters),
            mistakes=tuple(mistake for mistake in mistakes if mistake),
        )

    def _text(self, option: str) -> SafeString:
        written = self.key.rule.get("words", {})
        if option in written:
            return shown_inline(written[option], facts=self.key.facts, version=self.version)
        version = self.question.question_version
        texts = {public.key: public.text for public in version.options.all()}
        return shown_inline(texts[option], facts=version.facts, version=self.version)


def _right_title(letters: Sequence[str]) -> str:
    if not letters:
        return _("The right number")
    return ngettext("%(letters)s is right", "%(letters)s are right", len(letters)) % {"letters": _in_a_row(letters)}


def quick_check(letters: Sequence[str]) -> str:
    """What stands before the right options, or before the right number, which has no letter."""
    if not letters:
        return _("The answer is")
    return ngettext("The answer is %(letters)s:", "The answers are %(letters)s:", len(letters)) % {
        "letters": _in_a_row(letters)
    }


def _in_a_row(letters: Sequence[str]) -> str:
    return str(get_text_list(list(letters), _("and")))
