"""What the command line says: tables, bars and one sentence for each failure."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from inference.contracts import EngineError, Event, Failure, Finished, Predicted, Prediction, Result, StageRan

_SENTENCES = {
    Failure.WEIGHTS_MISSING: (
        "{network} has no weights here, so it cannot predict. Download {url} and put the file at {folder}/{file}. "
        "Until then you can look at its structure: python -m inference.engine inspect {network}"
    ),
    Failure.WEIGHTS_DAMAGED: (
        "The weights file {file} is damaged, or does not hold the weights of {network}. "
        "Delete it and download it again from {url}"
    ),
    Failure.DOWNLOAD_UNREACHABLE: (
        "{host} cannot be reached ({reason}). Check the network, or name a proxy in HTTPS_PROXY or a mirror in WEIGHTS_MIRROR."
    ),
    Failure.DOWNLOAD_REFUSED: (
        "{url} answers {status} ({reason}) instead of sending the file. If WEIGHTS_MIRROR is set, does it have {file}?"
    ),
    Failure.DOWNLOAD_INTERRUPTED: (
        "The download of {file} broke off again and again; {came} bytes are kept. The same command goes on from there."
    ),
    Failure.DOWNLOAD_WRONG: (
        "What {url} sent is not {file}: its sha256 begins with {found} and not with {expected}. Nothing was kept. "
        "Try again; if it stays so, the server has another file under this name."
    ),
    Failure.DISK_FULL: "The disk of {folder} is full. Make room; then the same command goes on with what has come so far.",
    Failure.FOLDER_UNWRITABLE: "{folder} cannot be written to: {reason}. Allow it, or name another (weights: WEIGHTS_DIR).",
    Failure.TOO_LARGE: "{network} is too large to be measured: a single pass would take too long.",
    Failure.UNKNOWN_NETWORK: "There is no network called {network}. See them all: python -m inference.engine networks",
    Failure.UNKNOWN_WEIGHTS: (
        "{network} has no weights called {weights}. See which it has: python -m inference.engine inspect {network}"
    ),
    Failure.IMAGE_UNREADABLE: "The picture cannot be read: {reason}",
    Failure.NOT_THERE: "The network has no such {what}.",
    Failure.NO_GPU: "This torch finds no GPU. Use cpu, or auto.",
    Failure.TRAINING_REFUSED: "This cannot be trained: {option} {value}. See what can: python -m inference.engine train --help",
    Failure.DATA_MISSING: "{package} brings no {file} along here. Install it again: pip install -r requirements.txt",
    Failure.HEAD_DAMAGED: "This is no head that was trained here, or its file is damaged: {reason}. Train it again.",
    Failure.HEAD_FOREIGN: "This head belongs to {network} with {weights}, not to {wanted}.",
    Failure.OUT_OF_MEMORY: "There is not enough memory for this network. Choose a smaller one.",
}


def say(line: str = "") -> None:
    """Prints a line at once, so that a slow stage does not hold it back."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """Prints a line about a failure where errors go."""
    sys.stderr.write(line + "\n")


def sentence(error: EngineError) -> str:
    """What happened and what to do next."""
    return _SENTENCES.get(error.failure, "{failure}").format(**{"failure": error.failure, **error.details})


def shape(sizes: Sequence[int | None]) -> str:
    """3×224×224; a size that depends on the photograph is a question mark."""
    return "×".join("?" if size is None else str(size) for size in sizes) or "file"


def count(number: float) -> str:
    """Four significant figures and a unit: 25.56 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number:g}"


def bar(share: float, width: int = 32) -> str:
    """A horizontal bar for a share from 0 to 1, to an eighth of a character."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """Rows under headings, each column as wide as it must be; `right` names those set flush right."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    flush = set(right)

    def line(cells: list[str]) -> str:
        set_out = (
            cell.rjust(width) if column in flush else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(set_out).rstrip()

    return "\n".join([line(lines[0]), "  ".join("─" * width for width in widths), *map(line, lines[1:])])


def result_line(result: Result) -> str:
    """A result's name and its single figures; lists and files are for pages."""
    single = {name: value for name, value in result.figures.items() if isinstance(value, str | int | float)}
    told = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in single.items())
    return f"  {result.name}: " + ", ".join(told)


class TraceTable:
    """Prints the events of a trace as they come."""

    _ROW = "{:>5}  {:<20}  {:<24}  {:>14} → {:<14}  {:>9}  {:>8}  {:>8}  {}"

    def __init__(self) -> None:
        say(self._ROW.format("", "stage", "operation", "in", "out", "ms", "mean", "std", "silent"))

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageRan):
            self._stage(event)
        elif isinstance(event, Predicted):
            say()
            for prediction in event.top_k:
                say(prediction_line(prediction))
        elif isinstance(event, Result):
            say(result_line(event))
        else:
            say()
            say(made_by_line(event))

    def _stage(self, event: StageRan) -> None:
        stage, seen = event.stage, event.statistics
        blocks = f" ×{stage.blocks}" if stage.blocks > 1 else ""
        say(
            self._ROW.format(
                f"{event.index + 1}/{event.total}",
                stage.name,
                stage.operation.replace("_", " ") + blocks,
                shape(stage.input_shape),
                shape(stage.output_shape),
                f"{event.milliseconds:.2f}",
                f"{seen.mean:.3f}" if seen else "",
                f"{seen.std:.3f}" if seen else "",
                f"{seen.silent_channels}/{seen.channels}" if seen and seen.silent_channels else "",
            ).rstrip()
        )


def prediction_line(prediction: Prediction) -> str:
    """Rank, label, probability and its bar."""
    return f"{prediction.rank}. {prediction.label:<24} {prediction.probability:6.1%}  {bar(prediction.probability)}".rstrip()


def made_by_line(event: Finished) -> str:
    """What made the trace, so that it can be made again."""
    made = event.made_by
    threads = f"{made.threads} thread" + ("s" if made.threads > 1 else "")
    return (
        f"{made.network} {made.weights} ({made.weights_sha256[:8]}) in {event.milliseconds:.0f} ms on {made.device}, "
        f"{made.dtype}, {threads}, torch {made.torch}, torchvision {made.torchvision}"
    )
