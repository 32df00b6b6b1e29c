"""Doing what is asked: each kind of run has one function here, which emits events until it has finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from PIL import Image

from inference.contracts import (
    Asked,
    Emit,
    EngineError,
    Failure,
    Finished,
    Material,
    MistakeName,
    Result,
    RunKind,
    RunRequest,
)
from inference.engine import downloading, measuring, mistakes, pictures, preprocessing
from inference.engine.cache import NetworkCache
from inference.engine.clock import milliseconds
from inference.engine.explaining import LOOKS
from inference.engine.making import made_by_untrained
from inference.engine.networks import record
from inference.engine.tracing import LoadedNetwork
from inference.engine.training import run_training, run_trial
from inference.engine.weights import default_weights_dir

Work = Callable[[RunRequest, Material, NetworkCache, Emit, Asked], object]


def perform(request: RunRequest, material: Material, *, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """Runs what is asked for, emitting its events. Raises Cancelled, and EngineError when it can't be done."""
    work = KINDS.get(request.kind)
    if work is None:
        raise EngineError(Failure.INTERNAL, kind=request.kind)
    work(request, material, networks, emit, cancelled)


def trace(request: RunRequest, material: Material, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """A photo through the network, stage by stage."""
    loaded = networks.get(request.network, weights=str(request.options.get("weights", "")))
    loaded.trace(material.photos[0], emit=emit, cancelled=cancelled)


def look(request: RunRequest, material: Material, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """One closer look at a photo in the network: its maps, evidence, attention, one unit, its neighbours."""
    loaded = networks.get(request.network, weights=str(request.options.get("weights", "")))
    taken = LOOKS.get(str(request.options.get("look")))
    if taken is None:
        raise EngineError(Failure.INTERNAL, look=str(request.options.get("look")))
    began = time.perf_counter()
    emit(crop(loaded, material.photos[0]))
    taken(loaded, material.photos[0], request.options, emit, cancelled)
    emit(Finished(loaded.made_by, milliseconds(time.perf_counter() - began)))


def crop(loaded: LoadedNetwork, image: Image.Image) -> Result:
    """What of the photo the network sees: whatever is drawn over the photo, is drawn over this."""
    cropped, _prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    return Result("crop", {"size": cropped.width}, {"photo": pictures.photograph(cropped)})


def mistake(request: RunRequest, material: Material, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """A photo with mistakes made on purpose, each beside the correct run."""
    loaded = networks.get(request.network, weights=str(request.options.get("weights", "")))
    names = [MistakeName(name) for name in request.options["mistakes"]]
    mistakes.make(loaded, material.photos[0], names, emit=emit, cancelled=cancelled, seed=int(request.options.get("seed", 0)))


def measurement(request: RunRequest, _material: Material, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """How long the network takes on this worker's device, with random weights."""
    began = time.perf_counter()
    measured = measuring.measure(request.network, device=networks.device, threads=networks.threads, cancelled=cancelled)
    emit(measured.result())
    emit(Finished(measured.made_by, milliseconds(time.perf_counter() - began)))


def download(request: RunRequest, _material: Material, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """A weights' file into the weights folder."""
    began = time.perf_counter()
    weights = record(request.network).weights_named(str(request.options["weights"]))
    steps = downloading.Steps(emit)
    fetched = weights.fetch(networks.weights_dir or default_weights_dir(), told=steps, cancelled=cancelled)
    figures = {"file": weights.file, "bytes": fetched.bytes, "sha256": fetched.sha256, "weights": weights.name}
    emit(Result("weights", {**figures, "resumed_from": fetched.resumed_from, "was_there": fetched.was_there}))
    made_by = made_by_untrained(request.network, device=torch.device("cpu"), threads=1)
    made_by = replace(made_by, weights=weights.name, weights_sha256=fetched.sha256)
    emit(Finished(made_by, milliseconds(time.perf_counter() - began)))


KINDS: Mapping[RunKind, Work] = {
    RunKind.TRACE: trace,
    RunKind.LOOK: look,
    RunKind.MISTAKE: mistake,
    RunKind.TRAINING: run_training,
    RunKind.TRIAL: run_trial,
    RunKind.MEASUREMENT: measurement,
    RunKind.DOWNLOAD: download,
}
