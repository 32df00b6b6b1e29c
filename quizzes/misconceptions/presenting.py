"""A misconception as its page and the API show it: what people think, why it fails, the mistake, and what practises it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from accounts.models import User
from inference.breaking.wording import TELLINGS, Telling
from inference.contracts import MistakeName
from lessons.modes import modes_of
from lessons.services import lesson_url
from quizzes.misconceptions.probing import questions_told
from quizzes.misconceptions.services import Readable
from quizzes.models import QuizQuestion
from quizzes.modes import PractiseMode
from quizzes.variants import is_template, title_of
from quizzes.words import shown


@dataclass(frozen=True, slots=True)
class MisconceptionPage:
    """What everybody may read of a misconception."""

    slug: str
    title: str
    url: str
    belief: SafeString
    why: SafeString
    mistake: MistakeName | None  # its runnable form
    lesson_slug: str
    lesson_title: str
    lesson_url: str
    practise_url: str  # empty where the lesson has nothing to practise

    @property
    def telling(self) -> Telling | None:
        """The house's words for its mistake."""
        return TELLINGS[self.mistake] if self.mistake else None


@dataclass(frozen=True, slots=True)
class ProbeView:
    """A practice question that probes a misconception, for a learner who was told so."""

    stem: SafeString
    lesson_title: str
    url: str


def page_of(one: Readable) -> MisconceptionPage:
    """The misconception in the words of its lesson's published version."""
    misconception, version = one.misconception, one.version
    practises = any(mode.slug == PractiseMode.slug for mode in modes_of(version))
    return MisconceptionPage(
        slug=misconception.slug,
        title=misconception.title,
        url=one.url,
        belief=shown(misconception.belief, facts={}, version=version),
        why=shown(misconception.why, facts={}, version=version),
        mistake=MistakeName(misconception.mistake) if misconception.mistake else None,
        lesson_slug=version.lesson.slug,
        lesson_title=version.title,
        lesson_url=lesson_url(version),
        practise_url=lesson_url(version, PractiseMode.slug) if practises else "",
    )


def probes_of(one: Readable, *, person: User | None) -> list[ProbeView]:
    """The practice questions of which this person was told that they probe the misconception; none for anybody else."""
    return [_probe(asked) for asked in questions_told(misconception=one.misconception, person=person)]


def _probe(asked: QuizQuestion) -> ProbeView:
    version, question = asked.quiz_version.lesson_version, asked.question_version
    stem = title_of(question) if is_template(question) else question.stem
    return ProbeView(
        stem=shown(stem, facts=question.facts, version=version),
        lesson_title=version.title,
        url=f"{lesson_url(version, PractiseMode.slug)}?question={question.question.uid}",
    )
