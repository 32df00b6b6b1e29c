"""Questions about preparing a photo: what weights expect, and which mistake made this output.

The fifteen mistakes are those of `inference.contracts`. Eleven leave a clue that can be computed without running anything: the
shape that reaches the network, the numbers that a plain colour becomes, or what becomes of the first class. What the other four
(nearest, squashed, channels_last, train_mode) do depends on the photo, so they are not asked about here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from inference.contracts import MistakeName
from quizzes.generating.base import Template
from quizzes.generating.networks import Network
from quizzes.sketching.base import Belief, Figures, NotDrawable, Phrase, Sketch

Triple = tuple[float, ...]

IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES: tuple[Triple, Triple] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How weights want a photo prepared: sides in pixels, mean and deviation of values from 0 to 1."""

    resize: int
    crop: int
    mean: Triple
    std: Triple

    @classmethod
    def of(cls, transforms: Mapping[str, Any]) -> Recipe:
        return cls(
            int(transforms["resize_size"]), int(transforms["crop_size"]), tuple(transforms["mean"]), tuple(transforms["std"])
        )

    @property
    def figures(self) -> Figures:
        return {"resize": self.resize, "crop": self.crop, "mean": _written(self.mean), "std": _written(self.std)}

    def normalised(self, values: Triple) -> Triple:
        """(value − mean) / deviation, by channel."""
        return tuple((value - mean) / std for value, mean, std in zip(values, self.mean, self.std, strict=True))


def _written(values: Triple) -> Triple:
    """Three decimals, as they are shown."""
    return tuple(round(value, 3) for value in values)


def other_figures(mean: Triple) -> tuple[Triple, Triple]:
    """The mean and deviation that people bring along from elsewhere, as the engine's mistake does."""
    return HALVES if mean == IMAGENET[0] else IMAGENET


# --- what weights expect -----------------------------------------------------------------------------------------------------


def _ask_recipe(chance: Random, network: Network, known: Sequence[Network]) -> Sketch:
    name = chance.choice(sorted(network.weights))
    recipe = Recipe.of(network.weights[name]["transforms"])
    figures: Figures = {"network": network.title, "weights": name, **recipe.figures}

    def belief(slug: str, code: str, prepared: Recipe, **more: str) -> Belief:
        return Belief(
            Phrase.of(f"preparation.{code}", **prepared.figures), slug, Phrase.of(f"preprocessing.{slug}", **figures, **more)
        )

    mean, std = other_figures(recipe.mean)
    beliefs = [
        belief("one-recipe-fits-all", "whole", Recipe(recipe.resize, recipe.crop, mean, std)),
        belief("squashing-is-cropping", "squashed", recipe),
        belief("dividing-is-normalising", "divided", recipe),
        belief("floats-are-floats", "bytes", recipe),
    ]
    others = [(other.title, its) for other in known for its in _recipes(other) if its != recipe]
    if others:
        title, its = chance.choice(others)
        beliefs.append(belief("all-networks-prepare-alike", "whole", its, other=title))
    right = Phrase.of("preparation.whole", **recipe.figures)
    return Sketch(
        stem=Phrase.of("preprocessing.stem", network=network.title, weights=name),
        right=right,
        beliefs=beliefs,
        why=Phrase.of("preprocessing.right", **figures),
        hint=Phrase.of("preprocessing.hint"),
        solution=(
            Phrase.of("preprocessing.step-look", **figures),
            Phrase.of("preprocessing.step-size", **figures),
            Phrase.of("preprocessing.step-values", **figures),
        ),
        answer=right,
    )


def _recipes(network: Network) -> list[Recipe]:
    return [Recipe.of(network.weights[name]["transforms"]) for name in sorted(network.weights)]


PREPROCESSING = Template(
    name="preprocessing",
    misconceptions=frozenset(
        {
            "one-recipe-fits-all",
            "squashing-is-cropping",
            "dividing-is-normalising",
            "floats-are-floats",
            "all-networks-prepare-alike",
        }
    ),
    allows=lambda network: bool(network.weights),
    ask=_ask_recipe,
)

# --- which mistake made this output ------------------------------------------------------------------------------------------

PHOTOS = ((640, 480), (480, 640), (600, 400), (1280, 720), (720, 1280), (800, 500), (500, 800))
"""Width × height of photos, none of them square."""

TELLING_APART = 0.02
"""Two outcomes that differ by less in every channel could not be told apart as they are written."""


