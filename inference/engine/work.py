"""Doing what is asked: each kind of run has one function here, which emits events until it has finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from inference.contracts import EngineError, Event, Failure, Finished, Material, MistakeName, RunKind, RunRequest
from inference.engine import mistakes
from inference.engine.cache import NetworkCache
from inference.engine.clock import milliseconds
from inference.engine.explaining import LOOKS

Emit = Callable[[Event], None]
Asked = Callable[[], bool]
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
    taken(loaded, material.photos[0], request.options, emit, cancelled)
    emit(Finished(loaded.made_by, milliseconds(time.perf_counter() - began)))


def mistake(request: RunRequest, material: Material, networks: NetworkCache, emit: Emit, cancelled: Asked) -> None:
    """A photo with mistakes made on purpose, each beside the correct run."""
    loaded = networks.get(request.network, weights=str(request.options.get("weights", "")))
    names = [MistakeName(name) for name in request.options["mistakes"]]
    mistakes.make(loaded, material.photos[0], names, emit=emit, cancelled=cancelled, seed=int(request.options.get("seed", 0)))


KINDS: Mapping[RunKind, Work] = {
    RunKind.TRACE: trace,
    RunKind.LOOK: look,
    RunKind.MISTAKE: mistake,
}
