"""Questions that count: parameters of a layer, what a head takes, what a strategy trains, what another size costs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from quizzes.generating.base import Template
from quizzes.generating.networks import Network, StageOf, sides_for
from quizzes.sketching.base import Belief, Figures, Phrase, Sketch


def _classes(chance: Random) -> int:
    return chance.randint(2, 200)


# --- the parameters of a layer -----------------------------------------------------------------------------------------------


def _ask_layer(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    width, classes, has_bias = network.width, _classes(chance), chance.random() < 0.7
    weights = width * classes
    count = weights + (classes if has_bias else 0)
    figures: Figures = {"network": network.title, "width": width, "classes": classes, "weights": weights, "count": count}
    kind = "with-bias" if has_bias else "without-bias"

    def belief(slug: str, said: int) -> Belief:
        return Belief(Phrase.of("count", count=said), slug, Phrase.of(f"layer_parameters.{slug}", **figures, said=said))

    beliefs = [
        belief("bias-per-input", weights + width),
        belief("sizes-are-added", width + classes),
        belief("width-is-the-classes", network.classes * classes + (classes if has_bias else 0)),
        belief("old-head-counts", width * network.classes + (network.classes if has_bias else 0)),
    ]
    beliefs.append(belief("bias-is-forgotten", weights) if has_bias else belief("bias-is-always-there", weights + classes))
    right = Phrase.of("count", count=count)
    return Sketch(
        stem=Phrase.of(f"layer_parameters.stem-{kind}", network=network.title, width=width, classes=classes),
        right=right,
        beliefs=beliefs,
        why=Phrase.of(f"layer_parameters.right-{kind}", **figures),
        hint=Phrase.of("layer_parameters.hint"),
        solution=(
            Phrase.of("layer_parameters.step-weights", **figures),
            Phrase.of(f"layer_parameters.step-{kind}", **figures),
        ),
        answer=right,
    )


LAYER_PARAMETERS = Template(
    name="layer_parameters",
    misconceptions=frozenset(
        {
            "bias-per-input",
            "sizes-are-added",
            "width-is-the-classes",
            "old-head-counts",
            "bias-is-forgotten",
            "bias-is-always-there",
        }
    ),
    allows=lambda network: network.width > 0,
    ask=_ask_layer,
)

# --- what the head takes -----------------------------------------------------------------------------------------------------


def _ask_width(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    width, classes = network.width, _classes(chance)
    figures: Figures = {
        "network": network.title,
        "width": width,
        "classes": classes,
        "outputs": network.classes,
        "side": network.side,
    }

    def belief(slug: str, said: int) -> Belief:
        return Belief(Phrase.of("count", count=said), slug, Phrase.of(f"head_input.{slug}", **figures, said=said))

    beliefs = [
        belief("width-is-the-classes", network.classes),
        belief("in-and-out-are-swapped", classes),
        belief("width-is-the-photos-side", network.side),
    ]
    if network.unpooled:
        beliefs.append(belief("pooling-is-forgotten", network.unpooled))
    right = Phrase.of("count", count=width)
    return Sketch(
        stem=Phrase.of("head_input.stem", network=network.title, classes=classes),
        right=right,
        beliefs=beliefs,
        why=Phrase.of("head_input.right", **figures),
        hint=Phrase.of("head_input.hint"),
        solution=(Phrase.of("head_input.step-what", **figures), Phrase.of("head_input.step-find", **figures)),
        answer=right,
    )


HEAD_INPUT = Template(
    name="head_input",
    misconceptions=frozenset(
        {"width-is-the-classes", "in-and-out-are-swapped", "width-is-the-photos-side", "pooling-is-forgotten"}
    ),
    allows=lambda network: network.width > 0,
    ask=_ask_width,
)

# --- what a strategy trains --------------------------------------------------------------------------------------------------


def _trainable_stages(network: Network) -> list[StageOf]:
    return [stage for stage in network.features if stage.parameters]


def _adds_up(network: Network) -> bool:
    """Whether the stages hold all parameters: a second head beside them would make every sum a lie."""
    stages = network.features + network.stages_of("head")
    return network.width > 0 and sum(stage.parameters for stage in stages) == network.parameters


def _ask_trained(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    classes, stages = _classes(chance), _trainable_stages(network)
    strategy = chance.choice(("frozen", "finetune", "scratch") if len(stages) > 1 else ("frozen", "scratch"))
    last = chance.randint(1, min(3, len(stages) - 1)) if strategy == "finetune" else 0
    linear = network.last_linear
    old = linear.parameters if linear else 0
    new = (network.width + 1) * classes
    whole = network.parameters - old + new
    opened = sum(stage.parameters for stage in stages[len(stages) - last :])
    count = {"frozen": new, "finetune": opened + new, "scratch": whole}[strategy]
    figures: Figures = {
        "network": network.title,
        "classes": classes,
        "width": network.width,
        "last": last,
        "names": ", ".join(stage.spelled for stage in stages[len(stages) - last :]),
        "new": new,
        "old": old,
        "whole": whole,
        "total": network.parameters,
        "opened": opened,
        "count": count,
    }

    def belief(slug: str, said: int) -> Belief:
        return Belief(Phrase.of("count", count=said), slug, Phrase.of(f"trained_parameters.{slug}", **figures, said=said))

    beliefs = {
        "frozen": [
            belief("frozen-still-trains", whole),
            belief("old-head-counts", old),
            belief("bias-is-forgotten", network.width * classes),
            belief("loaded-is-trained", network.parameters),
        ],
        "finetune": [
            belief("frozen-still-trains", whole),
            belief("new-head-is-forgotten", opened),
            belief("old-head-counts", opened + old),
            belief("only-the-head-trains", new),
        ],
        "scratch": [
            belief("only-the-head-trains", new),
            belief("old-head-counts", network.parameters),
            belief("new-head-is-forgotten", network.parameters - old),
        ],
    }[strategy]
    right = Phrase.of("count", count=count)
    return Sketch(
        stem=Phrase.of(f"trained_parameters.stem-{strategy}", **_only(figures, *_TOLD[strategy])),
        right=right,
        beliefs=beliefs,
        why=Phrase.of(f"trained_parameters.right-{strategy}", **figures),
        hint=Phrase.of("trained_parameters.hint"),
        solution=(
            Phrase.of("trained_parameters.step-head", **figures),
            Phrase.of(f"trained_parameters.step-{strategy}", **figures),
        ),
        answer=right,
    )


_TOLD = {
    "frozen": ("network", "classes", "width", "total"),
    "finetune": ("network", "classes", "width", "last", "names", "opened"),
    "scratch": ("network", "classes", "width", "total", "old"),
}
"""Strategy → what the stem tells: what it takes to compute the answer, so that nobody has to know it by heart."""


def _only(figures: Figures, *names: str) -> Figures:
    return {name: figures[name] for name in names}


TRAINED_PARAMETERS = Template(
    name="trained_parameters",
    misconceptions=frozenset(
        {
            "frozen-still-trains",
            "old-head-counts",
            "bias-is-forgotten",
            "loaded-is-trained",
            "new-head-is-forgotten",
            "only-the-head-trains",
        }
    ),
    allows=lambda network: _adds_up(network) and bool(_trainable_stages(network)),
    ask=_ask_trained,
)

# --- what another size costs -------------------------------------------------------------------------------------------------

MOST_OFF = 0.03
"""How far the whole network's factor may be from that of its maps alone: heads cost the same at every size."""


