"""Networks kept warm: bounded in bytes, the one that was used longest ago goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from inference.contracts import EngineError, Failure
from inference.engine import devices, networks
from inference.engine.tracing import LoadedNetwork, load
from inference.engine.weights import default_weights_dir


class NetworkCache:
    """Loaded networks of one worker process, all on one device."""

    def __init__(
        self,
        *,
        weights_dir: Path | None = None,
        max_bytes: int = 2 * 1024**3,
        device: str = "cpu",
        threads: int = 1,
        half: bool = True,
    ) -> None:
        self.weights_dir = weights_dir
        self.device = device
        self.threads = threads
        self._half = half
        self._max_bytes = max_bytes
        self._loaded: OrderedDict[tuple[str, str], LoadedNetwork] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, network: str, *, weights: str = "") -> LoadedNetwork:
        """The network, loaded if it is not there yet. A network larger than the bound is kept until the next one comes.

        On a GPU the bound is also half of its memory: passes need the rest. Where memory runs out while a network is loaded,
        all others go and it is tried once more. EngineError: unknown, missing, damaged, out of memory.
        """
        with self._changing:
            key = self._key(network, weights)
            if key not in self._loaded:
                self._loaded[key] = self._with_room(*key)
            self._loaded.move_to_end(key)
            while len(self._loaded) > 1 and self.bytes > self.bound:
                self._loaded.popitem(last=False)
                devices.give_back_memory(self.device)
            return self._loaded[key]

    def holds(self, network: str, *, weights: str = "") -> bool:
        """Whether the network is warm."""
        return self._key(network, weights) in self._loaded

    @property
    def bytes(self) -> int:
        """The size of all that is kept."""
        return sum(loaded.bytes for loaded in self._loaded.values())

    @property
    def bound(self) -> int:
        """How large it may grow."""
        memory = devices.memory_of(self.device)
        return self._max_bytes if memory is None else min(self._max_bytes, memory // 2)

    def _key(self, network: str, weights: str) -> tuple[str, str]:
        """The network and the name of its weights: asked for by name or as those that are there, they are loaded once."""
        return network, networks.record(network).chosen_weights(self.weights_dir or default_weights_dir(), weights).name

    def _with_room(self, network: str, weights: str) -> LoadedNetwork:
        try:
            return self._load(network, weights)
        except EngineError as error:
            if error.failure is not Failure.OUT_OF_MEMORY or not self._loaded:
                raise
        self._loaded.clear()  # outside of the handler, whose traceback would hold on to what was loaded
        devices.give_back_memory(self.device)
        return self._load(network, weights)

    def _load(self, network: str, weights: str) -> LoadedNetwork:
        return load(
            network,
            weights_dir=self.weights_dir,
            weights=weights,
            device=self.device,
            threads=self.threads,
            half=self._half,
        )
