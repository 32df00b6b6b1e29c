"""A photo through a network with a learner's own head."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import nn

from inference.contracts import (
    Asked,
    Emit,
    EngineError,
    Failure,
    Finished,
    MadeBy,
    Material,
    Predicted,
    Prediction,
    Result,
    RunRequest,
)
from inference.engine import networks, pictures
from inference.engine.cache import NetworkCache
from inference.engine.clock import milliseconds
from inference.engine.making import made_by_untrained
from inference.engine.training import checkpoint
from inference.engine.training.body import Body, sharing, without_head
from inference.engine.training.checkpoint import Checkpoint
from inference.engine.training.learner import out_of_memory_named, reproducible
from inference.engine.training.pixels import Preparation
from inference.engine.weights import Preprocessing
from inference.training_contracts import Strategy

TOP = 5


def run_trial(request: RunRequest, material: Material, warm: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """Emits the head's prediction for the photo. EngineError: a damaged head, one of another network, an unreadable photo."""
    began = time.perf_counter()
    head = checkpoint.read(material.files["head"])
    if request.network != head.network:
        raise foreign(head, request.network)
    trained = assembled(head, warm)
    seen = trained.preparation.pixels(material.photos[0])
    logits = trained.logits(seen)
    if not bool(logits.isfinite().all()):
        raise EngineError(Failure.HEAD_DAMAGED, reason="it says no number of this photo")
    probabilities = logits.softmax(0)
    emit(Predicted(_top_k(probabilities, head.classes)))
    emit(Result("trial", _figures(head, logits, probabilities), {"input": pictures.photograph(_as_picture(seen))}))
    emit(Finished(trained.made_by, milliseconds(time.perf_counter() - began)))


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its new head, ready to predict."""

    model: nn.Module
    preparation: Preparation
    made_by: MadeBy
    device: torch.device

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """What it says of one picture's bytes, 3 × side × side: a number for each class."""
        with reproducible(0, threads=self.made_by.threads), out_of_memory_named(), torch.inference_mode():
            said: torch.Tensor = self.model(self.preparation.numbers(pixels[None].to(self.device)))
        return said[0].float().cpu()

    def predict(self, photo: Image.Image) -> torch.Tensor:
        """The probability of each class. EngineError: unreadable."""
        return self.logits(self.preparation.pixels(photo)).softmax(0)


def assembled(head: Checkpoint, warm: NetworkCache) -> Trained:
    """The head on a copy of its network. EngineError: weights missing, other than those it was trained on, or not fitting."""
    with out_of_memory_named():
        try:
            return _from_scratch(head, warm) if head.strategy is Strategy.SCRATCH else _on_weights(head, warm)
        except (KeyError, RuntimeError) as error:  # a tensor of another shape, or one that the network has not
            raise EngineError(Failure.HEAD_DAMAGED, reason=f"it does not fit {head.network}") from error


def foreign(head: Checkpoint, wanted: str) -> EngineError:
    """The error for a head of another network than the one wanted."""
    return EngineError(Failure.HEAD_FOREIGN, network=head.network, weights=head.weights, wanted=wanted)


def _on_weights(head: Checkpoint, warm: NetworkCache) -> Trained:
    loaded = warm.get(head.network, weights=head.weights)
    if loaded.made_by.weights_sha256 != head.weights_sha256:
        raise foreign(head, f"{loaded.made_by.network} {loaded.made_by.weights}")
    with loaded.alone():
        model = sharing(loaded.model)
    body = without_head(model, sides=(head.side,), device=loaded.device)
    _put_in(body.model, head, complete=False)
    return _with_head(body, head, _how(head, loaded.weights.preprocessing), loaded.made_by, loaded.device)


def _from_scratch(head: Checkpoint, warm: NetworkCache) -> Trained:
    record = networks.record(head.network)
    weights = record.weights_named(record.default_weights)
    device = torch.device(warm.device)
    model = networks.build(head.network, weights, num_classes=len(head.classes))
    body = without_head(model, sides=(head.side,), device=torch.device("meta"))
    _put_in(body.model, head, complete=True)
    made_by = made_by_untrained(head.network, device=device, threads=warm.threads)
    return _with_head(body, head, _how(head, weights.preprocessing), made_by, device)


def _put_in(model: nn.Module, head: Checkpoint, *, complete: bool) -> None:
    """Puts the trained tensors in the place of the copy's; raises RuntimeError where they don't fit."""
    known = model.state_dict()
    if any(known[name].dtype != tensor.dtype for name, tensor in head.state.items()):
        raise RuntimeError("other numbers")
    model.load_state_dict(dict(head.state), strict=complete, assign=True)


def _with_head(body: Body, head: Checkpoint, how: Preprocessing, made_by: MadeBy, device: torch.device) -> Trained:
    if head.weight.shape[1] != body.dimension:
        raise RuntimeError("other features")
    layer = nn.Linear(body.dimension, len(head.classes))
    layer.load_state_dict({"weight": head.weight, "bias": head.bias}, assign=True)
    model = nn.Sequential(body.model, layer).eval().requires_grad_(False).to(device)
    return Trained(model, Preparation(how), made_by, device)


def _how(head: Checkpoint, how: Preprocessing) -> Preprocessing:
    """What the head was trained to see."""
    return replace(
        how,
        resize_size=head.side,
        crop_size=head.side,
        mean=head.mean,
        std=head.std,
        interpolation=head.interpolation,
        antialias=head.antialias,
    )


def _top_k(probabilities: torch.Tensor, classes: tuple[str, ...]) -> tuple[Prediction, ...]:
    highest, places = probabilities.topk(min(TOP, len(classes)))
    return tuple(
        Prediction(rank, place, classes[place], probability)
        for rank, (place, probability) in enumerate(zip(places.tolist(), highest.tolist(), strict=True), start=1)
    )


def _figures(head: Checkpoint, logits: torch.Tensor, probabilities: torch.Tensor) -> dict[str, object]:
    return {
        "classes": list(head.classes),
        "probabilities": probabilities.tolist(),
        "logits": logits.tolist(),
        "strategy": str(head.strategy),
        "data": str(head.data),
        "input_size": head.side,
        "entropy": float(-(probabilities * probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log2()).sum()),
        "highest_entropy": math.log2(len(head.classes)),
        "of_epoch": head.of_epoch,
    }


def _as_picture(pixels: torch.Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())