def _shares(network: Network) -> tuple[int, int]:
    """Multiply-accumulates of the maps, which grow with the area, and of the head, which do not."""
    return int(network.facts["backbone"]["macs"]), int(network.facts["head"]["macs"])


def _is_mostly_maps(network: Network) -> bool:
    maps, head = _shares(network) if "backbone" in network.facts and "head" in network.facts else (0, 1)
    return network.takes_any_size and head <= MOST_OFF * maps


def _ask_cost(chance: Random, network: Network, _known: Sequence[Network]) -> Sketch:
    sides = [side for side in sides_for(network, up_to=40) if side >= network.side // 2]
    # Doubling is the case to know by heart; the others show whether the rule was understood.
    side = 2 * network.side if chance.random() < 0.4 else chance.choice(sides)
    times = side / network.side
    macs, grown = int(network.facts["macs"]), round(_shares(network)[0] * times**2 + _shares(network)[1])
    figures: Figures = {
        "network": network.title,
        "side": side,
        "native": network.side,
        "times": _rounded(times),
        "square": _rounded(times**2),
        "macs": macs,
        "grown": grown,
    }

    def belief(slug: str, text: Phrase) -> Belief:
        return Belief(text, slug, Phrase.of(f"cost_by_side.{slug}", **figures))

    right = _factor(times**2)
    return Sketch(
        stem=Phrase.of("cost_by_side.stem", network=network.title, side=side, native=network.side),
        right=right,
        beliefs=[
            belief("cost-grows-with-the-side", _factor(times)),
            belief("cost-is-the-parameters", Phrase.of("unchanged")),
            belief("channels-grow-too", _factor(times**3)),
            belief("cost-grows-with-pairs", _factor(times**4)),
        ],
        why=Phrase.of("cost_by_side.right", **figures),
        hint=Phrase.of("cost_by_side.hint"),
        solution=(
            Phrase.of("cost_by_side.step-side", **figures),
            Phrase.of("cost_by_side.step-area", **figures),
            Phrase.of("cost_by_side.step-check", **figures),
        ),
        answer=right,
    )


def _factor(times: float) -> Phrase:
    return Phrase.of("factor", factor=_rounded(times))


def _rounded(factor: float) -> float:
    """To three significant digits, as it is shown."""
    return float(f"{factor:.3g}")


COST_BY_SIDE = Template(
    name="cost_by_side",
    misconceptions=frozenset(
        {"cost-grows-with-the-side", "cost-is-the-parameters", "channels-grow-too", "cost-grows-with-pairs"}
    ),
    allows=_is_mostly_maps,
    ask=_ask_cost,
)
