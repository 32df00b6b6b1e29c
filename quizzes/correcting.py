"""A key that was wrong is corrected by a new revision with a reason. The public words of the question stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from lessons.facts import Facts, frozen
from lessons.figures import BadFigure
from lessons.markdown import check as check_markdown
from lessons.models import Course
from lessons.parts import Severity
from quizzes.checks import sentence
from quizzes.models import KeyRevision, QuestionVersion
from quizzes.questions import Asks, Choice, kind_named
from quizzes.questions.numeric import read_number
from quizzes.questions.output import CodeOutput
from quizzes.schema import QUESTIONS_FILE
from quizzes.services import newest_key
from quizzes.variants import is_template
from quizzes.words import filled
from web.problems import Problem

LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Correction:
    """What the new key says; `number` is the right number's words, where the learner writes one."""

    correct: frozenset[str]
    feedback: Mapping[str, str]
    solution: Sequence[str]
    answer: str
    reason: str
    number: str = field(default="")


def is_correctable(version: QuestionVersion) -> bool:
    """Whether a person may say what is right: what code prints is decided by running it, what is drawn by computing it."""
    return version.kind != CodeOutput.name and not is_computed(version)


def is_computed(version: QuestionVersion) -> bool:
    """Whether its key is computed: of a template, and of a variant drawn from one."""
    return version.template_id is not None or is_template(version)


def correct_key(
    *, question_version: QuestionVersion, correction: Correction, revision: int, author: User, now: datetime
) -> KeyRevision:
    """The new key, which grades every answer from now on; grades that were given stay until a regrade.

    Raises Problem 409 when the newest key isn't number `revision` any more, and 422 with a sentence for a key that cannot be.
    """
    if is_computed(question_version):
        raise Problem(409, _("Not a key to correct"), computed())
    old = newest_key(question_version)
    if old.number != revision:
        raise _overtaken()
    new = _corrected(question_version, old, correction)
    problems = list(_problems(question_version, new))
    if problems:
        raise Problem(422, _("Not a key"), " ".join(problems))
    if all(getattr(old, name) == getattr(new, name) for name in ("correct", "rule", "feedback", "solution", "answer")):
        raise Problem(422, _("Nothing changed"), _("This is the key as it stands. Change what is wrong about it."))
    new.created_at, new.created_by = now, author
    try:
        with transaction.atomic():
            # Publishing holds the course: a key in the middle of that would have the number that it gives its own.
            Course.objects.select_for_update(of=("self",), no_key=True).get(lessons__questions=question_version.question_id)
            new.save(force_insert=True)
    except IntegrityError:
        raise _overtaken() from None
    return new


def computed() -> str:
    """What to do about a key that nobody wrote."""
    return _(
        "The key of this question is computed from figures, anew for each learner, so there is nothing to correct here. If the"
        " template is wrong, take the question out of the lesson and publish, tell whoever runs this site, and override the"
        " grades of those it cost points."
    )


def _overtaken() -> Problem:
    return Problem(
        409,
        _("Changed meanwhile"),
        _("Somebody gave this question another key after you opened the page. Read the key as it is now, then correct it."),
    )


def _corrected(version: QuestionVersion, old: KeyRevision, correction: Correction) -> KeyRevision:
    correct = set(correction.correct)
    rule = dict(old.rule)
    if kind_named(version.kind).asks is Asks.NUMBER:
        correct = set(old.correct)  # the place of the right number; what stands there may change
        words = correction.number.strip()
        number = read_number(words)
        rule["words"] = {**rule["words"], **dict.fromkeys(correct, words)}
        rule["numbers"] = {**rule["numbers"], **dict.fromkeys(correct, "" if number is None else str(number))}
    return KeyRevision(
        question_version=version,
        number=old.number + 1,
        correct=[option for option in _options(version, old) if option in correct],
        rule=rule,
        feedback={option: correction.feedback.get(option, "").strip() for option in old.feedback},
        # What is right now leads to no misconception.
        misconceptions={option: belief for option, belief in old.misconceptions.items() if option not in correct},
        hint=old.hint,
        solution=[step.strip() for step in correction.solution if step.strip()],
        answer=correction.answer.strip(),
        facts=old.facts,
        reason=correction.reason.strip(),
    )


def _options(version: QuestionVersion, key: KeyRevision) -> dict[str, str]:
    """Option key → its words; of a number, the answers that are expected."""
    expected: dict[str, str] = key.rule.get("words", {})
    return expected or {option.key: option.text for option in version.options.all()}


def _problems(version: QuestionVersion, key: KeyRevision) -> Iterator[str]:
    if not is_correctable(version):
        yield _("The key of this question is proved by running its snippet. Correct the snippet in the editor and publish.")
        return
    if not key.reason:
        yield _("Say why the key changes: learners whose grade changes read it.")
    if len(key.reason) > LONGEST_REASON:
        yield _("The reason is longer than %(most)d characters. Shorten it.") % {"most": LONGEST_REASON}
    if not key.answer or not key.solution or not all(key.feedback.values()):
        yield _("The final answer, the solution and what is said about each option may not be empty.")
    yield from _faults(version, key)
    for words in (key.answer, *key.solution, *key.feedback.values()):
        found = check_markdown(words, facts=frozen(key.facts), file=QUESTIONS_FILE)
        yield from (finding.message for finding in found if finding.severity is Severity.ERROR)


def _faults(version: QuestionVersion, key: KeyRevision) -> Iterator[str]:
    if any(number == "" for number in key.rule.get("numbers", {}).values()):
        yield _("The right number is not a number. Write it in digits, such as 1234.5 or 1.2e6.")
        return
    facts: Facts = frozen({**version.facts, **key.facts})
    try:
        choices = [Choice(option, filled(text, facts).strip()) for option, text in _options(version, key).items()]
    except BadFigure as error:
        yield str(error)
        return
    for fault in kind_named(version.kind).faults(choices, key.correct, key.rule):
        yield sentence(fault)
