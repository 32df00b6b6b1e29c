"""One photo, the correct run and beside it a run with one mistake: what comes out of both, and where they part."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.ops import StochasticDepth

from inference.contracts import (
    Asked,
    Cancelled,
    Emit,
    Finished,
    MistakeName,
    Picture,
    Predicted,
    Prediction,
    Result,
)
from inference.engine import pictures, preprocessing, stages
from inference.engine.clock import milliseconds
from inference.engine.mistakes.divergence import jensen_shannon, relative_l2
from inference.engine.mistakes.registered import MISTAKES, other_figures
from inference.engine.mistakes.way import Way, right
from inference.engine.tracing import TOP, LoadedNetwork
from inference.engine.watching import is_out_of_memory, never
from inference.engine.weights import Preprocessing

MESSAGE_LENGTH = 2000

LEARNERS_ERRORS = (RuntimeError, ValueError, TypeError, AssertionError, AttributeError, IndexError)
"""What a wrong step ends in, at whoever's desk it is made."""


def make(
    loaded: LoadedNetwork,
    image: Image.Image,
    names: Iterable[MistakeName],
    *,
    emit: Emit,
    cancelled: Asked = never,
    seed: int = 0,
) -> Finished:
    """Runs the photo as it should be, then with each mistake; emits Predicted, Results "mistake:<name>" and Finished.

    The same seed gives the same figures, whatever other mistakes are made. Raises Cancelled between two stages once
    `cancelled()` is true, and EngineError when the correct run cannot be made.
    """
    began = time.perf_counter()
    with loaded.alone(), torch.inference_mode():
        pair = _Pair(loaded, image, seed=seed, cancelled=cancelled)
        emit(Predicted(pair.predictions(pair.correct)))
        for name in names:
            emit(pair.result(name))
    finished = Finished(replace(loaded.made_by, seed=seed), milliseconds(time.perf_counter() - began))
    emit(finished)
    return finished


@dataclass(slots=True)
class _Run:
    """What is known of one run; after an error, as far as it came."""

    input: torch.Tensor | None = None
    ended: list[torch.Tensor | None] = field(
        default_factory=list
    )  # for each stage that ended: how far it is from the right one
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    probabilities: torch.Tensor | None = None
    labelled: torch.Tensor | None = None
    error: Exception | None = None

    @property
    def has_answer(self) -> bool:
        return self.labelled is not None and bool(self.labelled.isfinite().all())


