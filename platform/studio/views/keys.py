"""The key of a published question: correcting it, and what becomes of the answers that an older key graded."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lessons.models import Lesson
from quizzes.correcting import computed, correct_key, is_computed, is_correctable
from quizzes.models import KeyRevision, QuestionVersion, RegradePolicy
from quizzes.records import name_of
from quizzes.regrading import Plan, apply_regrade, plan_regrade
from quizzes.services import newest_key
from quizzes.variants import title_of
from studio.access import author_of, for_lesson
from studio.documents import excerpt
from studio.frame import lesson_frame
from studio.keys import KeyForm, correct_draft
from studio.previews import drawn_samples
from web.problems import Problem, not_found

UNUSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def key(request: HttpRequest, lesson: Lesson, uid: str, number: int) -> HttpResponse:
    """What grades the question now, the form that corrects it, and every key before."""
    version = _asked(lesson, uid, number)
    if is_computed(version):
        return _computed(request, lesson, version)
    newest = newest_key(version)
    form = KeyForm(version, newest, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        try:
            if form.is_valid():
                _correct(request, lesson, version, form)
                return redirect(_url("regrade", lesson, version))
            status = UNUSABLE
        except Problem as problem:
            form.add_error(None, problem.detail)
            status = problem.status
    context = {"form": form, "correctable": is_correctable(version), "revisions": _history(version)}
    return _page(request, lesson, version, "studio/key.html", context, status=status)


def _correct(request: HttpRequest, lesson: Lesson, version: QuestionVersion, form: KeyForm) -> None:
    now, author = timezone.now(), author_of(request)
    opened_with = request.POST.get("revision", "")
    new = correct_key(
        question_version=version,
        correction=form.correction,
        revision=int(opened_with) if opened_with.isdecimal() and len(opened_with) < 9 else 0,
        author=author,
        now=now,
    )
    messages.success(request, _("The key is corrected: it grades every answer from now on."))
    if not correct_draft(lesson=lesson, key=new, author=author, now=now):
        messages.warning(
            request,
            _("The draft could not be corrected as well, since its question differs. Correct it there before you publish."),
        )


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def regrade(request: HttpRequest, lesson: Lesson, uid: str, number: int) -> HttpResponse:
    """What each policy would change, answer by answer; posting does exactly what was shown."""
    version = _asked(lesson, uid, number)
    if is_computed(version):
        return _computed(request, lesson, version)
    newest = newest_key(version)
    given = (request.POST if request.method == "POST" else request.GET).get("policy", "")
    policy = RegradePolicy(given) if given in RegradePolicy.values else None
    problem, status = "", 200
    if request.method == "POST" and policy:
        try:
            done = apply_regrade(
                key_revision=newest,
                policy=policy,
                fingerprint=request.POST.get("fingerprint", ""),
                author=author_of(request),
                now=timezone.now(),
            )
        except Problem as refused:
            problem, status = refused.detail, refused.status
        else:
            messages.success(request, _("Done. Answers whose points changed: %(count)d.") % {"count": done.changed})
            return redirect(_url("regrade", lesson, version))
    plan = plan_regrade(key_revision=newest, policy=policy) if policy else None
    context = {
        "policies": RegradePolicy.choices,
        "policy": policy,
        "plan": plan,
        "rows": _rows(plan) if plan else [],
        "problem": problem,
        "revisions": _history(version),
    }
    return _page(request, lesson, version, "studio/regrade.html", context, status=status)


def _computed(request: HttpRequest, lesson: Lesson, template: QuestionVersion) -> HttpResponse:
    """What a template asks, five samples of it, and what to do if it is wrong."""
    context = {
        **lesson_frame(request, lesson, "answers"),
        "uid": template.question.uid,
        "asked": template,
        "title": title_of(template),
        "advice": computed(),
        "samples": drawn_samples(template),
    }
    status = 200 if request.method in ("GET", "HEAD") else 409
    return render(request, "studio/computed_key.html", context, status=status)


def _rows(plan: Plan) -> list[dict[str, Any]]:
    return [{"who": name_of(change.user), "change": change} for change in plan.changes]


def _asked(lesson: Lesson, uid: str, number: int) -> QuestionVersion:
    """The published wording of a question of this lesson; 404 when there is none of this number."""
    found = (
        QuestionVersion.objects.filter(question__lesson=lesson, question__uid=uid, number=number, template=None)
        .select_related("question__lesson__course")
        .prefetch_related("options")
        .first()
    )
    if found is None:
        raise not_found()
    return found


def _history(version: QuestionVersion) -> list[KeyRevision]:
    """Every key of the question with its regrades, the newest first."""
    return list(version.key_revisions.select_related("created_by").prefetch_related("regrades__created_by").order_by("-number"))


def _page(
    request: HttpRequest, lesson: Lesson, version: QuestionVersion, template: str, context: dict[str, Any], *, status: int
) -> HttpResponse:
    frame = {
        **lesson_frame(request, lesson, "answers"),
        "asked": version,
        "uid": version.question.uid,
        "stem": excerpt(version.stem, 300),
        "newest": newest_key(version),
    }
    return render(request, template, {**frame, **context}, status=status)


def _url(name: str, lesson: Lesson, version: QuestionVersion) -> str:
    return reverse(f"studio:{name}", args=[lesson.course.slug, lesson.slug, version.question.uid, version.number])
