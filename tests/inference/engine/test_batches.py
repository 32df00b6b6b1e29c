"""Photographs that run together are traced as if each had run alone, and none suffers from another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from PIL import Image
from skimage import data

from inference import engine
from inference.contracts import (
    DEFAULT_NETWORK,
    Cancelled,
    EngineError,
    Event,
    Failure,
    Finished,
    Predicted,
    Result,
    StageKind,
    StageRan,
    Statistics,
)
from inference.engine import Order, preprocessing, stages
from inference.engine.watching import Listener, Watch
from tests.inference.engine.conftest import Recording, recorded
from tests.networks import with_random_weights

pytestmark = [pytest.mark.torch, pytest.mark.weights]

TOLERANCE = 1e-5
"""Of a stage's largest magnitude: what another batch size may change in its figures (docs/engine.md)."""


@pytest.fixture(scope="module")
def photos(cat: Image.Image) -> list[Image.Image]:
    coffee = Image.fromarray(data.coffee())  # type: ignore[no-untyped-call]
    astronaut = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    return [
        cat,
        coffee,
        astronaut,
        cat.rotate(90, expand=True),
        cat.convert("L"),
        coffee.rotate(180),
        astronaut.crop((0, 0, 99, 80)),
        cat,
    ]


@pytest.fixture(scope="module", params=[DEFAULT_NETWORK, "resnet18", "vit_b_32"])
def network(request: pytest.FixtureRequest, lite0: engine.LoadedNetwork) -> engine.LoadedNetwork:
    return lite0 if request.param == DEFAULT_NETWORK else with_random_weights(request.param)


def traced(lite0: engine.LoadedNetwork, photos: Sequence[Image.Image]) -> tuple[list[engine.Outcome], list[list[Event]]]:
    events: list[list[Event]] = [[] for _ in photos]
    orders = [Order(photo, heard.append) for photo, heard in zip(photos, events, strict=True)]
    return lite0.trace_many(orders), events


def stages_of(events: Sequence[Event]) -> list[StageRan]:
    return [event for event in events if isinstance(event, StageRan)]


def assert_close(one: Statistics | None, other: Statistics | None) -> None:
    if one is None or other is None:
        assert one is other
        return
    largest = max(abs(one.minimum), abs(one.maximum))
    for name in ("mean", "std", "minimum", "maximum"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=TOLERANCE * largest), name
    assert (one.silent_channels, one.channels) == (other.silent_channels, other.channels)


def test_eight_together_are_traced_as_one_by_one(network: engine.LoadedNetwork, photos: list[Image.Image]) -> None:
    outcomes, events = traced(network, photos)
    for outcome, heard, photo in zip(outcomes, events, photos, strict=True):
        single = recorded(network, photo)
        assert outcome is heard[-1]
        assert [type(event) for event in heard] == [type(event) for event in single.events]
        for ran, ran_alone in zip(stages_of(heard), single.stages, strict=True):
            assert (ran.index, ran.total, ran.stage) == (ran_alone.index, ran_alone.total, ran_alone.stage)
            assert_close(ran.statistics, ran_alone.statistics)
            assert ran.picture is not None
            assert ran_alone.picture is not None
            assert (ran.picture.width, ran.picture.height) == (ran_alone.picture.width, ran_alone.picture.height)
        predicted = next(event for event in heard if isinstance(event, Predicted))
        assert [one.class_index for one in predicted.top_k] == [one.class_index for one in single.predicted.top_k]
        probabilities = [one.probability for one in single.predicted.top_k]
        assert [one.probability for one in predicted.top_k] == pytest.approx(probabilities, abs=TOLERANCE)
        (result,) = [event for event in heard if isinstance(event, Result)]
        assert result.figures["maximum"] == pytest.approx(single.results[0].figures["maximum"], rel=1e-4)


