"""What admins may look at. Nothing here can be changed by hand: versions, responses and grades are for good."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from quizzes.models import (
    Attempt,
    AttemptQuestion,
    CourseGrading,
    ExtraTime,
    Grade,
    GradeOverride,
    KeyReport,
    KeyRevision,
    Misconception,
    Option,
    Question,
    QuestionVersion,
    Quiz,
    QuizQuestion,
    QuizVersion,
    Regrade,
    Response,
)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no argument when it runs
    """Rows that can be looked at and nothing else."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = ("id", "user", "quiz_version", "is_redo", "started_at", "finished_at")
    list_filter = ("is_redo", "quiz_version__quiz__mode")
    list_select_related = ("user", "quiz_version__quiz")
    date_hierarchy = "started_at"


@admin.register(Response)
class ResponseAdmin(ReadOnly):
    list_display = ("attempt_question", "number", "options", "gave_up", "committed_at")
    list_select_related = ("attempt_question",)


@admin.register(QuestionVersion)
class QuestionVersionAdmin(ReadOnly):
    list_display = ("question", "number", "about", "difficulty", "objective", "created_at")
    list_select_related = ("question",)
    search_fields = ("question__uid", "stem")


admin.site.register(
    (
        AttemptQuestion,
        CourseGrading,
        ExtraTime,
        Grade,
        GradeOverride,
        KeyReport,
        KeyRevision,
        Misconception,
        Option,
        Question,
        Quiz,
        QuizQuestion,
        QuizVersion,
        Regrade,
    ),
    ReadOnly,
)
