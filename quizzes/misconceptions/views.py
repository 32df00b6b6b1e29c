"""The pages of misconceptions: a course's list, and one with the mistake to run. Whoever may read the course may read them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import people
from inference import facts
from inference.contracts import DEFAULT_NETWORK, MistakeName
from inference.views import run_context
from lessons.models import LessonVersion
from lessons.services import visible_course
from quizzes.misconceptions.presenting import page_of, probes_of
from quizzes.misconceptions.services import readable, readable_named
from quizzes.views import never_kept
from web.problems import Problem


@require_safe
def misconceptions(request: HttpRequest, course: str) -> HttpResponse:
    """What people get wrong in a course, lesson by lesson."""
    found = visible_course(course, person=people.current(request)).course
    pages = [page_of(one) for one in readable(found)]
    if not pages:
        raise Problem(
            404, _("No misconceptions here"), _("The lessons of this course name none. Go on with the course itself.")
        )
    return render(request, "quizzes/misconceptions/list.html", {"course": found, "pages": pages})


@require_safe
@never_kept
def misconception(request: HttpRequest, course: str, slug: str) -> HttpResponse:
    """What people think, why it fails, and its mistake to be run on a photo; `?trace=` names the run to show."""
    person = people.current(request)
    one = readable_named(course, slug, person=person)
    page = page_of(one)
    context: dict[str, Any] = {
        "course": one.version.lesson.course,
        "page": page,
        "probes": probes_of(one, person=person),
        "run": _run(request, one.version, page.mistake) if page.mistake else None,
    }
    response = render(request, "quizzes/misconceptions/misconception.html", context)
    if "trace" in request.GET:
        response["X-Robots-Tag"] = "noindex"  # one person's run is nothing to find
    return response


def _run(request: HttpRequest, version: LessonVersion, mistake: MistakeName) -> dict[str, Any]:
    """The form that asks for the mistake, beginning with the lesson's own network where that can be run here."""
    networks = facts.runnable()
    here = [network for network, _title in networks]
    wanted = str((version.meta.get("run") or {}).get("network") or DEFAULT_NETWORK)
    network = wanted if wanted in here or not here else here[0]
    return run_context(request, network=network, mistakes=[mistake], networks=networks, next_url=request.path)
