"""One forward pass, watched stage by stage: shapes, time, statistics and pictures come out of it as they happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import nn

from inference.contracts import (
    ENGINE_VERSION,
    Cancelled,
    EngineError,
    Event,
    Failure,
    Finished,
    MadeBy,
    Picture,
    Predicted,
    Prediction,
    Stage,
    StageRan,
)
from inference.engine import lite, networks, pictures, preprocessing, reductions, stages
from inference.engine.clock import Clock, milliseconds
from inference.engine.weights import WeightsRecord, default_weights_dir

Emit = Callable[[Event], None]
Asked = Callable[[], bool]

TOP = 5


def never() -> bool:
    """False: nobody cancels."""
    return False


class LoadedNetwork:
    """A network with its trained weights, ready to trace. One trace at a time; a second waits for the first."""

    def __init__(
        self, *, model: nn.Module, weights: WeightsRecord, weights_sha256: str, plan: stages.Plan, device: str, threads: int
    ) -> None:
        self.model = model
        self.weights = weights
        self.plan = plan
        self.device = torch.device(device)
        self.bytes = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
        self.made_by = MadeBy(
            engine=ENGINE_VERSION,
            network=weights.network,
            weights=weights.name,
            weights_sha256=weights_sha256,
            torch=torch.__version__,
            torchvision=torchvision.__version__,
            device=torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type,
            dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
            threads=threads,
        )
        self._threads = threads
        self._busy = threading.Lock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The network to oneself, evaluating with its own number of threads. EngineError where memory runs out."""
        with self._busy, _threads(self._threads), _evaluating(self.model), _out_of_memory_named():
            yield

    def trace(self, image: Image.Image, *, emit: Emit, cancelled: Asked = never, draw: bool = True) -> Finished:
        """Runs one image and emits each stage as it ends, then Predicted and Finished, which is also returned.

        Raises Cancelled between two stages once `cancelled()` is true, and EngineError when it cannot go on. Without `draw`
        no pictures are made.
        """
        began = time.perf_counter()
        with self._busy, _threads(self._threads), _evaluating(self.model), _out_of_memory_named():
            watch = _Watch(self.plan, self.device, emit, cancelled, draw=draw)
            for step in preprocessing.preprocess(image, self.weights.preprocessing):
                watch.prepared(step)
            emit(Predicted(self._watched(self.batch(step.output), watch)))
        finished = Finished(self.made_by, milliseconds(time.perf_counter() - began))
        emit(finished)
        return finished

    def watch(self, batch: torch.Tensor, *, emit: Emit, cancelled: Asked = never, draw: bool = True) -> tuple[Prediction, ...]:
        """The most probable classes of one preprocessed photograph; emits the network's stages and no other event."""
        with self._busy, _threads(self._threads), _evaluating(self.model), _out_of_memory_named():
            return self._watched(batch, _Watch(self.plan, self.device, emit, cancelled, draw=draw))

    def _watched(self, batch: torch.Tensor, watch: _Watch) -> tuple[Prediction, ...]:
        with torch.inference_mode(), stages.stopping_at(self.model, self.plan.boundaries, watch.reached):
            watch.starts()
            logits = self.model(batch)
            watch.ended(self.plan.softmax, logits.softmax(-1))
        watch.finish()
        return self.top_k(logits)

    def predict(self, image: Image.Image) -> tuple[Prediction, ...]:
        """The most probable classes, without watching the stages."""
        *_, last = preprocessing.preprocess(image, self.weights.preprocessing)
        with self._busy, _threads(self._threads), _evaluating(self.model):
            return self.top_k(self.forward(self.batch(last.output)))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits, N × classes, of a batch N × 3 × H × W on this network's device: the plain pass, without hooks."""
        with torch.inference_mode():
            logits: torch.Tensor = self.model(batch)
        return logits

    def batch(self, prepared: Image.Image | torch.Tensor) -> torch.Tensor:
        """A preprocessed photograph, 1 × 3 × H × W, on this network's device and in the memory order it is fastest with."""
        if not isinstance(prepared, torch.Tensor):
            raise TypeError("not preprocessed yet")
        return prepared.to(self.device, memory_format=torch.channels_last)

    def top_k(self, logits: torch.Tensor) -> tuple[Prediction, ...]:
        """The most probable classes of one image's logits, 1 × classes."""
        probabilities, classes = logits[0].softmax(-1).topk(TOP)
        return tuple(
            Prediction(rank, index, self.weights.categories[index], probability)
            for rank, (index, probability) in enumerate(zip(classes.tolist(), probabilities.tolist(), strict=True), start=1)
        )


