"""Which practice questions a learner has been told to probe a misconception.

That a question probes one is a hint: an option of it stands for that misconception, and so is wrong. Whoever has not been
told so by the question itself is told by no page. A question of the test is never listed, not even afterwards: it may be
asked again in another attempt.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import User
from lessons.models import Course
from lessons.services import lessons_of
from quizzes.models import AttemptQuestion, KeyRevision, Misconception, QuizMode, QuizQuestion
from quizzes.questions import kind_named
from quizzes.results import committed_answers
from quizzes.reveal import tells_answer, tells_verdict
from quizzes.services import newest_key, situation_of


def questions_told(*, misconception: Misconception, person: User | None) -> list[QuizQuestion]:
    """The practice questions of the course, as it asks them now, of which this person has been told that they probe it."""
    if person is None:
        return []
    asked = {question.question_version_id: question for question in _practised(misconception.course)}
    seen = (
        AttemptQuestion.objects.filter(
            Q(question_version__in=asked) | Q(question_version__template__in=asked), attempt__user=person
        )
        .select_related("question_version", "attempt__quiz_version__quiz")
        .prefetch_related("responses__grades")
    )
    told = {
        question.question_version.template_id or question.question_version_id
        for question in seen
        if misconception.slug in _told_in(question)
    }
    return [question for version_id, question in asked.items() if version_id in told]


def _practised(course: Course) -> list[QuizQuestion]:
    """Everything that the course practises now, in its order."""
    versions = [version.pk for version in lessons_of(course)]
    rows = QuizQuestion.objects.filter(quiz_version__lesson_version__in=versions, quiz_version__quiz__mode=QuizMode.PRACTICE)
    related = rows.select_related("question_version__question", "quiz_version__lesson_version__lesson__course")
    return sorted(related, key=lambda one: (versions.index(one.quiz_version.lesson_version_id), one.position))


def _told_in(question: AttemptQuestion) -> set[str]:
    """The slugs of the misconceptions that the learner was told this question's options stand for."""
    committed = committed_answers(question)
    situation = situation_of(question.attempt, question, answered=bool(committed))
    told: set[str] = set()
    if tells_verdict(situation):
        kind = kind_named(question.question_version.kind)
        for one in committed:
            key = one.grade.key_revision
            told |= _slugs(key, kind.spoken_to(one.response.answer, key.key))
    if tells_answer(situation):
        key = committed[-1].grade.key_revision if committed else newest_key(question.question_version)
        told |= _slugs(key, key.feedback)
    return told


def _slugs(key: KeyRevision, options: Iterable[str]) -> set[str]:
    """The misconceptions for which these options stand."""
    return {key.misconceptions[option]["slug"] for option in options if option in key.misconceptions}
