"""What watching costs: one traced pass against the plain forward pass of the same network, interleaved in one run.

`python -m tests.benchmarks.trace [NETWORK…]` prints tables, and with `--json` a line of JSON for each. Every ratio is one of
medians. A pass goes from the network's input to the last event; a whole trace also from the photo to the input, and so does
what it is compared with. Then other libraries do their part of the same work on the same network and photo.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any

import torch
from PIL import Image
from skimage import data

from inference import engine
from inference.contracts import DEFAULT_NETWORK
from inference.engine import Order, preprocessing
from inference.engine.explaining.grad_cam import Gathering
from inference.engine.watching import Listener
from tests.benchmarks.listening import keep_nothing
from tests.benchmarks.report import Goal, Row, Section, at_most, say
from tests.networks import loaded_or_random, plain_answer

GOALS = {DEFAULT_NETWORK: (1.4, 2.0), "resnet50": (1.15, 1.3)}
"""A pass with statistics and Grad-CAM, without and with pictures, on one thread of a CPU."""

BATCH = 8
PLAIN = "the plain pass"
WHOLE = "preprocessing and the plain pass"
PLAIN_BATCH = f"a plain pass of {BATCH}"
PLAIN_WRAPPED = "the plain pass, interleaved with it"

Ways = Mapping[str, Callable[[], object]]


def watched(loaded: engine.LoadedNetwork, batch: torch.Tensor, *, draw: bool, explain: bool) -> None:
    """The part of a trace that is the network's: without preprocessing, and so on a photograph that is preprocessed already."""
    order = Order(Image.new("RGB", (1, 1)), keep_nothing, draw=draw, explain=explain)
    listener = Listener(order, total=len(loaded.plan.stages) + preprocessing.STEPS + 1)
    listener.input = batch
    with loaded.alone():
        ran = loaded._watched([listener])
        (top_k,) = loaded._top_k_of_each(ran.logits)
        loaded._tell_evidence(ran, 0, order, label=top_k[0].label)


