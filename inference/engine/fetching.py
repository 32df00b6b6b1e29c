"""The command that downloads weights: a progress bar for each file, and a sentence for each that can't be had."""

from __future__ import annotations

import argparse
from typing import Never

from tqdm import tqdm

from inference.contracts import EngineError
from inference.engine import terminal
from inference.engine.downloading import Progress
from inference.engine.networks import record
from inference.engine.weights import WeightsRecord


class NotAllFetched(Exception):
    """Some files could not be had; each has been told."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("networks", nargs="+", metavar="NAME", help="networks: resnet50 vit_b_16 …")
    parser.add_argument("--weights", default="", metavar="V", help="by name (IMAGENET1K_V1); else each network's default ones")


def run(options: argparse.Namespace) -> None:
    """Fetches one file after the other. Raises EngineError for a name that is not known, NotAllFetched at the end."""
    wanted = [_weights(network, options.weights) for network in dict.fromkeys(options.networks)]
    failures = 0
    for number, weights in enumerate(wanted, start=1):
        try:
            _fetch(weights, options, place=f"[{number}/{len(wanted)}] " if len(wanted) > 1 else "")
        except EngineError as error:
            terminal.complain(terminal.sentence(error))
            failures += 1
        except KeyboardInterrupt:
            terminal.complain("Stopped. What has come so far is kept; the same command goes on from there.")
            raise
    if failures:
        raise NotAllFetched


def _weights(network: str, name: str) -> WeightsRecord:
    known = record(network)
    return known.weights_named(name or known.default_weights)


def _fetch(weights: WeightsRecord, options: argparse.Namespace, *, place: str) -> None:
    title = f"{place}{weights.network} {weights.name}"
    if weights.installed is not None and weights.available(options.weights_dir):
        terminal.say(f"{title}: came with its package, nothing to fetch.")
        return
    with _Bar(title) as bar:
        fetched = weights.fetch(options.weights_dir, told=bar, cancelled=lambda: False)
    size = f"{fetched.bytes / 1024**2:.1f} MiB"
    if fetched.was_there:
        terminal.say(f"{title}: is there already, and whole ({size}): {fetched.path}")
        return
    kept = f", of which {fetched.resumed_from / 1024**2:.1f} MiB were there before" if fetched.resumed_from else ""
    terminal.say(f"{title}: {size}{kept}; its sha256 begins with {weights.expected_hash}, as it should: {fetched.path}")


class _Bar:
    """Bytes, rate and time left on a terminal; elsewhere a line for each tenth."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: tqdm[Never] | None = None
        self._tenths = 0

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = tqdm(
                desc=self._title,
                initial=progress.bytes,
                total=progress.total or None,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                disable=None,
                leave=False,
            )
            if progress.waits:
                terminal.say(f"{self._title}: somebody else is fetching it; waiting for them.")
        self._bar.total = progress.total or self._bar.total
        self._bar.update(progress.bytes - self._bar.n)
        if self._bar.disable and progress.total and (tenths := 10 * progress.bytes // progress.total) > self._tenths:
            self._tenths = tenths
            rate = progress.bytes_per_second / 1024**2
            terminal.say(f"{self._title}: {10 * tenths}% of {progress.total / 1024**2:.1f} MiB, {rate:.1f} MiB/s")
