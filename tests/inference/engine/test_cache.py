"""Networks are kept warm up to a bound, and loaded once."""

from __future__ import annotations

import dataclasses

import pytest

from inference.contracts import DEFAULT_NETWORK, EngineError, Failure
from inference.engine import NetworkCache, cache, devices

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


def test_on_a_gpu_half_of_its_memory_is_left_to_passes(loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[str] = []
    monkeypatch.setattr(devices, "memory_of", lambda device: 160 if device == "cuda" else None)
    monkeypatch.setattr(devices, "give_back_memory", given_back.append)
    networks = NetworkCache(max_bytes=1000, device="cuda")
    for name in ("a", "b", "c"):
        networks.get(name)
    assert networks.bound == 80
    assert [networks.holds(name) for name in ("a", "b", "c")] == [False, True, True]
    assert given_back == ["cuda"]


class Memory:
    """Room for so many networks of forty bytes."""

    def __init__(self, networks: NetworkCache, room: int) -> None:
        self.networks, self.room = networks, room

    def load(self, network: str, **_options: object) -> Weighed:
        if self.networks.bytes + 40 > self.room:
            raise EngineError(Failure.OUT_OF_MEMORY)
        return Weighed(bytes=40)


def test_where_memory_runs_out_the_others_go(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = NetworkCache()
    monkeypatch.setattr(cache, "load", Memory(networks, room=100).load)
    for name in ("a", "b", "c"):
        networks.get(name)
    assert [networks.holds(name) for name in ("a", "b", "c")] == [False, False, True]


def test_a_network_for_which_there_is_never_room_is_a_failure_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = NetworkCache()
    memory = Memory(networks, room=100)
    monkeypatch.setattr(cache, "load", memory.load)
    networks.get("a")
    memory.room = 30
    for _ in range(2):
        with pytest.raises(EngineError) as caught:
            networks.get("b")
        assert caught.value.failure is Failure.OUT_OF_MEMORY
    assert networks.bytes == 0
