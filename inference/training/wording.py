"""Every sentence about training: the engine emits codes and figures, here they become words that can be translated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inference.training_contracts import (
    ALL_BLOCKS,
    Baseline,
    BatchNorm,
    DataName,
    DataWarning,
    LabelsFrom,
    Observation,
    OptionRefused,
    Range,
    Split,
    Standardisation,
    Strategy,
    Verdict,
)

Figures = Mapping[str, Any]

# --- names ----------------------------------------------------------------------------------------------------------------

_DATA: dict[str, tuple[Promise, Promise]] = {
    DataName.TEXTURES: (
        gettext_lazy("Textures"),
        gettext_lazy(
            "Patches of brick, grass and gravel. A handful of labels, and features that were learned from other photos: how far"
            " does that go?"
        ),
    ),
    DataName.FACES: (
        gettext_lazy("Faces or not"),
        gettext_lazy(
            "Small grey pictures, half of them faces. ImageNet has no class for faces: do the network’s features tell them all"
            " the same?"
        ),
    ),
    DataName.DIGITS: (
        gettext_lazy("Handwritten digits"),
        gettext_lazy(
            "Ten digits of 8 × 8 pixels, enlarged: nothing like a photo. Are features of photos what you want here, or are the"
            " raw pixels enough?"
        ),
    ),
    DataName.TISSUE: (
        gettext_lazy("Tissue, few labels"),
        gettext_lazy(
            "Patches of stained tissue with little or much brown in them. The label was computed from the colour: what does a"
            " big network know that the mean colour doesn’t?"
        ),
    ),
}


def data_title(data: str) -> str:
    """What a data set is called; own photos by these words alone."""
    return str(_DATA[data][0]) if data in _DATA else _("Your own photos")


def data_question(data: str) -> str:
    """What a shipped data set shows, as a question to ask of it."""
    return str(_DATA[data][1])


_CLASSES: dict[tuple[str, str], Promise] = {
    (DataName.TEXTURES, "brick"): gettext_lazy("brick"),
    (DataName.TEXTURES, "grass"): gettext_lazy("grass"),
    (DataName.TEXTURES, "gravel"): gettext_lazy("gravel"),
    (DataName.FACES, "face"): gettext_lazy("face"),
    (DataName.FACES, "no_face"): gettext_lazy("no face"),
    (DataName.TISSUE, "little"): gettext_lazy("little stain"),
    (DataName.TISSUE, "much"): gettext_lazy("much stain"),
}


def class_title(data: str, code: str) -> str:
    """A class in words: a code of the shipped data, or what a learner called it."""
    return str(_CLASSES.get((data, code), code))


_STRATEGIES: dict[str, tuple[Promise, Promise]] = {
    Strategy.FROZEN: (
        gettext_lazy("Frozen backbone"),
        gettext_lazy("The network stays as it is; only a new head is trained on its features. Fast."),
    ),
    Strategy.FINETUNE: (
        gettext_lazy("Fine-tuning"),
        gettext_lazy("A new head, and the network’s last stages go on learning from where they are."),
    ),
    Strategy.SCRATCH: (
        gettext_lazy("From scratch"),
        gettext_lazy("The same network from random numbers: what pre-training is worth."),
    ),
}


def strategy_title(strategy: str) -> str:
    return str(_STRATEGIES[strategy][0]) if strategy in _STRATEGIES else strategy


def strategy_sentence(strategy: str) -> str:
    """What is trained."""
    return str(_STRATEGIES[strategy][1])


_BASELINES: dict[str, Promise] = {
    Baseline.MAJORITY: gettext_lazy("always the most frequent class"),
    Baseline.MEAN_COLOUR: gettext_lazy("the mean colour alone"),
    Baseline.MEAN_AND_DEVIATION: gettext_lazy("mean and deviation of each colour"),
    Baseline.PIXELS: gettext_lazy("the raw pixels, weighed"),
    Baseline.SMALL_NETWORK: gettext_lazy("three convolutions from scratch"),
}


def baseline_title(name: str) -> str:
    """What a trivial competitor looks at."""
    return str(_BASELINES.get(name, name))


_BATCH_NORMS: dict[str, Promise] = {
    BatchNorm.FIXED: gettext_lazy("as pre-trained"),
    BatchNorm.UPDATED: gettext_lazy("updated while training"),
}
_STANDARDISATIONS: dict[str, Promise] = {
    Standardisation.FLOORED: gettext_lazy("by their deviation, with a floor"),
    Standardisation.UNFLOORED: gettext_lazy("by their deviation, however small"),
    Standardisation.NONE: gettext_lazy("as they are"),
}


def batch_norm_title(name: str) -> str:
    return str(_BATCH_NORMS.get(name, name))


def standardisation_title(name: str) -> str:
    return str(_STANDARDISATIONS.get(name, name))


def blocks_title(blocks: int | str) -> str:
    """Which stages are fine-tuned."""
    if blocks == ALL_BLOCKS:
        return _("all of the network")
    return ngettext("the last stage", "the last %(count)d stages", int(blocks)) % {"count": int(blocks)}


# --- figures --------------------------------------------------------------------------------------------------------------


def percent(share: float | None) -> str:
    """A share as it is written: "97.5%"; a dash for none."""
    return "–" if share is None else f"{share:.1%}"


def loss(value: float | None) -> str:
    """A loss as it is written: "0.243"; a dash for one that is no number."""
    if value is None:
        return "–"
    return "< 0.001" if 0 < value < 0.0005 else f"{value:.3f}"


def rate(value: float | None) -> str:
    """A learning rate without needless digits: "0.003"."""
    return "–" if value is None else f"{value:g}"


def interval(ends: Sequence[float] | None) -> str:
    """Both ends of an interval of shares: "91.3% to 99.3%"."""
    return _("%(low)s to %(high)s") % {"low": percent(ends[0]), "high": percent(ends[1])} if ends else "–"


def chance(share: float) -> str:
    """How often something comes up by chance, with two figures: "18 of 100", "34 of 1,000", "fewer than 1 of 10,000"."""
    for of in (100, 1_000, 10_000):
        count = round(share * of)
        if count >= 10:
            break
    told = {"count": f"{count:,}", "of": f"{of:,}"}
    return (_("%(count)s of %(of)s") if count else _("fewer than 1 of %(of)s")) % told


# --- what a curve shows ---------------------------------------------------------------------------------------------------

_OBSERVATIONS: dict[str, Promise] = {
    Observation.BEGINNING: gettext_lazy("Too early to say."),
    Observation.IMPROVING: gettext_lazy("The validation loss still falls: %(best_loss)s is the lowest so far."),
    Observation.PLATEAU: gettext_lazy("The validation loss has stood still since epoch %(since)s, at %(best_loss)s."),
    Observation.OVERCONFIDENT: gettext_lazy(
        "Since epoch %(since)s the validation loss rises (%(best_loss)s → %(loss)s) and accuracy doesn’t fall"
        " (%(best_accuracy)s → %(accuracy)s): not more mistakes, but more certainty in them."
    ),
    Observation.OVERFITTING: gettext_lazy(
        "Since epoch %(since)s the validation loss rises (%(best_loss)s → %(loss)s) and accuracy falls (%(best_accuracy)s →"
        " %(accuracy)s): it learns its training examples by heart."
    ),
    Observation.NOT_LEARNING: gettext_lazy(
        "It is right on %(train_accuracy)s of its own training examples; guessing would give %(chance)s. It doesn’t learn."
    ),
    Observation.WORSE_THAN_KNOWING_NOTHING: gettext_lazy(
        "It is sure, and wrong: its validation loss is %(loss)s, and a network that gives every class the same probability has"
        " %(nothing)s."
    ),
    Observation.UNSTEADY: gettext_lazy(
        "The validation loss jumps: %(best_loss)s in epoch %(best_epoch)s, now %(loss)s. Try a lower learning rate."
    ),
    Observation.DIVERGING: gettext_lazy(
        "The training loss is above where it began (%(first_train_loss)s → %(train_loss)s): the steps are too large. Lower the"
        " learning rate."
    ),
    Observation.DIVERGED: gettext_lazy(
        "From epoch %(since)s on the loss is no number any more, so training ended. Lower the learning rate."
    ),
}


def observation(told: Figures | None) -> str:
    """What a curve shows, in a sentence; empty where nothing was observed."""
    if not told or told.get("code") not in _OBSERVATIONS:
        return ""
    figures = {
        "since": _count(told.get("since")),
        "best_epoch": _count(told.get("best_epoch")),
        "best_loss": loss(told.get("best_validation_loss")),
        "loss": loss(told.get("validation_loss")),
        "train_loss": loss(told.get("train_loss")),
        "first_train_loss": loss(told.get("first_train_loss")),
        "train_accuracy": percent(told.get("train_accuracy")),
        "accuracy": percent(told.get("validation_accuracy")),
        "best_accuracy": percent(told.get("best_validation_accuracy")),
        "chance": percent(told.get("chance")),
        "nothing": loss(told.get("knowing_nothing")),
    }
    return str(_OBSERVATIONS[told["code"]]) % figures


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


_OBSERVED: dict[str, Promise] = {
    Observation.BEGINNING: gettext_lazy("beginning"),
    Observation.IMPROVING: gettext_lazy("still improving"),
    Observation.PLATEAU: gettext_lazy("plateau"),
    Observation.OVERCONFIDENT: gettext_lazy("overconfident"),
    Observation.OVERFITTING: gettext_lazy("overfitting"),
    Observation.NOT_LEARNING: gettext_lazy("not learning"),
    Observation.WORSE_THAN_KNOWING_NOTHING: gettext_lazy("worse than knowing nothing"),
    Observation.UNSTEADY: gettext_lazy("unsteady"),
    Observation.DIVERGING: gettext_lazy("diverging"),
    Observation.DIVERGED: gettext_lazy("diverged"),
}


def observed(told: Figures | None) -> str:
    """What a curve shows, in a word or two."""
    return str(_OBSERVED.get((told or {}).get("code", ""), ""))


# --- what one has to know of the data -------------------------------------------------------------------------------------

_SPLITS: dict[str, Promise] = {
    Split.HALVES: gettext_lazy("The left half of each picture trains, the right half is kept for validation."),
    Split.ORDER: gettext_lazy("The first half of the library’s list trains, the second half is kept for validation."),
    Split.HELD_OUT: gettext_lazy(
        "Some of your photos, drawn by the seed, are kept for validation; nothing is learned from them."
    ),
    Split.CROSS_VALIDATION: gettext_lazy(
        "With so few photos each is held out once (%(folds)s folds), and judged by a head that has not seen it. The head that"
        " you keep is trained on all of them."
    ),
}
_LABELS: dict[str, Promise] = {
    LabelsFrom.PICTURE: gettext_lazy("A patch’s label is the picture that it was cut from."),
    LabelsFrom.LIBRARY: gettext_lazy("The labels are the library’s own."),
    LabelsFrom.STAIN: gettext_lazy(
        "The labels were computed: a patch has “much” stain when its mean in the brown (DAB) channel is above %(threshold)s."
        " That is a rule, not a pathologist."
    ),
    LabelsFrom.LEARNER: gettext_lazy("The labels are yours."),
}
_WARNINGS: dict[str, Promise] = {
    DataWarning.ONE_PICTURE_PER_CLASS: gettext_lazy(
        "Each class is one photograph, cut up. A high accuracy says that these pictures are told apart, not brick from grass"
        " everywhere."
    ),
    DataWarning.ONE_SLIDE: gettext_lazy(
        "All patches come from one slide, so nothing here shows how it would do on another patient’s."
    ),
    DataWarning.LABELS_LEAK: gettext_lazy(
        "The labels were computed from the colours that the network sees: whoever reads the colour has the answer."
    ),
    DataWarning.GREY: gettext_lazy("The pictures are grey: the network of colour photos sees the same channel three times."),
    DataWarning.TINY: gettext_lazy("The pictures are tiny and were enlarged: there is no detail for the early layers to find."),
    DataWarning.FEW: gettext_lazy("There are few validation examples, so the accuracy is known roughly: mind its interval."),
}


def split_sentence(split: str, *, folds: int = 0) -> str:
    """How training and validation examples are kept apart."""
    return str(_SPLITS.get(split, "")) % {"folds": folds}


def labels_sentence(labels_from: str, *, threshold: float | None = None) -> str:
    """Who says what an example is."""
    return str(_LABELS.get(labels_from, "")) % {"threshold": "–" if threshold is None else f"{threshold:.3g}"}


def warning(code: str) -> str:
    """What to know before believing an accuracy."""
    return str(_WARNINGS.get(code, ""))


# --- what a run says ------------------------------------------------------------------------------------------------------

_VERDICTS: dict[str, Promise] = {
    Verdict.BEATS: gettext_lazy(
        "It beats the best trivial baseline (%(baseline)s, %(baseline_accuracy)s) by more than chance explains."
    ),
    Verdict.TIES: gettext_lazy(
        "It can’t be told from the best trivial baseline (%(baseline)s, %(baseline_accuracy)s): the difference is within what"
        " chance explains."
    ),
    Verdict.LOSES: gettext_lazy(
        "It loses to the best trivial baseline (%(baseline)s, %(baseline_accuracy)s). Here the network is not worth its price."
    ),
}
_VERDICT_WORDS: dict[str, Promise] = {
    Verdict.BEATS: gettext_lazy("It beats the trivial baseline"),
    Verdict.TIES: gettext_lazy("The two can’t be told apart"),
    Verdict.LOSES: gettext_lazy("It loses to the trivial baseline"),
}
GUESSES = (Verdict.BEATS, Verdict.TIES, Verdict.LOSES)


def guess_title(verdict: str) -> str:
    """One of the answers to "will it beat the trivial baseline?"."""
    return str(_VERDICT_WORDS[verdict])


def guess_question() -> str:
    """What is asked before a run that no lesson asks about."""
    return _("First say what you expect: against the best trivial baseline, how will it do on examples it has not seen?")


def summary(confusion: Figures, *, data: str) -> list[str]:
    """What the run says, sentence by sentence: from the figures of its confusion matrix and of its whole curve."""
    told = {
        "accuracy": percent(confusion.get("accuracy")),
        "correct": confusion.get("correct"),
        "validation": confusion.get("validation"),
        "confidence": f"{confusion.get('confidence') or 0.95:.0%}",
        "interval": interval(confusion.get("interval")),
    }
    sentences = [
        _(
            "It is right on %(correct)s of %(validation)s examples that it had not seen: %(accuracy)s, with a %(confidence)s"
            " interval of %(interval)s."
        )
        % told
    ]
    best = confusion.get("best_baseline") or {}
    if confusion.get("against_baseline") in _VERDICTS and best:
        against = {"baseline": baseline_title(best["name"]), "baseline_accuracy": percent(best.get("accuracy"))}
        sentences.append(str(_VERDICTS[confusion["against_baseline"]]) % against)
    sentences += [_confidence(confusion), _worst_confusion(confusion, data=data), observation(confusion.get("observation"))]
    return [sentence for sentence in sentences if sentence]


def _confidence(confusion: Figures) -> str:
    """How sure it was beside how often it was right, where the interval leaves no doubt that they differ."""
    sure, ends = confusion.get("mean_confidence"), confusion.get("interval")
    if sure is None or not ends or ends[0] <= sure <= ends[1]:
        return ""
    told = {"sure": percent(sure), "accuracy": percent(confusion.get("accuracy"))}
    if sure > ends[1]:
        return _("It is surer than it is right: on average it gives its answer %(sure)s, and is right on %(accuracy)s.") % told
    return _("It is less sure than it could be: on average it gives its answer %(sure)s, and is right on %(accuracy)s.") % told


def _worst_confusion(confusion: Figures, *, data: str) -> str:
    """The mistake that it makes most often."""
    matrix, classes = confusion.get("matrix") or [], confusion.get("classes") or []
    wrong = [
        (count, truth, predicted)
        for truth, row in enumerate(matrix)
        for predicted, count in enumerate(row)
        if truth != predicted and count
    ]
    if not wrong:
        return _("It made no mistake on them.") if matrix else ""
    count, truth, predicted = max(wrong, key=lambda one: (one[0], -one[1], -one[2]))
    told = {
        "count": count,
        "of": sum(matrix[truth]),
        "truth": class_title(data, classes[truth]),
        "predicted": class_title(data, classes[predicted]),
    }
    return _("Its most frequent mistake: “%(truth)s” taken for “%(predicted)s”, %(count)s of %(of)s times.") % told


def verdict(prediction: str, confusion: Figures) -> str:
    """What was said before the run beside what came out; empty without either."""
    against = confusion.get("against_baseline")
    if not prediction or against not in _VERDICT_WORDS:
        return ""
    told = {"prediction": prediction, "accuracy": percent(confusion.get("accuracy"))}
    baseline = percent((confusion.get("best_baseline") or {}).get("accuracy"))
    return _("You said: “%(prediction)s”. It came to %(accuracy)s, the best trivial baseline to %(baseline)s.") % {
        **told,
        "baseline": baseline,
    }


# --- lines in lists -------------------------------------------------------------------------------------------------------


def what_trained(options: Figures, *, set_name: str = "") -> str:
    """A run in a line: "Textures, frozen backbone"."""
    data = str(options.get("data", ""))
    title = f"“{set_name}”" if data == DataName.OWN and set_name else data_title(data)
    return _("%(data)s: %(strategy)s") % {"data": title, "strategy": strategy_title(str(options.get("strategy", ""))).lower()}


def what_came_out(document: Figures) -> str:
    """How often a finished run's head is right; empty before there is one."""
    for result in reversed(document.get("results", ())):
        if result["name"] == "confusion":
            return _("%(accuracy)s right") % {"accuracy": percent(result["figures"].get("accuracy"))}
    return ""


