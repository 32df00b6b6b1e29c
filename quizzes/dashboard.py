"""A learner's progress: what to do next, how strong they are in each objective, and what they did lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape

from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.activity import Activity
from accounts.models import User
from inference.personal import recent as recent_runs
from lessons.models import LessonVersion, Visit
from lessons.modes import all_modes
from lessons.services import catalogue, lesson_url
from quizzes.calibration import Calibration
from quizzes.evidence import FirstAnswer, calibration_from, first_answers, strengths_by_objective
from quizzes.models import Attempt
from quizzes.personal import recent_attempts
from quizzes.presenting import objectives_of
from quizzes.saying import CalibrationView, StrengthView, strength_view
from quizzes.strength import Estimate, Level, estimate
from web.charts import Chart, Series

LATELY_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next."""

    title: str
    what: SafeString | str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class LessonStrengths:
    """How strong somebody is in each objective of a lesson, as its readers see it now."""

    version: LessonVersion
    objectives: Mapping[str, StrengthView]

    @property
    def url(self) -> str:
        return lesson_url(self.version, "practise" if self.practises else "read")

    @property
    def practises(self) -> bool:
        return "practise" in self.version.meta.get("modes", [])

    @property
    def chart(self) -> Chart:
        """Of medium questions, how many are probably known, by objective of which something was answered."""
        views = [view for view in self.objectives.values() if view.estimate.answers]
        return Chart(
            title=_("Medium questions you probably know, in percent"),
            labels=[unescape(strip_tags(view.objective)) for view in views],
            series=[Series(_("percent"), [view.percent for view in views])],
            axis=_("Objective"),
            decimals=0,
            scale=100,
        )


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All that the progress page shows."""

    action: Action | None  # none on a site without lessons
    lessons: Sequence[LessonStrengths]  # those of which something was answered
    calibration: CalibrationView | None  # none while too few answers came with a confidence
    lately: Sequence[Activity]


def dashboard_of(person: User | None) -> Dashboard:
    """What this person is shown of their progress; nobody known is shown where to begin."""
    versions = _published()
    answers = first_answers(person)
    lessons = _strengths(person, answers, versions)
    calibration = calibration_from(answers)
    return Dashboard(
        action=_open_attempt(person) or _weakest(lessons) or _next_mode(person, versions),
        lessons=lessons,
        calibration=CalibrationView(calibration) if calibration.is_enough else None,
        lately=_lately(person) if person else (),
    )


def _lately(person: User) -> list[Activity]:
    """Their latest runs and attempts, the newest first; the profile page asks every room."""
    told = [*recent_runs(person), *recent_attempts(person)]
    return sorted(told, key=lambda activity: activity.at, reverse=True)[:LATELY_AT_MOST]


def strengths_of(person: User | None) -> list[LessonStrengths]:
    """The strengths in every objective of those lessons of which something was answered."""
    return _strengths(person, first_answers(person), _published())


def calibration_of_person(person: User | None) -> Calibration:
    """How right this person was when they said how sure they were."""
    return calibration_from(first_answers(person))


def _published() -> list[LessonVersion]:
    """Every lesson that readers see, course by course."""
    return [version for card in catalogue(for_words=True) for version in card.lessons]


def _strengths(person: User | None, answers: Sequence[FirstAnswer], versions: Sequence[LessonVersion]) -> list[LessonStrengths]:
    found = strengths_by_objective(person, answers)
    answered = {lesson for lesson, _objective in found}
    return [LessonStrengths(version, _objectives(version, found)) for version in versions if version.lesson_id in answered]


def _objectives(version: LessonVersion, found: Mapping[tuple[int, str], Estimate]) -> dict[str, StrengthView]:
    nothing = estimate(())
    return {
        name: strength_view(version, text, found.get((version.lesson_id, name), nothing))
        for name, text in objectives_of(version).items()
    }


# --- what to do next: the first of these that there is -----------------------------------------------------------------------


def _open_attempt(person: User | None) -> Action | None:
    """The newest attempt that is not finished."""
    related = ("quiz_version__quiz", "quiz_version__lesson_version")
    left = Attempt.objects.filter(user=person, finished_at__isnull=True).select_related(*related) if person else None
    attempt = left.order_by("-started_at").first() if left else None
    if attempt is None:
        return None
    return Action(
        title=_("Go on with your practice") if attempt.is_practice else _("Go on with your test"),
        what=attempt.quiz_version.lesson_version.title,
        label=_("Go on where you were"),
        url=reverse("quizzes:attempt", args=[attempt.pk]),
    )


def _weakest(lessons: Sequence[LessonStrengths]) -> Action | None:
    """The objective that one is least strong in, as long as more was missed there than known."""
    weak = [
        (view.estimate.ability, number, view, lesson)
        for number, lesson in enumerate(lessons)
        for view in lesson.objectives.values()
        if lesson.practises and _needs_practice(view.estimate)
    ]
    if not weak:
        return None
    _ability, _number, view, lesson = min(weak, key=lambda one: one[:2])
    return Action(_("Practise what you are least sure of"), view.objective, _("Practise"), lesson.url)


def _needs_practice(strength: Estimate) -> bool:
    return bool(strength.answers) and (strength.level is Level.WEAK or strength.ability < 0)


def _next_mode(person: User | None, versions: Sequence[LessonVersion]) -> Action | None:
    """The mode after the one that was visited last; after a lesson's last mode, the first lesson not visited yet."""
    visits = list(Visit.objects.filter(user=person).order_by("-at")) if person else []
    shown = {version.lesson_id: version for version in versions}
    last = next((visit for visit in visits if visit.lesson_id in shown), None)
    if last and (after := _mode_after(shown[last.lesson_id], last.mode)):
        return after
    visited = {visit.lesson_id for visit in visits}
    fresh = next((version for version in versions if version.lesson_id not in visited), None)
    if fresh is None:
        return None
    door = "run" if "run" in fresh.meta.get("modes", []) else "read"
    return Action(_("Begin a lesson"), fresh.title, _("Begin"), lesson_url(fresh, door))


def _mode_after(version: LessonVersion, slug: str) -> Action | None:
    """The first mode after the named one that this version offers; none after the last."""
    declared = [mode for mode in all_modes() if mode.slug in version.meta.get("modes", [])]
    places = [place for place, mode in enumerate(declared) if mode.slug == slug]
    left = declared[places[0] + 1 :] if places else declared
    after = next((mode for mode in left if mode.offered(version)), None)  # each asks the database: no more than needed
    if after is None:
        return None
    return Action(_("Go on with the lesson"), version.title, str(after.title), lesson_url(version, after.slug))
