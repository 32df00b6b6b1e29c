"""The key of a published question as a form, and its correction in the draft, so that the next version says the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from lessons.models import Lesson
from quizzes.correcting import LONGEST_REASON, Correction
from quizzes.models import KeyRevision, QuestionVersion
from quizzes.questions import Asks, kind_named
from quizzes.questions.numeric import LONGEST
from studio.documents import Values, excerpt
from studio.editing import OneQuestion, change_files
from studio.forms import LineField, StudioForm, TextField
from studio.yamltext import UnreadableError

MOST_WORDS = 20_000
"""Characters of one text of a question, as questions.yaml has it."""


class KeyForm(StudioForm):
    """What is right about one question version, and what is said after an answer."""

    reason = LineField(
        label=gettext_lazy("Why the key changes"),
        max_length=LONGEST_REASON,
        help_text=gettext_lazy("Learners whose answers are regraded read this."),
    )

    def __init__(self, version: QuestionVersion, key: KeyRevision, data: Any = None) -> None:
        self.key = key
        self.asks = kind_named(version.kind).asks
        options = _options(version, key)
        initial: dict[str, Any] = {"answer": key.answer}
        fields: dict[str, forms.Field] = {}
        if self.asks is Asks.NUMBER:
            fields["number"] = LineField(label=_("The right number"), max_length=LONGEST)
            initial["number"] = next((options[option] for option in key.correct if option in options), "")
        else:
            fields["right"] = self._choice(options)
            initial["right"] = list(key.correct) if self.asks is Asks.SEVERAL else next(iter(key.correct), "")
        for option, words in key.feedback.items():
            label = _("Said about “%(option)s”") % {"option": excerpt(options.get(option, option), 80)}
            fields[f"feedback-{option}"] = TextField(label=label, rows=2, max_length=MOST_WORDS)
            initial[f"feedback-{option}"] = words
        for number, step in enumerate(key.solution, start=1):
            fields[f"step-{number}"] = TextField(
                label=_("Solution, step %(number)s") % {"number": number}, rows=2, max_length=MOST_WORDS
            )
            initial[f"step-{number}"] = step
        fields["answer"] = TextField(label=_("Final answer"), rows=2, max_length=MOST_WORDS)
        for field in fields.values():
            field.required = True
        super().__init__(data, initial=initial)
        self.fields = {**fields, **self.fields}  # the reason comes last

    def _choice(self, options: Mapping[str, str]) -> forms.Field:
        choices = [(option, excerpt(text, 120)) for option, text in options.items()]
        if self.asks is Asks.SEVERAL:
            return forms.MultipleChoiceField(label=_("What is right"), choices=choices, widget=forms.CheckboxSelectMultiple)
        return forms.ChoiceField(label=_("What is right"), choices=choices, widget=forms.RadioSelect)

    @property
    def correction(self) -> Correction:
        """The form's values, once it is valid."""
        given = self.cleaned_data
        right = given.get("right") or []
        return Correction(
            correct=frozenset([right] if isinstance(right, str) else right),
            number=given.get("number", ""),
            feedback={option: given[f"feedback-{option}"] for option in self.key.feedback},
            solution=[given[f"step-{number}"] for number in range(1, len(self.key.solution) + 1)],
            answer=given["answer"],
            reason=given["reason"],
        )


def _options(version: QuestionVersion, key: KeyRevision) -> dict[str, str]:
    """Option key → its words; of a number, the answers that are expected."""
    expected: dict[str, str] = key.rule.get("words", {})
    return expected or {option.key: option.text for option in version.options.all()}


def correct_draft(*, lesson: Lesson, key: KeyRevision, author: User, now: datetime) -> bool:
    """Whether the lesson's draft could be made to say what the corrected key says."""
    part = OneQuestion(key.question_version.question.uid)
    done = False

    def corrected(files: dict[str, str]) -> dict[str, str]:
        nonlocal done
        values = part.read(files)
        done = values is not None and {row["id"] for row in values["options"]} == set(key.feedback)
        return part.write(files, _as_corrected(values, key)) if values is not None and done else files

    try:
        change_files(lesson=lesson, change=corrected, author=author, now=now)
    except UnreadableError:
        return False
    return done


def _as_corrected(values: Values, key: KeyRevision) -> Values:
    numbers = key.rule.get("words", {})
    rows = [
        {
            **row,
            "right": row["id"] in key.correct,
            "text": numbers.get(row["id"], row["text"]),
            "feedback": key.feedback[row["id"]],
            "misconception": "" if row["id"] in key.correct else row["misconception"],
        }
        for row in values["options"]
    ]
    return {**values, "options": rows, "solution": [{"text": step} for step in key.solution], "answer": key.answer}
