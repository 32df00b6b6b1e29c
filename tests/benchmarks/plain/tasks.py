import json
import time
from collections.abc import Sequence

from celery import shared_task
from PIL import Image

from inference.connections import client
from inference.contracts import DEFAULT_NETWORK
from inference.tasks import networks
from tests.benchmarks.listening import keep_nothing


@shared_task(name="plain.nothing")
def nothing(*, key: str) -> None:
    """Says that it was here, and nothing else."""
    client().lpush(key, "here")


@shared_task(name="plain.traces")
def traces(*, key: str, passes: Sequence[Sequence[str]]) -> None:
    """Traces of these files and the files of their pictures, pass by pass, in this same process; the seconds it took."""
    from inference import engine

    loaded = networks().get(DEFAULT_NETWORK, weights=engine.record(DEFAULT_NETWORK).default_weights)
    began, used = time.perf_counter(), time.process_time()
    for paths in passes:
        loaded.trace_many([engine.Order(_photo(path), keep_nothing) for path in paths])
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


def _photo(path: str) -> Image.Image:
    with Image.open(path) as photo:
        photo.load()
        return photo


def _say(key: str, began: float, used: float) -> None:
    client().lpush(key, json.dumps({"seconds": time.perf_counter() - began, "processor": time.process_time() - used}))