# --- refusals -------------------------------------------------------------------------------------------------------------

_OPTIONS: dict[str, Promise] = {
    "data": gettext_lazy("Data set"),
    "strategy": gettext_lazy("Strategy"),
    "epochs": gettext_lazy("Epochs"),
    "learning_rate": gettext_lazy("Learning rate"),
    "labels_per_class": gettext_lazy("Labels per class"),
    "blocks": gettext_lazy("Stages to train"),
    "batch_norm": gettext_lazy("Batch normalisation"),
    "standardisation": gettext_lazy("Features"),
    "seed": gettext_lazy("Seed"),
    "classes": gettext_lazy("Classes"),
    "labels": gettext_lazy("Photos of a class"),
}


def option_title(option: str) -> str:
    """What a setting is called on the page."""
    return str(_OPTIONS.get(option, option))


def refused(error: OptionRefused) -> str:
    """Which setting makes no sense, and what would."""
    title = option_title(error.option)
    if isinstance(error.allowed, Range):
        told = {"title": title, "range": range_words(error.allowed)}
        return _("%(title)s: choose a number, %(range)s.") % told
    return _("%(title)s: choose one of %(names)s.") % {"title": title, "names": ", ".join(map(str, error.allowed))}


def range_words(allowed: Range) -> str:
    """A range as it is written: "1 to 100", "0.000001 to 1"."""
    return _("%(lowest)s to %(highest)s") % {"lowest": _plain(allowed.lowest), "highest": _plain(allowed.highest)}


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.8f}".rstrip("0").rstrip(".")
