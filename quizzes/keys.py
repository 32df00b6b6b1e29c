"""From a question as written to what its kind checks and grades by."""

from __future__ import annotations

from typing import Any

from lessons.facts import Facts
from quizzes.questions import Choice, Credit
from quizzes.questions.multiple import MultipleChoice
from quizzes.questions.numeric import Numeric, read_number
from quizzes.schema import QuestionDocument, ToleranceDocument
from quizzes.words import filled


def choices_of(question: QuestionDocument, facts: Facts) -> list[Choice]:
    """The options with their figures written out; raises BadFigure for one that cannot be."""
    return [Choice(option.id, filled(option.text, facts).strip()) for option in question.options]


def rule_of(question: QuestionDocument, facts: Facts) -> dict[str, Any]:
    """What the kind's grading needs besides the right options; raises BadFigure for a figure that cannot be written."""
    match question.kind:
        case MultipleChoice.name:
            return {"credit": question.credit or str(Credit.ALL_OR_NOTHING)}
        case Numeric.name:
            tolerance = question.tolerance or ToleranceDocument()
            numbers = {option.key: read_number(option.text) for option in choices_of(question, facts)}
            return {
                "absolute": str(tolerance.absolute),
                "relative": str(tolerance.relative),
                "numbers": {option: str(number) for option, number in numbers.items() if number is not None},
                "words": {option.id: option.text for option in question.options},
            }
    return {}
