"""The engine's command line: `python -m inference.engine --help`. Needs no site and no queue."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from inference.contracts import DEFAULT_NETWORK, EngineError, Event, Material, Picture, Result, RunKind, RunRequest, StageRan
from inference.engine import fetching, files, mistakes, terminal, work
from inference.engine.cache import NetworkCache
from inference.engine.devices import chosen_device
from inference.engine.facts import LIBRARY, Facts, facts
from inference.engine.measuring import measure
from inference.engine.mistakes import command as breaking
from inference.engine.networks import network_ids, record
from inference.engine.terminal import count, say, shape
from inference.engine.tracing import LoadedNetwork, load
from inference.engine.training import command as learning
from inference.engine.watching import never
from inference.engine.weights import default_weights_dir

FAILED, INTERRUPTED = 1, 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. 0: done; 1: it could not be done, and a sentence says why; 2: it was not understood."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except EngineError as error:
        terminal.complain(terminal.sentence(error))
        return FAILED
    except fetching.NotAllFetched:
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference.engine", description="Trace and inspect pre-trained vision networks."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    tracing = commands.add_parser("trace", help="run a network on a photograph, stage by stage")
    _takes_a_photo(tracing)
    tracing.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="also write each stage's picture and the Grad-CAM heat map there"
    )
    tracing.set_defaults(run=_trace)

    broken = commands.add_parser("break", help="make a mistake on purpose, beside the correct run")
    _takes_a_photo(broken)
    breaking.add_arguments(broken)
    broken.set_defaults(run=_break)

    training = commands.add_parser("train", help="train a head on few pictures, beside trivial baselines")
    _runs_a_network(training)
    learning.add_training_arguments(training)
    training.set_defaults(run=learning.train)

    trying = commands.add_parser("try", help="try a trained head on a photograph")
    learning.add_trial_arguments(trying)
    trying.add_argument("--device", type=_device, default="cpu", help="cpu (default), cuda, or auto for a GPU if there is one")
    trying.add_argument("--threads", type=_positive, default=1)
    trying.set_defaults(run=learning.attempt)

    inspecting = commands.add_parser("inspect", help="show a network's stages; needs no weights")
    inspecting.add_argument("network")
    inspecting.add_argument("--json", action="store_true")
    inspecting.set_defaults(run=_inspect)

    knowing = commands.add_parser("facts", help="compute every figure of networks")
    knowing.add_argument("names", nargs="*", metavar="NAME", help=f"a network, or {LIBRARY} for the library itself")
    knowing.add_argument("--all", action="store_true", help="every network and the library")
    knowing.add_argument("--json", action="store_true", help="one JSON object, {name: facts}")
    knowing.set_defaults(run=_facts)

    fetch = commands.add_parser("fetch", help="download weights: resumed, held to their hash")
    fetching.add_arguments(fetch)
    fetch.set_defaults(run=fetching.run)

    timing = commands.add_parser("measure", help="time a network on this machine; needs no weights")
    timing.add_argument("networks", nargs="+", metavar="NAME")
    timing.add_argument("--device", type=_device, default="cpu", help="cpu (default), cuda, or auto for a GPU if there is one")
    timing.add_argument("--threads", type=_positive, default=1)
    timing.set_defaults(run=_measure)

    performing = commands.add_parser("perform", help="for the site: make one run that needs no photo, tell its events as JSON")
    performing.add_argument("request", help='{"kind": "download", "network": "resnet50", "options": {"weights": "…"}}')
    performing.set_defaults(run=_perform)

    listing = commands.add_parser("networks", help="list all networks")
    listing.set_defaults(run=_networks)

    for command in (tracing, broken, training, trying, inspecting, knowing, fetch, performing, listing):
        command.add_argument(
            "--weights-dir", type=Path, default=default_weights_dir(), help="default: WEIGHTS_DIR, else data/weights"
        )
    return parser


def _takes_a_photo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path)
    _runs_a_network(parser)


def _runs_a_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", default=DEFAULT_NETWORK)
    parser.add_argument("--weights", default="", help="by name; else the default ones, or any that are there")
    parser.add_argument("--device", type=_device, default="cpu", help="cpu (default), cuda, or auto for a GPU if there is one")
    parser.add_argument("--threads", type=_positive, default=1)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _device(text: str) -> str:
    try:
        return chosen_device(text)
    except RuntimeError as error:
        raise argparse.ArgumentTypeError("must be cpu, cuda or auto") from error
    except EngineError as error:
        raise argparse.ArgumentTypeError("this torch finds no GPU; use cpu") from error


def _trace(options: argparse.Namespace) -> None:
    image = _photo(options)
    folder = files.folder(options.pictures) if options.pictures else None
    loaded = _loaded(options)
    tell = terminal.TraceTable()

    def show(event: Event) -> None:
        tell(event)
        if folder is not None:
            for name, content in _drawn(event):
                files.write(folder / name, content)

    loaded.trace(image, emit=show, draw=folder is not None)


def _drawn(event: Event) -> Iterator[tuple[str, bytes]]:
    """The pictures of an event with names for their files: "11-features6.jpeg", "grad_cam-282-heat.jpeg"."""
    if isinstance(event, StageRan) and event.picture:
        yield _file(f"{event.index:02}-{event.stage.name}", event.picture)
    elif isinstance(event, Result):
        for what, picture in event.files.items():
            if isinstance(picture, Picture):
                yield _file(f"{event.name.replace(':', '-')}-{what}", picture)


def _file(name: str, picture: Picture) -> tuple[str, bytes]:
    return f"{name}.{picture.media_type.rpartition('/')[2]}", picture.content


def _break(options: argparse.Namespace) -> None:
    image, loaded = _photo(options), _loaded(options)
    mistakes.make(loaded, image, breaking.chosen(options), emit=breaking.show, seed=options.seed)


def _photo(options: argparse.Namespace) -> Image.Image:
    record(options.network)  # an unknown network is told before an unreadable picture
    return files.photo(options.image)


def _loaded(options: argparse.Namespace) -> LoadedNetwork:
    return load(
        options.network,
        weights_dir=options.weights_dir,
        weights=options.weights,
        device=options.device,
        threads=options.threads,
    )


def _inspect(options: argparse.Namespace) -> None:
    known = facts(options.network, weights_dir=options.weights_dir)
    if options.json:
        say(json.dumps(known, ensure_ascii=False, indent=2))
        return
    if options.network == LIBRARY:
        _list_facts(known)
        return
    say(f"{known['title']} ({known['id']}), {known['family']}: {known['paper']} {known['paper_url']}".rstrip())
    say(
        f"{count(known['parameters'])} parameters, {count(known['macs'])} multiply-accumulates ({count(known['flops'])} FLOPs) "
        f"for a photograph of {shape([3, known['input_size'], known['input_size']])}; {known['feature_dim']} features, "
        f"{known['classes']} classes"
    )
    say()
    stage_rows = [_stage_row(name, stage) for name, stage in known["stages"].items()]
    say(terminal.table(("stage", "in PyTorch", "operation", "in", "out", "parameters", "macs"), stage_rows, right=(5, 6)))
    say()
    weights_rows = [_weights_row(name, weights) for name, weights in known["weights"].items()]
    say(terminal.table(("weights", "top-1", "top-5", "file", ""), weights_rows, right=(1, 2)))


def _stage_row(name: str, stage: Facts) -> tuple[str, ...]:
    blocks = f" ×{stage['blocks']}" if stage["blocks"] > 1 else ""
    return (
        name,
        stage["title"],
        stage["operation"].replace("_", " ") + blocks,
        shape(stage["input_shape"]),
        shape(stage["output_shape"]),
        count(stage["parameters"]),
        count(stage["macs"]),
    )


def _weights_row(name: str, weights: Facts) -> tuple[str, ...]:
    return (
        name,
        _per_cent(weights["acc1"]),
        _per_cent(weights["acc5"]),
        weights["file"],
        "here" if weights["available"] else "not here: " + weights["url"],
    )


def _per_cent(accuracy: float | None) -> str:
    return "not stated" if accuracy is None else f"{accuracy:.1f} %"


def _facts(options: argparse.Namespace) -> None:
    names = [LIBRARY, *network_ids()] if options.all else options.names
    for name in names:
        if name != LIBRARY:
            record(name)  # an unknown name is told before the long work begins
    computed: dict[str, Any] = {}
    for name in tqdm(names, unit="network", disable=None, leave=False):
        computed[name] = facts(name, weights_dir=options.weights_dir)
    if options.json:
        say(json.dumps(computed, ensure_ascii=False))
        return
    for name, known in computed.items():
        say(name)
        _list_facts(known)


def _list_facts(known: Facts, indent: str = "  ") -> None:
    for key, value in known.items():
        if isinstance(value, dict):
            say(f"{indent}{key}")
            _list_facts(value, indent + "  ")
        else:
            say(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}")


def _perform(options: argparse.Namespace) -> None:
    """One line of JSON for each event, or for the failure that ended it."""
    asked = json.loads(options.request)
    request = RunRequest(RunKind(asked["kind"]), asked["network"], asked["options"])
    networks = NetworkCache(weights_dir=options.weights_dir)

    def tell(event: Event) -> None:
        say(json.dumps({type(event).__name__: asdict(event)}))

    try:
        work.perform(request, Material(), networks=networks, emit=tell, cancelled=never)
    except EngineError as error:
        say(json.dumps({"failure": error.failure, "details": error.details}))


def _measure(options: argparse.Namespace) -> None:
    rows = []
    for network in tqdm(options.networks, unit="network", disable=None, leave=False):
        took = measure(network, device=options.device, threads=options.threads)
        figures = (took.median, min(took.passes), max(took.passes))
        where = (took.made_by.device, took.made_by.dtype)
        rows.append((network, *(f"{figure:.2f}" for figure in figures), str(len(took.passes)), *where))
    say(terminal.table(("network", "median ms", "fastest", "slowest", "passes", "device", "dtype"), rows, right=(1, 2, 3, 4)))


def _networks(options: argparse.Namespace) -> None:
    rows = []
    for network in network_ids():
        known = record(network)
        default = known.weights_named(known.default_weights)
        here = any(weights.available(options.weights_dir) for weights in known.weights)
        rows.append((network, known.title, known.family, _per_cent(default.acc1), "here" if here else ""))
    say(terminal.table(("network", "title", "family", "top-1", "weights"), rows, right=(3,)))


if __name__ == "__main__":
    sys.exit(main())
