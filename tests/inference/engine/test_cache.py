"""Networks are kept warm up to a bound, and loaded once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from inference.contracts import DEFAULT_NETWORK, EngineError, Failure
from inference.engine import NetworkCache, cache, devices, record

pytestmark = [pytest.mark.torch, pytest.mark.weights]

A, B, C = "alexnet", "resnet18", "vgg11"


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


def test_weights_by_name_and_those_that_are_there_are_the_same_network() -> None:
    networks = NetworkCache()
    assert networks.get(DEFAULT_NETWORK) is networks.get(DEFAULT_NETWORK, weights="IMAGENET1K_V1")


def test_the_default_weights_are_taken_as_soon_as_they_are_there(loads: list[str], tmp_path: Path) -> None:
    others, default = (record("resnet50").weights_named(f"IMAGENET1K_V{number}") for number in (1, 2))
    networks = NetworkCache(weights_dir=tmp_path)
    for weights in (others, default):
        weights.path(tmp_path).parent.mkdir(parents=True, exist_ok=True)
        weights.path(tmp_path).touch()
        networks.get("resnet50")
    assert networks.holds("resnet50", weights=others.name)
    assert networks.holds("resnet50", weights=default.name)


def test_the_one_used_longest_ago_goes_first(loads: list[str]) -> None:
    networks = NetworkCache(max_bytes=100)
    for name in (A, B, A, C):
        networks.get(name)
    assert [networks.holds(name) for name in (A, B, C)] == [True, False, True]
    networks.get(A)
    assert loads == [A, B, C]


def test_a_network_larger_than_the_bound_is_kept_alone(loads: list[str]) -> None:
    networks = NetworkCache(max_bytes=10)
    networks.get(A)
    networks.get(B)
    assert [networks.holds(name) for name in (A, B)] == [False, True]


def test_on_a_gpu_half_of_its_memory_is_left_to_passes(loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[str] = []
    monkeypatch.setattr(devices, "memory_of", lambda device: 160 if device == "cuda" else None)
    monkeypatch.setattr(devices, "give_back_memory", given_back.append)
    networks = NetworkCache(max_bytes=1000, device="cuda")
    for name in (A, B, C):
        networks.get(name)
    assert networks.bound == 80
    assert [networks.holds(name) for name in (A, B, C)] == [False, True, True]
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
    for name in (A, B, C):
        networks.get(name)
    assert [networks.holds(name) for name in (A, B, C)] == [False, False, True]


def test_a_network_for_which_there_is_never_room_is_a_failure_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = NetworkCache()
    memory = Memory(networks, room=100)
    monkeypatch.setattr(cache, "load", memory.load)
    networks.get(A)
    memory.room = 30
    for _ in range(2):
        with pytest.raises(EngineError) as caught:
            networks.get(B)
        assert caught.value.failure is Failure.OUT_OF_MEMORY
    assert networks.bytes == 0
