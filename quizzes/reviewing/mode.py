"""Review, the last mode of a lesson: its cards alone, and whether its key insight is one of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import people
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from quizzes.models import QuizVersion
from quizzes.reviewing.cards import add_insight, card_for, remove
from quizzes.reviewing.gathering import SOURCES, insight_of
from quizzes.reviewing.presenting import overview_of


class ReviewMode:
    slug = "review"
    title: str | Promise = _("Review")
    group = Group.KEEP.value
    order = 20

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson has something to come back: a key insight, or questions."""
        return bool(insight_of(version)) or (
            QuizVersion.objects.filter(lesson_version=version, quiz__mode__in=SOURCES).exists()
        )

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """What of this lesson is due; posting puts its key insight into the review, or takes it out."""
        if request.method in ("GET", "HEAD"):
            return page.render("quizzes/reviewing/mode.html", self.context(page))
        if request.method != "POST" or not insight_of(page.version):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        person, now = people.ensure(request), timezone.now()
        if request.POST.get("wanted") != "no":
            add_insight(person, page.lesson, now=now)
        elif card := card_for(person, lesson=page.lesson):
            remove(card, now=now)
        return redirect(f"{page.url()}#insight-card")

    def context(self, page: LessonPage) -> dict[str, Any]:
        overview = overview_of(page.person, now=timezone.now(), lesson=page.lesson)
        card = card_for(page.person, lesson=page.lesson)
        return {
            "overview": overview,
            "has_insight": bool(insight_of(page.version)),
            "insight_card": card if card and card.removed_at is None else None,
        }
