"""When results come, in sentences: before an attempt begins, and once it is handed in."""

from __future__ import annotations

from django.utils.translation import gettext as _

from quizzes.exams import moment_words
from quizzes.models import Attempt, QuizVersion, Reveal
from quizzes.reveal import tells_questions
from quizzes.services import standing_of


def promise_of(quiz_version: QuizVersion) -> str:
    """What its learners are told, and when, for those who have not begun."""
    match quiz_version.reveal:
        case Reveal.EACH:
            return _("You are told what was right after each answer. Each question takes one answer.")
        case Reveal.FINISH:
            return _("You are told what was right after finishing. Until then you can change your answers.")
        case Reveal.DATE:
            return _("Results come on %(at)s. Until you finish you can change your answers.") % {
                "at": moment_words(quiz_version.reveal_at)
            }
    return _("After finishing you are told your total, and nothing else. Until then you can change your answers.")


def announcement_of(attempt: Attempt) -> str:
    """What stands in place of results that are not told; empty where they are, and for what is still open."""
    if not attempt.is_finished or tells_questions(standing_of(attempt)):
        return ""
    if attempt.quiz_version.reveal == Reveal.DATE:
        return _("Handed in. Results come on %(at)s.") % {"at": moment_words(attempt.quiz_version.reveal_at)}
    return _("Handed in. Your total is all that is told: which answers were right stays closed.")


def expectation_of(attempt: Attempt) -> str:
    """What is said under an answer that is in, and of which nothing may be told yet."""
    if said := announcement_of(attempt):
        return said
    match attempt.quiz_version.reveal:
        case Reveal.DATE:
            return _("Your answer is in. Results come on %(at)s.") % {"at": moment_words(attempt.quiz_version.reveal_at)}
        case Reveal.NEVER:
            return _("Your answer is in. After finishing you are told your total.")
    return _("Your answer is in. What was right is told after finishing.")
