"""On a terminal: `python -m inference.engine train textures` and `python -m inference.engine try head.pt photo.jpg`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from inference.contracts import (
    Attachment,
    EngineError,
    Event,
    Failure,
    Finished,
    Material,
    Predicted,
    Result,
    RunKind,
    RunRequest,
)
from inference.engine import files, terminal
from inference.engine.cache import NetworkCache
from inference.engine.terminal import say
from inference.engine.training import checkpoint
from inference.engine.training.running import run_training
from inference.engine.training.trial import run_trial
from inference.engine.watching import never
from inference.training_contracts import (
    ALL_BLOCKS,
    BLOCKS,
    CHECKPOINT_BYTES,
    EPOCHS,
    LEARNING_RATES,
    SHIPPED,
    BatchNorm,
    DataName,
    Standardisation,
    Strategy,
)

_KNOBS = ("strategy", "epochs", "learning_rate", "labels_per_class", "blocks", "batch_norm", "standardisation", "seed")


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """What a training can be told."""
    parser.add_argument(
        "data", help=f"{', '.join(SHIPPED)}, or a folder with a folder of photographs for each class (2 to 5, 2 to 20 in each)"
    )
    parser.add_argument("--strategy", choices=[*Strategy], default=Strategy.FROZEN)
    parser.add_argument("--epochs", type=int, help=_usual(EPOCHS))
    parser.add_argument("--learning-rate", type=float, help=_usual(LEARNING_RATES))
    parser.add_argument(
        "--labels-per-class", type=int, help="of a shipped data set: how many examples of each class are learned"
    )
    parser.add_argument(
        "--blocks", type=_blocks, help=f"fine-tuning: how many of the last stages, or {ALL_BLOCKS} (default: {BLOCKS.usual})"
    )
    parser.add_argument("--batch-norm", choices=[*BatchNorm], help="fine-tuning: what its running statistics do")
    parser.add_argument("--standardisation", choices=[*Standardisation], help="frozen: of the features")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--output", type=Path, metavar="FILE", help="keep the trained head there")


def add_trial_arguments(parser: argparse.ArgumentParser) -> None:
    """What a trial needs."""
    parser.add_argument("head", type=Path, help="a file that train --output wrote, or that was exported from the site")
    parser.add_argument("image", type=Path)


def train(options: argparse.Namespace) -> None:
    """Trains, printing a line for each thing found out. EngineError when it can't be done."""
    if options.output:
        files.folder(options.output.parent)
    asked: dict[str, Any] = {name: value for name in _KNOBS if (value := getattr(options, name)) is not None}
    photos: list[Image.Image] = []
    if options.data in SHIPPED:
        asked["data"] = options.data
    else:
        photos, more = _folder(Path(options.data))
        asked |= more
    if options.weights:
        asked["weights"] = options.weights
    request = RunRequest(RunKind.TRAINING, options.network, asked)
    with tqdm(total=0, unit="epoch", disable=None, leave=False) as bar:
        run_training(request, Material(photos=tuple(photos)), _warm(options), _Teller(bar, options.output), never)


def attempt(options: argparse.Namespace) -> None:
    """Tries a head on a photograph. EngineError when it can't be done."""
    content = _content(options.head)
    head = checkpoint.read(content)
    say(f"{head.network} {head.weights or 'from scratch'}, {head.strategy} on {head.data}: {', '.join(head.classes)}")

    def show(event: Event) -> None:
        if isinstance(event, Predicted):
            for prediction in event.top_k:
                say(terminal.prediction_line(prediction))
        elif isinstance(event, Finished):
            say(terminal.made_by_line(event))

    material = Material(photos=(files.photo(options.image),), files={"head": content})
    run_trial(RunRequest(RunKind.TRIAL, head.network), material, _warm(options), show, never)


class _Teller:
    """Prints what a training finds out, and keeps its head where one was wanted."""

    _ROW = "{:>9}  {:>10}  {:>15}  {:>14}  {:>19}  {:>7}  {}"

    def __init__(self, bar: tqdm[Any], output: Path | None) -> None:
        self._bar = bar
        self._output = output

    def __call__(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._say(terminal.made_by_line(event))
        elif isinstance(event, Result):
            what, figures = event.name.partition(":")[0], event.figures
            if what == "epoch":
                self._epoch(figures)
            elif what == "confusion":
                self._confusion(figures)
            else:
                self._say(terminal.result_line(event))
            if what == "head" and self._output is not None:
                self._keep(event)

    def _epoch(self, told: Any) -> None:
        if told["epoch"] == 1:
            self._bar.reset(total=told["of"])
            self._say(
                self._ROW.format("epoch", "train loss", "validation loss", "train accuracy", "validation accuracy", "s", "")
            )
        losses = ("diverged" if loss is None else f"{loss:.4f}" for loss in (told["train_loss"], told["validation_loss"]))
        accuracies = (f"{told[name]:.1%}" for name in ("train_accuracy", "validation_accuracy"))
        observed = told["observation"]["code"].replace("_", " ")
        self._say(self._ROW.format(f"{told['epoch']}/{told['of']}", *losses, *accuracies, f"{told['seconds']:.3f}", observed))
        self._bar.update()

    def _confusion(self, told: Any) -> None:
        classes = told["classes"]
        rows = [(name, *map(str, row)) for name, row in zip(classes, told["matrix"], strict=True)]
        self._say(terminal.table(("true \\ predicted", *classes), rows, right=range(1, len(classes) + 1)))
        low, high = told["interval"]
        best = told["best_baseline"]
        self._say(
            f"{told['accuracy']:.1%} right, {told['correct']} of {told['validation']} (95 % interval {low:.1%} to {high:.1%}); "
            f"the best baseline, {best['name'].replace('_', ' ')}, {best['accuracy']:.1%}: {told['against_baseline']} it"
        )

    def _keep(self, event: Result) -> None:
        file = event.files["checkpoint"]
        if self._output is not None and isinstance(file, Attachment):
            files.write(self._output, file.content)
            self._say(f"kept in {self._output}")

    def _say(self, line: str) -> None:
        with self._bar.external_write_mode():
            say(line)


def _warm(options: argparse.Namespace) -> NetworkCache:
    return NetworkCache(weights_dir=options.weights_dir, device=options.device, threads=options.threads)


def _usual(ranges: Any) -> str:
    return "default: " + ", ".join(f"{strategy} {allowed.usual:g}" for strategy, allowed in ranges.items())


def _blocks(text: str) -> int | str:
    return text if text == ALL_BLOCKS else int(text)


def _folder(folder: Path) -> tuple[list[Image.Image], dict[str, Any]]:
    """The photographs in a folder of folders, and the options that say which is what."""
    if not folder.is_dir():
        raise EngineError(Failure.TRAINING_REFUSED, option="data", value=str(folder))
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    found = [
        (files.photo(path), label) for label, place in enumerate(classes) for path in sorted(place.iterdir()) if path.is_file()
    ]
    options = {"data": DataName.OWN, "classes": [place.name for place in classes], "labels": [label for _, label in found]}
    return [photo for photo, _ in found], options


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(CHECKPOINT_BYTES + 1)
    except OSError as error:
        raise EngineError(Failure.HEAD_DAMAGED, reason=str(error)) from error
