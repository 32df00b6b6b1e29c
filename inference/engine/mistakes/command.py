"""`python -m inference.engine break`: mistakes on a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from inference.contracts import MISTAKES as NAMES
from inference.contracts import Event, Finished, MistakeName, Predicted, Result
from inference.engine.mistakes.registered import MISTAKES
from inference.engine.terminal import bar, made_by_line, say, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `break` takes besides a photograph and a network."""
    listed = table(("mistake", ""), [(name, (MISTAKES[name].__doc__ or "").strip()) for name in NAMES])
    parser.epilog = listed
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--mistake", action="append", choices=[str(name) for name in NAMES], metavar="MISTAKE", help="repeatable; else all"
    )
    parser.add_argument("--seed", type=int, default=0, help="of dropout, in training mode")


def chosen(options: argparse.Namespace) -> Sequence[MistakeName]:
    """The mistakes that the command line asks for, in the contracts' order."""
    return [name for name in NAMES if not options.mistake or str(name) in options.mistake]


def show(event: Event) -> None:
    """Prints one event: the correct run's first choices, then each mistake beside them."""
    match event:
        case Predicted():
            say("correct")
            for prediction in event.top_k:
                say(_row(prediction.label, prediction.probability))
        case Result():
            say()
            _say_mistake(event.figures)
        case Finished():
            say()
            say(made_by_line(event))


def _say_mistake(figures: Mapping[str, Any]) -> None:
    say(f"{figures['slug']}: {(MISTAKES[MistakeName(figures['slug'])].__doc__ or '').strip()}")
    if figures["error"]:
        where = figures["error"]["stage"] or "the preprocessing"
        say(f"  {figures['error']['type']} in {where}: {figures['error']['message']}")
        return
    for prediction in figures["top_k"]:
        say(_row(prediction["label"], prediction["probability"]))
    if figures["divergence_bits"] is None:
        say("  the outputs are not numbers")
        return
    kept = (
        "the same first choice" if figures["same_first"] else f"the right first choice is now at rank {figures['first_rank']}"
    )
    say(f"  {figures['divergence_bits']:.3f} of 1 bit apart; {kept}")
    say("  difference by stage: " + "  ".join(_distance(stage) for stage in figures["stages"]))


def _row(label: str, probability: float) -> str:
    return f"  {label:<24} {probability:6.1%}  {bar(probability)}".rstrip()


def _distance(stage: Mapping[str, Any]) -> str:
    distance = stage["relative_l2"]
    return f"{stage['name']} {'other shape' if distance is None else format(distance, '.2g')}"
