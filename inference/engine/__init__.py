"""Tracing and inspecting real networks: a library without Django or Celery, and the only home of torch.

A worker keeps networks warm and traces one image at a time::

    from inference import engine
    from inference.contracts import Cancelled, EngineError

    networks = engine.NetworkCache(weights_dir=Path("data/weights"), threads=1)   # bounded in bytes; or engine.load(...)
    loaded = networks.get("efficientnet_lite0")      # LoadedNetwork; raises EngineError (WEIGHTS_MISSING, UNKNOWN_NETWORK, …)
    loaded.trace(image, emit=store, cancelled=stopped)     # image: PIL.Image; emits StageRan…, Predicted, Finished; raises Cancelled

Without keeping anything: `engine.trace(image, network="efficientnet_lite0", emit=print)`.
Without weights: `engine.facts("resnet50")`, `engine.network_ids()`, `engine.record("resnet50")`.
On a terminal: `python -m inference.engine --help`.
"""
