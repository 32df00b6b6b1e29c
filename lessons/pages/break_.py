"""Break: a run with a mistake in it. Predict, find the mistake, explain it, put it right; then see both runs in figures."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import people
from inference import samples
from inference.breaking.services import no_run_of
from inference.breaking.wording import TELLINGS
from inference.facts import titles
from inference.services import present, stored_trace
from inference.views import result_response
from lessons import cases
from lessons.cases import Case, CaseView, Step
from lessons.models import CaseAnswer, LessonVersion
from lessons.modes import Group, LessonPage
from lessons.words import words_html
from web.problems import Problem, not_found

PICTURES = ("input", "correct_input")


class BreakMode:
    """The lesson's cases, one at a time; see lessons.modes.Mode."""

    slug = "break"
    title: str | Promise = _("Break")
    group = Group.INVESTIGATE.value
    order = 20
    template = "lessons/break.html"
    partial = "lessons/_break.html"

    def offered(self, version: LessonVersion) -> bool:
        """Whether the lesson has a broken run to look into."""
        return bool(version.meta.get("mistakes"))

    def respond(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """The case that `?case=` numbers, one of its pictures, or, for a POST, the next step."""
        if request.method == "POST":
            return self._step(request, page)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if "picture" in request.GET:
            return self._picture(request, page)  # type: ignore[return-value]
        return self._page(page)

    def context(self, page: LessonPage, *, problem: Problem | None = None) -> dict[str, Any]:
        """The case asked for, with everything that may be known of it by now."""
        offered = cases.cases_of(page.version)
        if page.version.pk is None:
            return {"preview_cases": [_told(page, case) for case in offered]}
        answers = cases.answers_of(page.person, page.lesson, offered)
        case = _asked_for(page.request, offered)
        shown = _view(page, case, answers.get(case.id))
        return {
            "shown": shown,
            "story": words_html(page.version, case.story, level="full"),
            "why": words_html(page.version, case.why, level="full") if case.why and shown.step == Step.DONE else "",
            "network_title": titles().get(case.network, case.network),
            "photo": samples.sample_of(case.sample),
            "correct": _correct(case),
            "no_weights": no_run_of(case.network) if shown.answer is None else "",
            "links": [
                {
                    "number": one.number,
                    "url": _url(page, one),
                    "current": one.number == case.number,
                    "done": cases.step_of(answers.get(one.id)) == Step.DONE,
                }
                for one in offered
            ],
            "following": next((_url(page, one) for one in offered if one.number == case.number + 1), ""),
            "here": _url(page, case),
            "run_url": page.url("run") if page.has("run") else reverse("inference:networks"),
            "fates": [(str(fate), said) for fate, said in FATES.items()],
            "fate": FATES[shown.fate] if shown.fate else "",
            "predicted": FATES.get(cases.Fate(shown.answer.predicted)) if shown.answer else "",
            "problem": problem,
        }

    def _page(self, page: LessonPage, *, problem: Problem | None = None) -> HttpResponse:
        response = page.render(self.template, self.context(page, problem=problem), status=problem.status if problem else 200)
        for name, value in (problem.headers if problem else {}).items():
            response[name] = value
        patch_cache_control(response, private=True, no_cache=True)
        return response

    def _picture(self, request: HttpRequest, page: LessonPage) -> HttpResponseBase:
        """What the network was handed, at an address that doesn't tell which mistake was made."""
        case = _asked_for(request, cases.cases_of(page.version))
        key = request.GET["picture"]
        answer = cases.answers_of(page.person, page.lesson, [case]).get(case.id)
        run = cases.run_of(case) if answer is not None else None
        if run is None or key not in PICTURES:
            raise not_found()
        return result_response(run, result=f"mistake:{case.mistake}", key=key)

    def _step(self, request: HttpRequest, page: LessonPage) -> HttpResponse:
        """Keep what was chosen; a step that was answered before stays as it was."""
        case = _asked_for(request, cases.cases_of(page.version))
        try:
            self._take(request, page, case)
        except Problem as problem:
            if problem.status not in (409, 422, 429):
                raise
            return self._page(page, problem=problem)
        return redirect(f"{_url(page, case)}#now")

    def _take(self, request: HttpRequest, page: LessonPage, case: Case) -> None:
        step, choice, now = request.POST.get("step", ""), request.POST.get("choice", ""), timezone.now()
        answer = cases.answers_of(page.person, page.lesson, [case]).get(case.id)
        if step == Step.PREDICT and answer is None:
            person = people.ensure(request)
            page.person = person
            cases.predict(person=person, lesson=page.lesson, case=case, fate=choice, now=now)
            return
        if answer is None or page.person is None:
            return  # begun again in another tab: the page shows where it stands
        if step == "again":
            cases.begin_again(person=page.person, lesson=page.lesson, case=case)
        elif step == "run":
            cases.run_again(case=case, now=now)
        elif step == cases.step_of(answer):
            self._keep(page, case, answer, choice)

    def _keep(self, page: LessonPage, case: Case, answer: CaseAnswer, choice: str) -> None:
        shown, now = _view(page, case, answer), timezone.now()
        if shown.broken is None:
            return  # nothing has been seen yet that could be answered
        match shown.step:
            case Step.FIND:
                cases.find(answer=answer, case=case, mistake=choice, now=now)
            case Step.EXPLAIN:
                cases.explain(answer=answer, case=case, explanation=choice, now=now)
            case Step.FIX:
                cases.fix(answer=answer, repair=shown.broken.repair, line=choice, now=now)


FATES: dict[cases.Fate, str | Promise] = {
    cases.Fate.SAME: _("It stays the same."),
    cases.Fate.OTHER: _("Another label takes its place."),
    cases.Fate.ERROR: _("There is none: the run ends in an error."),
}
"""What can become of the first choice."""


def _asked_for(request: HttpRequest, offered: list[Case]) -> Case:
    """The case that the address numbers, or the first. Problem 404 for a number that there isn't."""
    number = request.GET.get("case", "1")
    found = next((case for case in offered if str(case.number) == number), None)
    if found is None:
        raise not_found()
    return found


def _url(page: LessonPage, case: Case) -> str:
    return f"{page.url('break')}?case={case.number}"


def _view(page: LessonPage, case: Case, answer: CaseAnswer | None) -> CaseView:
    return cases.view_of(case, answer, picture_url=lambda key: _picture_url(page, case, key))


def _picture_url(page: LessonPage, case: Case, key: str) -> str:
    """With the version's number: browsers keep a picture, and the next version's case may be another one."""
    return f"{_url(page, case)}&picture={key}&version={page.version.number}"


def _correct(case: Case) -> str:
    """What the network says of the photo when nothing is wrong, where the house has run it before."""
    trace = stored_trace(network=case.network, sample=case.sample)
    return present(trace).verdict if trace is not None else ""


def _told(page: LessonPage, case: Case) -> dict[str, Any]:
    """A case with its answers, as its author sees it in a preview."""
    return {
        "case": case,
        "story": words_html(page.version, case.story, level="full"),
        "why": words_html(page.version, case.why, level="full") if case.why else "",
        "mistake": TELLINGS[case.mistake].title,
        "among": [TELLINGS[name].title for name in case.among],
    }
