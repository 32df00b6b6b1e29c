"""One forward pass, watched stage by stage: shapes, time, statistics and pictures come out of it as they happen."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import nn

from inference.contracts import ENGINE_VERSION, Asked, Emit, Finished, MadeBy, Predicted, Prediction
from inference.engine import devices, lite, networks, precision, preprocessing, stages
from inference.engine.clock import milliseconds
from inference.engine.explaining import grad_cam
from inference.engine.watching import Listener, Order, Outcome, Watch, is_out_of_memory, named, never
from inference.engine.weights import WeightsRecord, default_weights_dir

TOP = 5


class LoadedNetwork:
    """A network with its trained weights, ready to trace. One trace at a time; a second waits for the first."""

    def __init__(
        self, *, model: nn.Module, weights: WeightsRecord, weights_sha256: str, plan: stages.Plan, device: str, threads: int
    ) -> None:
        self.model = model
        self.half = False  # whether passes are computed in half precision
        self.weights = weights
        self.plan = plan
        self.device = torch.device(device)
        self.bytes = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
        self.made_by = MadeBy(
            engine=ENGINE_VERSION,
            network=weights.network,
            weights=weights.name,
            weights_sha256=weights_sha256,
            torch=str(torch.__version__),  # its own kind of text: whoever unpickles that loads torch
            torchvision=torchvision.__version__,
            device=torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type,
            dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
            threads=threads,
        )
        self._threads = threads
        self._modules = tuple(model.modules())  # walking through them for every photograph takes a millisecond
        self._busy = threading.Lock()
        self._most = sys.maxsize  # photographs that fit into memory together, as far as is known

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The network to oneself, evaluating with its own number of threads. EngineError where memory runs out."""
        with self._busy, devices.threads(self._threads), _evaluating(self._modules), _out_of_memory_named():
            yield

    @cached_property
    def target(self) -> grad_cam.Target | None:
        """The layer whose evidence is shown. Found by running the network on noise: it is the same for every photograph."""
        size = self.weights.preprocessing.crop_size
        noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        return grad_cam.target_of(self.model, self.plan, self.batch(noise))

    def trace(
        self, image: Image.Image, *, emit: Emit, cancelled: Asked = never, draw: bool = True, explain: bool = True
    ) -> Finished:
        """Runs one image and emits each stage as it ends, then Predicted and Finished, which is also returned.

        Raises Cancelled between two stages once `cancelled()` is true, and EngineError when it cannot go on. Without `draw`
        no pictures are made; without `explain` no evidence is looked for.
        """
        (outcome,) = self.trace_many([Order(image, emit, cancelled, draw=draw, explain=explain)])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def trace_many(self, orders: Sequence[Order]) -> list[Outcome]:
        """Runs all images in one pass and emits to each order its own events, as `trace` does; how each ended, in their order.

        Nothing is raised for a single photograph: one that is cancelled or can't be read leaves the others as they are. Where
        memory runs out, half of them run at a time, down to one. Figures agree with those of a pass of one to about a
        millionth of the largest value of their stage; `made_by.batch` says how many ran together.
        """
        began = time.perf_counter()
        with self._busy, devices.threads(self._threads), _evaluating(self._modules):
            listeners = [Listener(order, total=preprocessing.STEPS + len(self.plan.stages) + 1) for order in orders]
            for listener in listeners:
                with listener.by_itself():
                    listener.prepare(self.weights.preprocessing)
            for ran in self._passes(listeners):
                self._tell_the_end(ran, began=began)
        return [outcome for listener in listeners if (outcome := listener.outcome) is not None]

    def _tell_the_end(self, ran: _Ran, *, began: float) -> None:
        dtype = str(precision.HALF).removeprefix("torch.") if self.half else self.made_by.dtype
        made_by = replace(self.made_by, batch=len(ran.listeners), dtype=dtype)
        for number, (listener, top_k) in enumerate(zip(ran.listeners, self._top_k_of_each(ran.logits), strict=True)):
            if listener.goes_on:
                with listener.by_itself():
                    order = listener.order
                    order.emit(Predicted(top_k))
                    self._tell_evidence(ran, number, order, label=top_k[0].label)
                    finished = Finished(made_by, milliseconds(time.perf_counter() - began))
                    order.emit(finished)
                    listener.outcome = finished

    def _tell_evidence(self, ran: _Ran, number: int, order: Order, *, label: str) -> None:
        if ran.evidence is not None and order.explain:
            size = self.weights.preprocessing.crop_size
            order.emit(ran.evidence.result(number, label=label, size=size, draw=order.draw))

    def _passes(self, listeners: Sequence[Listener]) -> Iterator[_Ran]:
        """Passes of as many photographs as memory allows, until each has run or ended."""
        waiting = [list(listeners)]
        while waiting:
            together = [listener for listener in waiting.pop(0) if listener.goes_on]
            if len(together) > self._most:
                waiting[:0] = [together[: self._most], together[self._most :]]
            elif together:
                ran = self._passed(together)
                if ran is not None:
                    yield ran
                    continue
                half = (len(together) + 1) // 2
                waiting[:0] = [together[:half], together[half:]]

    def _passed(self, together: Sequence[Listener]) -> _Ran | None:
        """What came of one pass; None when the pass failed, which for a single photograph is its end.

        Photographs that fail together are run again apart, whatever the reason: only the one that fails alone is at fault.
        """
        try:
            return self._watched(together)
        except Exception as error:
            if is_out_of_memory(error):
                self._most = max(1, len(together) // 2)
            if len(together) == 1:
                together[0].end(error)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _watched(self, together: Sequence[Listener]) -> _Ran:
        watch = Watch(self.plan, self.device, together, first=preprocessing.STEPS)
        inputs = torch.cat([listener.input for listener in together if listener.input is not None])
        target = self.target if any(listener.order.explain for listener in together) else None
        gathering = grad_cam.Gathering(target) if target else None
        with (
            gathering.during(self.model) if gathering else torch.inference_mode(),
            stages.stopping_at(self.model, self.plan.boundaries, watch.reached),
        ):
            batch = self.batch(inputs)
            watch.starts()
            with precision.casting(self.device, half=self.half):
                logits = self.model(batch).float()
            watch.softmax(logits.detach().softmax(-1))
        evidence = gathering.found(logits, logits.detach().argmax(1)) if gathering else None
        watch.finish()
        return _Ran(tuple(together), logits.detach(), evidence)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits, N × classes, of a batch N × 3 × H × W on this network's device: the plain pass, without hooks."""
        with torch.inference_mode(), precision.casting(self.device, half=self.half):
            logits: torch.Tensor = self.model(batch)
        return logits.float()

    def batch(self, prepared: torch.Tensor) -> torch.Tensor:
        """Preprocessed photographs, N × 3 × H × W, on this network's device and in the memory order it is fastest with."""
        return prepared.to(self.device, memory_format=torch.channels_last)

    def _top_k_of_each(self, logits: torch.Tensor) -> list[tuple[Prediction, ...]]:
        probabilities, classes = logits.softmax(-1).topk(min(TOP, logits.shape[1]))
        return [
            tuple(
                Prediction(rank, index, self.weights.categories[index], probability)
                for rank, (index, probability) in enumerate(zip(*of_one, strict=True), start=1)
            )
            for of_one in zip(classes.tolist(), probabilities.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Ran:
    """One pass and whose photographs were in it."""

    listeners: tuple[Listener, ...]
    logits: torch.Tensor
    evidence: grad_cam.Evidence | None


def load(
    network: str,
    *,
    weights_dir: Path | None = None,
    weights: str = "",
    device: str = "cpu",
    threads: int = 1,
    half: bool = True,
) -> LoadedNetwork:
    """The network with those weights, or the default ones, or any that are there. EngineError: unknown, missing, damaged.

    Without `half` it stays in single precision on a GPU too.
    """
    weights_dir = weights_dir or default_weights_dir()
    record = networks.record(network).chosen_weights(weights_dir, weights)
    stored, sha256 = record.read(weights_dir)
    model = networks.build(network, record)
    plan = stages.plan(model, size=record.preprocessing.crop_size, classes=len(record.categories))
    try:
        networks.fill(model, lite.renamed(stored) if network == lite.NETWORK else stored)
    except (KeyError, RuntimeError) as error:
        raise record.damaged(sha256) from error
    with _out_of_memory_named():
        model.to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    loaded = LoadedNetwork(model=model, weights=record, weights_sha256=sha256, plan=plan, device=device, threads=threads)
    with loaded.alone():  # the first pass chooses its kernels: pay for it here
        loaded.target  # noqa: B018 - it is kept
        if half and precision.is_offered(loaded.device):
            loaded.half = precision.keeps_answers(model, size=record.preprocessing.crop_size, device=loaded.device)
    return loaded


def trace(
    image: Image.Image,
    *,
    network: str,
    emit: Emit,
    cancelled: Asked = never,
    draw: bool = True,
    weights_dir: Path | None = None,
    weights: str = "",
    device: str = "cpu",
    threads: int = 1,
) -> Finished:
    """Loads a network, traces one image and forgets the network. See `LoadedNetwork.trace` for events and errors."""
    loaded = load(network, weights_dir=weights_dir, weights=weights, device=device, threads=threads)
    return loaded.trace(image, emit=emit, cancelled=cancelled, draw=draw)


@contextmanager
def _evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Evaluation mode while inside: in training mode a pass would change BatchNorm's running statistics."""
    training = [module for module in modules if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _out_of_memory_named() -> Iterator[None]:
    """EngineError where torch could not have the memory it asked for."""
    try:
        yield
    except Exception as error:
        known = named(error)
        if known is error:
            raise
        raise known from error
