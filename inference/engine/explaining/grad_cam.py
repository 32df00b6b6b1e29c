"""Where in a photograph the evidence for a class lies: Grad-CAM, found in the same pass that classifies it.

R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", equations 1 and 2,
https://arxiv.org/abs/1610.02391: each channel of the target layer is weighted with the mean over its grid of the gradient of
the class' logit; the weighted sum is kept where it is positive.

The target layer's output is where the gradient starts, so that only the layers after it are differentiated: in most networks
a pool and a linear layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from inference.contracts import Asked, Cancelled, Emit, EngineError, Failure, Picture, Result, StageKind
from inference.engine import pictures, preprocessing, reductions, stages

if TYPE_CHECKING:
    from PIL import Image

    from inference.engine.tracing import LoadedNetwork

NAME = "grad_cam"
_SMALLEST = 3  # cells on a side: a smaller grid says nothing about where
_TRIED = 8  # layers from the end that are tried together


@dataclass(frozen=True, slots=True)
class Target:
    """The layer whose output is explained, and which of its axes mean what."""

    path: str
    layout: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one class in each photograph of a pass: N × H × W, nowhere negative, on the host."""

    target: Target
    shape: tuple[int, ...]  # of the target's output for one photograph
    classes: tuple[int, ...]
    maps: torch.Tensor

    def result(self, number: int, *, label: str, size: int, draw: bool) -> Result:
        """One photograph's evidence, with a picture of size × size pixels where there is any to draw."""
        cells = self.maps[number]
        maximum = float(cells.max())
        figures = {
            "class_index": self.classes[number],
            "label": label,
            "target": self.target.path,
            "target_shape": list(self.shape),
            "grid": list(cells.shape),
            "positive": maximum > 0,
            "maximum": maximum,
        }
        files: dict[str, Picture] = {}
        if maximum > 0:
            row, column = divmod(int(cells.argmax()), cells.shape[1])
            figures |= {
                "peak": [row, column],
                "share_above_half": float((cells > maximum / 2).float().mean()),  # of the cells
            }
            if draw:
                files["heat"] = pictures.heat(cells, size=size)
        return Result(f"{NAME}:{self.classes[number]}", figures, files)


class Gathering:
    """Stands at the target layer during one pass, and finds the evidence after it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._activation: torch.Tensor | None = None

    @contextmanager
    def during(self, model: nn.Module) -> Iterator[None]:
        """While inside, gradients are recorded from the target layer on."""
        with torch.no_grad():  # its end also takes back what `_begin` switched on
            handle = model.get_submodule(self.target.path).register_forward_hook(self._begin)
            try:
                yield
            finally:
                handle.remove()

    def found(self, logits: torch.Tensor, classes: torch.Tensor) -> Evidence:
        """The evidence for one class in each photograph, from the logits, N × classes, of the pass."""
        if self._activation is None:
            raise RuntimeError(f"{self.target.path} did not run")
        scores = logits.gather(1, classes[:, None]).sum()  # photographs don't touch each other: one gradient serves all
        (gradient,) = torch.autograd.grad(scores, self._activation)
        with torch.no_grad():
            weights = reductions.as_grid(gradient, self.target.layout).float().mean((2, 3), keepdim=True)
            maps = (weights * reductions.as_grid(self._activation, self.target.layout)).sum(1).relu().cpu()
        return Evidence(self.target, (1, *self._activation.shape[1:]), tuple(classes.tolist()), maps)

    def _begin(self, _module: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        torch.set_grad_enabled(True)
        self._activation = output.detach().requires_grad_()
        return self._activation.clone()  # what follows may work in place, and a place where gradients start may not change


def target_of(model: nn.Module, plan: stages.Plan, batch: torch.Tensor) -> Target | None:
    """The last layer with a grid on which the logits depend; None where there is none. Runs the network once.

    In a vision transformer only the class token is read at the end: the patches of its last block come too late.
    """
    candidates = list(_candidates(model, plan))[:_TRIED]
    outputs: dict[str, torch.Tensor] = {}
    earliest = candidates[-1].path

    def keep(path: str, output: torch.Tensor) -> torch.Tensor:
        outputs[path] = output.detach().requires_grad_() if path == earliest else output
        return outputs[path].clone()

    with ExitStack() as inside:
        inside.enter_context(_frozen(model))
        inside.enter_context(torch.enable_grad())
        for candidate in candidates:
            hook = lambda _module, _inputs, output, path=candidate.path: keep(path, output)  # noqa: E731
            inside.callback(model.get_submodule(candidate.path).register_forward_hook(hook).remove)
        score = model(batch).amax(1).sum()
        gradients = torch.autograd.grad(score, [outputs[candidate.path] for candidate in candidates], allow_unused=True)
    for candidate, gradient in zip(candidates, gradients, strict=True):
        if gradient is not None:
            grid = reductions.as_grid(gradient, candidate.layout)
            if min(grid.shape[2:]) >= _SMALLEST and bool(grid.any()):
                return candidate
    return None


def _candidates(model: nn.Module, plan: stages.Plan) -> Iterator[Target]:
    """Where each stage of features ends, the last one first; among tokens, each of its blocks."""
    for stage, boundary in reversed(list(zip(plan.stages, plan.boundaries, strict=True))):
        if stage.kind is not StageKind.FEATURES:
            continue
        paths = stage.layer_paths[: stage.layer_paths.index(boundary.path) + 1]
        layers = [path for path in reversed(paths) if not isinstance(model.get_submodule(path), nn.Dropout)]
        for path in layers if stage.layout == "NLC" else layers[:1]:
            yield Target(path, stage.layout)


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def look(loaded: LoadedNetwork, image: Image.Image, options: Mapping[str, Any], emit: Emit, cancelled: Asked) -> None:
    """The evidence for the class options["class_index"], or for the most probable one. EngineError: no such class."""
    _cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    if cancelled():
        raise Cancelled
    with loaded.alone():
        (evidence,) = evidence_for(loaded, loaded.batch(prepared), [options.get("class_index")])
    emit(evidence)


def evidence_for(loaded: LoadedNetwork, batch: torch.Tensor, wanted: Sequence[int | None]) -> list[Result]:
    """For each photograph of a preprocessed batch, what speaks for the wanted class, or for the most probable one.

    The caller has the network to itself. EngineError: no such class, or no layer that could tell.
    """
    classes = len(loaded.weights.categories)
    for class_index in wanted:
        if class_index is not None and not 0 <= class_index < classes:
            raise EngineError(Failure.NOT_THERE, what="class", count=classes)
    if loaded.target is None:
        raise EngineError(Failure.NOT_THERE, what="target", count=0)
    gathering = Gathering(loaded.target)
    with gathering.during(loaded.model):
        logits = loaded.model(batch)
    top = logits.detach().argmax(1)
    asked = torch.tensor([-1 if class_index is None else class_index for class_index in wanted], device=top.device)
    found = gathering.found(logits, torch.where(asked < 0, top, asked))
    return [
        found.result(
            number, label=loaded.weights.categories[class_index], size=loaded.weights.preprocessing.crop_size, draw=True
        )
        for number, class_index in enumerate(found.classes)
    ]
