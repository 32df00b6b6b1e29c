"""Networks are kept warm up to a bound, and loaded once."""

from __future__ import annotations

import dataclasses

import pytest

from inference.contracts import DEFAULT_NETWORK
from inference.engine import NetworkCache, cache

pytestmark = [pytest.mark.torch, pytest.mark.weights]


@dataclasses.dataclass
class Weighed:
    """A loaded network, as far as the cache looks at it."""

    bytes: int


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def load(network: str, **_options: object) -> Weighed:
        asked.append(network)
        return Weighed(bytes=40)

    monkeypatch.setattr(cache, "load", load)
    return asked


def test_a_network_is_loaded_once_and_given_out_again() -> None:
    networks = NetworkCache()
    first = networks.get(DEFAULT_NETWORK)
    assert networks.get(DEFAULT_NETWORK) is first
    assert networks.bytes == first.bytes > 18_000_000


def test_the_one_used_longest_ago_goes_first(loads: list[str]) -> None:
    networks = NetworkCache(max_bytes=100)
    for name in ("a", "b", "a", "c"):
        networks.get(name)
    assert [networks.holds(name) for name in ("a", "b", "c")] == [True, False, True]
    networks.get("a")
    assert loads == ["a", "b", "c"]


def test_a_network_larger_than_the_bound_is_kept_alone(loads: list[str]) -> None:
    networks = NetworkCache(max_bytes=10)
    networks.get("a")
    networks.get("b")
    assert [networks.holds(name) for name in ("a", "b")] == [False, True]
