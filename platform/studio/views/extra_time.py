"""Who has extra time in a course's exams: given by address, with a reason, and taken back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from lessons.models import Course
from quizzes.extra_time import extra_times_of, give_extra_time, take_back_extra_time
from studio.access import author_of, for_course
from studio.forms import ExtraTimeForm
from studio.frame import course_frame
from web.problems import Problem, not_found

UNUSABLE = 422
LARGEST_ID = 2**63 - 1


@require_http_methods(["GET", "HEAD", "POST"])
@for_course
def extra_time(request: HttpRequest, course: Course) -> HttpResponse:
    """Everybody who has or had extra time, and the form to give it."""
    if "take_back" in request.POST:
        return _take_back(request, course)
    form = ExtraTimeForm(request.POST or None)
    if form.is_valid():
        try:
            given = _give(request, course, form)
        except Problem as problem:
            form.add_error(None, problem.detail)
        else:
            messages.success(request, _("%(name)s has extra time now, in a running exam too.") % {"name": given})
            return redirect("studio:extra_time", course.slug)
    context = {**course_frame(request, course), "form": form, "given": extra_times_of(course)}
    return render(request, "studio/extra_time.html", context, status=UNUSABLE if form.errors else 200)


def _give(request: HttpRequest, course: Course, form: ExtraTimeForm) -> User:
    values = form.cleaned_data
    user = User.objects.filter(email__iexact=values["email"], is_active=True).first()
    if user is None:
        raise Problem(422, _("Nobody here"), _("Nobody has an account with this address. Extra time needs one."))
    give_extra_time(
        course=course,
        user=user,
        percent=values["percent"] or 0,
        minutes=values["minutes"] or 0,
        reason=values["reason"],
        author=author_of(request),
        now=timezone.now(),
    )
    return user


def _take_back(request: HttpRequest, course: Course) -> HttpResponse:
    written = request.POST["take_back"]
    if not (written.isdecimal() and written.isascii() and len(written) < 20 and int(written) <= LARGEST_ID):
        raise not_found()
    taken = take_back_extra_time(course=course, number=int(written), author=author_of(request), now=timezone.now())
    messages.success(request, _("The extra time of %(name)s is taken back.") % {"name": taken.user})
    return redirect("studio:extra_time", course.slug)
