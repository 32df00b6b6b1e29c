"""Networks kept warm: bounded in bytes, the one that was used longest ago goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from inference.engine.tracing import LoadedNetwork, load


class NetworkCache:
    """Loaded networks of one worker process, all on one device."""

    def __init__(
        self, *, weights_dir: Path | None = None, max_bytes: int = 2 * 1024**3, device: str = "cpu", threads: int = 1
    ) -> None:
        self.weights_dir = weights_dir
        self._max_bytes = max_bytes
        self.device = device
        self.threads = threads
        self._loaded: OrderedDict[tuple[str, str], LoadedNetwork] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, network: str, *, weights: str = "") -> LoadedNetwork:
        """The network, loaded if it is not there yet. A network larger than the bound is kept until the next one comes."""
        with self._changing:
            key = (network, weights)
            if key not in self._loaded:
                self._loaded[key] = load(
                    network, weights_dir=self.weights_dir, weights=weights, device=self.device, threads=self.threads
                )
            self._loaded.move_to_end(key)
            while len(self._loaded) > 1 and self.bytes > self._max_bytes:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def holds(self, network: str, *, weights: str = "") -> bool:
        """Whether the network is warm."""
        return (network, weights) in self._loaded

    @property
    def bytes(self) -> int:
        """The size of all that is kept."""
        return sum(loaded.bytes for loaded in self._loaded.values())
