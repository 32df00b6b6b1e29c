"""The way into a lesson's test of the pattern; `settings.LESSON_DOORS` names it for the pages of lessons."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lessons.doors import Door
from lessons.models import LessonVersion
from lessons.services import lesson_url
from quizzes.models import QuizMode, QuizVersion
from quizzes.patterns.choosing import ASKED


def pattern_doors(versions: Sequence[LessonVersion]) -> dict[int, Door]:
    """Version id → the door of its test of the pattern, of those versions that have one; one query."""
    tested = [version for version in versions if "test" in version.meta.get("modes", [])]
    rows = QuizVersion.objects.filter(lesson_version__in=tested, quiz__mode=QuizMode.PATTERN)
    pools = dict(rows.values_list("lesson_version_id").annotate(questions=Count("quiz_questions"))) if tested else {}
    return {version.pk: _door(version, min(ASKED, pools[version.pk])) for version in tested if version.pk in pools}


def _door(version: LessonVersion, questions: int) -> Door:
    about = ngettext(
        "%(questions)s question, no hints: find out how strong you are.",
        "%(questions)s questions from easy to hard, no hints: find out how strong you are.",
        questions,
    )
    return Door(_("Test this pattern"), f"{lesson_url(version, 'test')}#pattern", about % {"questions": questions})
