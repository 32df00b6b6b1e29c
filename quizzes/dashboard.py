"""A learner's progress: what to do next, how strong they are in each objective, and what they did lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.activity import Activity
from accounts.models import User
from inference.personal import recent as recent_runs
from lessons.doors import Door
from lessons.links import HomeLink
from lessons.models import LessonVersion, Visit
from lessons.modes import all_modes
from lessons.services import catalogue, lesson_url
from quizzes.calibration import Calibration
from quizzes.evidence import (
    FirstAnswer,
    Objective,
    adaptive_evidence,
    answers_and_open,
    calibration_from,
    difficulties_of,
    first_answers,
    verdict_evidence,
)
from quizzes.models import Attempt, QuizMode
from quizzes.patterns.doors import pattern_doors
from quizzes.personal import recent_attempts
from quizzes.presenting import objectives_of
from quizzes.reviewing.gathering import due_count
from quizzes.saying import CalibrationView, Practised, StrengthView, strength_view, verdicts_chart
from quizzes.services import handed_in_if_over
from quizzes.strength import Estimate, Level, estimate
from web.charts import Chart

LATELY_AT_MOST = 8

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next."""

    title: str
    what: SafeString | str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class LessonStrengths:
    """How strong somebody is in each objective of a lesson, as its readers see it now, and how practice goes."""

    version: LessonVersion
    whole: StrengthView  # the lesson's
    objectives: Mapping[str, StrengthView]
    estimates: Mapping[str, Estimate]  # what practice adapts to
    practised: Mapping[str, Practised]  # those objectives that were practised
    test: Door | None  # where the verdict is to be had

    @property
    def url(self) -> str:
        return lesson_url(self.version, "practise" if self.practises else "read")

    @property
    def practises(self) -> bool:
        return "practise" in self.version.meta.get("modes", [])

    @property
    def is_tested(self) -> bool:
        """Whether there is anything that a verdict may rest on."""
        return bool(self.whole.estimate.answers)

    @property
    def rows(self) -> list[tuple[StrengthView, Practised | None]]:
        return [(view, self.practised.get(name)) for name, view in self.objectives.items()]

    @property
    def chart(self) -> Chart:
        return verdicts_chart(self.objectives.values())


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All that the progress page shows."""

    action: Action | None  # none on a site without lessons
    lessons: Sequence[LessonStrengths]  # those of which something was answered
    due: int  # how many cards can be reviewed now
    calibration: CalibrationView | None  # none while too few answers came with a confidence
    lately: Sequence[Activity]


def dashboard_of(person: User | None) -> Dashboard:
    """What this person is shown of their progress; nobody known is shown where to begin."""
    versions = _published()
    answers = answers_and_open(person)
    lessons = _strengths(person, answers, versions)
    calibration = calibration_from(answers)
    due = due_count(person, timezone.now())
    return Dashboard(
        action=_next_action(person, lessons, versions, due=due),
        due=due,
        lessons=lessons,
        calibration=CalibrationView(calibration) if calibration.is_enough else None,
        lately=_lately(person) if person else (),
    )


def home_links(person: User) -> list[HomeLink]:
    """What waits for this person, for the home page (settings.HOME_LINKS): their cards that are due."""
    due = due_count(person, timezone.now())
    return (
        [HomeLink(ngettext("%(count)s due", "%(count)s due", due) % {"count": due}, reverse("reviewing:overview"))]
        if due
        else []
    )


def _lately(person: User) -> list[Activity]:
    """Their latest runs and attempts, the newest first; the profile page asks every room."""
    told = [*recent_runs(person), *recent_attempts(person)]
    return sorted(told, key=lambda activity: activity.at, reverse=True)[:LATELY_AT_MOST]


def strengths_of(person: User | None) -> list[LessonStrengths]:
    """The strengths in every objective of those lessons of which something was answered."""
    return _strengths(person, answers_and_open(person), _published())


def calibration_of_person(person: User | None) -> Calibration:
    """How right this person was when they said how sure they were."""
    return calibration_from(first_answers(person))


def _published() -> list[LessonVersion]:
    """Every lesson that readers see, course by course."""
    return [version for card in catalogue(for_words=True) for version in card.lessons]


def _strengths(person: User | None, answers: Sequence[FirstAnswer], versions: Sequence[LessonVersion]) -> list[LessonStrengths]:
    difficulties = difficulties_of([first.asked for first in answers], own=answers)
    verdict, adaptive = verdict_evidence(answers, difficulties), adaptive_evidence(answers, difficulties)
    by_objective, by_lesson, estimates = verdict.by_objective(), verdict.by_lesson(), adaptive.by_objective()
    answered = {lesson for lesson, _objective in estimates}
    shown = [version for version in versions if version.lesson_id in answered]
    doors, practised, nothing = pattern_doors(shown), _practised(answers), estimate(())
    return [
        LessonStrengths(
            version=version,
            whole=strength_view(version, version.title, by_lesson.get(version.lesson_id, nothing)),
            objectives={
                name: strength_view(version, text, by_objective.get((version.lesson_id, name), nothing))
                for name, text in objectives_of(version).items()
            },
            estimates=_of_lesson(version.lesson_id, estimates),
            practised=_of_lesson(version.lesson_id, practised),
            test=doors.get(version.pk),
        )
        for version in shown
    ]


def _practised(answers: Sequence[FirstAnswer]) -> dict[Objective, Practised]:
    """How the latest first tries of practice came out, by objective."""
    tried = [first for first in answers if first.counts and not first.is_unaided]
    latest = {first.asked.question_version.question_id: first for first in tried}
    found: dict[Objective, list[bool]] = {}
    for first in latest.values():
        found.setdefault(first.objective, []).append(first.score >= 1)
    return {objective: Practised(sum(right), len(right)) for objective, right in found.items()}


def _of_lesson(lesson: int, found: Mapping[Objective, Value]) -> dict[str, Value]:
    return {name: value for (of, name), value in found.items() if of == lesson}


# --- what to do next: the first of these that there is -----------------------------------------------------------------------


def _next_action(
    person: User | None, lessons: Sequence[LessonStrengths], versions: Sequence[LessonVersion], *, due: int
) -> Action | None:
    """What waits for an end, then what would be forgotten, then what is weak, then what is new."""
    left = _open_attempts(person)
    return (
        _go_on(attempt for attempt in left if attempt.mode in _SAT)
        or _review(due)
        or _go_on(attempt for attempt in left if attempt.mode == QuizMode.PRACTICE)
        or _weakest(lessons)
        or _next_mode(person, versions)
    )


_SAT = (QuizMode.TEST, QuizMode.EXAM, QuizMode.PATTERN)
"""What is taken in one sitting and waits to be handed in."""


def _open_attempts(person: User | None) -> list[Attempt]:
    """The attempts that are not finished, the newest first."""
    if person is None:
        return []
    related = ("quiz_version__quiz", "quiz_version__lesson_version")
    rows = Attempt.objects.filter(user=person, finished_at__isnull=True).select_related(*related).order_by("-started_at")
    found = (handed_in_if_over(attempt, now=timezone.now()) for attempt in rows)
    return [attempt for attempt in found if not attempt.is_finished]


def _review(due: int) -> Action | None:
    """The cards that are due; none where none is."""
    if not due:
        return None
    what = ngettext("%(count)s card is due.", "%(count)s cards are due.", due) % {"count": due}
    return Action(_("Review before you forget"), what, _("Review"), reverse("reviewing:overview"))


def _go_on(attempts: Iterable[Attempt]) -> Action | None:
    """The first of these attempts."""
    attempt = next(iter(attempts), None)
    if attempt is None:
        return None
    return Action(
        title=_go_on_with(attempt),
        what=attempt.quiz_version.lesson_version.title,
        label=_("Go on where you were"),
        url=reverse("quizzes:attempt", args=[attempt.pk]),
    )


def _go_on_with(attempt: Attempt) -> str:
    if attempt.mode == QuizMode.EXAM:
        return _("Go on with your exam: the time is running")
    return _("Go on with your practice") if attempt.is_practice else _("Go on with your test")


def _weakest(lessons: Sequence[LessonStrengths]) -> Action | None:
    """The objective that one is least strong in, as long as more was missed there than known."""
    weak = [
        (lesson.estimates[name].ability, number, view, lesson)
        for number, lesson in enumerate(lessons)
        for name, view in lesson.objectives.items()
        if lesson.practises and name in lesson.estimates and _needs_practice(lesson.estimates[name])
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
