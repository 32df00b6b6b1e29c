"""The list of courses, a course's page, its details, lessons and authors."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.people import instructor_required
from lessons import authoring
from lessons.folders import export_folder
from lessons.models import Course, Lesson, Membership
from lessons.services import courses_of, lessons_of
from quizzes.reports import open_reports
from studio.access import author_of, for_course, for_lesson, owns
from studio.conflicts import ClashError, differences
from studio.courses import course_values, instructor_of, store_course
from studio.forms import CourseForm, MemberForm, NewCourseForm, NewLessonForm, Sheet
from studio.frame import course_frame, title_of
from web.problems import Problem

CONFLICT = 409
UNUSABLE = 422


@require_GET
@instructor_required
def home(request: HttpRequest) -> HttpResponse:
    """The courses this person works on."""
    person = author_of(request)
    roles = dict(Membership.objects.filter(user=person).values_list("course_id", "role"))
    rows = [
        {
            "course": course,
            "role": roles.get(course.pk, ""),
            "lessons": course.lessons.count(),
            "published": len(lessons_of(course)),
        }
        for course in courses_of(person).prefetch_related("lessons")
    ]
    return render(request, "studio/home.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@instructor_required
def new_course(request: HttpRequest) -> HttpResponse:
    """A form for a new course; its owner is who asks."""
    form = NewCourseForm(request.POST or None)
    if form.is_valid():
        try:
            course = authoring.create_course(
                owner=author_of(request),
                title=form.cleaned_data["title"],
                slug=form.cleaned_data["slug"],
                uid=form.cleaned_data["uid"] or form.cleaned_data["slug"][:64],
                now=timezone.now(),
            )
        except Problem as problem:
            form.add_error(problem.extra.get("field"), problem.detail)
        else:
            messages.success(request, _("Your course is there. Add its first lesson."))
            return redirect("studio:course", course.slug)
    return render(request, "studio/new_course.html", {"form": form}, status=UNUSABLE if form.errors else 200)


@require_GET
@for_course
def course(request: HttpRequest, course: Course) -> HttpResponse:
    """The course: its lessons in order, its authors, and what learners see of it."""
    shown = {version.lesson_id: version for version in lessons_of(course)}
    lessons = list(Lesson.objects.filter(course=course).select_related("draft__updated_by"))
    waiting = open_reports(lessons)
    rows = [
        {
            "lesson": lesson,
            "title": title_of(lesson, lesson.draft.files) if hasattr(lesson, "draft") else _title(lesson, shown.get(lesson.pk)),
            "draft": getattr(lesson, "draft", None),
            "version": shown.get(lesson.pk),
            "changed": _has_changes(lesson),
            "reports": waiting.get(lesson.pk, 0),
            "first": place == 0,
            "last": place == len(lessons) - 1,
        }
        for place, lesson in enumerate(lessons)
    ]
    return render(request, "studio/course.html", {**course_frame(request, course), "rows": rows, "is_published": bool(shown)})


def _title(lesson: Lesson, version: object) -> str:
    return str(getattr(version, "title", "") or lesson.slug)


def _has_changes(lesson: Lesson) -> bool:
    """Whether the draft says something else than what was published last."""
    draft = getattr(lesson, "draft", None)
    if draft is None:
        return False
    newest = lesson.versions.order_by("-number").first()
    return newest is None or newest.files != draft.files or newest.pictures != draft.pictures


@require_http_methods(["GET", "HEAD", "POST"])
@for_course
def edit_course(request: HttpRequest, course: Course) -> HttpResponse:
    """What the course says of itself. A form from an older revision meets a comparison, and nothing is lost."""
    context = course_frame(request, course)
    if request.method != "POST":
        sheet = Sheet(CourseForm, {}, values=course_values(course))
        return render(request, "studio/edit_course.html", {**context, "sheet": sheet, "revision": course.revision})
    given = request.POST.get("revision", "")
    revision = int(given) if given.isdecimal() and len(given) < 10 else 0
    sheet = Sheet(CourseForm, {}, posted=request.POST)
    if request.POST.get("act") == "take":
        theirs = course_values(course)
        taken = {name: theirs[name] for name in request.POST.getlist("take") if name in theirs}
        sheet = sheet.filled({**sheet.raw(), **taken})
        return render(
            request, "studio/edit_course.html", {**context, "sheet": sheet, "revision": course.revision, "touched": True}
        )
    status = UNUSABLE
    if sheet.is_valid():
        values = {**sheet.values, "slug": sheet.values["slug"] or course.slug}
        try:
            saved = store_course(course=course, values=values, revision=revision, author=author_of(request))
        except ClashError as clash:
            course.refresh_from_db()
            context |= {"clash": clash, "differences": differences(sheet, clash.theirs or {}, values)}
            revision, status = course.revision, CONFLICT
        except authoring.NotACourse as refused:
            for finding in refused.findings:
                sheet.form.add_error(None, finding.message)
        else:
            messages.success(request, _("Saved. Learners see it at once."))
            return redirect("studio:course", saved.slug)
    return render(
        request, "studio/edit_course.html", {**context, "sheet": sheet, "revision": revision, "touched": True}, status=status
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_course
def new_lesson(request: HttpRequest, course: Course) -> HttpResponse:
    """A form for a new lesson at the end of the course."""
    form = NewLessonForm(request.POST or None)
    if form.is_valid():
        try:
            lesson = authoring.create_lesson(
                course=course,
                author=author_of(request),
                title=form.cleaned_data["title"],
                slug=form.cleaned_data["slug"],
                now=timezone.now(),
            )
        except Problem as problem:
            form.add_error(problem.extra.get("field"), problem.detail)
        else:
            return redirect("studio:lesson", course.slug, lesson.slug)
    context = {**course_frame(request, course), "form": form}
    return render(request, "studio/new_lesson.html", context, status=UNUSABLE if form.errors else 200)


@require_POST
@for_lesson
def move(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Swaps the lesson with the one before or after it."""
    order = list(Lesson.objects.filter(course=lesson.course))
    place = order.index(lesson)
    other = place - 1 if request.POST.get("way") == "up" else place + 1
    if 0 <= other < len(order):
        order[place], order[other] = order[other], order[place]
        authoring.order_lessons(course=lesson.course, author=author_of(request), lessons=order, now=timezone.now())
    return redirect("studio:course", lesson.course.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@for_course
def members(request: HttpRequest, course: Course) -> HttpResponse:
    """Who works on the course; its owner adds and removes authors."""
    person = author_of(request)
    form = MemberForm(request.POST if "email" in request.POST else None)
    if request.method == "POST":
        response = _change_members(request, course, form)
        if response:
            return response
    context = {
        **course_frame(request, course),
        "form": form,
        "memberships": course.memberships.select_related("user").order_by("-role", "user__name"),
        "person_id": person.pk,
    }
    return render(request, "studio/members.html", context, status=UNUSABLE if form.errors else 200)


def _change_members(request: HttpRequest, course: Course, form: MemberForm) -> HttpResponse | None:
    person = author_of(request)
    if not owns(person, course):
        raise Problem(403, _("For the owner"), _("Only the course’s owner can change who works on it."))
    try:
        if "remove" in request.POST:
            return _remove_member(request, course, person)
        if form.is_valid():
            found = instructor_of(form.cleaned_data["email"])
            if Membership.objects.filter(course=course, user=found).exists():
                raise Problem(409, _("Here already"), _("This person works on the course already."))
            authoring.add_author(course=course, owner=person, person=found)
            messages.success(request, _("%(name)s can work on this course now.") % {"name": found})
            return redirect("studio:members", course.slug)
    except Problem as problem:
        form.add_error("email", problem.detail)
    return None


def _remove_member(request: HttpRequest, course: Course, owner: User) -> HttpResponse:
    number = request.POST["remove"]
    membership = (
        Membership.objects.filter(course=course, user_id=int(number)).select_related("user").first()
        if number.isdecimal() and len(number) < 12
        else None
    )
    if membership:
        try:
            authoring.remove_author(course=course, owner=owner, person=membership.user)
        except Problem as problem:
            messages.error(request, problem.detail)
        else:
            messages.success(request, _("%(name)s doesn’t work on this course any more.") % {"name": membership.user})
    return redirect("studio:members", course.slug)


@require_GET
@for_course
def export(request: HttpRequest, course: Course) -> HttpResponse:
    """The published course as a folder in a ZIP file: Markdown, YAML and pictures."""
    if not lessons_of(course):
        messages.error(request, _("There is nothing to export yet: publish a lesson first."))
        return redirect("studio:course", course.slug)
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        root = Path(folder) / course.slug
        for path in export_folder(course, root):
            archive.write(path, Path(course.slug) / path.relative_to(root))
    name = slugify(course.slug) or "course"
    return HttpResponse(
        packed.getvalue(),
        headers={"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}.zip"'},
    )