class _Pair:
    """The correct run of a photo, and each mistake held against it."""

    def __init__(self, loaded: LoadedNetwork, image: Image.Image, *, seed: int, cancelled: Asked) -> None:
        self._loaded = loaded
        self._seed = seed
        self._cancelled = cancelled
        self._way = right(loaded.weights.preprocessing)
        self._upright = preprocessing.decode(image)
        _cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
        self._outputs: list[torch.Tensor] = []
        self.correct = _Run(input=loaded.batch(prepared))
        self._pass(self.correct, self._way, lambda _index, output: self._outputs.append(output.clone()))

    def result(self, name: MistakeName) -> Result:
        """The run with this mistake, in figures."""
        wrong = self._broken(MISTAKES[name](self._way))
        pictured = {"input": wrong.input, "correct_input": self.correct.input}
        drawn = {key: _drawn(batch, self._way.how) for key, batch in pictured.items()}
        figures = {
            "slug": str(name),
            "network": self._loaded.weights.network,
            "seed": self._seed,
            "preprocessing": _preprocessing(self._way.how),
            "layers": _layers(self._loaded.model),
            "top_k": [asdict(prediction) for prediction in self.predictions(wrong)],
            "correct_top_k": [asdict(prediction) for prediction in self.predictions(self.correct)],
            "input": _statistics(wrong.input),
            "correct_input": _statistics(self.correct.input),
            "stages": self._stages(wrong),
            "error": self._error(wrong),
            **self._answers(wrong),
        }
        return Result(f"mistake:{name}", figures, {key: picture for key, picture in drawn.items() if picture is not None})

    def predictions(self, run: _Run) -> tuple[Prediction, ...]:
        """The labels of highest probability; none where the run has no answer."""
        if run.labelled is None or not run.has_answer:
            return ()
        probabilities, labels = run.labelled[0].topk(TOP)
        names = self._loaded.weights.categories
        return tuple(
            Prediction(rank, index, names[index], probability)
            for rank, (index, probability) in enumerate(zip(labels.tolist(), probabilities.tolist(), strict=True), start=1)
        )

    def _broken(self, way: Way) -> _Run:
        run = _Run()
        device = self._loaded.device
        with _seeded(self._seed, device):
            try:
                run.input = self._placed(way.prepared(self._upright))
                self._pass(run, way, lambda index, output: self._compare(run, index, output))
            except LEARNERS_ERRORS as error:
                if is_out_of_memory(error):
                    raise
                run.error = error
        return run

    def _placed(self, batch: torch.Tensor) -> torch.Tensor:
        return self._loaded.batch(batch) if batch.dim() == 4 else batch.to(self._loaded.device)

    def _pass(self, run: _Run, way: Way, reached: Callable[[int, torch.Tensor], None]) -> None:
        model = way.network(self._loaded.model)

        def watched(index: int, output: torch.Tensor) -> None:
            if self._cancelled():
                raise Cancelled
            run.shapes.append(tuple(output.shape))
            reached(index, output)

        with stages.stopping_at(model, self._loaded.plan.boundaries, watched):
            logits = model(run.input)
        run.probabilities = way.probabilities(logits)
        run.labelled = way.labelled(run.probabilities)

    def _compare(self, run: _Run, index: int, output: torch.Tensor) -> None:
        # at once: later layers overwrite it in place
        run.ended.append(relative_l2(output, self._outputs[index]))

    def _stages(self, wrong: _Run) -> list[dict[str, Any]]:
        """The input, every stage that ended and the probabilities, each with how far it is from the right one."""
        told = []
        if wrong.input is not None and self.correct.input is not None:
            told.append(_stage("input", "input", "preprocessing", wrong.input, self.correct.input))
        planned = zip(self._loaded.plan.stages, wrong.shapes, self.correct.shapes, wrong.ended, strict=False)
        for stage, shape, correct_shape, distance in planned:
            told.append(
                {
                    "name": stage.name,
                    "title": stage.title or stage.name,
                    "kind": str(stage.kind),
                    "shape": list(shape),
                    "correct_shape": list(correct_shape),
                    "relative_l2": _number(distance),
                }
            )
        if wrong.probabilities is not None and self.correct.probabilities is not None:
            told.append(_stage("softmax", "softmax", "output", wrong.probabilities, self.correct.probabilities))
        return told

    def _answers(self, wrong: _Run) -> dict[str, Any]:
        """How far the answers are apart, and what became of the right first choice; None where there is no answer."""
        if wrong.labelled is None or self.correct.labelled is None or not wrong.has_answer:
            return {"divergence_bits": None, "same_first": None, "first_rank": None, "first_probability": None}
        first = int(self.correct.labelled[0].argmax())
        kept = wrong.labelled[0, first]
        rank = 1 + int((wrong.labelled[0] > kept).sum())
        return {
            "divergence_bits": jensen_shannon(wrong.labelled, self.correct.labelled),
            "same_first": rank == 1,
            "first_rank": rank,
            "first_probability": float(kept),
        }

    def _error(self, wrong: _Run) -> dict[str, str] | None:
        """The exception's class and words, and the stage in which it was raised; empty before the network's first."""
        if wrong.error is None:
            return None
        names = [stage.name for stage in self._loaded.plan.stages]
        within = names[len(wrong.shapes)] if wrong.input is not None and len(wrong.shapes) < len(names) else ""
        return {"type": type(wrong.error).__name__, "message": str(wrong.error)[:MESSAGE_LENGTH], "stage": within}


def _stage(name: str, title: str, kind: str, wrong: torch.Tensor, correct: torch.Tensor) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "kind": kind,
        "shape": list(wrong.shape),
        "correct_shape": list(correct.shape),
        "relative_l2": _number(relative_l2(wrong, correct)),
    }


def _number(value: torch.Tensor | None) -> float | None:
    """A value that JSON can carry: None for what was not measured or is not a number."""
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


def _statistics(batch: torch.Tensor | None) -> dict[str, Any] | None:
    """What the network was handed: its shape and the range of its values."""
    if batch is None:
        return None
    values = batch.float()
    return {
        "shape": list(batch.shape),
        "minimum": _number(values.amin()),
        "maximum": _number(values.amax()),
        "mean": _number(values.mean()),
        "std": _number(values.std()),
    }


def _preprocessing(how: Preprocessing) -> dict[str, Any]:
    """What the weights expect, and the figures that people take for it, for whoever shows the code."""
    other_mean, other_std = other_figures(how.mean)
    return {
        "resize_size": how.resize_size,
        "crop_size": how.crop_size,
        "mean": list(how.mean),
        "std": list(how.std),
        "interpolation": how.interpolation,
        "other_mean": list(other_mean),
        "other_std": list(other_std),
    }


def _layers(model: nn.Module) -> dict[str, int]:
    """How many layers behave otherwise in training mode."""
    modules: Sequence[nn.Module] = list(model.modules())
    return {
        "batch_norms": sum(isinstance(module, _BatchNorm) for module in modules),
        "dropouts": sum(isinstance(module, (nn.Dropout, StochasticDepth)) and module.p > 0 for module in modules),
    }


def _drawn(batch: torch.Tensor | None, how: Preprocessing) -> Picture | None:
    """What the network is handed, with the right normalisation undone; None where it is no picture of three colours."""
    if batch is None or batch.dim() not in (3, 4) or batch.shape[-3] != len(how.mean):
        return None
    planes = batch.reshape(batch.shape[-3:]).float().cpu()
    mean, std = (torch.tensor(figures)[:, None, None] for figures in (how.mean, how.std))
    levels = ((planes * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
    return pictures.photograph(Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy()))


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Dropout falls the same way each time; the process's own chance goes on where it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
