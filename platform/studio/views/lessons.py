"""The lesson's editor, its pictures, and its documents as text."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lessons.drafts import read_picture
from lessons.models import Lesson, LessonFile
from lessons.preview import MODES
from lessons.publishing import Conflict, add_picture, open_draft, save_draft
from lessons.schema import LESSON_FILE
from quizzes.schema import QUESTIONS_FILE
from studio.access import author_of, for_lesson
from studio.choices import lesson_choices
from studio.documents import with_names_of_cases
from studio.editing import Files, RawDocument, WholeLesson
from studio.forms import LESSON_ROWS, DocumentForm, LessonForm, PictureForm
from studio.frame import lesson_frame
from studio.needs import WHAT_MODES_NEED, needs_of_lesson
from studio.previews import lesson_preview
from studio.proofs import proof_notice
from studio.sheets import SheetPage
from web.files import stored_file
from web.problems import Problem, not_found

UNUSABLE = 422
DOCUMENTS = (LESSON_FILE, QUESTIONS_FILE)


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def lesson(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """The editor of a lesson."""
    pictures = open_draft(lesson).pictures

    def shown(files: Files) -> SafeString:
        return lesson_preview(request, lesson, files, pictures, request.POST.get("preview_mode", "read"))

    return SheetPage(
        request,
        lesson,
        WholeLesson(),
        LessonForm,
        LESSON_ROWS,
        "studio/lesson.html",
        reverse("studio:lesson", args=[lesson.course.slug, lesson.slug]),
        options=lambda _files: lesson_choices(),
        needs=needs_of_lesson,
        finish=with_names_of_cases,
        preview=shown,
        context={
            "preview_modes": [(slug, mode.title) for slug, mode in MODES.items()],
            "preview_mode": request.POST.get("preview_mode", "read"),
            "modes_apart": tuple(WHAT_MODES_NEED),
            "proof_notice": lambda: proof_notice(lesson),
        },
    ).respond()


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def pictures(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """The draft's pictures; a new one comes with its description, and the page says what to write in the lesson."""
    form = PictureForm(request.POST or None, request.FILES or None)
    added = ""
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            name = _free_name(lesson, upload.name)
            add_picture(lesson=lesson, name=name, content=read_picture(upload), author=author_of(request), now=timezone.now())
        except Problem as problem:
            form.add_error("file", problem.detail)
        else:
            added = _markdown(name, form.cleaned_data["alt"])
            form = PictureForm()
    context = {
        **lesson_frame(request, lesson),
        "form": form,
        "added": added,
        "pictures": _with_use(lesson),
    }
    return render(request, "studio/pictures.html", context, status=UNUSABLE if form.errors else 200)


def _markdown(name: str, alt: str) -> str:
    """The line that shows the picture; brackets in a description would end it."""
    words = re.sub(r"([\[\]\\])", r"\\\1", alt)
    return f"![{words}]({name})"


def _free_name(lesson: Lesson, given: str | None) -> str:
    """The file's name as documents can name it; with a number when another picture of the draft has it."""
    path = PurePosixPath((given or "picture").replace("\\", "/"))
    stem, suffix = slugify(path.stem)[:80] or "picture", path.suffix.lower()
    taken = open_draft(lesson).pictures
    name, number = stem + suffix, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    return name


def _with_use(lesson: Lesson) -> list[dict[str, object]]:
    draft = open_draft(lesson)
    text = "\n".join(draft.files.values())
    return [
        {
            "name": name,
            "width": facts.get("width"),
            "height": facts.get("height"),
            "used": f"]({name}" in text,
            "line": _markdown(name, "…"),
        }
        for name, facts in sorted(draft.pictures.items())
    ]


@require_GET
@for_lesson
def picture(request: HttpRequest, lesson: Lesson, name: str) -> HttpResponseBase:
    """One picture of the draft."""
    kept = open_draft(lesson).pictures.get(name)
    found = LessonFile.objects.filter(lesson=lesson, name=name, sha256=kept["sha256"]).first() if kept else None
    if found is None:
        raise not_found()
    return stored_file(str(found.file.name))


@require_POST
@for_lesson
def remove_picture(request: HttpRequest, lesson: Lesson, name: str) -> HttpResponse:
    """Takes a picture out of the draft; versions that show it keep it."""
    draft = open_draft(lesson)
    others = {other: facts for other, facts in draft.pictures.items() if other != name}
    try:
        save_draft(
            lesson=lesson,
            files=draft.files,
            pictures=others,
            revision=draft.revision,
            author=author_of(request),
            now=timezone.now(),
        )
    except Conflict:
        messages.error(request, _("Somebody saved this lesson in the same moment. Try again."))
    else:
        messages.success(request, _("Removed from the draft. Published versions keep it."))
    return redirect("studio:pictures", lesson.course.slug, lesson.slug)


@require_GET
@for_lesson
def documents(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """The documents that the draft consists of."""
    frame = lesson_frame(request, lesson)
    files = frame["draft"].files
    rows = [{"name": name, "lines": len(files.get(name, "").splitlines())} for name in DOCUMENTS]
    return render(request, "studio/documents.html", {**frame, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def document(request: HttpRequest, lesson: Lesson, name: str) -> HttpResponse:
    """One document as text."""
    if name not in DOCUMENTS:
        raise not_found()
    line = request.GET.get("line", "")
    return SheetPage(
        request,
        lesson,
        RawDocument(name),
        DocumentForm,
        {},
        "studio/document.html",
        reverse("studio:document", args=[lesson.course.slug, lesson.slug, name]),
        context={
            "name": name,
            "line": int(line) if line.isdecimal() and len(line) < 7 else 0,
        },
    ).respond()
