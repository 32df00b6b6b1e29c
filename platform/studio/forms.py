"""The studio's forms: lenient about what is still missing (the checks say that), strict about what cannot be stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise, cached_property, lazy
from django.utils.text import format_lazy, slugify
from django.utils.timezone import get_current_timezone, get_current_timezone_name
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import training_contracts
from inference.training import wording as training_wording
from inference.training_contracts import DataName
from lessons.models import Level
from quizzes.generating.words import TITLES
from quizzes.models import About, Difficulty, Reveal
from quizzes.moments import with_zone
from quizzes.reading.words import TITLES as READING_TITLES
from quizzes.variants import GENERATED, TRACE
from studio.documents import DRAWN_KINDS, MOST_ROWS, ONLY_OF_KIND, Values, excerpt

LONGEST = 300_000
"""Characters that one field may hold; the request as a whole is bounded by DATA_UPLOAD_MAX_MEMORY_SIZE."""

_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def cleaned(text: str) -> str:
    """Pasted text as documents can hold it: one kind of line end, and no control characters."""
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


class LineField(forms.CharField):
    """Words on one line."""

    def to_python(self, value: Any) -> str:
        return " ".join(cleaned(str(super().to_python(value) or "")).split("\n")).strip()


class TextField(forms.CharField):
    """Markdown or code: indentation and blank lines inside are kept."""

    widget = forms.Textarea

    def __init__(self, *, rows: int = 3, code: bool = False, **kwargs: Any) -> None:
        attrs: dict[str, Any] = {"rows": rows, "class": "code" if code else "markdown"}
        if code:  # a line stays a line, so that line numbers mean something
            attrs |= {"spellcheck": "false", "wrap": "off"}
        kwargs.setdefault("max_length", LONGEST)
        super().__init__(strip=False, required=False, widget=forms.Textarea(attrs=attrs), **kwargs)
        # The browser must not cut what is pasted: too long is said, and nothing is lost.
        self.widget.attrs.pop("maxlength", None)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}

    def to_python(self, value: Any) -> str:
        return cleaned(str(super().to_python(value) or "")).strip("\n")


class WordsField(LineField):
    """Several short words with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        words = [" ".join(word.split()) for word in super().clean(value).split(",")]
        return list(dict.fromkeys(word for word in words if word))


def is_chosen(data: Mapping[str, Any], name: str) -> bool:
    """Whether a row was chosen, by the rows' shared radio button or by a tick of its own.

    A question that becomes one of another kind is posted as it stood on the page, and keeps what was chosen there.
    """
    shared, number = OneOfRows.parts(name)
    return data.get(shared) == number or name in data


class OneOfRows(forms.CheckboxInput):
    """A radio button of which one can be chosen among all rows: its value is the row's number."""

    input_type = "radio"
    template_name = "django/forms/widgets/input.html"

    @staticmethod
    def parts(name: str) -> tuple[str, str]:
        rows, number, last = name.rsplit("-", 2)
        return f"{rows}-{last}", number

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["name"], context["widget"]["value"] = self.parts(name)
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return is_chosen(data, name)


class EachOfRows(forms.CheckboxInput):
    """A tick in each row: any number of them can be chosen."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return is_chosen(data, name)


class PhotoTicks(forms.CheckboxSelectMultiple):
    """Sample photos to tick, each beside its picture."""


class PhotoChoice(forms.RadioSelect):
    """Sample photos to choose one from, each beside its picture."""


class NumberAsTyped(forms.TextInput):
    """A number. What is none stays on the page to be corrected, which a browser's own kind of number input would drop."""

    def __init__(self) -> None:
        super().__init__(attrs={"inputmode": "decimal", "autocomplete": "off"})


class StudioField(forms.BoundField):
    """A field on the page, with what publishing still needs of it."""

    form: StudioForm

    @property
    def needs(self) -> list[str]:
        return self.form.needs.get(self.name, [])

    @property
    def aria_describedby(self) -> str | None:
        described = super().aria_describedby
        return f"{described or ''} {self.auto_id}_needs".strip() if self.needs else described


