"""What watching costs: one traced pass against the plain forward pass of the same network, interleaved in one run.

`python -m tests.benchmarks.trace [NETWORK…]` prints a table, and with `--json` one JSON object. Every figure is a ratio of
medians; the plain pass in milliseconds stands beside it for orientation. `pass` is the watched network alone, from its input
to the last event; `whole` adds preprocessing to both sides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from PIL import Image
from skimage import data

from inference import engine
from inference.contracts import DEFAULT_NETWORK, EngineError, Event, Failure
from inference.engine import networks, preprocessing, stages
from inference.engine.terminal import say

GOALS = {"pass": 1.45, "pass with pictures": 2.2}
"""On efficientnet_lite0, one thread of a CPU."""


def measured(network: str, *, rounds: int, device: str, threads: int) -> dict[str, float]:
    """Milliseconds of the plain pass, and each way of tracing as a ratio to it."""
    torch.set_num_threads(threads)
    loaded = network_to_time(network, device=device, threads=threads)
    image = Image.fromarray(data.chelsea())  # type: ignore[no-untyped-call]
    *_, last = preprocessing.preprocess(image, loaded.weights.preprocessing)
    batch = loaded.batch(last.output)

    def forget(_event: Event) -> None:
        pass

    def settled(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> None:
            work()
            if device != "cpu":
                torch.cuda.synchronize()

        return run

    ways = {
        "plain": settled(lambda: loaded.forward(batch)),
        "pass": settled(lambda: loaded.watch(batch, emit=forget, draw=False)),
        "pass with pictures": settled(lambda: loaded.watch(batch, emit=forget)),
        "plain whole": settled(lambda: loaded.predict(image)),
        "whole": settled(lambda: loaded.trace(image, emit=forget, draw=False)),
        "whole with pictures": settled(lambda: loaded.trace(image, emit=forget)),
    }
    taken = interleaved(ways, rounds=rounds)
    plain, plain_whole = taken["plain"], taken["plain whole"]
    return {
        "plain_ms": round(plain * 1000, 3),
        "pass": round(taken["pass"] / plain, 3),
        "pass with pictures": round(taken["pass with pictures"] / plain, 3),
        "whole": round(taken["whole"] / plain_whole, 3),
        "whole with pictures": round(taken["whole with pictures"] / plain_whole, 3),
    }


def network_to_time(network: str, *, device: str, threads: int) -> engine.LoadedNetwork:
    """The network with its weights or, while they are missing, with drawn numbers: its speed is the same."""
    try:
        return engine.load(network, device=device, threads=threads)
    except EngineError as error:
        if error.failure is not Failure.WEIGHTS_MISSING:
            raise
    record = networks.record(network)
    weights = record.weights_named(record.default_weights)
    model = networks.build(network, weights)
    plan = stages.plan(model, size=weights.preprocessing.crop_size, classes=len(weights.categories))
    model.to_empty(device=device)
    torch.manual_seed(0)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.zero_()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d | torch.nn.BatchNorm2d | torch.nn.LayerNorm):
            layer.reset_parameters()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.requires_grad_(False)
    return engine.LoadedNetwork(model=model, weights=weights, weights_sha256="", plan=plan, device=device, threads=threads)


def interleaved(ways: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Median seconds of each way; a disturbance of the machine hits all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-3, rounds):
        for name, work in ways.items():
            began = time.perf_counter()
            work()
            if number >= 0:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def main(arguments: list[str]) -> int:
    """Prints the figures; 0 always: a goal missed on a busy machine is no failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.trace", description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=[DEFAULT_NETWORK], metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args(arguments)
    results = {
        network: measured(network, rounds=options.rounds, device=options.device, threads=options.threads)
        for network in options.networks
    }
    if options.json:
        say(json.dumps({"device": options.device, "threads": options.threads, "torch": torch.__version__} | results))
        return 0
    say(f"torch {torch.__version__}, {options.device}, {options.threads} thread(s), {options.rounds} interleaved rounds")
    for network, figures in results.items():
        say(f"\n{network}: the plain pass takes {figures.pop('plain_ms')} ms")
        for name, ratio in figures.items():
            goal = f"   goal ≤ ×{GOALS[name]}" if network == DEFAULT_NETWORK and name in GOALS else ""
            say(f"  {name:22}×{ratio:.2f}{goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