def watching(loaded: engine.LoadedNetwork, image: Image.Image, *, rounds: int) -> list[Row]:
    """What a trace costs, as ratios to passes that are not watched."""
    batch = prepared(loaded, image)
    many = batch.expand(BATCH, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    pass_, whole, batched = "a watched pass", "a whole trace", f"{BATCH} photos in one trace"
    taken = interleaved(
        {
            PLAIN: partial(loaded.forward, batch),
            f"{pass_}: statistics": partial(watched, loaded, batch, draw=False, explain=False),
            f"{pass_}: statistics, Grad-CAM": partial(watched, loaded, batch, draw=False, explain=True),
            f"{pass_}: statistics, Grad-CAM, pictures": partial(watched, loaded, batch, draw=True, explain=True),
            WHOLE: partial(plain_answer, loaded, image),
            f"{whole}: statistics, Grad-CAM": partial(loaded.trace, image, emit=keep_nothing, draw=False),
            f"{whole}: statistics, Grad-CAM, pictures": partial(loaded.trace, image, emit=keep_nothing),
        },
        rounds=rounds,
        device=loaded.device,
    )
    taken |= interleaved(
        {
            PLAIN_BATCH: partial(loaded.forward, many),
            f"{batched}: statistics, Grad-CAM": partial(loaded.trace_many, [Order(image, keep_nothing, draw=False)] * BATCH),
            f"{batched}: statistics, Grad-CAM, pictures": partial(loaded.trace_many, [Order(image, keep_nothing)] * BATCH),
        },
        rounds=max(1, rounds // 4),
        device=loaded.device,
    )
    goals = goals_for(loaded, pass_)
    baselines = {pass_: PLAIN, whole: WHOLE, batched: PLAIN_BATCH}
    rows = [Row(name, milliseconds(taken[name]), "ms") for name in (PLAIN, WHOLE, PLAIN_BATCH)]
    for name, seconds in taken.items():
        if name not in (PLAIN, WHOLE, PLAIN_BATCH):
            baseline = baselines[name.partition(":")[0]]
            rows.append(Row(name, round(seconds / taken[baseline], 3), "×", ratio_to=baseline, goal=goals.get(name)))
    return rows


def goals_for(loaded: engine.LoadedNetwork, name: str) -> dict[str, Goal]:
    """The goals, where they are stated for this network."""
    if loaded.weights.network not in GOALS or loaded.device.type != "cpu":
        return {}
    plain, drawn = GOALS[loaded.weights.network]
    return {f"{name}: statistics, Grad-CAM": at_most(plain), f"{name}: statistics, Grad-CAM, pictures": at_most(drawn)}


def others(loaded: engine.LoadedNetwork, image: Image.Image, *, rounds: int) -> list[Row]:
    """What other libraries take for their part of the same work, beside ours."""
    batch = prepared(loaded, image)
    target = loaded.target
    if target is None:
        return []
    as_it_comes = copy.deepcopy(loaded.model).requires_grad_(True)  # torchvision hands networks out with trainable parameters
    ours, theirs = "Grad-CAM, this engine", "shapes and statistics of each stage, this engine"
    ways: dict[str, Callable[[], object]] = {
        PLAIN: partial(loaded.forward, batch),
        ours: partial(evidence, loaded, batch),
        named("Grad-CAM, {}", "captum"): captum_of(as_it_comes, target.path, batch),
        named("Grad-CAM, {}, parameters frozen", "captum"): captum_of(loaded.model, target.path, batch),
        named("Grad-CAM, {}", "grad-cam"): grad_cam_of(as_it_comes, target.path, batch),
        theirs: partial(watched, loaded, batch, draw=False, explain=False),
        named("shapes and operations of each layer, {}", "torchinfo"): torchinfo_of(loaded.model, batch),
    }
    taken = interleaved(ways, rounds=rounds, device=loaded.device)
    rows = [Row(name, round(taken[name] / taken[PLAIN], 3), "×", ratio_to=PLAIN) for name in ways if name != PLAIN]
    # Last, and with a plain pass of its own: torchlens leaves torch's functions wrapped.
    wrapped = named("the outputs of the same stages, {}", "torchlens")
    taken = interleaved(
        {PLAIN: partial(loaded.forward, batch), wrapped: torchlens_of(loaded, batch)},
        rounds=max(1, rounds // 4),
        device=loaded.device,
    )
    return [*rows, Row(wrapped, round(taken[wrapped] / taken[PLAIN], 3), "×", ratio_to=PLAIN_WRAPPED)]


def evidence(loaded: engine.LoadedNetwork, batch: torch.Tensor) -> None:
    """Grad-CAM for the most probable class, with nothing else watched."""
    assert loaded.target is not None
    gathering = Gathering(loaded.target)
    with gathering.during(loaded.model):
        logits = loaded.model(batch)
    gathering.found(logits, logits.argmax(1))


def captum_of(model: torch.nn.Module, path: str, batch: torch.Tensor) -> Callable[[], object]:
    """captum finds the class in a pass of its own: it is told which to explain."""
    from captum.attr import LayerGradCam

    explainer = LayerGradCam(model, model.get_submodule(path))

    def run() -> None:
        with torch.no_grad():
            top = int(model(batch).argmax())
        explainer.attribute(batch, target=top, relu_attributions=True)

    return run


def grad_cam_of(model: torch.nn.Module, path: str, batch: torch.Tensor) -> Callable[[], object]:
    """pytorch-grad-cam, for the most probable class, which it finds itself."""
    from pytorch_grad_cam import GradCAM

    def run() -> None:
        with GradCAM(model=model, target_layers=[model.get_submodule(path)]) as explainer:  # its hooks go with it
            explainer(input_tensor=batch, targets=None)

    return run


def torchinfo_of(model: torch.nn.Module, batch: torch.Tensor) -> Callable[[], object]:
    """torchinfo's table, not printed."""
    import torchinfo

    return partial(torchinfo.summary, model, input_data=batch, verbose=0)


def torchlens_of(loaded: engine.LoadedNetwork, batch: torch.Tensor) -> Callable[[], object]:
    """torchlens, asked to keep no more than what leaves the stages."""
    import torchlens

    paths = [boundary.path for boundary in loaded.plan.boundaries if boundary.path and not boundary.before]
    kept = torchlens.options.CaptureOptions(layers_to_save=paths)

    def run() -> None:
        with torch.no_grad():
            torchlens.trace(loaded.model, batch, capture=kept)

    return run


def named(pattern: str, package: str) -> str:
    """A row's name with the package and its version in it."""
    return pattern.format(f"{package} {version(package)}")


def prepared(loaded: engine.LoadedNetwork, image: Image.Image) -> torch.Tensor:
    """The network's input."""
    *_, last = preprocessing.preprocess(image, loaded.weights.preprocessing)
    return loaded.batch(last.output)


def interleaved(ways: Ways, *, rounds: int, device: torch.device) -> dict[str, float]:
    """Median seconds of each way; a disturbance of the machine hits all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-min(2, rounds), rounds):
        for name, work in ways.items():
            began = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if number >= 0:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds."""
    return round(seconds * 1000, 2)


def main(arguments: list[str]) -> int:
    """Prints the figures; 0 always: a goal missed on a busy machine is no failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.trace", description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=[DEFAULT_NETWORK], metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")  # the libraries', about each other
    image = Image.fromarray(data.chelsea())  # type: ignore[no-untyped-call]
    conditions: dict[str, Any] = {"device": options.device, "threads": options.threads, "rounds": options.rounds}
    measured = [loaded_or_random(network, device=options.device, threads=options.threads) for network in options.networks]
    for measure, title in ((watching, "What watching costs"), (others, "The same work by others")):
        for loaded in measured:
            network = loaded.weights.network
            note = "" if loaded.made_by.weights_sha256 else "Drawn numbers stand for the weights: the speed is the same."
            command = f"python -m tests.benchmarks.trace {network}"
            rows = measure(loaded, image, rounds=options.rounds)
            section = Section(f"{title}: {network}", command=command, rows=rows, conditions=conditions, note=note)
            say(section, as_json=options.json)
    return 0


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
