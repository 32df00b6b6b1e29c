import json
import time
from collections.abc import Sequence
from functools import lru_cache

from celery import shared_task
from PIL import Image

from inference.connections import client
from inference.contracts import DEFAULT_NETWORK, Event
from inference.samples import all_samples
from inference.tasks import networks


@shared_task(name="plain.nothing")
def nothing(*, key: str) -> None:
    """Says that it was here, and nothing else."""
    client().lpush(key, "here")


@shared_task(name="plain.traces")
def traces(*, key: str, batches: Sequence[int]) -> None:
    """As many traces as the batches count, by the engine alone in this same process; says how long it took, in seconds."""
    from inference import engine

    loaded = networks().get(DEFAULT_NETWORK, weights=engine.record(DEFAULT_NETWORK).default_weights)
    photos = _photos()
    began, used = time.perf_counter(), time.process_time()
    for batch in batches:
        loaded.trace_many([engine.Order(photos[number % len(photos)], _forget) for number in range(batch)])
    _say(key, began, used)


@shared_task(name="plain.passes")
def passes(*, key: str, batches: Sequence[int]) -> None:
    """The plain passes of as many photos, in this same process; says how long they took, in seconds."""
    import torch

    from inference import engine

    loaded = networks().get(DEFAULT_NETWORK, weights=engine.record(DEFAULT_NETWORK).default_weights)
    size = loaded.weights.preprocessing.crop_size
    torch.set_num_threads(loaded.made_by.threads)
    inputs = {batch: loaded.batch(torch.rand(batch, 3, size, size)) for batch in set(batches)}
    began, used = time.perf_counter(), time.process_time()
    for batch in batches:
        loaded.forward(inputs[batch])
    _say(key, began, used)


@lru_cache(maxsize=1)
def _photos() -> list[Image.Image]:
    photos = [Image.open(sample.path) for sample in all_samples()]
    for photo in photos:
        photo.load()
    return photos


def _say(key: str, began: float, used: float) -> None:
    client().lpush(key, json.dumps({"seconds": time.perf_counter() - began, "processor": time.process_time() - used}))


def _forget(_event: Event) -> None:
    pass
