"""The pages of an attempt: a form is answered by a redirect or a whole page without JavaScript, by the question for htmx.

Nothing here may be kept by a cache: what an address shows changes with every answer, and belongs to one person.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people
from lessons.modes import LessonPage, Mode, modes_of
from lessons.services import lesson_url, objective_url
from lessons.words import words_html
from quizzes.announcing import announcement_of, expectation_of
from quizzes.beforehand.modes import PretestMode
from quizzes.beforehand.predictions import page_of
from quizzes.beforehand.pretest import before_the_lesson
from quizzes.dashboard import dashboard_of
from quizzes.evidence import Practice, adapts, answers_and_open, practice_at, verdict_evidence
from quizzes.exams import clock_of
from quizzes.grading import Tally, key_at
from quizzes.likeness import ask_another, places_with_another
from quizzes.models import Attempt, AttemptQuestion, Quiz, QuizMode, QuizVersion, Reveal
from quizzes.modes import PractiseMode, TestMode
from quizzes.patterns.presenting import pattern_view
from quizzes.presenting import objectives_of, places_of, question_view, question_views, questions_of
from quizzes.questions import Answer
from quizzes.results import result_of
from quizzes.reveal import tells_questions, tells_total
from quizzes.reviewing.mode import ReviewMode
from quizzes.reviewing.presenting import card_view, item_asked_at
from quizzes.reviewing.sittings import sitting_asking_in
from quizzes.saying import strength_view, why_next
from quizzes.services import (
    attempt_for,
    attempt_question,
    attempts_at,
    current_quiz_version,
    finish_attempt,
    position_of,
    save_answer,
    show_hint,
    show_step,
    standing_of,
    start_attempt,
    start_redo,
    submit_response,
)
from quizzes.strength import estimate
from web.problems import Problem, not_found

UNUSABLE = 422

View = Callable[..., HttpResponse]


def never_kept(view: View) -> View:
    """The view with `Cache-Control: no-store`: Back asks the server again, and no proxy keeps an answer."""

    @functools.wraps(view)
    def kept_by_nobody(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return kept_by_nobody


@require_POST
def start(request: HttpRequest, quiz_id: int) -> HttpResponse:
    """Begins an attempt, or goes on with the open one."""
    quiz = get_object_or_404(Quiz.objects.select_related("lesson__course"), pk=quiz_id)
    quiz_version = current_quiz_version(quiz)
    if _is_unconfirmed(request, quiz_version):
        messages.error(request, _("Read the terms first, and confirm that your time begins. Nothing has begun yet."))
        return redirect(f"{lesson_url(quiz_version.lesson_version, TestMode.slug)}#exam")
    attempt = start_attempt(user=people.ensure(request), quiz_version=quiz_version, now=timezone.now())
    wanted = position_of(attempt, request.POST.get("question", ""))
    if wanted is not None:
        return redirect("quizzes:question", attempt.pk, wanted)
    return redirect("quizzes:attempt", attempt.pk)


def _is_unconfirmed(request: HttpRequest, quiz_version: QuizVersion) -> bool:
    """Whether an exam's time would begin for somebody who has not said so; going on needs no word."""
    if quiz_version.quiz.mode != QuizMode.EXAM or request.POST.get("confirmed"):
        return False
    return all(attempt.is_finished for attempt in attempts_at(quiz=quiz_version.quiz, person=people.current(request)))


