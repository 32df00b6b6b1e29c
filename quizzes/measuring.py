"""From the rows of a lesson's tests to the statistics of its questions: by question version and key revision.

A question that is drawn anew each time is measured as one, over all its variants, for no two people are asked the same figures.
What is picked of it are beliefs: its options differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import fmean

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from lessons.models import Lesson
from quizzes.grading import grade
from quizzes.models import GRADED, AttemptQuestion, Grade, KeyRevision, QuestionVersion, RegradePolicy, Response
from quizzes.statistics import Statistics, Taken, statistics_of
from quizzes.strength import guessing_floor

RIGHT = ""
"""What was picked of a drawn question by whoever was right: no belief."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One question version, or template, under one key: how often it was taken, and what that says once it is often enough."""

    question_version: QuestionVersion
    key_number: int
    attempts: int
    statistics: Statistics | None
    picked: dict[str, str]  # what `statistics.picks` counts → its words: an option's, or a belief's


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One question of a finished attempt, as it stands in the database."""

    asked: int
    attempt: object
    person: object
    question_version: int  # of a variant, its template
    variant: int  # of all others, the same
    points: int
    started_at: datetime
    draft_saved_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Answered:
    """The first answer to a question, and its newest grade."""

    options: Sequence[str]
    at: datetime
    handed_in: bool  # with the whole test, from a draft
    score: float
    points: float
    key_number: int
    confidence: str


def measured_in(lesson: Lesson) -> list[Measured]:
    """Every question version that finished tests of this lesson asked, once for each key that grades them.

    Each person's first attempt at a question version counts, and no later one: those have seen the answer. What was left open
    scores 0 under the newest key.
    """
    sittings = _sittings(lesson)
    answers = _answers(lesson)
    versions = {
        version.pk: version
        for version in QuestionVersion.objects.filter(pk__in={one.question_version for one in sittings})
        .select_related("question")
        .prefetch_related("options")
    }
    drawn = _drawn(sittings)
    newest = dict(
        KeyRevision.objects.filter(question_version__in=versions)
        .order_by("number")
        .values_list("question_version_id", "number")
    )
    groups: dict[tuple[int, int], list[Taken]] = {}
    seen: set[tuple[object, int]] = set()
    for _attempt, rows in groupby(sittings, key=lambda one: one.attempt):
        attempt = list(rows)
        taken = _taken(attempt, answers, drawn)
        for sitting in attempt:
            who = (sitting.person or sitting.attempt, sitting.question_version)
            if who in seen:
                continue
            seen.add(who)
            answer = answers.get(sitting.asked)
            # The keys of a template's variants are computed, so none of them was corrected.
            number = 1 if sitting.variant in drawn else answer.key_number if answer else newest[sitting.question_version]
            groups.setdefault((sitting.question_version, number), []).append(taken[sitting.asked])
    variants = _by_template(sittings, drawn)
    return [
        _measured_as_drawn(versions[version], number, taken, variants[version])
        if version in variants
        else _measured_as_written(versions[version], number, taken)
        for (version, number), taken in sorted(groups.items())
    ]


def _by_template(sittings: Iterable[_Sitting], drawn: Mapping[int, _Variant]) -> dict[int, list[_Variant]]:
    """Template's id → the variants of it that were asked, one for each time."""
    found: dict[int, list[_Variant]] = {}
    for one in sittings:
        if one.variant in drawn:
            found.setdefault(one.question_version, []).append(drawn[one.variant])
    return found


def _sittings(lesson: Lesson) -> list[_Sitting]:
    """The questions of all finished tests, attempt by attempt, the oldest first."""
    rows = AttemptQuestion.objects.filter(
        attempt__quiz_version__quiz__lesson=lesson,
        attempt__quiz_version__quiz__mode__in=GRADED,
        attempt__is_redo=False,
        attempt__finished_at__isnull=False,
    ).order_by("attempt__started_at", "attempt_id", "position")
    rows = rows.annotate(measured=Coalesce("question_version__template_id", "question_version_id"))
    person = ("pk", "attempt_id", "attempt__user_id")
    fields = (*person, "measured", "question_version_id", "points", "attempt__started_at", "draft_saved_at")
    return [_Sitting(*row) for row in rows.values_list(*fields)]


@dataclass(frozen=True, slots=True)
class _Variant:
    """What is needed of a variant's key: what each option stands for, and the chance to guess right."""

    behind: dict[str, str]  # option → the slug of a belief; none for a right one
    titles: dict[str, str]
    guess: float


def _drawn(sittings: Sequence[_Sitting]) -> dict[int, _Variant]:
    """The variants that were asked, by their own id."""
    asked = {one.variant for one in sittings if one.variant != one.question_version}
    keys = KeyRevision.objects.filter(question_version__in=asked).select_related("question_version").order_by("number")
    return {key.question_version_id: _variant(key) for key in keys}


