"""A model that learns from examples, one epoch at a time. The same for a linear head on features and for a whole network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from inference.contracts import EngineError, Failure
from inference.engine import devices
from inference.engine.training.curve import Epoch
from inference.engine.watching import is_out_of_memory

BATCH = 32
WEIGHT_DECAY = 0.01  # AdamW's own default: https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html

Prepare = Callable[[torch.Tensor], torch.Tensor]
Stop = Callable[[], None]
Said = tuple[torch.Tensor, torch.Tensor]
"""Logits, N × classes, and the true classes, N, both on the CPU."""


def as_it_is(batch: torch.Tensor) -> torch.Tensor:
    """The batch itself: nothing is to be prepared."""
    return batch


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a model is taught or asked: inputs, N first, their classes, and what makes a batch of the inputs ready."""

    inputs: torch.Tensor
    labels: torch.Tensor
    prepare: Prepare = as_it_is

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int, order: torch.Tensor | None = None) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches of that size in the order of these places, or as they are."""
        places = torch.arange(len(self)) if order is None else order
        batches = list(places.split(size))  # type: ignore[no-untyped-call]
        if len(batches) > 1 and len(batches[-1]) == 1:  # BatchNorm can't learn from one example whose grid is a single cell
            batches[-2:] = [torch.cat(batches[-2:])]
        for chosen in batches:
            yield self.prepare(self.inputs[chosen]), self.labels[chosen]


class Learner:
    """A model, what teaches it, what judges it, and the optimizer between them.

    `settle` puts the model's layers into the modes in which they are trained; judging is in evaluation mode. With `during` the
    training figures are those of the batches as they were learned.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        training: Lessons,
        held_out: Lessons,
        learning_rate: float,
        seed: int,
        settle: Callable[[nn.Module], object] = nn.Module.train,
        batch: int = BATCH,
        during: bool = False,
    ) -> None:
        self.model = model
        self.training = training
        self.held_out = held_out
        self.during = during
        self._settle = settle
        self._batch = batch
        self._orders = torch.Generator().manual_seed(seed)
        learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=WEIGHT_DECAY)
        self._kept = copy.deepcopy(model.state_dict())

    def learn(self, stop_if_cancelled: Stop) -> Said:
        """One epoch: every training example once, in a new order. What was said of each before it was learned."""
        self._settle(self.model)
        said, truth = [], []
        order = torch.randperm(len(self.training), generator=self._orders)
        for batch, labels in self.training.batches(self._batch, order):
            stop_if_cancelled()
            self._optimizer.zero_grad()
            logits = self.model(batch)
            cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            said.append(logits.detach().float().cpu())
            truth.append(labels.cpu())
        return torch.cat(said), torch.cat(truth)

    def asked(self, lessons: Lessons, stop_if_cancelled: Stop) -> Said:
        """What the model says now."""
        self.model.eval()
        said = []
        with torch.inference_mode():
            for batch, _ in lessons.batches(BATCH):
                stop_if_cancelled()
                said.append(self.model(batch).float().cpu())
        return torch.cat(said).clone(), lessons.labels.cpu()

    def keep(self) -> None:
        """Remember the model as it is now."""
        self._kept = copy.deepcopy(self.model.state_dict())

    def go_back(self) -> None:
        """Make the model what it was when it was last kept."""
        self.model.load_state_dict(self._kept)


def judged(training: Said, held_out: Said) -> Epoch:
    """The figures of what was said of training examples, and of held-out ones."""
    return Epoch(
        train_loss=float(cross_entropy(*training)),
        validation_loss=float(cross_entropy(*held_out)),
        train_accuracy=_accuracy(*training),
        validation_accuracy=_accuracy(*held_out),
    )


def together(said: Sequence[Said]) -> Said:
    """What several learners said, one after the other."""
    logits, truth = zip(*said, strict=True)
    return torch.cat(logits), torch.cat(truth)


def _accuracy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return int((logits.argmax(1) == labels).sum()) / len(labels)


@contextmanager
def reproducible(seed: int, *, threads: int) -> Iterator[None]:
    """The same seed, device and number of threads give the same bits; torch's settings are put back afterwards."""
    deterministic, benchmark = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        with devices.threads(threads), torch.random.fork_rng(), torch.enable_grad():
            torch.manual_seed(seed)
            yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = deterministic, benchmark


@contextmanager
def out_of_memory_named() -> Iterator[None]:
    """EngineError where the memory does not suffice."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise EngineError(Failure.OUT_OF_MEMORY) from error
        raise