@require_safe
@never_kept
def attempt(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    """Leads to the question to go on with, or to the results; of a review, to its sitting."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    if attempt.mode == QuizMode.REVIEW:
        return _to_sitting(attempt)
    if attempt.mode == QuizMode.PREDICTION:
        return redirect(page_of(attempt))
    if attempt.is_finished:
        return redirect("quizzes:results", attempt.pk)
    return redirect("quizzes:question", attempt.pk, _place_to_go_on(attempt))


def _to_sitting(attempt: Attempt) -> HttpResponse:
    """A review is gone on with, and ended, where its cards of all lessons are."""
    sitting = sitting_asking_in(attempt)
    return redirect("reviewing:sitting", sitting.pk) if sitting else redirect("reviewing:overview")


def _place_to_go_on(attempt: Attempt) -> int:
    """What practice adapts to; else the first question that is still open."""
    questions = questions_of(attempt)
    if best := practice_at(attempt, questions).best:
        return best.position
    return next((view.number for view in question_views(attempt, questions) if view.is_open), 1)


@require_http_methods(["GET", "HEAD", "POST"])
@never_kept
def question(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """One question; posting to it commits an answer, or keeps it when the test tells nothing before its end."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    asked = attempt_question(attempt, position)
    if attempt.mode == QuizMode.PREDICTION and request.method != "POST":
        return redirect(page_of(attempt, position))
    if request.method != "POST":
        return _question_page(request, attempt, position)
    try:
        if _is_kept_until_finish(attempt):
            save_answer(
                attempt=attempt,
                position=position,
                answer=_answer(request, asked),
                confidence=_confidence(request),
                now=timezone.now(),
            )
            return _after_keeping(attempt, position)
        submit_response(
            attempt=attempt,
            position=position,
            answer=_answer(request, asked),
            confidence=_confidence(request),
            idempotency_key=request.POST.get("idempotency_key", ""),
            now=timezone.now(),
        )
    except Problem as problem:
        return _refused(request, attempt, position, problem)
    return _changed(request, attempt, position)


def _is_kept_until_finish(attempt: Attempt) -> bool:
    """A test that tells nothing before its end also holds nobody to a first thought: answers may change until then."""
    return not attempt.is_practice and attempt.quiz_version.reveal != Reveal.EACH


def _answer(request: HttpRequest, asked: AttemptQuestion) -> Answer:
    """What was sent. A letter without an option stays as it is, to be refused with a sentence."""
    options = frozenset(key_at(letter, asked.option_order) or letter for letter in request.POST.getlist("choice"))
    return Answer(options, request.POST.get("number", "").strip())


def _confidence(request: HttpRequest) -> str:
    """How sure they say they are: a form that leaves it out says nothing."""
    return request.POST.get("confidence", "")


def _after_keeping(attempt: Attempt, position: int) -> HttpResponse:
    """On to the next question; after the last one, to what is left before handing in."""
    if position < attempt.questions.count():
        return redirect("quizzes:question", attempt.pk, position + 1)
    if attempt.mode == QuizMode.PRETEST and not any(question.drafted.is_empty for question in attempt.questions.all()):
        finish_attempt(attempt=attempt, now=timezone.now())
        return redirect("quizzes:results", attempt.pk)
    return redirect("quizzes:finish", attempt.pk)


@require_POST
@never_kept
def draft(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """Keeps a choice without committing it: in the background for the page's script, by a redirect for the plain form."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    answer = _answer(request, attempt_question(attempt, position))
    confidence = _confidence(request)
    in_background = request.headers.get("X-Requested-With") == "fetch"
    try:
        save_answer(attempt=attempt, position=position, answer=answer, confidence=confidence, now=timezone.now())
    except Problem as problem:
        if in_background:
            return JsonResponse({"detail": problem.detail}, status=problem.status)
        return _refused(request, attempt, position, problem)
    if in_background:
        return JsonResponse({"detail": _kept(answer, confidence)})
    return redirect("quizzes:question", attempt.pk, position)


def _kept(answer: Answer, confidence: str) -> str:
    """What is said of a draft that was kept."""
    if answer.is_empty and confidence:
        return _("How sure you are is saved; your answer is still to come.")
    if answer.is_empty:
        return _("Your answer is taken back.")
    return _("Your number is saved.") if answer.text else _("Your choice is saved.")


@require_POST
@never_kept
def hint(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """Shows the hint of a practice question, and remembers that it was shown."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    try:
        show_hint(attempt=attempt, position=position, now=timezone.now())
    except Problem as problem:
        return _refused(request, attempt, position, problem)
    return _changed(request, attempt, position, fragment="hint")


@require_POST
@never_kept
def step(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """Shows the next step of a practice question's solution; before any answer, that gives up first."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    wanted = request.POST.get("step", "")
    try:
        show_step(
            attempt=attempt,
            position=position,
            step=int(wanted) if wanted.isdecimal() and len(wanted) < 4 else 1,
            now=timezone.now(),
        )
    except Problem as problem:
        return _refused(request, attempt, position, problem)
    return _changed(request, attempt, position, fragment="steps")


@require_http_methods(["GET", "HEAD", "POST"])
@never_kept
def finish(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    """What is still open, and the button that hands in; posting hands in. Twice is as good as once."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    if attempt.mode == QuizMode.REVIEW:
        return _to_sitting(attempt)
    if request.method == "POST":
        finish_attempt(attempt=attempt, now=timezone.now())
    elif attempt.mode == QuizMode.PREDICTION:
        return redirect(page_of(attempt))
    elif not attempt.is_finished:
        questions = questions_of(attempt)
        places = places_of(attempt, questions)
        return framed(
            request,
            attempt,
            "quizzes/finish.html",
            {
                "places": places,
                "unanswered": [place for place in places if place.state == "open"],
                "drafted": [place for place in places if place.state == "drafted"],
                "clock": clock_of(attempt),
                "withheld": standing_of(attempt).withheld,
            },
        )
    return redirect("quizzes:results", attempt.pk)


@require_safe
@never_kept
def results(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    """What a finished attempt came to, question by question; an open one leads back to its questions."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    if attempt.mode == QuizMode.REVIEW:
        return _to_sitting(attempt)
    if not attempt.is_finished or attempt.mode == QuizMode.PREDICTION:
        return redirect("quizzes:attempt", attempt.pk)
    questions = questions_of(attempt)
    standing = standing_of(attempt)
    if not tells_questions(standing):
        return _handed_in(request, attempt, result_of(attempt, questions).total if tells_total(standing) else None)
    result = result_of(attempt, questions)
    version = attempt.quiz_version.lesson_version
    objectives = objectives_of(version)
    answers = answers_and_open(attempt.user, lesson=version.lesson)
    verdicts = verdict_evidence(answers).by_objective()
    strengths = {
        name: strength_view(version, objectives.get(name, name), verdicts.get((version.lesson_id, name)) or estimate(()))
        for name in result.by_objective
    }
    views = question_views(attempt, questions)
    is_pattern = attempt.mode == QuizMode.PATTERN
    items = {item.question.position: item for item in result.items}
    alike = places_with_another(attempt, questions)
    before = before_the_lesson(attempt.user, version.lesson) if attempt.is_graded else {}
    return framed(
        request,
        attempt,
        "quizzes/beforehand/results.html" if attempt.mode == QuizMode.PRETEST else "quizzes/results.html",
        {
            "result": result,
            "before": [
                (words_html(version, objectives.get(name, name)), tally, result.by_objective[name])
                for name, tally in before.items()
                if name in result.by_objective
            ],
            "objectives": [(tally, strengths[name]) for name, tally in result.by_objective.items()],
            "pattern": pattern_view(attempt, result, answers, questions=views, objectives=strengths) if is_pattern else None,
            "items": [
                {
                    "view": view,
                    "right": items[view.number].is_right,
                    "partly": items[view.number].is_partly_right,
                    "another": view.number in alike,
                    "taught": _taught_at(attempt, items[view.number].question),
                }
                for view in views
            ],
        },
    )


def _taught_at(attempt: Attempt, asked: AttemptQuestion) -> str:
    """Where the lesson answers a question that was asked before it; empty for what is asked afterwards."""
    if attempt.mode != QuizMode.PRETEST:
        return ""
    return objective_url(attempt.quiz_version.lesson_version, asked.question_version.objective)


def _handed_in(request: HttpRequest, attempt: Attempt, total: Tally | None) -> HttpResponse:
    """In place of results that are not told, or but for their total."""
    context = {
        "announcement": announcement_of(attempt),
        "total": total,
        "places": places_of(attempt, questions_of(attempt)),
    }
    return framed(request, attempt, "quizzes/handed_in.html", context)


@require_safe
@never_kept
def clock(request: HttpRequest, attempt_id: UUID) -> JsonResponse:
    """How much time is left by the server's clock: for the page's script, which shows it and never decides by it."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    return JsonResponse(clock_of(attempt))


@require_safe
@never_kept
def progress(request: HttpRequest) -> HttpResponse:
    """What to do next, how strong one is in each objective, and what was done lately."""
    found = dashboard_of(people.current(request))
    return render(request, "quizzes/progress.html", {"found": found})


@require_POST
@never_kept
def another(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """Leads to one more question like the one at this place, which is added where none waits.

    One of the same attempt takes the place of the question on the page for htmx, under its own address.
    """
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    try:
        found = ask_another(attempt=attempt, position=position, now=timezone.now())
    except Problem as problem:
        return _refused(request, attempt, position, problem)
    if request.headers.get("HX-Request") and found.attempt_id == attempt.pk:
        return _next_question_part(request, attempt, found.position)
    return redirect("quizzes:question", found.attempt_id, found.position)


@require_POST
def redo(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    """Begins practice with what a finished attempt missed, or goes on with it."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    again = start_redo(attempt=attempt, now=timezone.now())
    return redirect("quizzes:attempt", again.pk)


# --- answers in HTML ---------------------------------------------------------------------------------------------------------


def _changed(request: HttpRequest, attempt: Attempt, position: int, *, fragment: str = "feedback") -> HttpResponse:
    """After a write: the question alone for htmx, a redirect to what is new for a plain form."""
    if request.headers.get("HX-Request"):
        return _question_part(request, attempt, position, focus=fragment)
    return HttpResponseRedirect(f"{reverse('quizzes:question', args=[attempt.pk, position])}#{fragment}")


def _refused(request: HttpRequest, attempt: Attempt, position: int, problem: Problem) -> HttpResponse:
    """The question as it stands now, with the sentence that says why nothing was added."""
    attempt = attempt_for(attempt_id=attempt.pk, person=attempt.user)  # what another tab has done in the meantime
    if request.headers.get("HX-Request"):
        # htmx puts a refusal into the page's own alert, except a 422, which takes the place of the form.
        return _question_part(request, attempt, position, focus="refused", notice=problem.detail, status=UNUSABLE)
    return _question_page(request, attempt, position, notice=problem.detail, status=problem.status)


def _question_context(attempt: Attempt, position: int, *, written: str) -> dict[str, Any]:
    """What the page of a question needs; `written` is what was refused and must not be lost."""
    questions = questions_of(attempt)
    asked = next((question for question in questions if question.position == position), None)
    if asked is None:
        raise not_found()
    places = places_of(attempt, questions, current=position)
    practice = practice_at(attempt, questions, here=position)
    return {
        "attempt": attempt,
        "question": question_view(attempt, asked, total=len(questions)),
        "why": _why_this(attempt, practice, position),
        "written": written,
        "places": places,
        "left": sum(place.state in ("open", "drafted") for place in places),
        "previous": position - 1 if position > 1 else None,
        "next": _place_after(attempt, practice, position, total=len(questions)),
        "idempotency_key": uuid4(),
        "kept_until_finish": _is_kept_until_finish(attempt),
        "another": position in places_with_another(attempt, questions),
        "expectation": expectation_of(attempt),
        "clock": clock_of(attempt),
        "withheld": standing_of(attempt).withheld,
        "review": item_asked_at(asked) if attempt.mode == QuizMode.REVIEW else None,
        "card": card_view(asked, now=timezone.now()),
    }


def _why_this(attempt: Attempt, practice: Practice, position: int) -> SafeString | None:
    """Why practice goes on with the question on the screen; none for one that the learner went to by themselves."""
    if practice.best is None or practice.best.position != position:
        return None
    version = attempt.quiz_version.lesson_version
    return why_next(practice.best, version, objectives_of(version))


def _place_after(attempt: Attempt, practice: Practice, position: int, *, total: int) -> int | None:
    """Where "Next question" leads: in practice to what fits best of what is left, else to the next in order."""
    if adapts(attempt):
        return practice.onward.position if practice.onward else None
    return position + 1 if position < total else None


def _question_part(
    request: HttpRequest, attempt: Attempt, position: int, *, focus: str, notice: str = "", status: int = 200
) -> HttpResponse:
    context = _question_context(attempt, position, written=request.POST.get("number", "")) | {"focus": focus, "notice": notice}
    return render(request, "quizzes/_question.html", context, status=status)


def _next_question_part(request: HttpRequest, attempt: Attempt, position: int) -> HttpResponse:
    """The question at another place, in place of the one on the page: with its address and title, and the focus on its head."""
    context = _question_context(attempt, position, written="") | {"focus": "asked"}
    response = render(request, "quizzes/_next_question.html", context)
    response["HX-Push-Url"] = reverse("quizzes:question", args=[attempt.pk, position])
    return response


def _question_page(
    request: HttpRequest, attempt: Attempt, position: int, *, notice: str = "", status: int = 200
) -> HttpResponse:
    context = _question_context(attempt, position, written=request.POST.get("number", "")) | {"notice": notice}
    return framed(request, attempt, "quizzes/question.html", context, status=status)


_MODES: Mapping[str, Callable[[], Mode]] = {
    QuizMode.PRACTICE: PractiseMode,
    QuizMode.REVIEW: ReviewMode,
    QuizMode.PRETEST: PretestMode,
}
"""Quizzes → the lesson's mode around their questions; all others stand in Test."""


def framed(
    request: HttpRequest, attempt: Attempt, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page in the frame of the lesson version that the attempt began with."""
    mode = _MODES.get(attempt.quiz_version.quiz.mode, TestMode)()
    version = attempt.quiz_version.lesson_version
    page = LessonPage(
        request=request,
        course=version.lesson.course,
        lesson=version.lesson,
        version=version,
        person=people.current(request),
        mode=mode,
        modes=modes_of(version),
    )
    return page.render(template, {"attempt": attempt, **context}, status=status)
