"""Pages of courses and lessons: they translate HTTP and nothing else."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from accounts import people
from accounts.models import User
from inference.contracts import DEFAULT_NETWORK
from inference.services import stored_trace
from inference.sharing.showing import film_of_trace
from inference.views import run_context
from lessons import markdown, services
from lessons.doors import doors_of, start_url
from lessons.films import picture_in
from lessons.links import home_links_of, links_of
from lessons.models import Draft, LessonFile, LessonVersion
from lessons.modes import Group, LessonPage, Mode, all_modes, modes_of
from lessons.words import words_html
from web.files import stored_file
from web.problems import Problem

PHOTO = "chelsea"
"""The sample whose stored trace the home page plays."""

PICTURE_AGE = timedelta(days=365)


@gzip_page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, a network at work, and the courses."""
    person = people.current(request)
    stored = stored_trace(network=DEFAULT_NETWORK, sample=PHOTO)
    cards = services.catalogue()
    context = {
        "film": film_of_trace(stored) if stored else None,
        "run": None if stored else run_context(request, network=DEFAULT_NETWORK, next_url=request.path),
        "cards": _with_doors(cards),
        "try_url": services.first_run(cards),
        "place": services.left_off(person) if person else None,
        "waiting": home_links_of(person) if person else [],
    }
    return render(request, "lessons/home.html", context)


def _with_doors(cards: list[services.CourseCard]) -> list[dict[str, object]]:
    """Each course with its ways in: its first lesson, and the doors of those lessons that have more."""
    doors = doors_of([version for card in cards for version in card.lessons])
    return [
        {
            "card": card,
            "start_url": start_url(card.lessons[0]),
            "doors": [door for version in card.lessons for door in doors[version.pk]],
        }
        for card in cards
    ]


@gzip_page
@require_safe
def course(request: HttpRequest, course: str) -> HttpResponse:
    """A course: its lessons in order, the modes of each, what they teach."""
    card = services.visible_course(course, person=people.current(request))
    modes = all_modes()
    versions = services.lessons_of(card.course, whole=True)
    doors = doors_of(versions)
    rows = [
        {
            "version": version,
            "start_url": start_url(version),
            "doors": doors[version.pk],
            "objectives": [words_html(version, objective["text"]) for objective in version.meta.get("objectives", [])],
            "groups": _dots(version, modes),
        }
        for version in versions
    ]
    summary = markdown.render(card.course.summary, facts={}) if card.course.summary else ""
    context = {"card": card, "rows": rows, "summary": summary, "links": links_of(card.course)}
    return render(request, "lessons/course.html", context)


def _dots(version: LessonVersion, modes: list[Mode]) -> list[dict[str, object]]:
    """The modes of a lesson by group, for its row of dots."""
    offered = modes_of(version, modes)
    groups = [
        {
            "label": Group(value).label,
            "modes": [
                {"label": mode.title, "url": services.lesson_url(version, mode.slug)} for mode in offered if mode.group == value
            ],
        }
        for value in Group.values
    ]
    return [group for group in groups if group["modes"]]


@require_safe
def lesson(request: HttpRequest, course: str, lesson: str) -> HttpResponse:
    """A lesson begins with reading."""
    version = services.visible_lesson(course, lesson, person=people.current(request))
    return redirect(services.lesson_url(version))


@require_safe
def lesson_by_slug(request: HttpRequest, lesson: str) -> HttpResponse:
    """The short address of a lesson."""
    return redirect(services.lesson_url(services.lesson_named(lesson)))


@gzip_page
def mode(request: HttpRequest, course: str, lesson: str, mode: str) -> HttpResponse:
    """A lesson in one of its modes; the mode's class answers."""
    person = people.current(request)
    version = services.visible_lesson(course, lesson, person=person)
    modes = modes_of(version)
    chosen = next((one for one in modes if one.slug == mode), None)
    if chosen is None:
        raise Problem(404, _("No such mode"), _("This lesson can’t be worked with in that way. Choose one of its modes."))
    before, after = services.neighbours(version)
    page = LessonPage(
        request=request,
        course=version.lesson.course,
        lesson=version.lesson,
        version=version,
        person=person,
        mode=chosen,
        modes=modes,
        previous=before,
        next=after,
    )
    response = chosen.respond(request, page)
    if person and request.method == "GET" and response.status_code == 200:
        services.record_visit(person=person, lesson=version.lesson, mode=chosen.slug, now=timezone.now())
    return response


@require_safe
def picture(request: HttpRequest, course: str, lesson: str, sha256: str, name: str) -> HttpResponseBase:
    """A lesson's picture, for readers of a version that shows it and for the course's authors."""
    kept = (
        LessonFile.objects.filter(lesson__slug=lesson, lesson__course__slug=course, name=name, sha256=sha256)
        .select_related("lesson__course")
        .first()
    )
    if kept is None or not _may_see(people.current(request), kept):
        raise Problem(404, _("No such picture"), _("There is no picture at this address."))
    return _for_good(stored_file(str(kept.file.name)))


def _for_good(response: HttpResponse) -> HttpResponse:
    """The response as one that never changes at its address."""
    response["Cache-Control"] = f"private, max-age={int(PICTURE_AGE.total_seconds())}, immutable"
    return response


@require_safe
def film_picture(request: HttpRequest, course: str, lesson: str, *, number: int, name: str, index: int) -> HttpResponse:
    """A picture of a recorded run that a published version of a lesson shows."""
    version = LessonVersion.objects.filter(lesson__slug=lesson, lesson__course__slug=course, number=number).first()
    found = picture_in(version, name, index) if version else None
    if found is None:
        raise Problem(404, _("No such picture"), _("There is no picture at this address."))
    content, media_type = found
    return _for_good(HttpResponse(content, content_type=media_type))


def _may_see(person: User | None, kept: LessonFile) -> bool:
    published = LessonVersion.objects.filter(lesson=kept.lesson).values_list("pictures", flat=True)
    if any(pictures.get(kept.name, {}).get("sha256") == kept.sha256 for pictures in published):
        return True
    return Draft.objects.filter(lesson=kept.lesson).exists() and services.may_edit(person, kept.lesson.course)
