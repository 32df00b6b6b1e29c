"""What publishing still needs of a lesson's or a question's fields, each beside the input where it is written.

A draft may lack anything, so that no form refuses what is unfinished. The checks have the last word; this tells an author
what their schema will say while the input is before them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lessons.documents import sentence
from lessons.facts import Facts, live_facts
from lessons.figures import BadFigure
from lessons.modes import all_modes
from lessons.schema import LESSON_FILE, LessonMeta
from quizzes.checks import sentence as fault_sentence
from quizzes.keys import choices_of, rule_of
from quizzes.questions import Choice, Fault, kind_named
from quizzes.questions.multiple import MultipleChoice
from quizzes.questions.numeric import read_number
from quizzes.questions.output import CodeOutput
from quizzes.schema import QUESTIONS_FILE, QuestionDocument, shape_of
from studio.documents import LESSON_FIELDS, QUESTION_FIELDS, Field, LessonText, QuestionsText, Values, field_at
from studio.editing import Files
from studio.forms import Need

WHAT_MODES_NEED: Mapping[str, str] = {
    "run": "run_network",
    "follow": "networks",
    "look-inside": "look_network",
    "break": "break_network",
    "train": "train_network",
}
"""The input without which a mode can't be shown, by mode."""


def needs_of_lesson(files: Files) -> list[Need]:
    """What the draft's lesson.md still needs. Raises UnreadableError when no form shows it."""
    document = LessonText(files.get(LESSON_FILE, ""))
    told = list(_of_schema(document.data))
    names = [need.name for need in told]
    return told + [need for need in _of_modes(document.values) if need.name not in names]


def needs_of_question(files: Files, uid: str) -> list[Need]:
    """What one question of the draft still needs; nothing for one that isn't there. Raises UnreadableError as above."""
    document = QuestionsText(files.get(QUESTIONS_FILE, ""))
    index = document.index(uid)
    if index is None:
        return []
    written = document.questions[index]
    shape = shape_of(written.get("kind"))
    try:
        question = shape.model_validate(written)
    except ValidationError as error:
        return list(_told(error, shape, QUESTION_FIELDS))
    if not isinstance(question, QuestionDocument):
        return []  # its samples say what is wrong with it
    return [Need(name, lambda _label, said=said: said) for name, said in of_kind(question, live_facts())]  # type: ignore[misc]


def _of_schema(data: Mapping[str, Any]) -> Iterator[Need]:
    try:
        LessonMeta.model_validate(data)
    except ValidationError as error:
        yield from _told(error, LessonMeta, LESSON_FIELDS)


def _told(error: ValidationError, schema: type[BaseModel], fields: Mapping[str, Field]) -> Iterator[Need]:
    """What a schema says of a document, each at the input that shows it."""
    for details in error.errors(include_url=False):
        name = field_at(fields, details["loc"])
        if name and details["type"] != "extra_forbidden":  # no form has an input for an unknown field
            yield Need(name, partial(_sentence, details, schema))


def _sentence(details: ErrorDetails, schema: type[BaseModel], label: str) -> str:
    """The schema's sentence, with the input's name in place of the document's."""
    if "error" in details.get("ctx", {}):  # one of our own, which stands beside its input and needs no name
        return str(details["ctx"]["error"])
    return sentence({**details, "loc": (label,)}, schema)


def of_kind(question: QuestionDocument, facts: Facts) -> Iterator[tuple[str, str]]:
    """What a question of its kind still needs: the name of the input or list, and the sentence."""
    try:
        options, rule = choices_of(question, facts), rule_of(question, facts)
    except BadFigure:
        return  # the checks name the figure
    for fault in kind_named(question.kind).faults(options, [option.id for option in question.right], rule):
        for name in _at_fault(fault, options, rule):
            yield name, fault_sentence(fault)
    compare = question.proof.compare if question.proof else ""
    if question.kind == CodeOutput.name and not question.proof:
        yield "snippet", _("Write the code whose output is asked for. What it prints must be the right option.")
    if question.kind == CodeOutput.name and compare in ("stem", "options"):
        yield "compare", _("Learners choose what the code gives, so compare what it prints, or the error it ends with.")
    if question.kind == MultipleChoice.name and compare in ("output", "error"):
        yield "compare", _("Code prints one thing, and several options can be right. Compare the options, or the question.")


def _at_fault(fault: Fault, options: Sequence[Choice], rule: Mapping[str, Any]) -> list[str]:
    """The inputs that a fault in a question's options is about; the list of them where none is."""
    if fault is Fault.OPTION_IS_NO_NUMBER:
        return [f"options-{place}-text" for place, option in enumerate(options) if read_number(option.text) is None]
    if fault is Fault.WRONG_WITHIN_TOLERANCE:
        return [name for name in ("absolute", "relative") if float(rule[name])] or ["options"]
    return ["options"]


def _of_modes(values: Values) -> Iterator[Need]:
    titles = {mode.slug: str(mode.title) for mode in all_modes()}
    for mode, name in WHAT_MODES_NEED.items():
        if mode in values["modes"] and not values[name]:
            words = _("Learners have %(mode)s, but it has no network. Choose one, or take the mode away above.")
            said = words % {"mode": titles.get(mode, mode)}
            yield Need(name, lambda _label, said=said: said)  # type: ignore[misc]
