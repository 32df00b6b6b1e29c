"""The cases of a Break mode: a broken run whose mistake the learner finds, explains and puts right before it is named.

What is asked and answered is kept, one row a person and case. Until a step is answered nothing here tells what its answer is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from inference.breaking.code import Line, Repair
from inference.breaking.reading import BrokenView, read
from inference.breaking.services import house_run, request_mistakes
from inference.breaking.wording import TELLINGS
from inference.contracts import MISTAKES, MistakeName
from inference.models import Trace
from inference.presenting import ResultView, TraceView, present
from lessons.models import CaseAnswer, Lesson, LessonVersion
from web.problems import Problem


class Step(StrEnum):
    """Where a learner is in a case."""

    PREDICT = "predict"
    FIND = "find"
    EXPLAIN = "explain"
    FIX = "fix"
    DONE = "done"


class Fate(StrEnum):
    """What can become of the first choice."""

    SAME = "same"
    OTHER = "other"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Something that could explain a broken run. Its id is made of its words, and its place follows from its id."""

    id: str
    text: str
    right: bool
    feedback: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a lesson as it was authored."""

    id: str
    number: int  # counted from 1
    network: str
    sample: str
    mistake: MistakeName
    story: str
    among: tuple[MistakeName, ...]  # in the contracts' order, which says nothing of this case
    explanations: tuple[Explanation, ...]
    why: str

    @property
    def about(self) -> str:
        """The hash of everything that is asked: an answer to another question is none to this one."""
        asked = [self.network, self.sample, self.mistake, self.among, [one.id for one in self.explanations]]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def explanation(self, explanation_id: str) -> Explanation | None:
        return next((one for one in self.explanations if one.id == explanation_id), None)


def cases_of(version: LessonVersion) -> list[Case]:
    """The lesson's cases in order; none where it has no Break mode."""
    told: Mapping[str, Any] = version.meta.get("mistakes") or {}
    return [_case(case, number, told["network"]) for number, case in enumerate(told.get("cases", ()), start=1)]


def _case(told: Mapping[str, Any], number: int, network: str) -> Case:
    explanations = sorted((_explanation(one) for one in told["explanations"]), key=lambda one: one.id)
    return Case(
        id=told["id"],
        number=number,
        network=network,
        sample=told["sample"],
        mistake=MistakeName(told["mistake"]),
        story=told["story"],
        among=tuple(name for name in MISTAKES if str(name) in told["among"]),
        explanations=tuple(explanations),
        why=told["why"],
    )


def _explanation(told: Mapping[str, Any]) -> Explanation:
    short = hashlib.sha256(told["text"].encode()).hexdigest()[:10]
    return Explanation(short, told["text"], told["right"], told["feedback"])


# --- what was answered ------------------------------------------------------------------------------------------------------


def answers_of(person: User | None, lesson: Lesson, cases: Sequence[Case]) -> dict[str, CaseAnswer]:
    """The person's answers by case; those to what is asked no longer are left out."""
    if person is None:
        return {}
    asked = {case.id: case.about for case in cases}
    rows = CaseAnswer.objects.filter(user=person, lesson=lesson, case__in=asked)
    return {row.case: row for row in rows if row.about == asked[row.case]}


def step_of(answer: CaseAnswer | None) -> Step:
    """What is to be answered next."""
    if answer is None:
        return Step.PREDICT
    if not answer.found:
        return Step.FIND
    if not answer.explained:
        return Step.EXPLAIN
    return Step.DONE if answer.fixed else Step.FIX


def predict(*, person: User, lesson: Lesson, case: Case, fate: str, now: datetime) -> None:
    """Keep what the learner says will become of the first choice, and have the broken run made. The first word counts.

    Raises Problem 422 for nothing chosen, 409 where the network can't run here.
    """
    chosen = _chosen(fate, list(Fate))
    run_again(case=case, now=now)
    CaseAnswer.objects.filter(user=person, lesson=lesson, case=case.id).exclude(about=case.about).delete()
    CaseAnswer.objects.get_or_create(
        user=person,
        lesson=lesson,
        case=case.id,
        defaults={"about": case.about, "predicted": chosen, "created_at": now, "updated_at": now},
    )


def find(*, answer: CaseAnswer, case: Case, mistake: str, now: datetime) -> None:
    """Keep which mistake the learner takes it for. Problem 422 for nothing chosen."""
    _keep(answer, "found", _chosen(mistake, case.among), now=now)


def explain(*, answer: CaseAnswer, case: Case, explanation: str, now: datetime) -> None:
    """Keep how the learner explains it. Problem 422 for nothing chosen."""
    _keep(answer, "explained", _chosen(explanation, [one.id for one in case.explanations]), now=now)


