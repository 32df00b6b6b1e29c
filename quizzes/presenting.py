"""An attempt as its learner may see it now. Pages, partials and the API show these values and nothing else.

A key is loaded in exactly two places here, `_told` and `_hint`, each behind a rule of `quizzes.reveal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lessons.models import LessonVersion
from quizzes.grading import letter_at, letter_of
from quizzes.models import Attempt, AttemptQuestion, KeyRevision
from quizzes.public import public_question
from quizzes.results import Committed, committed_answers
from quizzes.reveal import Situation, offers_hint, offers_steps, takes_answers, tells_answer, tells_verdict
from quizzes.services import newest_key, situation_of
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


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What is said about the latest answer alone."""

    title: str
    right: bool
    gave_up: bool
    letter: str
    feedback: SafeString  # on the chosen option
    misconception: MisconceptionView | None


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What was right, and why."""

    letter: str
    option: SafeString
    reason: SafeString
    final: SafeString
    quick_check: str
    mistakes: tuple[MisconceptionView, ...]


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question of an attempt as its learner may see it now."""

    number: int
    total: int
    about: str
    difficulty: str
    objective: str  # its text
    stem: SafeString
    options: tuple[OptionView, ...]
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
    def offers_hint(self) -> bool:
        return offers_hint(self.situation) and self.hint is None

    @property
    def offers_step(self) -> bool:
        return offers_steps(self.situation)

    @property
    def next_step(self) -> int:
        return self.steps_shown + 1

    @property
    def letters(self) -> list[str]:
        """The letters of the options chosen."""
        return [option.letter for option in self.options if option.chosen]


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One question in the row of numbers below an attempt."""

    number: int
    state: str  # "open", "drafted", "answered", "right" or "wrong"
    current: bool = False

    @property
    def title(self) -> str:
        """What a screen reader says of it."""
        return {
            "drafted": _("chosen, not checked"),
            "answered": _("answered"),
            "right": _("right"),
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
        return "drafted" if question.draft else "open"
    if not tells_verdict(situation_of(attempt, question, answered=True)):
        return "answered"
    return "right" if committed[-1].is_right else "wrong"


def question_view(attempt: Attempt, question: AttemptQuestion, *, total: int) -> QuestionView:
    """The question as its learner may see it now."""
    version = question.question_version
    lesson_version = attempt.quiz_version.lesson_version
    committed = committed_answers(question)
    situation = situation_of(attempt, question, answered=bool(committed))
    public = public_question(version, question.option_order)
    chosen = question.draft or (committed[-1].response.options if committed else [])
    told = _told(question, situation, committed, lesson_version)
    return QuestionView(
        number=question.position,
        total=total,
        about=public.about,
        difficulty=public.difficulty,
        objective=objectives_of(lesson_version).get(public.objective, public.objective),
        stem=shown(public.stem, facts=public.facts, version=lesson_version),
        options=tuple(
            OptionView(
                letter=letter_at(index),
                html=shown_inline(option.text, facts=public.facts, version=lesson_version),
                chosen=option.key in chosen,
                mark=told.marks.get(option.key, ""),
            )
            for index, option in enumerate(public.options)
        ),
        situation=situation,
        tries=len(committed),
        drafted=bool(question.draft),
        hint=_hint(attempt, question, lesson_version),
        verdict=told.verdict,
        answer=told.answer,
        steps=told.steps,
        steps_shown=question.steps_shown,
        steps_total=told.steps_total,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What the rules allow to be told of the key; nothing by default."""

    marks: Mapping[str, str]
    verdict: VerdictView | None = None
    answer: AnswerView | None = None
    steps: tuple[SafeString, ...] = ()
    steps_total: int = 0


def _told(question: AttemptQuestion, situation: Situation, committed: Sequence[Committed], version: LessonVersion) -> _Told:
    if not tells_verdict(situation) and not tells_answer(situation):
        return _Told(marks={})
    latest = committed[-1] if committed else None
    key = latest.grade.key_revision if latest else newest_key(question.question_version)
    words = _KeyWords(key, question.option_order, version)
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
        answer=words.answer(question) if tells_all else None,
        steps=tuple(words.shown(step) for step in steps),
        steps_total=len(key.solution),
    )


def _hint(attempt: Attempt, question: AttemptQuestion, version: LessonVersion) -> SafeString | None:
    """The hint, once it was asked for: that column of the key alone leaves the database."""
    if question.hint_shown_at is None or not attempt.is_practice:
        return None
    hint, facts = question.question_version.key_revisions.order_by("-number").values_list("hint", "facts")[0]
    return shown(hint, facts=facts, version=version)


def verdict_title(*, right: bool) -> str:
    """The heading over the feedback on an answer."""
    return _("Right") if right else _("Not quite")


class _KeyWords:
    """A key revision's words, rendered with its own frozen facts and this learner's letters."""

    def __init__(self, key: KeyRevision, order: Sequence[str], version: LessonVersion) -> None:
        self.key = key
        self.order = order
        self.version = version

    def shown(self, text: str) -> SafeString:
        return shown(text, facts=self.key.facts, version=self.version)

    def feedback(self, option: str) -> SafeString:
        """What is said to those who choose an option, without a verdict in front: the heading above it has that."""
        text: str = self.key.feedback.get(option, "")
        verdict = f"{verdict_title(right=option in self.key.correct)}."
        return self.shown(text.removeprefix(verdict).lstrip())

    def verdict(self, committed: Committed) -> VerdictView:
        """What is said about one answer."""
        chosen: str = next(iter(committed.response.options), "")
        return VerdictView(
            title=_("You asked for the steps") if committed.response.gave_up else verdict_title(right=committed.is_right),
            right=committed.is_right,
            gave_up=committed.response.gave_up,
            letter=letter_of(chosen, self.order) if chosen else "",
            feedback=self.feedback(chosen),
            misconception=self.misconception(chosen),
        )

    def misconception(self, option: str) -> MisconceptionView | None:
        belief: dict[str, Any] | None = self.key.misconceptions.get(option)
        if belief is None:
            return None
        return MisconceptionView(
            letter=letter_of(option, self.order),
            title=belief["title"],
            belief=self.shown(belief["belief"]),
            why=self.shown(belief["why"]),
        )

    def answer(self, question: AttemptQuestion) -> AnswerView:
        """What was right and why, with the quick check computed from the key itself."""
        right = next(iter(self.key.correct))
        version = question.question_version
        text = next(option.text for option in version.options.all() if option.key == right)
        letter = letter_of(right, self.order)
        option = shown_inline(text, facts=version.facts, version=self.version)
        mistakes = (self.misconception(option) for option in self.order if option != right)
        return AnswerView(
            letter=letter,
            option=option,
            reason=self.feedback(right),
            final=self.shown(self.key.answer),
            quick_check=_("The answer is %(letter)s:") % {"letter": letter},
            mistakes=tuple(mistake for mistake in mistakes if mistake),
        )
