"""Answers put together for the people who teach, on a page and as a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from quizzes.calibration import Sureness
from quizzes.gradebook import Cell, Gradebook
from quizzes.measuring import Measured
from quizzes.models import Confidence, Difficulty
from quizzes.services import ResponseRecord
from quizzes.statistics import Statistics
from studio.documents import excerpt

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True, slots=True)
class Pick:
    """How often one option was chosen."""

    text: str
    count: int
    right: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a question's statistics, and what it means."""

    title: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StatisticsView:
    """What is measured of a question under one key; without figures while there are too few attempts."""

    key_number: int
    attempts: int
    figures: list[Figure]
    picks: list[tuple[str, int, int, int]]  # an option's words, how many picked it, that in percent, how many were certain


@dataclass(frozen=True, slots=True)
class QuestionAnswers:
    """One question in one wording, and what was answered."""

    stem: str
    uid: str
    question_version: int
    total: int
    right: int
    drawn: bool  # whether each learner is asked with other figures, so that answers are not the same options
    picks: list[Pick]
    records: list[ResponseRecord]
    statistics: list[StatisticsView]  # once for each key that grades it


@dataclass(frozen=True, slots=True)
class PersonAnswers:
    """One person's answers, newest first."""

    who: str
    total: int
    right: int
    records: list[ResponseRecord]


def versions_in(records: Iterable[ResponseRecord]) -> list[int]:
    """The lesson versions that were answered, newest first."""
    return sorted({record.lesson_version for record in records}, reverse=True)


def by_question(records: Iterable[ResponseRecord], measured: Sequence[Measured] = ()) -> list[QuestionAnswers]:
    """The answers by question and its wording, with what is measured of each; those with the fewest right answers first."""
    groups: dict[tuple[str, int], list[ResponseRecord]] = {}
    for record in records:
        groups.setdefault((record.question_uid, record.question_version), []).append(record)
    found = [
        QuestionAnswers(
            stem=group[0].drawn or excerpt(group[0].stem, 160),
            uid=uid,
            question_version=number,
            total=len(group),
            right=sum(record.right for record in group),
            drawn=bool(group[0].drawn),
            picks=[] if group[0].drawn else _picks(group),
            records=group,
            statistics=[
                _statistics(one)
                for one in measured
                if (one.question_version.question.uid, one.question_version.number) == (uid, number)
            ],
        )
        for (uid, number), group in groups.items()
    ]
    return sorted(found, key=lambda one: (one.right / one.total, -one.total, one.uid))


def _picks(records: Sequence[ResponseRecord]) -> list[Pick]:
    counts = Counter((excerpt(_answer(record), 100), record.right) for record in records)
    return [Pick(text, count, right) for (text, right), count in counts.most_common()]


def _statistics(measured: Measured) -> StatisticsView:
    found = measured.statistics
    return StatisticsView(
        key_number=measured.key_number,
        attempts=measured.attempts,
        figures=_figures(found, Difficulty(measured.question_version.difficulty)) if found else [],
        picks=[
            (
                excerpt(words, 100) or _("what is right"),
                found.picks[key],
                round(100 * found.picks[key] / found.attempts),
                found.certain[key],
            )
            for key, words in measured.picked.items()
        ]
        if found
        else [],
    )


def _figures(found: Statistics, meant: Difficulty) -> list[Figure]:
    return [
        Figure(
            _("Facility"), _("%(percent)d%%") % {"percent": round(100 * found.facility)}, _("The mean score of these attempts.")
        ),
        Figure(
            _("Discrimination"),
            _("none") if found.discrimination is None else number_format(found.discrimination, decimal_pos=2),
            _discriminates(found.discrimination),
        ),
        Figure(_("Median time"), _("none") if found.seconds is None else _duration(found.seconds), _("Of those who answered.")),
        Figure(
            _("Difficulty observed"),
            str(Difficulty(found.level).label),
            _("%(value)s of 1, guessing taken off. You meant it to be: %(meant)s.")
            % {"value": number_format(found.difficulty, decimal_pos=2), "meant": meant.label},
        ),
        Figure(_("Confidence"), _sure(found.confidence), _surely_wrong(found.confidence)),
    ]