def fix(*, answer: CaseAnswer, repair: Repair, line: str, now: datetime) -> None:
    """Keep which code the learner would put there. Problem 422 for nothing chosen."""
    _keep(answer, "fixed", _chosen(line, [one.id for one in repair.lines]), now=now)


def run_again(*, case: Case, now: datetime) -> None:
    """Ask once more for a broken run that failed or is gone; one that is there stays."""
    request_mistakes(owner=None, network=case.network, names=[case.mistake], sample=case.sample, now=now)


def begin_again(*, person: User, lesson: Lesson, case: Case) -> None:
    """Forget what this person answered in this case."""
    CaseAnswer.objects.filter(user=person, lesson=lesson, case=case.id).delete()


def _chosen(value: str, offered: Sequence[str]) -> str:
    if value not in [str(one) for one in offered]:
        raise Problem(422, _("Nothing chosen"), _("Choose one of the answers, then go on."), field="choice")
    return value


def _keep(answer: CaseAnswer, field: str, value: str, *, now: datetime) -> None:
    """Writes a step once: a second press, or a second tab, changes nothing any more."""
    CaseAnswer.objects.filter(pk=answer.pk, **{field: ""}).update(**{field: value}, updated_at=now)


# --- what is shown ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: what it is called in the form, and what it says."""

    value: str
    text: str
    because: str = ""
    chosen: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as one person may see it now. What a later step would give away is None until then."""

    case: Case
    step: Step
    answer: CaseAnswer | None
    run: TraceView | None  # the broken run, once it was asked for
    broken: BrokenView | None  # what came of it, once it is done

    @property
    def is_waiting(self) -> bool:
        return self.step == Step.FIND and self.run is not None and not self.run.is_final

    @property
    def is_lost(self) -> bool:
        """Whether there is nothing to look at: the run failed, or was thrown away since."""
        return self.step != Step.PREDICT and self.broken is None and not self.is_waiting

    @property
    def fate(self) -> Fate | None:
        """What became of the first choice."""
        if self.broken is None:
            return None
        if self.broken.error:
            return Fate.ERROR
        first = self.broken.rows[0]
        same = first.broken is not None and first.correct is not None and first.broken.label == first.correct.label
        return Fate.SAME if same else Fate.OTHER

    @property
    def said_right(self) -> bool:
        """Whether the prediction came true."""
        return self.answer is not None and self.answer.predicted == self.fate

    @property
    def mistakes(self) -> list[Option]:
        """Among which to look for the mistake."""
        found = self.answer.found if self.answer else ""
        return [
            Option(
                str(name),
                str(TELLINGS[name].title),
                str(TELLINGS[name].what),
                chosen=found == name,
                right=bool(found) and name == self.case.mistake,
            )
            for name in self.case.among
        ]

    @property
    def explanations(self) -> list[Option]:
        """How it could be explained; what is right, and why, once the learner has answered."""
        explained = self.answer.explained if self.answer else ""
        return [
            Option(
                one.id,
                one.text,
                one.feedback if explained else "",
                chosen=explained == one.id,
                right=bool(explained) and one.right,
            )
            for one in self.case.explanations
        ]

    @property
    def lines(self) -> list[Option]:
        """The code that could stand there; which is right, once the learner has answered."""
        fixed = self.answer.fixed if self.answer else ""
        return [
            Option(
                line.id, line.code, line.because if fixed else "", chosen=fixed == line.id, right=bool(fixed) and line.is_right
            )
            for line in (self.broken.repair.lines if self.broken else ())
        ]

    @property
    def found_right(self) -> bool:
        return self.answer is not None and self.answer.found == self.case.mistake

    @property
    def explained(self) -> Explanation | None:
        return self.case.explanation(self.answer.explained) if self.answer else None

    @property
    def fixed(self) -> Line | None:
        return self.broken.repair.line(self.answer.fixed) if self.broken and self.answer else None


def view_of(case: Case, answer: CaseAnswer | None, *, picture_url: Callable[[str], str]) -> CaseView:
    """The case as far as this answer has come. The run's own addresses name the mistake: `picture_url` gives others."""
    trace = run_of(case) if answer is not None else None
    run = present(trace) if trace is not None else None
    result = result_of(run)
    if result is None:
        return CaseView(case, step_of(answer), answer, run, None)
    files = {key: replace(file, url=picture_url(key)) for key, file in result.files.items()}
    return CaseView(case, step_of(answer), answer, run, read(replace(result, files=files)))


def run_of(case: Case) -> Trace | None:
    """The house's run of the case's mistake on its photo, shared by all learners; None before anyone asked for it."""
    return house_run(network=case.network, mistake=case.mistake, sample=case.sample)


def result_of(run: TraceView | None) -> ResultView | None:
    """What came of the mistake; None while the run goes on, and where it failed."""
    return next(iter(run.results), None) if run is not None and run.status == "done" else None
