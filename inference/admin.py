"""Runs in Django's admin: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from inference.models import Fact, Job, PhotoSet, Proof, Trace, Upload


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Rows that only the program writes; an admin may delete one."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = ("network", "state", "sample", "attempts", "failure", "queued_at", "finished_at")
    list_filter = ("state", "network", "failure")
    date_hierarchy = "queued_at"


@admin.register(Trace)
class TraceAdmin(ReadOnly):
    list_display = ("id", "owner", "job", "created_at", "pinned", "expires_at")
    list_select_related = ("owner", "job")
    list_filter = ("pinned",)


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    list_display = ("id", "owner", "width", "height", "created_at", "expires_at")
    list_select_related = ("owner",)


@admin.register(PhotoSet)
class PhotoSetAdmin(ReadOnly):
    list_display = ("name", "owner", "created_at", "expires_at")
    list_select_related = ("owner",)


@admin.register(Fact)
class FactAdmin(ReadOnly):
    list_display = ("network", "key", "torch", "torchvision", "engine", "computed_at")
    list_filter = ("network",)


@admin.register(Proof)
class ProofAdmin(ReadOnly):
    list_display = ("snippet_sha256", "torch", "torchvision", "raised", "missing", "proved_at")