def load(
    network: str, *, weights_dir: Path | None = None, weights: str = "", device: str = "cpu", threads: int = 1
) -> LoadedNetwork:
    """The network with those weights, or the default ones, or any that are there. EngineError: unknown, missing, damaged."""
    weights_dir = weights_dir or default_weights_dir()
    record = networks.record(network).chosen_weights(weights_dir, weights)
    stored, sha256 = record.read(weights_dir)
    model = networks.build(network, record)
    plan = stages.plan(model, size=record.preprocessing.crop_size, classes=len(record.categories))
    try:
        networks.fill(model, lite.renamed(stored) if network == lite.NETWORK else stored)
    except (KeyError, RuntimeError) as error:
        raise record.damaged(sha256) from error
    model.to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    loaded = LoadedNetwork(model=model, weights=record, weights_sha256=sha256, plan=plan, device=device, threads=threads)
    size = record.preprocessing.crop_size
    with _threads(threads):
        loaded.forward(loaded.batch(torch.zeros(1, 3, size, size)))  # the first pass chooses its kernels: pay for it here
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """One stage's output, reduced on its device and not yet read, so that nothing here waits for a GPU."""

    stage: Stage
    begun: Clock
    ended: Clock
    reduced: reductions.Reduced
    drawing: pictures.Drawing | None


class _Watch:
    """Sees each stage end. On a CPU it emits at once; on a GPU after the pass, because reading earlier would stall it."""

    def __init__(self, plan: stages.Plan, device: torch.device, emit: Emit, cancelled: Asked, *, draw: bool) -> None:
        self._plan = plan
        self._device = device
        self._emit = emit
        self._cancelled = cancelled
        self._draw = draw
        self._total = preprocessing.STEPS + len(plan.stages) + 1
        self._emitted = 0
        self._waiting: list[_Seen] = []
        self._begun = Clock(torch.device("cpu"))

    def prepared(self, step: preprocessing.Step) -> None:
        """A preprocessing step has been taken."""
        ended = Clock(torch.device("cpu"))
        self._stop_if_cancelled()
        if isinstance(step.output, Image.Image):
            picture = pictures.photograph(step.output) if self._draw else None
            self._tell(step.stage, ended.since(self._begun), None, picture)
        else:
            drawing = pictures.draw_planes(step.output) if self._draw else None
            reduced = reductions.reduce(step.output)
            self._read(_Seen(step.stage, self._begun, ended, reduced, drawing))
        self._begun = Clock(torch.device("cpu"))

    def starts(self) -> None:
        """The network is about to run."""
        self._begun = Clock(self._device)

    def reached(self, index: int, output: torch.Tensor) -> None:
        """The network's stage of that number has ended with this output, which later stages may overwrite."""
        self.ended(self._plan.stages[index], output)

    def ended(self, stage: Stage, output: torch.Tensor) -> None:
        """A stage has ended. What happens here is not counted as any stage's time."""
        ended = Clock(self._device)
        self._stop_if_cancelled()
        maps = reductions.as_maps(output, stage.layout)
        reduced = reductions.reduce(maps)
        seen = _Seen(stage, self._begun, ended, reduced, self._drawing(stage, maps, reduced) if self._draw else None)
        if self._device.type == "cpu":
            self._read(seen)
        else:
            self._waiting.append(seen)
        self._begun = Clock(self._device)

    def finish(self) -> None:
        """Everything has run: tells what a GPU kept waiting."""
        if self._waiting:
            torch.cuda.synchronize(self._device)
        for seen in self._waiting:
            self._stop_if_cancelled()
            self._read(seen)
        self._waiting.clear()

    def _drawing(self, stage: Stage, maps: torch.Tensor, reduced: reductions.Reduced) -> pictures.Drawing:
        if stage.layout == "NC":
            return pictures.draw_vector(maps, reduced.lowest())
        return pictures.draw_channels(reductions.as_grid(maps, stage), reduced.variance(), reduced.lowest())

    def _read(self, seen: _Seen) -> None:
        picture = seen.drawing.encoded() if seen.drawing else None
        self._tell(seen.stage, seen.ended.since(seen.begun), seen.reduced, picture)

    def _tell(self, stage: Stage, elapsed: float, reduced: reductions.Reduced | None, picture: Picture | None) -> None:
        statistics = reduced.statistics() if reduced else None
        self._emit(StageRan(self._emitted, self._total, stage, elapsed, statistics, picture))
        self._emitted += 1

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """The same number of threads gives the same bits; torch's setting is the whole process's, so it is put back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode while inside: in training mode a pass would change BatchNorm's running statistics."""
    training = [module for module in model.modules() if module.training]
    model.eval()
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
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise EngineError(Failure.OUT_OF_MEMORY) from error
    except RuntimeError as error:
        if "not enough memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        raise EngineError(Failure.OUT_OF_MEMORY) from error
