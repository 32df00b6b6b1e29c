"""The forms of training. What a number may be is training_contracts' to say; a field left empty is as usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference.contracts import DEFAULT_NETWORK
from inference.models import PhotoSet
from inference.training import sets, wording
from inference.training_contracts import (
    ALL_BLOCKS,
    BLOCKS,
    EPOCHS,
    LEARNING_RATES,
    SEEDS,
    SHIPPED,
    BatchNorm,
    DataName,
    Range,
    Standardisation,
    Strategy,
)

SET_PREFIX = "set:"
"""Before the id of a photo set, among the names of the data sets."""


def _usual(ranges: Mapping[Strategy, Range]) -> str:
    """What a number is where it is left empty, and between what it may be, by strategy."""
    lines = [
        _("%(strategy)s: %(usual)s (%(range)s)")
        % {
            "strategy": wording.strategy_title(strategy),
            "usual": wording.rate(one.usual),
            "range": wording.range_words(one),
        }
        for strategy, one in ranges.items()
    ]
    return _("Left empty: %(usual)s") % {"usual": "; ".join(lines)}


class TrainingForm(forms.Form):
    """What to train: offered are the networks and the person's photo sets that are here."""

    dataset = forms.ChoiceField(label=gettext_lazy("Data set"), widget=forms.RadioSelect)
    network = forms.ChoiceField(label=gettext_lazy("Network"))
    strategy = forms.ChoiceField(label=gettext_lazy("What is trained"), widget=forms.RadioSelect)
    epochs = forms.IntegerField(label=gettext_lazy("Epochs"), required=False)
    learning_rate = forms.FloatField(
        label=gettext_lazy("Learning rate"), required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    labels_per_class = forms.IntegerField(label=gettext_lazy("Labels per class"), required=False)
    blocks = forms.ChoiceField(label=gettext_lazy("Stages to fine-tune"), required=False)
    batch_norm = forms.ChoiceField(label=gettext_lazy("Batch normalisation when fine-tuning"), required=False)
    standardisation = forms.ChoiceField(label=gettext_lazy("Frozen features are divided"), required=False)
    seed = forms.IntegerField(label=gettext_lazy("Seed"), required=False)
    prediction = forms.CharField(max_length=200, required=False)

    def __init__(
        self,
        *args: Any,
        networks: list[tuple[str, str, bool]],
        photo_sets: list[PhotoSet],
        offered: list[DataName] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        shipped = [(name.value, wording.data_title(name)) for name in offered or SHIPPED]
        own = [(f"{SET_PREFIX}{one.pk}", one.name) for one in photo_sets]
        self._photo_sets = {f"{SET_PREFIX}{one.pk}": one for one in photo_sets}
        self._data = [*shipped, *own]
        self._choices("dataset", self._data, shipped[0][0])
        self._choices("network", [(network, title) for network, title, _small in networks], DEFAULT_NETWORK)
        self._choices("strategy", [(name.value, wording.strategy_title(name)) for name in Strategy], Strategy.FROZEN)
        numbers = [(str(count), wording.blocks_title(count)) for count in range(int(BLOCKS.lowest), int(BLOCKS.highest) + 1)]
        self._choices("blocks", [*numbers, (ALL_BLOCKS, wording.blocks_title(ALL_BLOCKS))], str(BLOCKS.usual))
        self._choices("batch_norm", [(name.value, wording.batch_norm_title(name)) for name in BatchNorm], BatchNorm.FIXED)
        self._choices(
            "standardisation",
            [(name.value, wording.standardisation_title(name)) for name in Standardisation],
            Standardisation.FLOORED,
        )
        self.fields["epochs"].help_text = _usual(EPOCHS)
        self.fields["learning_rate"].help_text = _usual(LEARNING_RATES)
        same = _("Left empty: %(usual)d. The same seed gives the same curves.")
        self.fields["seed"].help_text = same % {"usual": SEEDS.usual}
        told = [(wording.data_title(name), SHIPPED[name].labels_per_class) for name in offered or SHIPPED]
        usual = "; ".join(f"{title} {one.usual} (≤ {one.highest})" for title, one in told)
        of_labels = _("Left empty: %(usual)s. Of your own photos all are used.")
        self.fields["labels_per_class"].help_text = of_labels % {"usual": usual}

    def _choices(self, name: str, choices: list[tuple[str, str]], usual: str) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices
        self.initial.setdefault(name, usual)

    @property
    def offered_sets(self) -> list[PhotoSet]:
        """The person's photo sets, in order."""
        return list(self._photo_sets.values())

    @property
    def data_choices(self) -> list[tuple[str, str]]:
        """What can be trained on: the form's value and its title."""
        return self._data

    @property
    def photo_set(self) -> PhotoSet | None:
        """The photo set that was chosen, if one was."""
        return self._photo_sets.get(self.cleaned_data["dataset"])

    def wish(self) -> dict[str, Any]:
        """What was asked for, as training_contracts' options; None where a field was left empty."""
        told = self.cleaned_data
        blocks = told["blocks"]
        return {
            "data": DataName.OWN if self.photo_set else told["dataset"],
            "strategy": told["strategy"],
            "epochs": told["epochs"],
            "learning_rate": told["learning_rate"],
            "labels_per_class": told["labels_per_class"],
            "blocks": int(blocks) if blocks.isdecimal() else blocks or None,
            "batch_norm": told["batch_norm"] or None,
            "standardisation": told["standardisation"] or None,
            "seed": told["seed"],
        }


class PhotoSetForm(forms.Form):
    """A set's name and its classes' names, one a line."""

    name = forms.CharField(label=gettext_lazy("Name of the set"), max_length=sets.NAME_LENGTH)
    classes = forms.CharField(
        label=gettext_lazy("Its classes, one a line"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": sets.CLASSES_AT_MOST, "spellcheck": "false"}),
        help_text=gettext_lazy("Two to five things that look different, such as “mug” and “glass”."),
    )

    def class_names(self) -> list[str]:
        return [line for line in self.cleaned_data["classes"].splitlines() if line.strip()]
