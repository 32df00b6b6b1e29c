"""One watched pass: what it emits, and that watching changes nothing."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from django.conf import settings
from PIL import Image

from inference import engine
from inference.contracts import (
    DEFAULT_NETWORK,
    ENGINE_VERSION,
    Cancelled,
    EngineError,
    Event,
    Failure,
    Finished,
    Predicted,
    Result,
    StageKind,
    StageRan,
)
from inference.engine import preprocessing, stages
from tests.inference.engine.conftest import Recording, recorded
from tests.networks import plain_answer

pytestmark = [pytest.mark.torch, pytest.mark.weights]


def hooks(model: torch.nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules())


def state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def asked_after(calls: int) -> Callable[[], bool]:
    """Says yes from that call on."""
    left = calls

    def cancelled() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    return cancelled


def test_the_cat_is_a_tiger_cat_an_egyptian_cat_or_a_tabby(cat_trace: Recording) -> None:
    top_k = cat_trace.predicted.top_k
    assert [prediction.label for prediction in top_k[:3]] == ["tiger cat", "Egyptian cat", "tabby"]
    assert [prediction.rank for prediction in top_k] == [1, 2, 3, 4, 5]
    assert [prediction.class_index for prediction in top_k[:3]] == [282, 285, 281]
    assert [prediction.probability for prediction in top_k[:3]] == pytest.approx([0.3946, 0.3551, 0.1697], abs=1e-3)


def test_stages_come_in_order_then_the_prediction_then_what_made_it(cat_trace: Recording) -> None:
    assert [ran.index for ran in cat_trace.stages] == list(range(17))
    assert {ran.total for ran in cat_trace.stages} == {17}
    kinds = [ran.stage.kind for ran in cat_trace.stages]
    assert kinds == sorted(kinds, key=list(StageKind).index)
    assert [type(event) for event in cat_trace.events[-3:]] == [Predicted, Result, Finished]


def test_each_stage_takes_what_the_one_before_made(cat_trace: Recording) -> None:
    for ran, following in zip(cat_trace.stages, cat_trace.stages[1:], strict=False):
        assert ran.stage.output_shape == following.stage.input_shape


def test_the_times_of_the_stages_fit_into_the_whole(cat_trace: Recording) -> None:
    taken = [ran.milliseconds for ran in cat_trace.stages]
    assert all(milliseconds >= 0 for milliseconds in taken)
    assert 0 < sum(taken) < cat_trace.finished.milliseconds


def test_what_made_the_trace_is_said(cat_trace: Recording) -> None:
    made = cat_trace.finished.made_by
    assert (made.engine, made.network, made.weights) == (ENGINE_VERSION, DEFAULT_NETWORK, "IMAGENET1K_V1")
    assert made.weights_sha256.startswith("57934424")
    assert len(made.weights_sha256) == 64
    assert (made.torch, made.device, made.dtype, made.threads) == (torch.__version__, "cpu", "float32", 1)


def test_statistics_are_those_of_the_whole_activation(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    outputs: list[torch.Tensor] = []
    keep = lambda _index, output: outputs.append(output.clone())  # noqa: E731
    with stages.stopping_at(lite0.model, lite0.plan.boundaries, keep):
        seen = recorded(lite0, cat).stages[preprocessing.STEPS : -1]  # without softmax
    for output, ran in zip(outputs, seen, strict=True):
        assert ran.statistics is not None
        assert ran.statistics.mean == pytest.approx(float(output.mean()), rel=1e-4, abs=1e-5)
        assert ran.statistics.std == pytest.approx(float(output.std(unbiased=False)), rel=1e-4)
        assert (ran.statistics.minimum, ran.statistics.maximum) == (float(output.min()), float(output.max()))
        flat = output.flatten(2) if output.dim() == 4 else output[..., None]
        silent = int((flat.amax(2) == flat.amin(2)).sum()) if output.dim() == 4 else 0
        assert (ran.statistics.silent_channels, ran.statistics.channels) == (silent, output.shape[1])


def test_every_stage_has_a_picture_that_can_be_decoded(cat_trace: Recording) -> None:
    for ran in cat_trace.stages:
        assert ran.picture is not None
        decoded = Image.open(io.BytesIO(ran.picture.content))
        assert Image.MIME[str(decoded.format)] == ran.picture.media_type
        assert decoded.size == (ran.picture.width, ran.picture.height)


def test_what_a_trace_tells_reaches_another_process_without_torch(cat_trace: Recording) -> None:
    look = "import pickle, sys; events = pickle.load(sys.stdin.buffer); print(len(events), 'torch' in sys.modules)"
    events = pickle.dumps(cat_trace.events)
    there = subprocess.run([sys.executable, "-c", look], input=events, cwd=settings.ROOT, capture_output=True, check=True)
    assert there.stdout.split() == [str(len(cat_trace.events)).encode(), b"False"]


def test_a_picture_of_features_shows_the_sixteen_channels_that_vary_most(cat_trace: Recording) -> None:
    picture = cat_trace.stage("features4").picture
    assert picture is not None
    assert (picture.width, picture.height, picture.scale) == (224, 224, "signed")
    assert len(set(picture.channels_shown)) == 16
    assert len(picture.maxima) == 16
    assert picture.maximum == max(picture.maxima)


def test_what_is_never_negative_is_drawn_from_zero(cat_trace: Recording) -> None:
    scales = {ran.stage.name: ran.picture.scale for ran in cat_trace.stages if ran.picture}
    assert scales["decode"] == scales["resize"] == scales["crop"] == "photo"
    assert scales["to_tensor"] == scales["features0"] == scales["features8"] == scales["softmax"] == "unsigned"
    assert scales["normalise"] == scales["features1"] == scales["classifier"] == "signed"


def test_without_drawing_no_picture_is_made(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    assert all(ran.picture is None for ran in recorded(lite0, cat, draw=False).stages)


def test_two_runs_are_equal_to_the_last_bit(lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording) -> None:
    again = recorded(lite0, cat)
    assert again.predicted == cat_trace.predicted
    assert [(ran.stage, ran.statistics, ran.picture) for ran in again.stages] == [
        (ran.stage, ran.statistics, ran.picture) for ran in cat_trace.stages
    ]


def test_watching_does_not_change_the_logits(lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording) -> None:
    assert plain_answer(lite0, cat) == cat_trace.predicted.top_k


def test_a_trace_leaves_the_network_as_it_was(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    before, threads = state(lite0.model), torch.get_num_threads()
    recorded(lite0, cat)
    assert hooks(lite0.model) == 0
    assert torch.get_num_threads() == threads
    assert all(torch.equal(tensor, before[name]) for name, tensor in lite0.model.state_dict().items())


def test_a_network_left_in_training_mode_is_traced_in_evaluation_mode_and_put_back(
    lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    before = state(lite0.model)
    lite0.model.features[3].train()  # type: ignore[index, union-attr]
    training = [layer.training for layer in lite0.model.modules()]
    try:
        assert recorded(lite0, cat).predicted == cat_trace.predicted
        assert [layer.training for layer in lite0.model.modules()] == training
    finally:
        lite0.model.eval()
    assert all(torch.equal(tensor, before[name]) for name, tensor in lite0.model.state_dict().items())


@pytest.mark.parametrize("calls", [0, 3, 5, 9, 16])
def test_a_cancelled_trace_stops_between_two_stages_and_keeps_what_it_told(
    calls: int, lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    told: list[Event] = []
    with pytest.raises(Cancelled):
        lite0.trace(cat, emit=told.append, cancelled=asked_after(calls))
    assert hooks(lite0.model) == 0
    assert len(told) == calls
    assert [event.stage for event in told if isinstance(event, StageRan)] == [ran.stage for ran in cat_trace.stages[:calls]]
    assert recorded(lite0, cat).predicted == cat_trace.predicted


def test_a_listener_that_fails_ends_the_trace_and_leaves_no_hook(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, StageRan) and event.stage.name == "features5":
            raise ConnectionError("the stream is gone")

    with pytest.raises(ConnectionError):
        lite0.trace(cat, emit=fail)
    assert hooks(lite0.model) == 0


def test_two_threads_trace_one_after_the_other(lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording) -> None:
    recordings: list[Recording] = []
    threads = [threading.Thread(target=lambda: recordings.append(recorded(lite0, cat, draw=False))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [recording.predicted for recording in recordings] == [cat_trace.predicted] * 2


def test_memory_that_runs_out_is_named(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    def exhausted(_event: Event) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(EngineError) as caught:
        lite0.trace(cat, emit=exhausted)
    assert caught.value.failure is Failure.OUT_OF_MEMORY


def test_engine_trace_loads_runs_and_forgets(cat: Image.Image, cat_trace: Recording, empty_weights_dir: Path) -> None:
    events: list[Event] = []
    engine.trace(cat, network=DEFAULT_NETWORK, emit=events.append, weights_dir=empty_weights_dir)
    assert events[-3] == cat_trace.predicted
