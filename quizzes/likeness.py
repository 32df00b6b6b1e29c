"""One more question like another: which one that is, and how it joins the learner's practice.

Of a drawn question it is a new variant of its template. Of a written one it is the nearest that the lesson practises: one that
is drawn and knows the misconception behind the option that was chosen, else one that is drawn for the same objective, else
another written one of that objective, not answered yet. What waits unanswered in the attempt is gone to before anything is
added, so that two clicks, and two tabs, lead to the same question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from quizzes.drawing import draw_questions
from quizzes.models import Attempt, AttemptQuestion, KeyRevision, QuestionVersion, QuizMode, QuizQuestion, QuizVersion
from quizzes.presenting import questions_of
from quizzes.questions import kind_named
from quizzes.results import Committed, committed_answers
from quizzes.reveal import tells_verdict
from quizzes.services import (
    attempt_question,
    current_quiz_version,
    locked_attempt,
    quiz_version_of,
    situation_of,
    start_attempt,
)
from quizzes.variants import is_template, misconceptions_of
from web.problems import Problem

MOST = 30
"""How many questions one attempt takes besides those it began with."""

LEADS_ON = (QuizMode.PRACTICE, QuizMode.TEST, QuizMode.EXAM, QuizMode.PATTERN)
"""From where one may go on to one like it: practice at any time, what is graded once it is finished."""


@dataclass(frozen=True, slots=True)
class Another:
    """A question to be asked: what draws it, and what it is worth."""

    question_version: QuestionVersion
    points: int


def places_with_another(attempt: Attempt, questions: Sequence[AttemptQuestion]) -> frozenset[int]:
    """The places of those questions of the attempt to which there is one alike; `questions` with their answers and grades."""
    told = [question for question in questions if _is_told(attempt, question)]
    practice = _practice_for(attempt) if told else None
    if practice is None:
        return frozenset()
    pool, beliefs = _pool(practice), _beliefs(told)
    answered = set() if attempt.is_finished else {one.question_version.question_id for one in questions if one.responses.all()}
    return frozenset(
        question.position for question in told if next(_alike(question, pool, beliefs[question.pk], answered), None) is not None
    )


def ask_another(*, attempt: Attempt, position: int, now: datetime) -> AttemptQuestion:
    """The question to go on with, like the one at that place: one that waits already, or one that is added now.

    In open practice it is one of the same attempt. From what is finished it leads into practice of the lesson, begun if need
    be. Raises Problem 409 before the answer is told, where there is none alike, and where practice is full.
    """
    source = _with_answers(attempt, position)
    practice = _practice_for(attempt) if _is_told(attempt, source) else None
    if practice is None or attempt.user is None:
        raise Problem(409, _("Not yet"), _("Answer this question first. Then you can try one like it."))
    target = start_attempt(user=attempt.user, quiz_version=practice, now=now) if attempt.is_finished else attempt
    with transaction.atomic():
        target = locked_attempt(target)
        if target.is_finished:
            message = _("This practice is finished, perhaps in another tab. Start over to go on.")
            raise Problem(409, _("Already finished"), message)
        asked = target.questions.filter(responses__isnull=False)
        answered = set(asked.values_list("question_version__question_id", flat=True))
        wanted = list(_alike(source, _pool(practice), _beliefs([source])[source.pk], answered))
        if found := _waiting(target, wanted, besides=source):
            return found
        return _added(target, wanted, like=source)


def _is_told(attempt: Attempt, question: AttemptQuestion) -> bool:
    """Whether the learner answered it and knows how, in a mode that one may go on from."""
    if attempt.mode not in LEADS_ON or not (attempt.is_practice or attempt.is_finished):
        return False
    answered = bool(committed_answers(question))
    return answered and tells_verdict(situation_of(attempt, question, answered=True))


def _with_answers(attempt: Attempt, position: int) -> AttemptQuestion:
    """The question at that place with its answers and grades; 404 when there is no such place."""
    attempt_question(attempt, position)
    return next(question for question in questions_of(attempt) if question.position == position)


def _practice_for(attempt: Attempt) -> QuizVersion | None:
    """What the lesson practises: in open practice the version it began with, else the current one; none where there is none."""
    version = attempt.quiz_version.lesson_version
    own = quiz_version_of(version, QuizMode.PRACTICE)
    if own is None or not attempt.is_finished:
        return own
    try:
        return current_quiz_version(own.quiz)
    except Problem:
        return None  # readers are shown no practice of this lesson any more


def _pool(practice: QuizVersion) -> list[QuizQuestion]:
    asked = practice.quiz_questions.select_related("question_version__question__lesson__course")
    return list(asked.order_by("position"))


# --- what is alike -----------------------------------------------------------------------------------------------------------


def _alike(
    source: AttemptQuestion, pool: Sequence[QuizQuestion], believed: frozenset[str], answered: Collection[int]
) -> Iterator[Another]:
    """What is like the question, the nearest first; written questions that were `answered` say nothing new."""
    version = source.question_version
    if version.template_id is not None:
        now = next((one for one in pool if one.question_version.question_id == version.question_id), None)
        template = now.question_version if now else version.template
        if template is not None and is_template(template):  # by now the question may have words of its own
            yield Another(template, source.points)
        return
    drawn = [one for one in pool if is_template(one.question_version)]
    knowing = [one for one in drawn if believed & misconceptions_of(one.question_version)]
    near = [one for one in drawn if one.question_version.objective == version.objective and one not in knowing]
    written = [
        one
        for one in pool
        if one.question_version.objective == version.objective
        and one not in drawn
        and one.question_version.question_id not in {version.question_id, *answered}
    ]
    for one in (*knowing, *near, *written):
        yield Another(one.question_version, one.points)


def _beliefs(questions: Sequence[AttemptQuestion]) -> dict[int, frozenset[str]]:
    """Question of the attempt → the slugs of the misconceptions behind what was chosen last, in one query."""
    latest = {question.pk: committed_answers(question)[-1] for question in questions}
    graded = {committed.grade.key_revision_id for committed in latest.values()}
    keys = KeyRevision.objects.in_bulk(list(graded))
    return {
        question.pk: _behind(question, latest[question.pk], keys[latest[question.pk].grade.key_revision_id])
        for question in questions
    }


def _behind(question: AttemptQuestion, committed: Committed, key: KeyRevision) -> frozenset[str]:
    spoken_to = kind_named(question.question_version.kind).spoken_to(committed.response.answer, key.key)
    return frozenset(key.misconceptions[option]["slug"] for option in spoken_to if option in key.misconceptions)


# --- where it is asked -------------------------------------------------------------------------------------------------------


def _waiting(target: Attempt, wanted: Sequence[Another], *, besides: AttemptQuestion) -> AttemptQuestion | None:
    """The question of the attempt that nobody answered yet and that is the nearest of those wanted."""
    open_now = target.questions.filter(responses__isnull=True, answer_shown_at__isnull=True).exclude(pk=besides.pk)
    waiting = {question.question_version.question_id: question for question in open_now.select_related("question_version")}
    for one in wanted:
        if found := waiting.get(one.question_version.question_id):
            return found
    return None


def _added(target: Attempt, wanted: Sequence[Another], *, like: AttemptQuestion) -> AttemptQuestion:
    if target.questions.filter(like__isnull=False).count() >= MOST:
        message = _("This practice has %(most)d more questions than it began with. Finish it, then start over to go on.")
        raise Problem(409, _("Enough for one sitting"), message % {"most": MOST})
    last = target.questions.aggregate(last=Max("position"))["last"] or 0
    for one in wanted:
        if added := draw_questions(target, [one], after=last):
            added[0].like = like
            added[0].save(update_fields=["like"])
            return added[0]
    raise Problem(409, _("None like it"), _("There is no other question like this one here. Go on with the next."))
