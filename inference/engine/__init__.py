"""Tracing and inspecting real networks: a library without Django or Celery, and the only home of torch.

A worker keeps networks warm and traces one image at a time::

    from inference import engine
    from inference.contracts import Cancelled, EngineError

    networks = engine.NetworkCache(weights_dir=Path("data/weights"), threads=1)  # bounded in bytes
    loaded = networks.get("efficientnet_lite0")  # or engine.load(…); raises EngineError (WEIGHTS_MISSING, UNKNOWN_NETWORK, …)
    loaded.trace(image, emit=store, cancelled=stopped)  # image: PIL.Image; emits StageRan…, Predicted, Finished

Several at once: `loaded.trace_many([Order(image, emit, cancelled), …])` gives back how each ended: Finished, or an exception.
`trace` raises Cancelled between two stages once `stopped()` is true, and EngineError when the image cannot be read.
Without keeping anything: `engine.trace(image, network="efficientnet_lite0", emit=print)`.
Without weights: `engine.facts("resnet50")`, `engine.network_ids()`, `engine.record("resnet50")`.
Whatever a worker is asked for: `engine.perform(RunRequest(…), material, networks=…, emit=…, cancelled=…)`.
On a terminal: `python -m inference.engine --help`.
"""

from inference.engine import shim  # first: torchvision's import needs it
from inference.engine.cache import NetworkCache
from inference.engine.devices import chosen_device
from inference.engine.facts import LIBRARY, facts
from inference.engine.networks import NetworkRecord, network_ids, record
from inference.engine.tracing import LoadedNetwork, load, trace
from inference.engine.watching import Order, Outcome
from inference.engine.weights import WeightsRecord, checkpoints, default_weights_dir
from inference.engine.work import perform

__all__ = [
    "LIBRARY",
    "LoadedNetwork",
    "NetworkCache",
    "NetworkRecord",
    "Order",
    "Outcome",
    "WeightsRecord",
    "checkpoints",
    "chosen_device",
    "default_weights_dir",
    "facts",
    "load",
    "network_ids",
    "perform",
    "record",
    "shim",
    "trace",
]
