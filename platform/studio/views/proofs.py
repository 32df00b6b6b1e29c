"""The proofs of a draft's code: how each stands, and the buttons that have a worker run them in the sandbox."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from pydantic import TypeAdapter, ValidationError

from inference.proof_runs import stop as stop_run
from lessons.models import Lesson
from lessons.proof_runs import request_proofs
from lessons.schema import Uid
from quizzes.schema import QUESTIONS_FILE
from studio.access import author_of, for_lesson
from studio.frame import lesson_frame
from studio.proofs import progress_of, proving_context
from web.problems import not_found

_UID: TypeAdapter[str] = TypeAdapter(Uid)


@require_safe
@for_lesson
def proofs(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Every snippet of the draft, or of one question, and how far a run of them is; other pages take that part from here."""
    if request.htmx and (progress := progress_of(lesson, author_of(request))):  # type: ignore[attr-defined]
        return render(request, "studio/_proving_progress.html", {"progress": progress})
    question = _question(request.GET.get("question", ""))
    page = "question" if question else request.GET.get("page", "")
    page = page if page in ("check", "question") else "proofs"
    context = {**lesson_frame(request, lesson), **proving_context(request, lesson, page, question)}
    response = render(request, "studio/proofs.html", context)
    response["HX-Retarget"] = response["HX-Reselect"] = "#proving"  # it has ended: all that stands around it changes
    return response


@require_POST
@for_lesson
def run(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Have a worker run what the draft's code still needs to be proved, or all of it."""
    question = _question(request.POST.get("question", ""))
    trace = request_proofs(
        lesson=lesson,
        author=author_of(request),
        only=f"{QUESTIONS_FILE}#{question}" if question else "",
        everything=request.POST.get("all") == "1",
        now=timezone.now(),
    )
    if trace is None:
        messages.info(request, _("Nothing is to be run: all of this code has run on the installed versions."))
    return _back(request, lesson, question)


@require_POST
@for_lesson
def stop(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Stop one's own run of the lesson's proofs; what had run stays proved."""
    stop_run(owner=author_of(request), lesson=lesson.pk, now=timezone.now())
    return _back(request, lesson, _question(request.POST.get("question", "")))


def _question(uid: str) -> str:
    """The question that is named, none for the whole lesson; 404 for what no question can be called."""
    try:
        return _UID.validate_python(uid) if uid else ""
    except ValidationError as error:
        raise not_found() from error


def _back(request: HttpRequest, lesson: Lesson, question: str) -> HttpResponse:
    """The page whose button was pressed."""
    names = [lesson.course.slug, lesson.slug]
    if question:
        address = reverse("studio:question", args=[*names, question])
    else:
        address = reverse("studio:check" if request.POST.get("page") == "check" else "studio:proofs", args=names)
    return redirect(f"{address}#proving")
