"""A network is timed as it is built, without weights, and nothing is predicted."""

from __future__ import annotations

import pytest
import torch

from inference.contracts import Cancelled, EngineError, Failure, Finished, Material, Result, RunKind, RunRequest
from inference.engine import measuring, networks, work
from inference.engine.cache import NetworkCache

pytestmark = pytest.mark.torch


def test_a_run_tells_median_fastest_and_slowest_pass_and_what_measured_them() -> None:
    events: list[object] = []
    request = RunRequest(RunKind.MEASUREMENT, "squeezenet1_1")
    work.perform(request, Material(), networks=NetworkCache(threads=1), emit=events.append, cancelled=lambda: False)
    result, finished = events
    assert isinstance(result, Result)
    told = result.figures
    assert 0 < told["fastest_ms"] <= told["median_ms"] <= told["slowest_ms"]
    assert told["passes"] == measuring.PASSES
    assert told["random_weights"] is True
    assert told["parameter_bytes"] == 4 * 1_235_496
    assert isinstance(finished, Finished)
    assert (finished.made_by.device, finished.made_by.threads, finished.made_by.weights) == ("cpu", 1, "")


def test_it_says_in_which_precision_it_measured() -> None:
    assert measuring.measure("squeezenet1_1", seconds=0.0).made_by.dtype == "float32"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert measuring.measure("squeezenet1_1", seconds=0.0).made_by.dtype == "float64"
    finally:
        torch.set_default_dtype(before)


def test_more_work_takes_longer() -> None:
    small, large = (measuring.measure(network, seconds=0.5).median for network in ("squeezenet1_1", "resnet18"))
    assert large > small


def test_it_ends_in_time_and_measures_at_least_once() -> None:
    assert len(measuring.measure("resnet18", seconds=0.0).passes) == 1


def test_it_is_cancelled_between_two_passes() -> None:
    with pytest.raises(Cancelled):
        measuring.measure("squeezenet1_1", cancelled=lambda: True)


@pytest.mark.parametrize("network", ["vit_h_14", "regnet_y_128gf", "vit_l_16", "efficientnet_v2_l"])
def test_what_would_keep_others_waiting_is_refused(network: str) -> None:
    with pytest.raises(EngineError) as caught:
        measuring.measure(network)
    assert caught.value.failure is Failure.TOO_LARGE


def test_most_networks_may_be_measured() -> None:
    refused = []
    for network in networks.torchvision_networks():
        record = networks.record(network)
        weights = record.weights_named(record.default_weights)
        if not measuring.is_measurable(weights.parameters or 0, 1e9 * (weights.gmacs or 0)):
            refused.append(network)
    assert refused == ["efficientnet_v2_l", "regnet_y_128gf", "vit_h_14", "vit_l_16", "vit_l_32"]


def test_the_number_of_threads_is_put_back() -> None:
    before = torch.get_num_threads()
    measuring.measure("squeezenet1_1", threads=before + 1, seconds=0.0)
    assert torch.get_num_threads() == before


def test_a_machine_without_memory_is_a_failure_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 40000000000 bytes.")

    monkeypatch.setattr(networks, "untrained", full)
    with pytest.raises(EngineError) as caught:
        measuring.measure("squeezenet1_1")
    assert caught.value.failure is Failure.OUT_OF_MEMORY
