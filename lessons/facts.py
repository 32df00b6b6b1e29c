"""Facts as lessons use them: looked up while writing, frozen into the version that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inference.facts import FactMissing, facts_of

__all__ = ["FactMissing", "Facts", "Recorder", "frozen", "live_facts"]

Facts = Callable[[str], Any]
"""Takes "resnet50.parameters", or "resnet50" for everything about it; raises FactMissing."""

_ORDERED = "in order"


def live_facts() -> Facts:
    """Looks facts up as they are known today, each network's in one query; for one piece of work, then thrown away."""
    networks: dict[str, dict[str, Any] | None] = {}

    def look_up(path: str) -> Any:
        network, _dot, rest = path.partition(".")
        if network not in networks:
            networks[network] = facts_of(network)
        everything = networks[network]
        if everything is None:
            raise FactMissing(network, rest)
        return _found(everything, network, rest)

    return look_up


def frozen(values: Mapping[str, Any]) -> Facts:
    """Looks facts up in what a version kept (a Recorder's `kept`); raises FactMissing for what it did not keep."""
    known = {path: _decoded(value) for path, value in values.items()}

    def look_up(path: str) -> Any:
        if path in known:
            return known[path]
        for name, value in known.items():
            if path.startswith(f"{name}."):
                for found in _inside(value, path[len(name) + 1 :]):
                    return found
        network, _dot, rest = path.partition(".")
        raise FactMissing(network, rest)

    return look_up


class Recorder:
    """Looks facts up and remembers every one that was asked for, so that a version can keep them."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._values: dict[str, Any] = {}

    def __call__(self, path: str) -> Any:
        if path not in self._values:
            self._values[path] = self._facts(path)
        return self._values[path]

    @property
    def kept(self) -> dict[str, Any]:
        """What to store: `frozen` reads it."""
        return {path: _encoded(value) for path, value in sorted(self._values.items())}


def _found(everything: Mapping[str, Any], network: str, path: str) -> Any:
    if not path:
        return everything
    for found in _inside(everything, path):
        return found
    raise FactMissing(network, path)


def _inside(value: Any, path: str) -> Iterator[Any]:
    """What the dotted path leads to. Names of stages have dots of their own, so every split is tried."""
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if path == key:
            yield inner
        elif path.startswith(f"{key}."):
            yield from _inside(inner, path[len(key) + 1 :])


def _encoded(value: Any) -> Any:
    """The value as a JSON column keeps it. PostgreSQL forgets the order of an object's keys, and stages have an order."""
    if not isinstance(value, Mapping):
        return value
    inside = {key: _encoded(inner) for key, inner in value.items()}
    if inside and all(isinstance(inner, Mapping) for inner in value.values()):
        return {_ORDERED: [[key, inner] for key, inner in inside.items()]}
    return inside


def _decoded(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    pairs = value[_ORDERED] if set(value) == {_ORDERED} else value.items()
    return {key: _decoded(inner) for key, inner in pairs}
