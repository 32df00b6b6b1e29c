"""A network without its last layer: what a new head is put on. Always a copy; the warm network stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from inference.contracts import Stage, StageKind


@dataclass(frozen=True, slots=True)
class Body:
    """A network that ends with its features, N × dimension, for inputs of `side` × `side` pixels."""

    model: nn.Module
    dimension: int
    side: int


def without_head(model: nn.Module, *, sides: Sequence[int], device: torch.device) -> Body:
    """`model`, whose last layer becomes nothing, with the first of these sides that it takes."""
    path, _ = [named for named in model.named_modules() if isinstance(named[1], nn.Linear | nn.Conv2d)][-1]
    model.set_submodule(path, nn.Identity())
    if hasattr(model, "aux_logits"):  # Inception v3 would return its second head's logits as well while it is trained
        setattr(model, "aux_logits", False)  # noqa: B010 - its class says nothing of it to mypy
    for side in sides[:-1]:
        try:
            return Body(model, _dimension(model, side, device), side)
        except (AssertionError, RuntimeError, ValueError):
            continue  # a vision transformer has positions for one size only
    return Body(model, _dimension(model, sides[-1], device), sides[-1])


def _dimension(model: nn.Module, side: int, device: torch.device) -> int:
    with torch.inference_mode():
        return int(model(torch.zeros(1, 3, side, side, device=device)).shape[1])


def sharing(model: nn.Module) -> nn.Module:
    """A copy with modules of its own and the same tensors: cheap, and for reading only.

    Putting another tensor in the place of one leaves the original as it is; writing into one would not.
    """
    return copy.deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())})


def stages_with_parameters(planned: Sequence[Stage]) -> list[Stage]:
    """The stages that can be trained, in order, without the head."""
    return [stage for stage in planned if stage.kind is StageKind.FEATURES and stage.parameters]


def batch_norms(model: nn.Module) -> Iterator[_BatchNorm]:
    """The layers with running statistics."""
    return (module for module in model.modules() if isinstance(module, _BatchNorm))


def shortcut(body: Body, frozen: Sequence[Stage], first_trained: Stage, probe: torch.Tensor) -> nn.Module | None:
    """`body` without its frozen stages, to be fed with what enters `first_trained`; None where that is not the same.

    What does not change need not be computed again in every epoch. Most networks run their stages one after the other, so that
    the frozen ones can be left out; where something else happens between them (a vision transformer's class token and
    positions), the probe, N × 3 × H × W, comes out differently, or not at all.
    """
    short = sharing(body.model)
    for stage in frozen:
        for path in stage.layer_paths:
            short.set_submodule(path, nn.Identity())
    try:
        with torch.inference_mode():
            entered = entering(body.model, first_trained, probe)
            same = torch.equal(short(entered), body.model(probe))
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError):
        return None
    return short if same else None


class _Enough(Exception):
    """What was waited for has been seen: the rest of the network need not run."""


def entering(model: nn.Module, stage: Stage, batch: torch.Tensor) -> torch.Tensor:
    """What enters a stage's first layer when the batch, N × 3 × H × W, runs through the network."""
    seen: list[torch.Tensor] = []

    def look(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(inputs[0].clone())
        raise _Enough

    hook = model.get_submodule(stage.layer_paths[0]).register_forward_pre_hook(look)
    try:
        model(batch)
    except _Enough:
        pass
    finally:
        hook.remove()
    return seen[0]
