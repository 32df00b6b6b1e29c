"""The recorded runs of a lesson's draft: files beside lesson.md that `::: trace` shows."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from inference.models import Trace
from inference.services import own_trace
from inference.sharing import writing
from inference.sharing.reading import NotReadable
from inference.sharing.showing import film_of, read_once, staleness
from lessons.drafts import add_recording
from lessons.films import SUFFIX
from lessons.models import Lesson
from lessons.publishing import Conflict, open_draft, save_draft
from studio.access import author_of, for_lesson
from studio.forms import RecordingForm
from studio.frame import lesson_frame
from web.problems import Problem

OFFERED = 30
UNUSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def recordings(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """The draft's recorded runs; a new one is a file or one of the author's own runs, and the page says what to write."""
    runs = _own_runs(request)
    form = RecordingForm(request.POST, request.FILES, runs=runs) if request.method == "POST" else RecordingForm(runs=runs)
    added = ""
    if request.method == "POST" and form.is_valid():
        try:
            added = _added(request, lesson, form)
        except Problem as problem:
            form.add_error("file" if form.cleaned_data.get("file") else "run", problem.extra.get("sentences") or problem.detail)
        else:
            form = RecordingForm(runs=runs)
    context = {**lesson_frame(request, lesson), "form": form, "added": added, "recordings": _with_use(lesson)}
    return render(request, "studio/recordings.html", context, status=UNUSABLE if form.errors else 200)


def _own_runs(request: HttpRequest) -> list[tuple[str, str]]:
    """The author's own whole films, the newest first."""
    traces = Trace.objects.filter(owner=author_of(request), job__kind__in=writing.KINDS, job__state="done")
    found = traces.select_related("job", "job__upload").order_by("-created_at")[:OFFERED]
    return [(str(trace.pk), _in_words(trace)) for trace in found if writing.is_film(trace)]


def _in_words(trace: Trace) -> str:
    first = (trace.job.document or {})["top_k"][0]["label"]
    about = trace.job.sample or _("a photo")
    return f"{trace.job.network}: {about} ({first}), {timezone.localtime(trace.created_at):%Y-%m-%d %H:%M}"


def _added(request: HttpRequest, lesson: Lesson, form: RecordingForm) -> str:
    """Keeps what the form holds; returns the line that shows it. Raises Problem."""
    author, upload = author_of(request), form.cleaned_data.get("file")
    if upload:
        content, given = upload.read(), str(upload.name)
    else:
        trace = own_trace(trace_id=form.cleaned_data["run"], person=author)
        content, given = writing.write_trace(trace), writing.file_name(trace)
    name = _free_name(lesson, given)
    add_recording(lesson=lesson, name=name, content=content, author=author, now=timezone.now())
    return f"::: trace {name}"


def _free_name(lesson: Lesson, given: str) -> str:
    """The file's name as a block can name it; with a number when another file of the draft has it."""
    stem = (
        slugify(PurePosixPath(given.replace("\\", "/")).name.removesuffix(SUFFIX).removesuffix(".trace").replace(".", "-"))[:60]
        or "run"
    )
    taken = open_draft(lesson).files
    name, number = stem + SUFFIX, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{SUFFIX}"
    return name


def _with_use(lesson: Lesson) -> list[dict[str, object]]:
    files = open_draft(lesson).files
    text = "\n".join(words for name, words in files.items() if not name.endswith(SUFFIX))
    return [
        {"name": name, "line": f"::: trace {name}", "used": f"::: trace {name}" in text, **_about(words)}
        for name, words in sorted(files.items())
        if name.endswith(SUFFIX)
    ]


def _about(text: str) -> dict[str, object]:
    """What a recorded run is of, and what is to be said about it."""
    try:
        document = read_once(text).document
    except NotReadable as error:
        return {"title": "", "note": str(error)}
    film = film_of(document, picture_url=lambda _stage, _picture: "")
    return {"title": f"{film.network_title}: {film.photo.title}", "note": staleness(document), "provenance": film.provenance}


@require_POST
@for_lesson
def remove(request: HttpRequest, lesson: Lesson, name: str) -> HttpResponse:
    """Takes a recorded run out of the draft; versions that show it keep it."""
    draft = open_draft(lesson)
    others = {other: text for other, text in draft.files.items() if other != name or not name.endswith(SUFFIX)}
    try:
        save_draft(lesson=lesson, files=others, revision=draft.revision, author=author_of(request), now=timezone.now())
    except Conflict:
        messages.error(request, _("Somebody saved this lesson in the same moment. Try again."))
    else:
        messages.success(request, _("Removed from the draft. Published versions keep it."))
    return redirect("studio:recordings", lesson.course.slug, lesson.slug)
