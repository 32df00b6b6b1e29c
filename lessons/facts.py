"""Facts as lessons use them: looked up while writing, frozen into the version that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inference.facts import FactMissing, fact, facts_of

__all__ = ["FactMissing", "Facts", "Recorder", "frozen", "live"]

Facts = Callable[[str], Any]
"""Takes "resnet50.parameters", or "resnet50" for everything about it; raises FactMissing."""

ADVISORY = ("available", "file")
"""Parts of a network's facts that tell about this machine today, not about the network: never frozen."""


def live(path: str) -> Any:
    """The fact as it is known today; raises FactMissing."""
    network, _dot, key = path.partition(".")
    if key:
        return fact(network, key)
    everything = facts_of(network)
    if everything is None:
        raise FactMissing(path)
    return everything


def frozen(values: Mapping[str, Any]) -> Facts:
    """Looks facts up in what a version kept; raises FactMissing for what it did not keep."""

    def look_up(path: str) -> Any:
        for known, value in values.items():
            if path == known:
                return value
            if path.startswith(known + "."):
                for found in _inside(value, path[len(known) + 1 :]):
                    return found
        raise FactMissing(path)

    return look_up


def _inside(value: Any, path: str) -> Iterator[Any]:
    """What the dotted path leads to. Names of stages have dots of their own, so every split is tried."""
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if path == key:
            yield inner
        elif path.startswith(f"{key}."):
            yield from _inside(inner, path[len(key) + 1 :])


class Recorder:
    """Looks facts up and remembers every one that was asked for, so that a version can keep them."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.values: dict[str, Any] = {}

    def __call__(self, path: str) -> Any:
        if path not in self.values:
            self.values[path] = self._facts(path)
        return self.values[path]