def _sure(levels: Sequence[Sureness]) -> str:
    said = [
        _("%(level)s: %(right)s of %(answers)s right")
        % {"level": Confidence(one.level).label, "right": one.right, "answers": one.answers}
        for one in levels
        if one.answers
    ]
    return "; ".join(said) or _("not said")


def _surely_wrong(levels: Sequence[Sureness]) -> str:
    """What the answers say that were certain and not right."""
    certain = levels[-1]
    wrong = certain.answers - certain.right
    if not wrong:
        return _("Nobody was certain and wrong.")
    return ngettext(
        "%(count)s was certain and wrong: that is a belief, not a slip. See which option they chose.",
        "%(count)s were certain and wrong: that is a belief, not a slip. See which option they chose.",
        wrong,
    ) % {"count": wrong}


def _discriminates(found: float | None) -> str:
    if found is None:
        return _("Scores here, or of the other questions, are all the same.")
    if found < 0:
        return _("Those who do well elsewhere get it wrong: check its key.")
    if found < 0.2:  # Ebel & Frisbie 1991, Essentials of Educational Measurement: poor below .20
        return _("It tells strong attempts from weak ones badly: read its words again.")
    return _("Those who do well elsewhere tend to get it right.")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", round(seconds)) % {"count": round(seconds)}
    minutes = round(seconds / 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def by_person(records: Iterable[ResponseRecord]) -> list[PersonAnswers]:
    """The answers by person, in the order of names. Erased people have no name in common, so each sitting stands alone."""
    groups: dict[object, list[ResponseRecord]] = {}
    for record in records:
        groups.setdefault(record.attempt.user_id or str(record.attempt.pk), []).append(record)
    found = [
        PersonAnswers(who=group[0].who, total=len(group), right=sum(record.right for record in group), records=group)
        for group in groups.values()
    ]
    return sorted(found, key=lambda one: one.who.casefold())


def _answer(record: ResponseRecord) -> str:
    return _("(asked for the steps)") if record.gave_up else " / ".join(record.texts)


def as_csv(records: Iterable[ResponseRecord]) -> str:
    """One line for each answer, times in UTC; what a spreadsheet would run as a formula is defused."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(
        [
            "time",
            "person",
            "mode",
            "lesson_version",
            "question",
            "question_version",
            "stem",
            "answer",
            "letters",
            "confidence",
            "try",
            "score",
        ]
    )
    for record in records:
        writer.writerow(
            [
                record.at.astimezone(timezone.get_default_timezone()).isoformat(timespec="seconds"),
                harmless(record.who),
                record.mode,
                record.lesson_version,
                harmless(record.question_uid),
                record.question_version,
                harmless(record.stem),
                harmless(_answer(record)),
                harmless(" ".join(record.letters)),
                record.confidence,
                record.number,
                record.score,
            ]
        )
    return "\ufeff" + written.getvalue()  # the mark tells spreadsheets that this is UTF-8


def gradebook_csv(book: Gradebook) -> str:
    """One line for each learner: scores from 0 to 1, computed and overridden, empty where there is none.

    The last column is the mean of what counts: the override where there is one.
    """
    written = io.StringIO()
    writer = csv.writer(written)
    heads = [harmless(f"{column.title}{what}") for column in book.columns for what in ("", *_MORE_OF_A_CELL)]
    writer.writerow(["learner", "address", *heads, "course grade"])
    for row in book.rows:
        cells = [value for cell in row.cells for value in _cell(cell)]
        writer.writerow([harmless(row.who), harmless(row.user.email or ""), *cells, _share(row.grade)])
    return "\ufeff" + written.getvalue()


_MORE_OF_A_CELL = (": override", ": reason", ": attempts")


def _cell(cell: Cell) -> tuple[str | int, ...]:
    override = cell.override
    return (
        _share(cell.computed),
        _share(override.score) if override else "",
        harmless(override.reason) if override else "",
        cell.attempts,
    )


def _share(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}".rstrip("0").rstrip(".")


def harmless(text: str) -> str:
    """The text such that no spreadsheet takes it for a formula (OWASP, CSV injection)."""
    return "'" + text if text.lstrip(" ").startswith(_DANGEROUS) else text