def shapes_by_mistake(recipe: Recipe, width: int, height: int) -> dict[MistakeName, tuple[int, ...]]:
    """The shape that reaches the network when a photo of width × height is prepared with a mistake.

    torchvision resizes the longer side to int(size × longer / shorter).
    """
    crop, longer = recipe.crop, int(recipe.resize * max(width, height) / min(width, height))
    whole = (recipe.resize, longer) if width >= height else (longer, recipe.resize)
    return {
        MistakeName.NOT_CROPPED: (1, 3, *whole),
        MistakeName.WRONG_SIZE: (1, 3, crop // 2, crop // 2),
        MistakeName.NOT_PERMUTED: (1, crop, crop, 3),
        MistakeName.NO_BATCH: (3, crop, crop),
    }


def colours_by_mistake(recipe: Recipe, colour: tuple[int, ...]) -> dict[MistakeName, Triple]:
    """What a photo of one plain colour (bytes, red first) becomes when it is prepared with a mistake, by channel."""
    shares = tuple(byte / 255 for byte in colour)
    mean, std = other_figures(recipe.mean)
    return {
        MistakeName.BGR: recipe.normalised(shares[::-1]),
        MistakeName.ZERO_TO_255: recipe.normalised(tuple(float(byte) for byte in colour)),
        MistakeName.NO_NORMALISATION: shares,
        MistakeName.OTHER_MEAN_STD: Recipe(recipe.resize, recipe.crop, mean, std).normalised(shares),
        MistakeName.NORMALISED_TWICE: recipe.normalised(recipe.normalised(shares)),
    }


def softmax_again(probability: float, classes: int) -> float:
    """The probability of the first class after a second softmax, the rest being spread evenly over all other classes."""
    rest = (1 - probability) / (classes - 1)
    return math.exp(probability) / (math.exp(probability) + (classes - 1) * math.exp(rest))


def _ask_mistake(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    clue = chance.choice((_shape_clue, _colour_clue, _probability_clue))
    return clue(chance, network)


def _recipe_in_use(network: Network) -> Recipe:
    names = network.weights
    name = str(network.facts.get("default_weights"))
    return Recipe.of(names[name if name in names else min(names)]["transforms"])


def _shape_clue(chance: Random, network: Network) -> Sketch:
    recipe = _recipe_in_use(network)
    width, height = chance.choice(PHOTOS)
    outcomes = {name: {"shape": shape} for name, shape in shapes_by_mistake(recipe, width, height).items()}
    common: Figures = {"width": width, "height": height, "right_shape": (1, 3, recipe.crop, recipe.crop)}
    return _sketch("shape", network, chance.choice(sorted(outcomes)), outcomes, common)


def _colour_clue(chance: Random, network: Network) -> Sketch:
    recipe = _recipe_in_use(network)
    for _try in range(100):
        colour = tuple(chance.randint(0, 255) for _channel in range(3))
        became = {name: _cut(values) for name, values in colours_by_mistake(recipe, colour).items()}
        expected = _cut(recipe.normalised(tuple(byte / 255 for byte in colour)))
        if _all_apart([expected, *became.values()]):
            outcomes = {name: {"values": values} for name, values in became.items()}
            common: Figures = {"colour": colour, "right_values": expected}
            return _sketch("colour", network, chance.choice(sorted(outcomes)), outcomes, common)
    raise NotDrawable(network.id)


def _probability_clue(chance: Random, network: Network) -> Sketch:
    classes, percent = network.classes, chance.randint(30, 99)
    index = chance.randint(1, classes - 2)
    again = float(f"{100 * softmax_again(percent / 100, classes):.2g}")
    outcomes: dict[MistakeName, Figures] = {
        MistakeName.SOFTMAX_TWICE: {"index": index, "percent": again},
        # The engine looks each class up one place too early.
        MistakeName.LABEL_OFFSET: {"index": index - 1, "percent": percent},
    }
    common: Figures = {"classes": classes, "right_index": index, "right_percent": percent}
    sketch = _sketch("probability", network, chance.choice(sorted(outcomes)), outcomes, common)
    unnoticed = Belief(
        Phrase.of(f"mistake.{MistakeName.NOT_PERMUTED}"),
        slug_of(MistakeName.NOT_PERMUTED),
        Phrase.of("mistake_behind.probability-none"),
    )
    return replace(sketch, beliefs=[*sketch.beliefs, unnoticed])


def _sketch(
    clue: str, network: Network, made: MistakeName, outcomes: Mapping[MistakeName, Mapping[str, Any]], common: Figures
) -> Sketch:
    figures: Figures = {"network": network.title, **common, **_named("seen", outcomes[made])}

    def option(name: MistakeName) -> Phrase:
        return Phrase.of(f"mistake.{name}")

    beliefs = [
        Belief(option(name), slug_of(name), Phrase.of(f"mistake_behind.{clue}-wrong", **figures, **_named("would_be", outcome)))
        for name, outcome in outcomes.items()
        if name != made
    ]
    return Sketch(
        stem=Phrase.of(f"mistake_behind.{clue}-stem", **figures),
        right=option(made),
        beliefs=beliefs,
        why=Phrase.of(f"mistake_behind.{clue}-right", **figures),
        hint=Phrase.of(f"mistake_behind.{clue}-hint"),
        solution=(Phrase.of(f"mistake_behind.{clue}-step", **figures), Phrase.of(f"mistake.why-{made}")),
        answer=option(made),
    )


def _named(prefix: str, outcome: Mapping[str, Any]) -> Figures:
    return {f"{prefix}_{name}": value for name, value in outcome.items()}


def slug_of(name: MistakeName) -> str:
    """The slug of the misconception behind a mistake."""
    return name.replace("_", "-")


def _cut(values: Triple) -> Triple:
    return tuple(round(value, 2) for value in values)


def _all_apart(outcomes: Sequence[Triple]) -> bool:
    return all(
        max(abs(a - b) for a, b in zip(one, other, strict=True)) > TELLING_APART
        for place, one in enumerate(outcomes)
        for other in outcomes[:place]
    )


_ASKED = (
    MistakeName.NOT_CROPPED,
    MistakeName.WRONG_SIZE,
    MistakeName.NOT_PERMUTED,
    MistakeName.NO_BATCH,
    MistakeName.BGR,
    MistakeName.ZERO_TO_255,
    MistakeName.NO_NORMALISATION,
    MistakeName.OTHER_MEAN_STD,
    MistakeName.NORMALISED_TWICE,
    MistakeName.SOFTMAX_TWICE,
    MistakeName.LABEL_OFFSET,
)

MISTAKE_BEHIND = Template(
    name="mistake_behind",
    misconceptions=frozenset(slug_of(name) for name in _ASKED),
    allows=lambda network: bool(network.weights) and network.classes >= 100,
    ask=_ask_mistake,
)
