"""Watching a pass of one or more photographs: what each stage made of each of them, told to whoever asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from PIL import Image

from inference.contracts import Asked, Cancelled, Emit, EngineError, Failure, Finished, Stage, StageRan
from inference.engine import pictures, preprocessing, reductions, stages
from inference.engine.clock import Clock
from inference.engine.weights import Preprocessing

Outcome = Finished | Exception
"""How a trace ended: whole, or with Cancelled, EngineError, or whatever its listener raised."""

_HOST = torch.device("cpu")


def never() -> bool:
    """False: nobody cancels."""
    return False


@dataclass(frozen=True, slots=True)
class Order:
    """One photograph to trace, who is told, and who may stop it."""

    image: Image.Image
    emit: Emit
    cancelled: Asked = never
    draw: bool = True  # pictures
    explain: bool = True  # the evidence for the most probable class


class Listener:
    """One order on its way. What goes wrong with it ends it, and none of those that run beside it."""

    def __init__(self, order: Order, *, total: int, first: int = 0) -> None:
        self.order = order
        self.outcome: Outcome | None = None
        self.input: torch.Tensor | None = None  # 1 × 3 × H × W once it is preprocessed
        self._total = total
        self._next = first  # a pass that is taken again does not tell again what was told

    @property
    def goes_on(self) -> bool:
        """Whether its photograph is still being worked on."""
        return self.outcome is None

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """Whatever goes wrong inside is this order's end."""
        try:
            yield
        except Exception as error:
            self.end(error)

    def end(self, error: Exception) -> None:
        """It ended this way, unless it had ended before."""
        if self.goes_on:
            self.outcome = named(error)

    def stop_if_cancelled(self) -> None:
        """Raises Cancelled once whoever asked wants no more."""
        if self.order.cancelled():
            raise Cancelled

    def prepare(self, how: Preprocessing) -> None:
        """Makes the network's input of its photograph, telling each step."""
        begun = Clock(_HOST)
        for index, step in enumerate(preprocessing.preprocess(self.order.image, how)):
            ended = Clock(_HOST)
            self.stop_if_cancelled()
            elapsed = ended.since(begun)
            if isinstance(step.output, Image.Image):
                picture = pictures.photograph(step.output) if self.order.draw else None
                self.tell(StageRan(index, self._total, step.stage, elapsed, None, picture))
            else:
                drawn = pictures.draw_planes(step.output).picture() if self.order.draw else None
                (statistics,) = reductions.reduce(step.output).statistics()
                self.tell(StageRan(index, self._total, step.stage, elapsed, statistics, drawn))
                self.input = step.output
            begun = Clock(_HOST)

    def tell(self, ran: StageRan) -> None:
        """Emits a stage, once."""
        if ran.index >= self._next:
            self._next = ran.index + 1
            self.order.emit(ran)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One stage's outputs, reduced on their device and not yet read, so that nothing here waits for a GPU.

    It holds four numbers a channel and the bytes of a picture for each photograph, however large the network is.
    """

    index: int
    stage: Stage
    begun: Clock
    ended: Clock
    reduced: reductions.Reduced
    drawing: pictures.Drawing | None


class Watch:
    """Sees each stage of one pass end. On a CPU it tells at once; on a GPU after the pass: reading earlier would stall it."""

    def __init__(self, plan: stages.Plan, device: torch.device, listeners: Sequence[Listener], *, first: int) -> None:
        self._plan = plan
        self._device = device
        self._listeners = listeners
        self._first = first  # the index of the network's first stage
        self._total = first + len(plan.stages) + 1
        self._draws = any(listener.order.draw for listener in listeners)
        self._waiting: list[_Seen] = []
        self._begun = Clock(_HOST)

    def starts(self) -> None:
        """The network is about to run."""
        self._begun = Clock(self._device)

    def reached(self, index: int, output: torch.Tensor) -> None:
        """The network's stage of that number has ended with this output, which later stages may overwrite."""
        self._ended(index, self._plan.stages[index], output.detach())

    def softmax(self, probabilities: torch.Tensor) -> None:
        """The stage after the network has ended."""
        self._ended(len(self._plan.stages), self._plan.softmax, probabilities.detach())

    def finish(self) -> None:
        """Everything has run: tells what a GPU kept waiting."""
        if self._waiting and self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        for seen in self._waiting:
            self._stop_when_nobody_listens()
            self._read(seen)
        self._waiting.clear()

    def _ended(self, index: int, stage: Stage, output: torch.Tensor) -> None:
        # What happens from here on is not counted as any stage's time.
        ended = Clock(self._device)
        self._stop_when_nobody_listens()
        with torch.no_grad():
            maps = reductions.as_maps(output, stage.layout).float()
            reduced = reductions.reduce(maps)
            drawing = self._drawing(stage, maps, reduced) if self._draws else None
        seen = _Seen(self._first + index, stage, self._begun, ended, reduced, drawing)
        if self._device.type == "cpu":
            self._read(seen)
        else:
            self._waiting.append(seen)
        self._begun = Clock(self._device)

    def _drawing(self, stage: Stage, maps: torch.Tensor, reduced: reductions.Reduced) -> pictures.Drawing:
        if stage.layout == "NC":
            return pictures.draw_vector(maps, reduced.lowest())
        return pictures.draw_channels(reductions.laid_out(maps, stage.layout), reduced.variance(), reduced.lowest())

    def _read(self, seen: _Seen) -> None:
        # Photographs that run together take their time together: each is told its share.
        elapsed = round(seen.ended.since(seen.begun) / len(self._listeners), 3)
        statistics = seen.reduced.statistics()
        drawing = seen.drawing.fetched() if seen.drawing else None
        for number, listener in enumerate(self._listeners):
            if listener.goes_on:
                with listener.by_itself():
                    picture = drawing.picture(number) if drawing and listener.order.draw else None
                    listener.tell(StageRan(seen.index, self._total, seen.stage, elapsed, statistics[number], picture))

    def _stop_when_nobody_listens(self) -> None:
        for listener in self._listeners:
            if listener.goes_on:
                with listener.by_itself():
                    listener.stop_if_cancelled()
        if not any(listener.goes_on for listener in self._listeners):
            raise Cancelled


def named(error: Exception) -> Exception:
    """The error, or EngineError where torch could not have the memory it asked for."""
    return EngineError(Failure.OUT_OF_MEMORY) if is_out_of_memory(error) else error


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch could not have the memory it asked for. On a CPU it says so in words only."""
    if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError):
        return any(words in str(error) for words in ("not enough memory", "can't allocate memory"))
    return isinstance(error, torch.OutOfMemoryError | MemoryError)
