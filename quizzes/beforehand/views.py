"""What is asked before a lesson and before a run, answered where it stands: the part for htmx, a redirect for a plain form."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import people
from accounts.models import User
from lessons.models import LessonVersion
from lessons.services import current_version, lesson_url
from quizzes.beforehand.openings import PREDICTED
from quizzes.beforehand.predictions import asked_before, made_of, predict, tell
from quizzes.beforehand.presenting import prediction_view
from quizzes.beforehand.pretest import put_away
from quizzes.drawing import order_for_all
from quizzes.grading import key_at
from quizzes.models import Quiz, QuizMode, QuizQuestion
from quizzes.questions import Answer
from quizzes.services import current_quiz_version
from quizzes.views import never_kept
from web.problems import Problem, not_found
from web.redirects import safe_next


@require_POST
@never_kept
def skip(request: HttpRequest, quiz_id: int) -> HttpResponse:
    """Puts the questions before a lesson away for good, and goes on with the lesson."""
    quiz = get_object_or_404(Quiz.objects.select_related("lesson__course"), pk=quiz_id, mode=QuizMode.PRETEST)
    quiz_version = current_quiz_version(quiz)
    put_away(user=people.ensure(request), quiz_version=quiz_version, now=timezone.now())
    return redirect(safe_next(request, lesson_url(quiz_version.lesson_version)))


@require_http_methods(["GET", "HEAD", "POST"])
@never_kept
def prediction(request: HttpRequest, quiz_id: int, mode: str) -> HttpResponse:
    """The prediction as it stands now; posting to it commits the answer."""
    asked, version = _asked(quiz_id, mode)
    if request.method != "POST":
        return _shown(request, asked, version, people.current(request))
    person = people.ensure(request)
    try:
        _predict(request, asked, person)
    except Problem as problem:
        if not request.headers.get("HX-Request"):
            raise
        return _shown(request, asked, version, person, problem=problem)
    return _shown(request, asked, version, person, focus="predicted")


def _predict(request: HttpRequest, asked: QuizQuestion, person: User) -> None:
    if request.POST.get("version") != str(asked.quiz_version_id):
        raise Problem(
            409, _("The lesson has changed"), _("A new version of the lesson was published. Reload the page and answer again.")
        )
    order = order_for_all(asked.question_version)
    options = frozenset(key_at(letter, order) or letter for letter in request.POST.getlist("choice"))
    predict(
        user=person,
        asked=asked,
        answer=Answer(options, request.POST.get("number", "").strip()),
        confidence=request.POST.get("confidence", ""),
        idempotency_key=request.POST.get("idempotency_key", ""),
        now=timezone.now(),
    )


@require_POST
@never_kept
def outcome(request: HttpRequest, quiz_id: int, mode: str) -> HttpResponse:
    """Tells what was right of a prediction that was made, whether or not a run of it is known."""
    asked, version = _asked(quiz_id, mode)
    person = people.current(request)
    made = made_of(asked, person)
    if made is None:
        raise Problem(409, _("Nothing to tell yet"), _("Make your prediction first. Then you are told what was right."))
    tell(made, now=timezone.now())
    return _shown(request, asked, version, person, focus="predicted")


def _asked(quiz_id: int, mode: str) -> tuple[QuizQuestion, LessonVersion]:
    """The prediction before a mode of the lesson as readers see it now; 404 where it asks none."""
    quiz = get_object_or_404(Quiz.objects.select_related("lesson__course"), pk=quiz_id, mode=QuizMode.PREDICTION)
    version = current_version(quiz.lesson)
    asked = asked_before(version, mode) if version and mode in PREDICTED else None
    if version is None or asked is None:
        raise not_found()
    return asked, version


def _shown(
    request: HttpRequest,
    asked: QuizQuestion,
    version: LessonVersion,
    person: User | None,
    *,
    problem: Problem | None = None,
    focus: str = "",
) -> HttpResponse:
    here = safe_next(request, lesson_url(version, asked.before))
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(f"{here.split('#')[0]}#prediction")
    view = prediction_view(
        asked,
        version,
        person,
        now=timezone.now(),
        notice=problem.detail if problem else "",
        written=request.POST.get("number", "") if problem else "",
        focus="refused" if problem else focus,
    )
    context = {"prediction": view, "question": view.question, "notice": view.notice, "written": view.written, "here": here}
    return render(request, "quizzes/beforehand/_prediction.html", context, status=422 if problem else 200)
