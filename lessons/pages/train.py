"""Train: predict, then train a real head on a small data set and hold its curve against a trivial baseline."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference.training.views import training_context
from inference.training_contracts import DataName
from lessons.models import LessonVersion
from lessons.modes import Group, LessonPage
from lessons.words import words_html

SETTINGS = ("strategy", "epochs", "learning_rate", "labels_per_class", "blocks", "seed")


class TrainMode:
    """The lesson's training run, its settings free to change; see lessons.modes.Mode."""

    slug = "train"
    title: str | Promise = _("Train")
    group = Group.INVESTIGATE.value
    order = 30
    template = "lessons/train.html"
    partial = "lessons/_train.html"

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson says what to train."""
        return bool(version.meta.get("train"))

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The form, and the run that `?training=` names."""
        return page.render(self.template, self.context(page))

    def context(self, page: LessonPage) -> dict[str, Any]:
        told = page.version.meta["train"]
        predict = told.get("predict") or {}
        initial = {name: told[name] for name in SETTINGS if told.get(name) is not None}
        return training_context(
            page.request,
            initial={**initial, "network": told["network"], "dataset": told["data"][0]},
            offered=[DataName(name) for name in told["data"]],
            predict=predict or None,
            next_url=page.url(),
        ) | {
            "about": words_html(page.version, told["about"], level="full") if told.get("about") else "",
            "why": words_html(page.version, predict["why"], level="full") if predict.get("why") else "",
        }
