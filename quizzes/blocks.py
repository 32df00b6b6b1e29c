"""`::: question uid` in a lesson's prose: a card that leads to that practice question. It knows no key, no answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from lessons.models import LessonVersion
from quizzes.models import QuizMode, QuizQuestion
from quizzes.variants import is_template, title_of
from quizzes.words import shown


class QuestionBlock:
    """A card with the words of one practice question; see lessons.blocks.LessonBlock."""

    name = "question"

    def check(self, arguments: Sequence[str]) -> str:
        """A sentence that says what is wrong with the arguments; empty when they name one question."""
        if len(arguments) == 1:
            return ""
        return _("“::: question” takes the uid of one practice question, and nothing else.")

    def render(self, arguments: Sequence[str], *, version: LessonVersion | None) -> SafeString:
        """The card. In a preview, or where the version practises no such question, it says which one will stand here."""
        uid = arguments[0] if arguments else ""
        asked = self._asked(uid, version) if version and version.pk else None
        context: dict[str, Any] = {"uid": uid, "asked": asked}
        if version and asked:
            question = asked.question_version
            context |= {
                "question": question,
                "version": version,
                "quiz": asked.quiz_version.quiz,
                "stem": shown(question.stem, facts=question.facts, version=version),
                "title": title_of(question) if is_template(question) else "",
            }
        return mark_safe(render_to_string("quizzes/_question_block.html", context))  # noqa: S308 - our own template, autoescaped

    @staticmethod
    def _asked(uid: str, version: LessonVersion) -> QuizQuestion | None:
        rows = QuizQuestion.objects.select_related("question_version", "quiz_version__quiz")
        return rows.filter(
            quiz_version__lesson_version=version,
            quiz_version__quiz__mode=QuizMode.PRACTICE,
            question_version__question__uid=uid,
        ).first()
