"""The pages of a review. A question's card is answered on the page of its attempt; an insight's here."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people
from lessons.models import Lesson
from quizzes.models import ReviewCard, ReviewSitting
from quizzes.reviewing.adding import change_card
from quizzes.reviewing.cards import put_back, remove
from quizzes.reviewing.presenting import insight_view, item_url, item_view, overview_of, rating_named, sitting_view
from quizzes.reviewing.rules import FEW, MOST_CARDS
from quizzes.reviewing.sittings import asked_item, begin, finish, go_on, items_of, rate_insight, review_in, sitting_for
from quizzes.services import attempt_for, attempt_question
from quizzes.views import never_kept
from web.problems import Problem, not_found


@require_safe
@never_kept
def overview(request: HttpRequest) -> HttpResponse:
    """What is due now and in the coming week, and the way in."""
    found = overview_of(people.current(request), now=timezone.now())
    return render(request, "quizzes/reviewing/overview.html", {"overview": found})


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begins a sitting, with a few cards or with as many as are due, or goes on with the open one."""
    lesson = _lesson(request.POST.get("lesson", ""))
    most = FEW if request.POST.get("few") else MOST_CARDS
    try:
        sitting = begin(person=people.ensure(request), lesson=lesson, most=most, now=timezone.now())
    except Problem as problem:
        if problem.status != 409:
            raise
        return redirect("reviewing:overview")  # which says that nothing is due, and when the next card is
    return _onward(sitting)


def _lesson(wanted: str) -> Lesson | None:
    """The lesson that a form names by its row id; none for no name, 404 for one that is not there."""
    if not wanted:
        return None
    return get_object_or_404(Lesson, pk=int(wanted) if wanted.isdecimal() and len(wanted) < 18 else 0)


def _onward(sitting: ReviewSitting) -> HttpResponse:
    item = go_on(sitting=sitting, now=timezone.now())
    return redirect(item_url(item)) if item else redirect("reviewing:sitting", sitting.pk)


@require_safe
@never_kept
def sitting(request: HttpRequest, sitting_id: UUID) -> HttpResponse:
    """The card that is being asked; else what came of the sitting (so far)."""
    found = sitting_for(sitting_id=sitting_id, person=people.current(request))
    asked = asked_item(found, items_of(found))
    if asked is not None:
        return redirect(item_url(asked))
    more = overview_of(people.current(request), now=timezone.now(), lesson=found.lesson)
    return render(request, "quizzes/reviewing/sitting.html", {"view": sitting_view(found), "overview": more})


@require_POST
def next_card(request: HttpRequest, sitting_id: UUID) -> HttpResponse:
    """Asks the next card, or leads to the end. Twice is as good as once."""
    return _onward(sitting_for(sitting_id=sitting_id, person=people.current(request)))


@require_POST
def end(request: HttpRequest, sitting_id: UUID) -> HttpResponse:
    """Ends the sitting early."""
    found = finish(sitting=sitting_for(sitting_id=sitting_id, person=people.current(request)), now=timezone.now())
    return redirect("reviewing:sitting", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@never_kept
def insight(request: HttpRequest, sitting_id: UUID, position: int) -> HttpResponse:
    """A key insight: what to call to mind, then the insight itself, then how well it was known."""
    found = sitting_for(sitting_id=sitting_id, person=people.current(request))
    item = (
        found.items.select_related("sitting", "card__lesson__course", "review", "attempt_question")
        .filter(position=position)
        .first()
    )
    if item is None or not item.card.is_insight:
        raise not_found()
    notice = ""
    if request.method == "POST":
        rating = rating_named(request.POST.get("rating", ""))
        if rating is not None:
            rate_insight(sitting=found, position=position, rating=rating, now=timezone.now())
            return redirect(f"{reverse('reviewing:insight', args=[found.pk, position])}#rated")
        notice = _("Say how well you knew it: Again, Hard, Good or Easy.")
    card = insight_view(item.card, now=timezone.now())
    if card is None:
        return redirect("reviewing:sitting", found.pk)
    return render(
        request,
        "quizzes/reviewing/insight.html",
        {
            "review": item_view(item),
            "card": card,
            "shown": "show" in request.GET or notice or review_in(item),
            "notice": notice,
        },
        status=422 if notice else 200,
    )


@require_POST
def card(request: HttpRequest, card_id: int) -> HttpResponse:
    """Takes one's own card out, or puts it back."""
    person = people.current(request)
    found = get_object_or_404(ReviewCard, pk=card_id, user=person) if person else None
    if found is None:
        raise not_found()
    if request.POST.get("wanted") == "no":
        remove(found, now=timezone.now())
    else:
        put_back(found)
    return redirect(_back(request))


@require_POST
def question_card(request: HttpRequest, attempt_id: UUID, position: int) -> HttpResponse:
    """Puts a question into the learner's review, or takes it out, once they were told what is right. Problem 409 before."""
    attempt = attempt_for(attempt_id=attempt_id, person=people.current(request))
    asked = attempt_question(attempt, position)
    change_card(asked, wanted=request.POST.get("wanted") != "no", now=timezone.now())
    return redirect(f"{reverse('quizzes:question', args=[attempt.pk, position])}#review-card")


def _back(request: HttpRequest) -> str:
    """Where the form stood, on this site; else the review's page."""
    back = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return back
    return reverse("reviewing:overview")