class StudioForm(forms.Form):
    """A form that never drops what it doesn't know: a choice that the document has is offered, known or not.

    Whether a value can be published is for the checks to say.
    """

    bound_field_class = StudioField
    optional: ClassVar[tuple[str, ...]] = ()  # choices that may be left at "none"

    def __init__(self, *args: Any, options: Mapping[str, Sequence[tuple[str, Any]]] | None = None, **kwargs: Any) -> None:
        self.needs: dict[str, list[str]] = {}
        super().__init__(*args, **kwargs)
        for name, chosen in self.fields.items():
            if isinstance(chosen, forms.ChoiceField):
                known = list((options or {}).get(name) or self._declared(chosen))
                chosen.choices = self._with_current(name, known)

    def listed(self, kinds: Mapping[str, RowKind]) -> Mapping[str, RowKind]:
        """The lists of rows that belong to the form, as what stands in it asks for."""
        return kinds

    @staticmethod
    def _declared(chosen: forms.ChoiceField) -> list[tuple[str, Any]]:
        return list(chosen.widget.choices)

    def _with_current(self, name: str, known: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        current = self[name].value()
        values = current if isinstance(current, list) else [current]
        choices = known + [(value, value) for value in values if value and value not in dict(known)]
        if isinstance(self.fields[name].widget, forms.RadioSelect) or "" in dict(choices):  # ticks are of that class, too
            return choices
        if name in self.optional:
            return [("", _("none")), *choices]
        return choices if current else [("", _("not chosen yet")), *choices]


def _usual(ranges: Mapping[training_contracts.Strategy, training_contracts.Range]) -> str:
    told = [f"{training_wording.strategy_title(name)} {training_wording.rate(one.usual)}" for name, one in ranges.items()]
    return gettext("Left empty: %(usual)s.") % {"usual": ", ".join(told)}


usual = lazy(_usual, str)
"""What a number is where nobody chose one, by strategy."""


class LessonForm(StudioForm):
    """All of lesson.md but its uid."""

    optional = ("run_network", "look_network", "break_network", "train_network")

    title = LineField(label=_("Title"), max_length=200, required=False)
    subtitle = LineField(
        label=_("Subtitle"), max_length=300, required=False, help_text=_("One sentence: what learners will do.")
    )
    body = TextField(label=_("Lesson text"), rows=22)
    insight = TextField(label=_("Key insight"), rows=3, help_text=_("What to remember in a month. One or two sentences."))
    slug = LineField(
        label=_("Address"),
        max_length=80,
        required=False,
        help_text=_("The last part of the lesson’s address: small letters, digits, hyphens."),
    )
    minutes = forms.IntegerField(label=_("Minutes"), min_value=1, max_value=600, required=False)
    level = forms.ChoiceField(label=_("Level"), choices=Level.choices, required=False)
    tags = WordsField(label=_("Tags"), max_length=600, required=False, help_text=_("With commas between them."))
    modes = forms.MultipleChoiceField(
        label=_("Modes"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("The ways learners can work with this lesson."),
    )
    networks = forms.MultipleChoiceField(
        label=_("Networks to follow"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Shown stage by stage in Follow."),
    )
    run_network = forms.ChoiceField(
        label=_("Network to run"), required=False, help_text=_("The one that learners run on a photo.")
    )
    run_samples = forms.MultipleChoiceField(
        label=_("Sample photos"),
        required=False,
        widget=PhotoTicks,
        help_text=_("None ticked offers all of them."),
    )
    predict_question = LineField(
        label=_("Question before the run"),
        max_length=300,
        required=False,
        help_text=_("Learners predict, then run, then compare."),
    )
    predict_why = TextField(label=_("Explanation after the run"), rows=3)
    look_network = forms.ChoiceField(
        label=_("Network to look into"), required=False, help_text=_("Learners see its maps, its evidence and single units.")
    )
    look_samples = forms.MultipleChoiceField(
        label=_("Photos to look at"), required=False, widget=PhotoTicks, help_text=_("None ticked offers all of them.")
    )
    look_question = LineField(
        label=_("Question before looking"),
        max_length=300,
        required=False,
        help_text=_("Learners choose what they expect, then look. It needs two answers or more."),
    )
    look_why = TextField(
        label=_("Explanation after looking"), rows=3, help_text=_("Markdown. Learners open it to compare with what they saw.")
    )
    break_network = forms.ChoiceField(
        label=_("Network to break"), required=False, help_text=_("All broken runs of the lesson are of this one.")
    )
    train_network = forms.ChoiceField(
        label=_("Network to train"), required=False, help_text=_("The form begins with it; learners may choose another.")
    )
    train_strategy = forms.ChoiceField(
        label=_("What is trained"),
        required=False,
        help_text=format_lazy(
            _("Networks of more than {count} million parameters are trained with a frozen backbone only."),
            count=training_contracts.TRAINABLE_PARAMETERS // 1_000_000,
        ),
    )
    train_epochs = forms.IntegerField(
        label=_("Epochs"), required=False, help_text=usual(training_contracts.EPOCHS), widget=NumberAsTyped
    )
    train_learning_rate = forms.FloatField(
        label=_("Learning rate"), required=False, help_text=usual(training_contracts.LEARNING_RATES), widget=NumberAsTyped
    )
    train_labels_per_class = forms.IntegerField(
        label=_("Labels per class"), required=False, help_text=_("Left empty: as usual for the data."), widget=NumberAsTyped
    )
    train_blocks = forms.ChoiceField(
        label=_("Stages to train"), required=False, help_text=_("Of the network itself, when it is fine-tuned.")
    )
    train_seed = forms.IntegerField(
        label=_("Seed"), required=False, help_text=_("The same seed gives the same curves."), widget=NumberAsTyped
    )
    train_about = TextField(
        label=_("What there is to find out"),
        rows=4,
        help_text=_("Markdown. It stands before learners’ form, in which they may change every setting."),
    )
    train_question = LineField(
        label=_("Question before the training"),
        max_length=300,
        required=False,
        help_text=_("Left empty, learners are asked how the run will do against the best trivial baseline."),
    )
    train_why = TextField(label=_("Explanation after the training"), rows=3)

    def clean_slug(self) -> str:
        return slug_or_error(self.cleaned_data["slug"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for option, allowed in _knobs(str(values.get("train_strategy") or "")).items():
            value = values.get(f"train_{option}")
            if value is not None and not allowed.allows(value):
                range_of_it = {"range": training_wording.range_words(allowed)}
                self.add_error(f"train_{option}", gettext("Choose a number, %(range)s.") % range_of_it)
        return values


def _knobs(strategy: str) -> Mapping[str, training_contracts.Range]:
    """What the numbers of a training run may be, whichever data it is of. A strategy that is none is told by the checks."""
    known = [name for name in training_contracts.Strategy if name == (strategy or training_contracts.Strategy.FROZEN)]
    return {
        name: allowed
        for one in known
        for name, allowed in training_contracts.knobs(one, DataName.OWN).items()
        if name != "blocks"
    }


class ObjectiveRow(StudioForm):
    text = LineField(label=_("Afterwards learners can …"), max_length=300, required=False)
    id = LineField(
        label=_("Short name"),
        max_length=80,
        required=False,
    )
    section = LineField(
        label=_("Heading of the part that teaches it"),
        max_length=200,
        required=False,
        help_text=_("Word for word. After the questions before the lesson, learners are led there."),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("text") and not values.get("id"):
            values["id"] = slugify(values["text"])[:40].strip("-") or "objective"
        return values


class SourceRow(StudioForm):
    title = LineField(label=_("Title"), max_length=300, required=False)
    url = LineField(label=_("Address"), max_length=500, required=False)


class StepRow(StudioForm):
    text = TextField(label=_("Step"), rows=2)


class PredictionRow(StudioForm):
    text = LineField(label=_("Possible answer"), max_length=200, required=False)


class DataRow(StudioForm):
    text = forms.ChoiceField(label=_("Data set"), required=False)


class CaseRow(StudioForm):
    """A broken run but its explanations."""

    mistake = forms.ChoiceField(
        label=_("Mistake"), required=False, help_text=_("Learners are told after they have looked for it.")
    )
    sample = forms.ChoiceField(label=_("Photo"), required=False, widget=PhotoChoice)
    among = forms.MultipleChoiceField(
        label=_("Mistakes to choose from"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Three to eight, the mistake itself among them."),
    )
    story = TextField(label=_("Story"), rows=3, help_text=_("Markdown, read first. It doesn’t give the mistake away."))
    why = TextField(label=_("Why it matters"), rows=3, help_text=_("Markdown, at the end beside the figures."))
    id = LineField(
        label=_("Short name"),
        max_length=80,
        required=False,
        help_text=_("Never shown. Learners’ answers are kept by it; left empty, it is made from the mistake and the photo."),
    )

    def clean_id(self) -> str:
        return slug_or_error(self.cleaned_data["id"])


class ExplanationRow(StudioForm):
    right = forms.BooleanField(label=_("This is the right one"), required=False, widget=OneOfRows)
    text = LineField(label=_("Explanation"), max_length=300, required=False)
    feedback = LineField(label=_("Feedback to those who choose it"), max_length=300, required=False)


TITLES_BY_KIND: Mapping[str, Mapping[str, Promise]] = {GENERATED: TITLES, TRACE: READING_TITLES}


def called(question: Mapping[str, Any], length: int = 90) -> str:
    """A question's first words or, where they are drawn each time, what it asks."""
    titles = TITLES_BY_KIND.get(str(question.get("kind")), {})
    return excerpt(question.get("stem"), length) or str(titles.get(str(question.get("template")), ""))


"""Kind of a drawn question → its templates, and what each asks in a few words."""

_NOT_A_TOLERANCE = {"invalid": _("Write a number in digits, such as 0.5."), "min_value": _("Write 0 or more.")}


class QuestionForm(StudioForm):
    """One question but its rows."""

    optional = ("objective", "requires", "network")

    kind = forms.ChoiceField(
        label=_("Kind of question"),
        required=False,
        choices=[
            ("single", _("One option is right")),
            ("multiple", _("Several options can be right")),
            ("numeric", _("Learners write a number")),
            ("output", _("What code prints, or the error it ends with")),
            ("generated", _("Another one each time, drawn from networks’ figures")),
            ("trace", _("Another one each time, read out of a run")),
        ],
        help_text=_("What a learner does, and how the answer is graded."),
    )
    credit = forms.ChoiceField(
        label=_("What an answer scores"),
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("", _("As usual: all or nothing")),
            ("all_or_nothing", _("All or nothing: 1 for exactly the right options, 0 for everything else.")),
            (
                "right_minus_wrong",
                _("Right minus wrong: (right ones chosen − wrong ones chosen) ÷ right ones there are, never below 0."),
            ),
            (
                "right_without_wrong",
                _("Right without wrong: right ones chosen ÷ right ones there are; 0 as soon as a wrong one is chosen."),
            ),
        ],
    )
    absolute = forms.FloatField(
        label=_("May be off by"),
        required=False,
        min_value=0,
        widget=NumberAsTyped,
        error_messages=_NOT_A_TOLERANCE,
        help_text=_("In the number’s own unit: with 0.5, 99.5 is right for 100. Left empty: by nothing."),
    )
    relative = forms.FloatField(
        label=_("May be off by this share of it"),
        required=False,
        min_value=0,
        widget=NumberAsTyped,
        error_messages=_NOT_A_TOLERANCE,
        help_text=_("With 0.01, 99 is right for 100. Both together add up."),
    )
    template = forms.ChoiceField(
        label=_("What is asked"),
        required=False,
        choices=[("", _("Choose a template"))],
        help_text=_("The template draws the figures, the options and what is said about each. The preview has five samples."),
    )
    network = forms.ChoiceField(
        label=_("Of which network"),
        required=False,
        help_text=_("Left open, each learner is asked of one of the lesson’s networks."),
    )
    trace = forms.ChoiceField(
        label=_("Out of which run"),
        required=False,
        help_text=_(
            "The site runs its sample photos itself. Out of their latest run each learner is asked about their own; who has run"
            " nothing yet, about the lesson’s sample photo. In the graded test all are asked about the same run."
        ),
    )
    stem = TextField(label=_("Question"), rows=8, help_text=_("Markdown. Put code between a line ```python and a line ```."))
    about = forms.ChoiceField(label=_("It is about"), choices=About.choices, required=False)
    difficulty = forms.ChoiceField(label=_("Difficulty"), choices=Difficulty.choices, required=False)
    objective = forms.ChoiceField(label=_("Objective"), required=False, help_text=_("What of the lesson it asks for."))
    in_test = forms.BooleanField(label=_("In the graded test"), required=False)
    in_exam = forms.BooleanField(label=_("In the exam"), required=False)
    in_practice = forms.BooleanField(label=_("In practice"), required=False)
    in_pretest = forms.BooleanField(label=_("Before the lesson, as one of two"), required=False)
    hint = TextField(label=_("Hint"), rows=2, help_text=_("One push in the right direction, not the answer."))
    answer = TextField(label=_("Final answer"), rows=2, help_text=_("The answer in words, shown after the steps."))
    snippet = TextField(
        label=_("Code that proves the answer"),
        rows=5,
        code=True,
        help_text=_("Needed when the question is about an output or an error. What it prints must be the right option."),
    )
    compare = forms.ChoiceField(
        label=_("What is compared with the option"),
        required=False,
        choices=[
            ("", _("nothing")),
            ("output", _("what the code prints")),
            ("error", _("the error it ends with")),
            ("stem", _("what comes last, with the question’s words")),
            ("options", _("the options that hold: the code prints their short names")),
        ],
    )
    requires = forms.ChoiceField(label=_("Weights the code needs"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        template = self.fields["template"]
        if isinstance(template, forms.ChoiceField):
            template.choices = self._templates()

    def _templates(self) -> list[tuple[str, Any]]:
        """What a question of the chosen kind may ask; and what it asks already, where nobody knows that here."""
        offered = [("", _("Choose a template")), *TITLES_BY_KIND.get(str(self["kind"].value()), {}).items()]
        known = {name for titles in TITLES_BY_KIND.values() for name in titles}
        current = str(self["template"].value() or "")
        return offered if not current or current in known else [*offered, (current, current)]

    def listed(self, kinds: Mapping[str, RowKind]) -> Mapping[str, RowKind]:
        """The lists of rows, with the options as the question's kind has them."""
        return {**kinds, "options": OPTIONS.get(str(self["kind"].value()), kinds["options"])}

    @property
    def is_drawn(self) -> bool:
        """Whether its words are drawn each time, so that there are none to write."""
        return str(self["kind"].value()) in DRAWN_KINDS

    @property
    def of_its_kind(self) -> list[forms.BoundField]:
        """The inputs that a question of this kind has, and others have not."""
        return [self[name] for name in ONLY_OF_KIND.get(str(self["kind"].value()), ())]

    @property
    def of_other_kinds(self) -> list[forms.BoundField]:
        """What was written as long as the question was of another kind: kept out of sight until the form is saved."""
        shown = self.of_its_kind
        every = dict.fromkeys(name for names in ONLY_OF_KIND.values() for name in names)
        return [self[name] for name in every if self[name] not in shown]

    def clean_relative(self) -> float | None:
        share: float | None = self.cleaned_data["relative"]
        if share is not None and share >= 1:
            raise forms.ValidationError(_("Choose a share below 1: 0.01 is one part in a hundred."))
        return share

    def clean(self) -> dict[str, Any]:
        """What only other kinds need is dropped when it is saved, so that it refuses nothing."""
        values = super().clean() or {}
        for hidden in self.of_other_kinds:
            self.errors.pop(hidden.name, None)
        return values


class OptionRow(StudioForm):
    optional = ("misconception",)

    right = forms.BooleanField(label=_("This is the right answer"), required=False, widget=OneOfRows)
    id = forms.CharField(required=False, widget=forms.HiddenInput, max_length=16)
    text = TextField(label=_("Option"), rows=2)
    feedback = TextField(
        label=_("Feedback to those who choose it"), rows=2, help_text=_("Say why it is right, or what went wrong.")
    )
    misconception = forms.ChoiceField(label=_("Misconception behind it"), required=False)
    mistake = TextField(
        label=_("Code of the mistake"),
        rows=3,
        code=True,
        help_text=_("If the option is what a mistake would print: the mistaken code."),
    )


class TickedRow(OptionRow):
    """An option of which several can be right."""

    right = forms.BooleanField(label=_("This is right"), required=False, widget=EachOfRows)


class NumberRow(OptionRow):
    """A number that is expected to be written."""

    right = forms.BooleanField(label=_("This is the right number"), required=False, widget=OneOfRows)
    text = TextField(label=_("Number"), rows=1, help_text=_("In digits, or as a figure such as {{ resnet50.feature_dim }}."))
    feedback = TextField(
        label=_("Feedback to those who write it"), rows=2, help_text=_("Say why it is right, or what went wrong.")
    )
    mistake = TextField(
        label=_("Code of the mistake"),
        rows=3,
        code=True,
        help_text=_("If the number is what a mistake would print: the mistaken code."),
    )


class MisconceptionRow(StudioForm):
    optional = ("mistake",)

    title = LineField(label=_("Title"), max_length=200, required=False)
    belief = TextField(label=_("What people believe"), rows=2)
    why = TextField(label=_("Why it fails"), rows=3)
    mistake = forms.ChoiceField(
        label=_("Mistake that shows it"),
        required=False,
        help_text=_("Run on a photo, it lets learners see the misconception happen."),
    )
    slug = LineField(
        label=_("Short name"),
        max_length=80,
        required=False,
        help_text=_("Options refer to it. Left empty, it is made from the title."),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("title") and not values.get("slug"):
            values["slug"] = slugify(values["title"])[:80].strip("-") or "misconception"
        return values


def _how_moments_are_written() -> str:
    words = gettext("A day and a time, such as 2026-11-24 14:00: in your time zone, %(zone)s, unless another stands behind it.")
    return words % {"zone": get_current_timezone_name()}


_MOMENT = lazy(_how_moments_are_written, str)()


class MomentField(LineField):
    """A moment as documents write it, with the author's zone where they name none; whether it is one the checks say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, required=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return with_zone(super().to_python(value), get_current_timezone())


class QuizForm(StudioForm):
    """When learners are told, the exam's terms, what is asked before the lesson and its modes, and the test of the pattern."""

    title = LineField(label=_("Title of the test"), max_length=300, required=False)
    reveal = forms.ChoiceField(
        label=_("Learners are told what was right"),
        choices=[("", _("as the site does it: after each answer")), *Reveal.choices],
        required=False,
    )
    reveal_at = MomentField(label=_("The date on which they are told"), help_text=_MOMENT)
    pattern = forms.ChoiceField(
        label=_("Test of the pattern"),
        choices=[("", _("of the questions to practise, where they are five or more")), ("off", _("none"))],
        required=False,
        help_text=_("Ten questions from easy to hard, drawn anew each time. They end in a verdict, and are not graded."),
    )
    exam_title = LineField(label=_("Title of the exam"), max_length=300, required=False)
    exam_minutes = forms.IntegerField(
        label=_("Minutes of the exam"),
        required=False,
        min_value=1,
        max_value=600,
        widget=NumberAsTyped,
        help_text=_("From the moment a learner begins. An exam needs them."),
    )
    exam_attempts = forms.IntegerField(
        label=_("How many times it can be taken"),
        required=False,
        min_value=1,
        max_value=20,
        widget=NumberAsTyped,
        help_text=_("Left empty: once."),
    )
    exam_opens_at = MomentField(label=_("The exam opens"), help_text=format_lazy("{} {}", _MOMENT, _("Left empty: at once.")))
    exam_closes_at = MomentField(
        label=_("The exam closes"), help_text=_("Nobody begins later, and nobody has time beyond it but their extra time.")
    )
    exam_reveal = forms.ChoiceField(
        label=_("Learners are told what was right in the exam"),
        choices=[
            ("", _("as the site does it: after finishing")),
            *((value, label) for value, label in Reveal.choices if value != Reveal.EACH),
        ],
        required=False,
    )
    exam_reveal_at = MomentField(label=_("The date on which they are told of the exam"), help_text=_MOMENT)
    before_run = forms.ChoiceField(
        label=_("Prediction before Run"),
        required=False,
        help_text=_("One choice or one number. Learners are told after their run, so better nothing that the test asks."),
    )
    before_break = forms.ChoiceField(label=_("Prediction before Break"), required=False)
    before_train = forms.ChoiceField(label=_("Prediction before Train"), required=False)

    def _with_current(self, name: str, known: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        own = _("of a list of its own, in questions.yaml")
        return [(value, own if value == "own" else label) for value, label in super()._with_current(name, known)]


class CourseForm(StudioForm):
    """What a course says of itself."""

    title = LineField(label=_("Title"), max_length=200)
    subtitle = LineField(label=_("Subtitle"), max_length=300, required=False)
    summary = TextField(
        label=_("Summary"), rows=6, max_length=20_000, help_text=_("Markdown. What learners will be able to do.")
    )
    slug = LineField(
        label=_("Address"),
        max_length=80,
        required=False,
        help_text=_("Small letters, digits, hyphens. Left empty, it is made from the title."),
    )
    subject = LineField(label=_("Subject"), max_length=80, required=False)
    tags = WordsField(label=_("Tags"), max_length=600, required=False, help_text=_("With commas between them."))
    level = forms.ChoiceField(label=_("Level"), choices=Level.choices)
    prerequisites = TextField(label=_("What to know first"), rows=3, max_length=4_000, help_text=_("One a line."))
    language = LineField(label=_("Language"), max_length=16, help_text=_("A code such as en or pt-br."))

    def clean_slug(self) -> str:
        return slug_or_error(self.cleaned_data["slug"])

    def clean_language(self) -> str:
        language = str(self.cleaned_data["language"])
        if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
            raise forms.ValidationError(_("A language is a code such as en or pt-br."))
        return language.lower()


class NewCourseForm(StudioForm):
    title = LineField(label=_("Title"), max_length=200)
    slug = LineField(
        label=_("Address"),
        max_length=80,
        required=False,
        help_text=_("Small letters, digits, hyphens. Left empty, it is made from the title."),
    )
    uid = LineField(
        label=_("Lasting name"),
        max_length=64,
        required=False,
        help_text=_("Names the course in exported folders, for good. Left empty, it is the address."),
    )

    def clean_slug(self) -> str:
        return slug_or_error(self.cleaned_data["slug"] or slugify(self.cleaned_data.get("title", ""))[:80])

    def clean_uid(self) -> str:
        uid = str(self.cleaned_data["uid"])
        if uid and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", uid):
            raise forms.ValidationError(
                _("Use letters, digits, dots, hyphens and underscores, beginning with a letter or digit.")
            )
        return uid


class NewLessonForm(StudioForm):
    title = LineField(label=_("Title"), max_length=200)
    slug = LineField(
        label=_("Address"),
        max_length=80,
        required=False,
        help_text=_("Small letters, digits, hyphens. Left empty, it is made from the title."),
    )

    def clean_slug(self) -> str:
        return slug_or_error(self.cleaned_data["slug"] or slugify(self.cleaned_data.get("title", ""))[:80])


class MemberForm(StudioForm):
    email = forms.EmailField(label=_("Email address"), help_text=_("Of somebody who has an instructor’s account here."))


class OverrideForm(StudioForm):
    percent = forms.FloatField(
        label=_("Grade in percent"),
        min_value=0,
        max_value=100,
        widget=NumberAsTyped,
        help_text=_("From 0 to 100. It counts in place of what was computed."),
        error_messages={
            "invalid": _("Write a number in digits, such as 87.5."),
            "min_value": _("Write a number from 0 to 100."),
            "max_value": _("Write a number from 0 to 100."),
        },
    )
    reason = LineField(label=_("Reason"), max_length=300, help_text=_("The learner reads it beside the grade."))
    known = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "take_back" in self.data:  # which needs a reason, and no grade
            self.fields["percent"].required = False


class ExtraTimeForm(StudioForm):
    email = forms.EmailField(label=_("Email address"), help_text=_("Of the learner’s account."))
    percent = forms.IntegerField(
        label=_("Share of the time, in percent"),
        min_value=0,
        required=False,
        widget=NumberAsTyped,
        help_text=_("50 makes 30 minutes 45."),
    )
    minutes = forms.IntegerField(
        label=_("Minutes"), min_value=0, required=False, widget=NumberAsTyped, help_text=_("Both together add up.")
    )
    reason = LineField(label=_("Reason"), max_length=300)


class DocumentForm(StudioForm):
    text = TextField(label=_("Document"), rows=30, code=True, max_length=1_000_000)


class NoteForm(StudioForm):
    note = LineField(
        label=_("What changed"), max_length=300, required=False, help_text=_("For the history. Learners don’t see it.")
    )


class PictureForm(StudioForm):
    file = forms.FileField(label=_("Picture"), help_text=_("PNG, JPEG, WebP or GIF."))
    alt = LineField(
        label=_("What it shows"),
        max_length=300,
        help_text=_("For those who can’t see it: what a learner should learn from the picture."),
    )


class RecordingForm(StudioForm):
    """A recorded run for a lesson: a file, or one of the author's own runs."""

    file = forms.FileField(
        label=_("A file"), required=False, help_text=_("A .json file that “Download this run” gave you, at most 2 MB.")
    )
    run = forms.ChoiceField(label=_("Or one of your runs"), required=False, help_text=_("Without your photo, if it is yours."))

    def __init__(self, *args: Any, runs: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["run"].choices = [("", "–"), *runs]  # type: ignore[attr-defined]
        if not runs:
            del self.fields["run"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if bool(given.get("file")) == bool(given.get("run")) and not self.errors:
            raise forms.ValidationError(_("Choose a file or one of your runs."))
        return given


def slug_or_error(slug: str) -> str:
    """The slug again, or a validation error that says what one looks like."""
    if slug and not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", slug):
        raise forms.ValidationError(_("Use small letters, digits and single hyphens, such as “my-first-lesson”."))
    return slug


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that publishing still needs: of which input or list, and the sentence, given what that is called."""

    name: str
    sentence: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class RowKind:
    """One list of rows in a sheet: what a row holds, and what the page calls it."""

    form: type[StudioForm]
    title: Any
    add: Any  # what the button says
    help: Any = ""
    blank: int = 0  # empty rows to begin with
    identity: bool = True  # whether a row knows what it continues; plain texts don't
    most: int = MOST_ROWS  # with so many rows there is no button for another
    summary: tuple[str, ...] = ()  # choices that name a row, which then is folded; none: it lies open
    inner: Mapping[str, RowKind] = field(default_factory=dict)  # lists that each row has of its own


@dataclass(slots=True)
class Row:
    """One row on the page."""

    number: int
    form: StudioForm
    was: str  # the identity of what it continues; empty for a new one
    first: bool
    last: bool
    lists: dict[str, RowList]
    summary: str = ""  # what a folded row is called; empty for one that lies open
    is_touched: bool = False  # whether one of its lists was rearranged just now

    @property
    def is_open(self) -> bool:
        """Whether it must not be folded: something is to be done in it."""
        return not self.summary or self.is_touched or self.is_wrong

    @property
    def is_wrong(self) -> bool:
        errors = self.form.is_bound and self.form.errors
        return bool(errors or self.form.needs) or any(rows.is_wrong for rows in self.lists.values())

    @property
    def forms(self) -> Iterator[StudioForm]:
        """Its form and those of its lists' rows, as they stand on the page."""
        yield self.form
        for rows in self.lists.values():
            yield from rows.forms

    @property
    def says_something(self) -> bool:
        said = any(self.form.cleaned_data.get(bound.name) for bound in self.form.visible_fields())
        return said or any(row.says_something for rows in self.lists.values() for row in rows.rows)


@dataclass(slots=True)
class RowList:
    """The rows of one list on the page. An inner list is called after its row: "cases-0-explanations"."""

    name: str
    kind: RowKind
    rows: list[Row] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)  # what publishing still needs of the list as a whole

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= self.kind.most

    @property
    def is_wrong(self) -> bool:
        return bool(self.needs) or any(row.is_wrong for row in self.rows)

    @property
    def forms(self) -> Iterator[StudioForm]:
        for row in self.rows:
            yield from row.forms

    @property
    def all(self) -> Iterator[RowList]:
        """This list and those in its rows."""
        yield self
        for row in self.rows:
            for rows in row.lists.values():
                yield from rows.all

    @property
    def said(self) -> list[Values]:
        """What its valid rows say; those without words are gone."""
        return [
            ({"was": row.was} if self.kind.identity else {})
            | row.form.cleaned_data
            | {name: rows.said for name, rows in row.lists.items()}
            for row in self.rows
            if row.says_something
        ]

    @property
    def typed(self) -> list[Values]:
        """What stands in its rows, right or wrong."""
        return [
            {"was": row.was, **_typed(row.form), **{name: rows.typed for name, rows in row.lists.items()}} for row in self.rows
        ]


class Sheet:
    """A form and its lists of rows, as one: filled from values, or read from what was posted.

    Rows are added, removed and moved by buttons of the same form, so that it works without scripts.
    """

    def __init__(
        self,
        form: type[StudioForm],
        kinds: Mapping[str, RowKind],
        *,
        values: Mapping[str, Any] | None = None,
        posted: QueryDict | None = None,
        options: Mapping[str, Sequence[tuple[str, Any]]] | None = None,
        touched: str = "",  # the list that was rearranged just now
    ) -> None:
        self.form_class, self.options = form, options or {}
        self._posted, self._touched = posted, touched
        self.form = form(posted, initial=dict(values or {}), options=options)
        self.kinds = self.form.listed(kinds)
        self.lists = {name: self._list(name, kind, (values or {}).get(name)) for name, kind in self.kinds.items()}

    def _list(self, name: str, kind: RowKind, values: Sequence[Values] | None) -> RowList:
        if self._posted is not None:
            numbered: list[tuple[int, Values]] = [(number, {}) for number in _numbers(self._posted, name)]
        else:
            numbered = list(enumerate(values or [{} for _row in range(kind.blank)]))
        last = len(numbered) - 1
        return RowList(
            name,
            kind,
            [
                self._row(f"{name}-{number}", kind, number, values, first=place == 0, last=place == last)
                for place, (number, values) in enumerate(numbered)
            ],
        )

    def _row(self, prefix: str, kind: RowKind, number: int, values: Values, *, first: bool, last: bool) -> Row:
        form = kind.form(self._posted, initial=values, prefix=prefix, options=self.options)
        posted_was = self._posted.get(f"{prefix}-was", "") if self._posted is not None else ""
        return Row(
            number,
            form,
            was=posted_was or str(values.get("was", "")),
            first=first,
            last=last,
            lists={name: self._list(f"{prefix}-{name}", inner, values.get(name)) for name, inner in kind.inner.items()},
            summary=" · ".join(filter(None, (_chosen(form[name]) for name in kind.summary))),
            is_touched=self._touched.startswith(f"{prefix}-"),
        )

    @property
    def _forms(self) -> list[StudioForm]:
        return [self.form, *(form for rows in self.lists.values() for form in rows.forms)]

    @property
    def _all_lists(self) -> Iterator[RowList]:
        for rows in self.lists.values():
            yield from rows.all

    def is_valid(self) -> bool:
        for form in self._forms:  # all of them, so that every form says what is wrong with it
            form.full_clean()
        return not any(form.errors for form in self._forms)

    @cached_property
    def errors(self) -> list[tuple[str, str, str]]:
        """What is wrong: the input's id, its label and the sentence."""
        if self._posted is None:
            return []
        return [
            (
                form[name].id_for_label if name in form.fields else "",
                str(form[name].label) if name in form.fields else "",
                str(message),
            )
            for form in self._forms
            for name, messages in form.errors.items()
            for message in messages
        ]

    @property
    def wrong(self) -> set[str]:
        """The first words of the names of inputs and lists with an error, or with something that publishing needs."""
        names = [name for name in self.form.fields if self.form.needs.get(name)]
        names += [name for name, rows in self.lists.items() if rows.is_wrong]
        if self._posted is not None:
            names += self.form.errors
        return {name.partition("_")[0] for name in names}

    @cached_property
    def values(self) -> Values:
        """What a valid sheet says; rows without words are gone."""
        return {**self.form.cleaned_data, **{name: rows.said for name, rows in self.lists.items()}}

    def raw(self) -> Values:
        """What was typed, right or wrong."""
        return {**_typed(self.form), **{name: rows.typed for name, rows in self.lists.items()}}

    def tell(self, needs: Iterable[Need]) -> None:
        """Puts each thing that publishing still needs beside the input or list that it is about."""
        lists = {rows.name: rows for rows in self._all_lists}
        forms = {form.add_prefix(name): (form, name) for form in self._forms for name in form.fields}
        for need in needs:
            if need.name in lists:
                lists[need.name].needs.append(need.sentence(str(lists[need.name].kind.title)))
            elif need.name in forms:
                form, name = forms[need.name]
                form.needs.setdefault(name, []).append(need.sentence(str(form.fields[name].label)))

    def after(self, act: str) -> Sheet:
        """The sheet as typed, with a row added, removed or moved: "add:options", "remove:cases-0-explanations:2"."""
        what, _colon, rest = act.partition(":")
        name, _colon, number = rest.partition(":")
        values = self.raw()
        _rearrange(self.lists, values, name, what, int(number) if number.isdecimal() else None)
        return self.filled(values, touched=name)

    def filled(self, values: Mapping[str, Any], *, touched: str = "") -> Sheet:
        """The same sheet with other values."""
        return Sheet(self.form_class, self.kinds, values=values, options=self.options, touched=touched)


def _typed(form: StudioForm) -> Values:
    return {name: form[name].data for name in form.fields}


def _chosen(field: forms.BoundField) -> str:
    """What a choice's value is called; empty where nothing is chosen."""
    value = field.value()
    return str(dict(field.field.choices).get(value, value)) if value else ""  # type: ignore[attr-defined]


def _rearrange(lists: Mapping[str, RowList], values: Values, wanted: str, what: str, number: int | None) -> None:
    """Rearranges the list called `wanted` in `values`, however deep it is; without such a list nothing changes."""
    for name, rows in lists.items():
        if rows.name == wanted:
            numbers = [row.number for row in rows.rows]
            place = numbers.index(number) if number in numbers else None
            values[name] = _rearranged(values[name], what, place, rows.kind.most)
        for row, typed in zip(rows.rows, values[name], strict=False):
            _rearrange(row.lists, typed, wanted, what, number)


def _rearranged(rows: list[Values], what: str, place: int | None, most: int) -> list[Values]:
    if what == "add" and len(rows) < most:
        return [*rows, {}]
    if place is None:
        return rows
    if what == "remove":
        return rows[:place] + rows[place + 1 :]
    other = place - 1 if what == "up" else place + 1
    if what in ("up", "down") and 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
    return rows


def _numbers(posted: QueryDict, name: str) -> list[int]:
    """The numbers of the rows that were posted, in the page's order."""
    pattern = re.compile(rf"{name}-([0-9]{{1,4}})-was")
    found = [int(match[1]) for key in posted if (match := pattern.fullmatch(key))]
    return sorted(set(found))[:MOST_ROWS]


LESSON_ROWS = {
    "objectives": RowKind(
        ObjectiveRow,
        _("Objectives"),
        _("Add an objective"),
        help=_("Questions refer to an objective by its short name. Left empty, it is made from the words."),
        blank=1,
    ),
    "predict_options": RowKind(PredictionRow, _("Answers to choose from"), _("Add an answer"), identity=False),
    "look_options": RowKind(PredictionRow, _("Answers before looking"), _("Add an answer"), blank=2, identity=False, most=8),
    "cases": RowKind(
        CaseRow,
        _("Broken runs"),
        _("Add a broken run"),
        help=_("Learners predict what becomes of the first choice, look for the mistake, explain it and put the code right."),
        most=8,
        summary=("mistake", "sample"),
        inner={
            "explanations": RowKind(
                ExplanationRow,
                _("Explanations to choose from"),
                _("Add an explanation"),
                help=_("Two to five, one of them right. Learners see them in an order of their own."),
                blank=3,
                most=5,
            )
        },
    ),
    "train_data": RowKind(
        DataRow,
        _("Data sets"),
        _("Add a data set"),
        help=_("Learners choose among these; the first is chosen when they come."),
        blank=1,
        identity=False,
        most=len(training_contracts.SHIPPED),
    ),
    "train_options": RowKind(PredictionRow, _("Answers before the training"), _("Add an answer"), identity=False, most=8),
    "sources": RowKind(
        SourceRow,
        _("Sources"),
        _("Add a source"),
        help=_("Where claims about causes come from. An address begins with https://."),
    ),
}
ONE_OF_OPTIONS = RowKind(
    OptionRow,
    _("Options"),
    _("Add an option"),
    help=_("Two to six, one of them right. Learners see them in an order of their own."),
    blank=4,
)
OPTIONS: Mapping[str, RowKind] = {
    "multiple": RowKind(
        TickedRow,
        _("Options"),
        _("Add an option"),
        help=_("Two to six, one or more of them right. Learners aren’t told how many, and see them in an order of their own."),
        blank=4,
    ),
    "numeric": RowKind(
        NumberRow,
        _("Expected numbers"),
        _("Add a number"),
        help=_("The right one, and those that beliefs lead to. Learners don’t see them: who writes one reads its feedback."),
        blank=2,
    ),
}
"""The options of a question by its kind, where they are not those of which one is right."""

QUESTION_ROWS = {
    "options": ONE_OF_OPTIONS,
    "solution": RowKind(StepRow, _("Solution, step by step"), _("Add a step"), blank=1, identity=False),
}
MISCONCEPTION_ROWS = {"misconceptions": RowKind(MisconceptionRow, _("Misconceptions"), _("Add a misconception"), blank=1)}
