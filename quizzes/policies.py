"""What is wrong with when a test or an exam is taken and told. Rules over a document's values, in the words of its checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from quizzes.schema import ExamDocument, TestDocument


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing that is wrong, and the field where it is put right."""

    field: str
    words: str
    stops: bool = True  # publishing


def reveal_faults(quiz: TestDocument | ExamDocument) -> Iterator[PolicyFault]:
    """What is wrong with when its learners are told."""
    if quiz.reveal == "date" and quiz.reveal_at is None:
        yield PolicyFault("reveal", _("Say when learners are told: reveal_at: 2026-11-24T14:00:00Z."))
    if quiz.reveal != "date" and quiz.reveal_at is not None:
        yield PolicyFault("reveal_at", _("A date is for “reveal: date” alone. Choose that, or leave the date out."))
    if quiz.reveal == "never":
        words = _("Learners are told their total and nothing else: what they got wrong, they will not learn from this.")
        yield PolicyFault("reveal", words, stops=False)


def exam_faults(exam: ExamDocument) -> Iterator[PolicyFault]:
    """What is wrong with when it can be taken, and when its learners are told."""
    yield from reveal_faults(exam)
    if exam.opens_at and exam.closes_at:
        if exam.closes_at <= exam.opens_at:
            yield PolicyFault("closes_at", _("It would close before it opens. Choose a later end."))
        elif exam.closes_at - exam.opens_at < timedelta(minutes=exam.minutes):
            words = _("It closes earlier than its %(minutes)d minutes after its opening: nobody has all of them.")
            yield PolicyFault("closes_at", words % {"minutes": exam.minutes}, stops=False)
    if exam.reveal == "date" and exam.reveal_at:
        if exam.closes_at and exam.reveal_at < exam.closes_at:
            words = _(
                "Learners would be told what is right while others can still answer. Tell them when it is closed, or later."
            )
            yield PolicyFault("reveal_at", words)
        elif not exam.closes_at:
            words = _("Without closes_at somebody may begin after the others were told what is right.")
            yield PolicyFault("reveal_at", words, stops=False)
    if exam.reveal == "finish" and exam.closes_at:
        words = _(
            "Who hands in early is told what is right while others can still answer. “reveal: date” tells everybody at once."
        )
        yield PolicyFault("reveal", words, stops=False)
