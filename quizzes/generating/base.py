"""What a template is: a question without its figures, which a seed and networks' facts give it. No Django; `words` says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from quizzes.generating.networks import Network
from quizzes.sketching.base import Drawn, NotDrawable, Sketch, drawn_from

Facts = Mapping[str, Mapping[str, Any]]
"""Network → its facts, nested as `inference.facts.facts_of` gives them."""

Ask = Callable[[Random, Network, Sequence[Network]], Sketch]
"""Takes chance, the network it is about and all known ones; raises NotDrawable for a network it cannot ask about."""


@dataclass(frozen=True, slots=True)
class Template:
    """A question without its figures. `allows` says of which networks it can be asked."""

    name: str
    misconceptions: frozenset[str]
    allows: Callable[[Network], bool]
    ask: Ask = field(repr=False)

    def networks(self, facts: Facts) -> list[str]:
        """The networks that it can be asked of, by name."""
        return [network.id for network in _known(facts) if self.allows(network)]

    def draw(self, seed: int, facts: Facts, parameters: Mapping[str, str] | None = None) -> Drawn:
        """The question that this seed gives: the same for the same facts. Raises NotDrawable."""
        unknown = set(parameters or {}) - {"network"}
        if unknown:
            raise NotDrawable(", ".join(sorted(unknown)))
        known = _known(facts)
        wanted = (parameters or {}).get("network")
        possible = [network for network in known if self.allows(network) and wanted in (None, network.id)]
        if not possible:
            raise NotDrawable(wanted or self.name)
        # A seed of its own for each template: else the third stage would come with the third network everywhere.
        chance = Random(f"{self.name}:{seed}")  # noqa: S311 - a seed has to give the same question again
        network = chance.choice(possible)
        sketch = self.ask(chance, network, known)
        return drawn_from(sketch, template=self.name, seed=seed, network=network.id, chance=chance)


def _known(facts: Facts) -> list[Network]:
    return [Network(name, facts[name]) for name in sorted(facts)]