def test_a_pass_of_one_is_the_trace_to_the_last_bit(
    lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    _, (heard,) = traced(lite0, [cat])
    assert [(ran.stage, ran.statistics, ran.picture) for ran in stages_of(heard)] == [
        (ran.stage, ran.statistics, ran.picture) for ran in cat_trace.stages
    ]


def test_what_made_it_says_how_many_ran_together(lite0: engine.LoadedNetwork, photos: list[Image.Image]) -> None:
    outcomes, _ = traced(lite0, photos[:3])
    assert [outcome.made_by.batch for outcome in outcomes if isinstance(outcome, Finished)] == [3, 3, 3]
    assert recorded(lite0, photos[0]).finished.made_by.batch == 1


def test_each_is_told_its_share_of_the_time(lite0: engine.LoadedNetwork, photos: list[Image.Image]) -> None:
    outcomes, events = traced(lite0, photos[:4])
    network = [[ran.milliseconds for ran in stages_of(heard) if ran.stage.kind is StageKind.FEATURES] for heard in events]
    assert network[0] == network[1] == network[2] == network[3]
    whole = [outcome.milliseconds for outcome in outcomes if isinstance(outcome, Finished)]
    assert 0 < 4 * sum(network[0]) < min(whole)


def test_a_photo_that_cannot_be_read_fails_by_itself(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    sliver = Image.new("RGB", (1, 200_000))
    outcomes, events = traced(lite0, [cat, sliver, cat])
    assert [type(outcome) for outcome in outcomes] == [Finished, EngineError, Finished]
    assert isinstance(outcomes[1], EngineError)
    assert outcomes[1].failure is Failure.IMAGE_UNREADABLE
    assert events[1] == []
    assert isinstance(outcomes[0], Finished)
    assert outcomes[0].made_by.batch == 2


@pytest.mark.parametrize("calls", [0, 3, 5, 9, 16])
def test_one_that_is_cancelled_stops_and_the_others_go_on(calls: int, lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    heard: list[list[Event]] = [[], [], []]
    asked = iter(range(1000))
    orders = [Order(cat, events.append) for events in heard]
    orders[1] = dataclasses.replace(orders[1], cancelled=lambda: next(asked) >= calls)
    outcomes = lite0.trace_many(orders)
    assert [type(outcome) for outcome in outcomes] == [Finished, Cancelled, Finished]
    assert [len(events) for events in heard] == [len(heard[0]), calls, len(heard[0])]


def test_when_all_are_cancelled_the_pass_stops(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    heard: list[Event] = []
    orders = [Order(cat, heard.append, lambda: len(heard) >= 12) for _ in range(2)]
    assert [type(outcome) for outcome in lite0.trace_many(orders)] == [Cancelled, Cancelled]
    assert len(heard) == 12


def test_a_listener_that_fails_ends_its_own_trace_only(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    heard: list[Event] = []

    def fail(event: Event) -> None:
        if isinstance(event, StageRan) and event.stage.name == "features5":
            raise ConnectionError("the stream is gone")

    outcomes = lite0.trace_many([Order(cat, fail), Order(cat, heard.append)])
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, Finished]
    assert isinstance(heard[-1], Finished)


def test_no_orders_are_no_work(lite0: engine.LoadedNetwork) -> None:
    assert lite0.trace_many([]) == []


# --- memory -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(lite0: engine.LoadedNetwork, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[int]]]:
    """Lets the network run out of memory with more photographs than said, in its middle; gives back what it was asked."""

    def bounded(most: int) -> list[int]:
        asked: list[int] = []

        def check(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            asked.append(len(inputs[0]))
            if len(inputs[0]) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")

        handles.append(lite0.model.features[4].register_forward_pre_hook(check))  # type: ignore[index, union-attr]
        return asked

    handles: list[torch.utils.hooks.RemovableHandle] = []
    monkeypatch.setattr(lite0, "_most", 1000)
    yield bounded
    for handle in handles:
        handle.remove()


def test_what_does_not_fit_together_runs_in_smaller_batches(
    lite0: engine.LoadedNetwork,
    photos: list[Image.Image],
    cat_trace: Recording,
    small: Callable[[int], list[int]],
) -> None:
    asked = small(2)
    outcomes, events = traced(lite0, photos[:5])
    assert asked == [5, 2, 1, 2] or asked == [5, 2, 2, 1]
    assert {outcome.made_by.batch for outcome in outcomes if isinstance(outcome, Finished)} == {1, 2}
    for heard in events:
        assert [ran.index for ran in stages_of(heard)] == [ran.index for ran in cat_trace.stages]  # and none is told twice


def test_what_fits_is_remembered(lite0: engine.LoadedNetwork, cat: Image.Image, small: Callable[[int], list[int]]) -> None:
    asked = small(2)
    traced(lite0, [cat] * 4)
    asked.clear()
    traced(lite0, [cat] * 4)
    assert asked == [2, 2]


def test_a_single_photo_that_does_not_fit_fails_with_a_reason(
    lite0: engine.LoadedNetwork, cat: Image.Image, small: Callable[[int], list[int]]
) -> None:
    small(0)
    outcomes, events = traced(lite0, [cat, cat])
    assert [outcome.failure for outcome in outcomes if isinstance(outcome, EngineError)] == [Failure.OUT_OF_MEMORY] * 2
    assert all(not isinstance(event, Predicted) for heard in events for event in heard)


def test_a_pass_that_fails_for_one_photo_is_run_without_it(lite0: engine.LoadedNetwork, photos: list[Image.Image]) -> None:
    def refuse(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if any(float(one.mean()) == poison for one in inputs[0]):
            raise ValueError("not this one")

    means: list[float] = []
    first = lite0.model.features[0]  # type: ignore[index]
    listening = first.register_forward_pre_hook(lambda _module, inputs: means.append(float(inputs[0][0].mean())))  # type: ignore[union-attr]
    lite0.trace(photos[2], emit=lambda _event: None, draw=False)
    listening.remove()
    (poison,) = means
    handle = first.register_forward_pre_hook(refuse)  # type: ignore[union-attr]
    try:
        outcomes, _ = traced(lite0, photos[:4])
    finally:
        handle.remove()
    assert [type(outcome) for outcome in outcomes] == [Finished, Finished, ValueError, Finished]


# --- on a GPU, where stages are read after the pass ---------------------------------------------------------------------------

ELSEWHERE = torch.device("meta")  # any device but a processor: the photographs are on the host all the same


def watched_elsewhere(
    network: engine.LoadedNetwork, photos: Sequence[Image.Image], order: Callable[[Image.Image], Order]
) -> Watch:
    """A pass whose stages have been seen and not yet read."""
    listeners = [Listener(order(photo), total=len(network.plan.stages) + 1) for photo in photos]
    watch = Watch(network.plan, ELSEWHERE, listeners, first=0)
    inputs = [list(preprocessing.preprocess(photo, network.weights.preprocessing))[-1].output for photo in photos]
    with torch.inference_mode(), stages.stopping_at(network.model, network.plan.boundaries, watch.reached):
        watch.softmax(network.model(torch.cat([tensor for tensor in inputs if isinstance(tensor, torch.Tensor)])).softmax(-1))
    return watch


def test_nothing_is_told_before_the_pass_is_over_and_then_all_of_it(
    lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    heard: list[Event] = []
    watch = watched_elsewhere(lite0, [cat], lambda photo: Order(photo, heard.append))
    assert heard == []
    watch.finish()
    network_stages = cat_trace.stages[preprocessing.STEPS :]
    assert [(ran.stage, ran.statistics, ran.picture) for ran in stages_of(heard)] == [
        (ran.stage, ran.statistics, ran.picture) for ran in network_stages
    ]


@pytest.mark.parametrize("draw", [True, False])
def test_what_is_kept_of_a_photo_meanwhile_is_little_in_any_network(
    draw: bool, network: engine.LoadedNetwork, photos: list[Image.Image]
) -> None:
    watch = watched_elsewhere(network, photos[:2], lambda photo: Order(photo, print, draw=draw))
    kept = 0
    for seen in watch._waiting:
        tensors = [seen.reduced.sums]
        if seen.drawing is not None:
            tensors += [seen.drawing.levels, seen.drawing.signed, seen.drawing.maxima, seen.drawing.channels]
        kept += sum(tensor.untyped_storage().nbytes() for tensor in tensors)  # whole storages: a view would hold on to more
    assert kept / 2 < (1_000_000 if draw else 200_000)
