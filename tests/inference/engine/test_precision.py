"""Half precision is for GPUs, and for networks whose answers it leaves alone. A processor has it too, so it is tried here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from PIL import Image
from torch import nn

from inference import engine
from inference.contracts import DEFAULT_NETWORK, StageKind
from inference.engine import precision
from tests.inference.engine.conftest import Recording, recorded
from tests.networks import with_random_weights

pytestmark = [pytest.mark.torch, pytest.mark.weights]

CPU = torch.device("cpu")


@pytest.fixture
def halved(lite0: engine.LoadedNetwork) -> Iterator[engine.LoadedNetwork]:
    lite0.half = True
    yield lite0
    lite0.half = False


def test_a_processor_is_not_offered_half_precision(lite0: engine.LoadedNetwork, cat_trace: Recording) -> None:
    assert not precision.is_offered(CPU)
    assert not lite0.half
    assert cat_trace.finished.made_by.dtype == "float32"


def test_a_gpu_that_has_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    assert precision.is_offered(torch.device("cuda"))


def test_a_network_that_bears_it_keeps_its_answers() -> None:
    assert precision.keeps_answers(with_random_weights("resnet18").model, size=224, device=CPU)


def test_a_network_that_lives_on_small_differences_does_not() -> None:
    class Fine(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            level = images.flatten(1) @ torch.full((images[0].numel(), 1), 1e-3)
            return torch.cat([level + 100, 100 - level], dim=1) * 50

    assert not precision.keeps_answers(Fine(), size=32, device=CPU)


@pytest.mark.parametrize(
    ("half", "agrees"),
    [([4.0, 1.0, 0.0], True), ([4.01, 1.0, 0.0], True), ([4.2, 1.0, 0.0], False), ([1.0, 4.0, 0.0], False)],
)
def test_answers_agree_within_the_stated_bounds(half: list[float], agrees: bool) -> None:
    assert precision.agree(torch.tensor([[4.0, 1.0, 0.0]]), torch.tensor([half])) is agrees


def test_answers_that_are_no_numbers_do_not_agree() -> None:
    assert not precision.agree(torch.tensor([[4.0, 1.0]]), torch.tensor([[float("nan"), 1.0]]))


def test_a_trace_in_half_precision_says_so_and_tells_nearly_the_same(
    halved: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    trace = recorded(halved, cat)
    assert trace.finished.made_by.dtype == "bfloat16"
    assert [one.class_index for one in trace.predicted.top_k[:3]] == [one.class_index for one in cat_trace.predicted.top_k[:3]]
    for one, other in zip(trace.predicted.top_k, cat_trace.predicted.top_k, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=0.03)
    for ran, single in zip(trace.stages, cat_trace.stages, strict=True):
        if ran.stage.kind is StageKind.FEATURES and ran.statistics and single.statistics:
            assert ran.statistics.std == pytest.approx(single.statistics.std, rel=0.05)
    (evidence,), (expected,) = trace.results, cat_trace.results
    assert evidence.figures["maximum"] == pytest.approx(expected.figures["maximum"], rel=0.1)


def test_it_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "is_offered", lambda _device: True)
    monkeypatch.setattr(precision, "keeps_answers", lambda *_model, **_how: True)
    assert engine.load(DEFAULT_NETWORK).half
    assert not engine.load(DEFAULT_NETWORK, half=False).half