def _variant(key: KeyRevision) -> _Variant:
    beliefs = {option: key.misconceptions[option] for option in key.feedback if option in key.misconceptions}
    return _Variant(
        behind={option: belief["slug"] for option, belief in beliefs.items()},
        titles={belief["slug"]: belief["title"] for belief in beliefs.values()},
        guess=guessing_floor(key.question_version.kind, len(key.feedback)),
    )


def _answers(lesson: Lesson) -> dict[int, _Answered]:
    """The question's place in its attempt → the first answer, for all finished tests of the lesson."""
    of_lesson = {
        "attempt_question__attempt__quiz_version__quiz__lesson": lesson,
        "attempt_question__attempt__quiz_version__quiz__mode__in": GRADED,
        "attempt_question__attempt__is_redo": False,
        "attempt_question__attempt__finished_at__isnull": False,
        "number": 1,
    }
    rows = Grade.objects.filter(**{f"response__{name}": value for name, value in of_lesson.items()}).order_by("pk")
    by_key = _scores_by_key(rows.filter(regrade__policy__in=(RegradePolicy.BETTER, RegradePolicy.FULL)))
    grades = {  # the newest of each response stays
        response: (by_key.get(row, score), points, key)
        for row, response, score, points, key in rows.values_list(
            "pk", "response_id", "score", "points", "key_revision__number"
        )
    }
    fields = ("pk", "attempt_question_id", "options", "committed_at", "idempotency_key", "confidence")
    return {
        asked: _Answered(options, at, key.startswith("handed-in-"), *grades[response], confidence)
        for response, asked, options, at, key, confidence in Response.objects.filter(**of_lesson).values_list(*fields)
    }


def _scores_by_key(regraded: QuerySet[Grade]) -> dict[int, float]:
    """Grade's pk → the score that its key alone gives: points that a policy gave say nothing of the question."""
    rows = regraded.select_related("response", "key_revision__question_version")
    return {
        row.pk: grade(row.key_revision.question_version.kind, row.response.answer, row.key_revision.key).value for row in rows
    }


def _taken(attempt: Sequence[_Sitting], answers: dict[int, _Answered], drawn: Mapping[int, _Variant]) -> dict[int, Taken]:
    reached = sum(answers[one.asked].points for one in attempt if one.asked in answers)
    points = sum(one.points for one in attempt)
    seconds = _seconds(attempt, answers)
    found = {}
    for one in attempt:
        answer = answers.get(one.asked)
        others = points - one.points
        rest = (reached - (answer.points if answer else 0.0)) / others if others else None
        found[one.asked] = Taken(
            score=answer.score if answer else 0.0,
            rest=rest,
            picks=_picks(answer.options if answer else (), drawn.get(one.variant)),
            seconds=seconds.get(one.asked),
            confidence=answer.confidence if answer else "",
        )
    return found


def _seconds(attempt: Iterable[_Sitting], answers: dict[int, _Answered]) -> dict[int, float]:
    """The time from the answer before (or the start) to each answer; of one handed in with the test, to its last change."""
    moments = []
    start = None
    for one in attempt:
        start = one.started_at
        if answer := answers.get(one.asked):
            at = one.draft_saved_at if answer.handed_in and one.draft_saved_at else answer.at
            moments.append((at, one.asked))
    found = {}
    for at, asked in sorted(moments):
        if start is not None:
            found[asked] = max(0.0, (at - start).total_seconds())
        start = at
    return found


def _picks(options: Sequence[str], variant: _Variant | None) -> tuple[str, ...]:
    """What was picked: options or, of a variant, what they stand for."""
    return tuple(options if variant is None else (variant.behind.get(option, RIGHT) for option in options))


def _measured_as_written(version: QuestionVersion, key_number: int, taken: Sequence[Taken]) -> Measured:
    options = {option.key: option.text for option in version.options.all()}
    guess = guessing_floor(version.kind, len(options))
    return Measured(version, key_number, len(taken), statistics_of(taken, options=list(options), guess=guess), options)


def _measured_as_drawn(
    template: QuestionVersion, key_number: int, taken: Sequence[Taken], variants: Sequence[_Variant]
) -> Measured:
    """A template's figures, by beliefs. Its variants have more options or fewer, so the chance to guess is their mean."""
    titles = {slug: title for variant in variants for slug, title in variant.titles.items()}
    picked = {RIGHT: "", **dict(sorted(titles.items(), key=lambda pair: pair[1]))}
    guess = fmean(variant.guess for variant in variants)
    return Measured(template, key_number, len(taken), statistics_of(taken, options=list(picked), guess=guess), picked)
