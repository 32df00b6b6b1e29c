"""Checks, publishing, and the versions so far."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lessons.models import Lesson, PublishLog
from lessons.publishing import Conflict, NotPublishable, check_draft, open_draft, relist, save_draft, unlist
from lessons.publishing import publish as publish_draft
from lessons.services import current_version, lesson_url
from studio.access import author_of, for_lesson
from studio.changes import changes_between
from studio.findings import PlacedFinding, placed
from studio.forms import NoteForm
from studio.frame import lesson_frame
from studio.proofs import proving_context

CONFLICT = 409


def _findings(lesson: Lesson) -> list[PlacedFinding]:
    draft = open_draft(lesson)
    return placed(check_draft(draft, course=lesson.course), lesson=lesson, files=draft.files)


def _by_severity(findings: list[PlacedFinding]) -> dict[str, Any]:
    return {
        "errors": [finding for finding in findings if finding.is_error],
        "warnings": [finding for finding in findings if not finding.is_error],
    }


@require_GET
@for_lesson
def check(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Everything that is wrong with the draft, and where to repair it."""
    context = {**lesson_frame(request, lesson), **_by_severity(_findings(lesson)), **proving_context(request, lesson, "check")}
    return render(request, "studio/check.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def publish(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Shows what would change, asks for a note, and publishes what passes the checks."""
    form = NoteForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            return _publish(request, lesson, form.cleaned_data["note"])
        except Conflict:
            messages.warning(request, _("Somebody saved the draft after you opened this page. Look at it again, then publish."))
            status = CONFLICT
        except NotPublishable:
            status = 422  # the page lists what stops it
    lesson.refresh_from_db()
    version = current_version(lesson)
    newest = lesson.versions.order_by("-number").first()
    frame = lesson_frame(request, lesson)
    context = {
        **frame,
        **_by_severity(_findings(lesson)),
        "form": form,
        "next_number": newest.number + 1 if newest else 1,
        "changes": changes_between(version.files if version else {}, frame["draft"].files),
    }
    return render(request, "studio/publish.html", context, status=status)


def _revision_seen(request: HttpRequest) -> int:
    """The draft's revision that the form was made from; -1, which no draft has, where it names none."""
    given = request.POST.get("revision", "")
    return int(given) if given.isdecimal() and len(given) < 10 else -1


def _publish(request: HttpRequest, lesson: Lesson, note: str) -> HttpResponse:
    before, seen = current_version(lesson), _revision_seen(request)
    version = publish_draft(lesson=lesson, author=author_of(request), note=note, now=timezone.now(), revision=seen)
    lesson.refresh_from_db()
    if before == version:
        messages.info(request, _("Nothing was changed: learners see version %(number)s already.") % {"number": version.number})
    elif not lesson.listed:
        messages.warning(
            request, _("Published version %(number)s, but the lesson is withdrawn. List it again.") % {"number": version.number}
        )
    else:
        messages.success(request, _("Published version %(number)s. Learners see it now.") % {"number": version.number})
    return redirect("studio:history", lesson.course.slug, lesson.slug)


@require_GET
@for_lesson
def history(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Every version: who published it, when and why."""
    shown = current_version(lesson)
    log: dict[int, list[PublishLog]] = {}
    for entry in PublishLog.objects.filter(lesson_version__lesson=lesson).select_related("actor").order_by("at"):
        log.setdefault(entry.lesson_version_id, []).append(entry)
    rows = [
        {
            "version": version,
            "log": log.get(version.pk, []),
            "current": shown is not None and shown.pk == version.pk,
            "url": lesson_url(shown) if shown and shown.pk == version.pk else "",
        }
        for version in lesson.versions.select_related("created_by")
        .defer("body", "files", "facts", "outputs")
        .order_by("-number")
    ]
    return render(request, "studio/history.html", {**lesson_frame(request, lesson), "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def restore(request: HttpRequest, lesson: Lesson, number: int) -> HttpResponse:
    """Puts an old version into the draft, after showing what that changes; learners see it once it is published."""
    version = get_object_or_404(lesson.versions, number=number)
    draft = open_draft(lesson)
    status = 200
    if request.method == "POST":
        try:
            save_draft(
                lesson=lesson,
                files=version.files,
                pictures=version.pictures,
                revision=_revision_seen(request),
                author=author_of(request),
                now=timezone.now(),
            )
        except Conflict:
            messages.warning(
                request, _("Somebody saved the draft after you opened this page. Look at it again before you replace it.")
            )
            status = CONFLICT
        else:
            messages.success(
                request, _("Version %(number)s is in the draft now. Publish it to show it to learners.") % {"number": number}
            )
            return redirect("studio:lesson", lesson.course.slug, lesson.slug)
    context = {
        **lesson_frame(request, lesson, "history"),
        "old": version,
        "changes": changes_between(draft.files, version.files),
    }
    return render(request, "studio/restore.html", context, status=status)


@require_POST
@for_lesson
def listing(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Takes the lesson out of what learners see, or puts it back."""
    author, now = author_of(request), timezone.now()
    if request.POST.get("listed") == "yes":
        relist(lesson=lesson, author=author, note=_("Listed again"), now=now)
        messages.success(request, _("Learners see the lesson again."))
    else:
        unlist(lesson=lesson, author=author, note=_("Withdrawn"), now=now)
        messages.success(request, _("Withdrawn: learners don’t find the lesson any more. Its versions and answers stay."))
    return redirect("studio:course", lesson.course.slug)
