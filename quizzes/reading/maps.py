"""Questions about what is to be seen in the frames: cells, numbers, and what of the photo comes in at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from quizzes.reading.base import (
    Template,
    beliefs_of,
    caption,
    columns,
    differ,
    percent,
    points_apart,
    stage_table,
)
from quizzes.reading.recordings import RecordedStage, Recording
from quizzes.sketching.base import Belief, Figures, Phrase, Sketch, Table

NEAR_CHANNELS = 1.25
"""How near to a number of cells a number of channels must be to be taken for it."""

# --- the first stage with so many cells --------------------------------------------------------------------------------------


def _first_cells(recording: Recording) -> Iterator[Sketch]:
    maps = recording.maps
    for side in sorted({stage.side for stage in maps}, reverse=True):
        with_side = [stage for stage in maps if stage.side == side]
        first = with_side[0]
        figures: Figures = {
            "side": side,
            "cells": side * side,
            "stage": first.title,
            "channels": first.channels,
            "numbers": first.numbers,
        }
        right = Phrase.of("stage", stage=first.title)
        yield Sketch(
            stem=Phrase.of("first_cells.stem", network=recording.network, side=side, entered=maps[0].entering_side),
            table=stage_table(recording, maps, "channels", "numbers"),
            right=right,
            beliefs=_wrong_stages(recording, first, with_side[-1], figures),
            why=Phrase.of("first_cells.right", **figures),
            hint=Phrase.of("first_cells.hint"),
            solution=(
                Phrase.of("first_cells.step-cells", **figures),
                Phrase.of("first_cells.step-divide", **figures),
                Phrase.of("first_cells.step-first", **figures),
            ),
            answer=right,
        )


def _wrong_stages(recording: Recording, first: RecordedStage, last: RecordedStage, figures: Figures) -> list[Belief]:
    maps, make = recording.maps, beliefs_of("first_cells", figures)
    found: dict[str, RecordedStage | None] = {
        "in-is-out": next((stage for stage in maps if stage.entering_side == first.side), None),
        "every-stage-halves": _after_halvings(maps, first.side),
        "last-of-its-size": last,
        "channels-are-cells": _with_channels(maps, first.cells),
    }
    return [
        make(slug, Phrase.of("stage", stage=stage.title), said=stage.title, there=stage.side, said_channels=stage.channels)
        for slug, stage in found.items()
        if stage is not None and (stage.side != first.side or slug in ("in-is-out", "last-of-its-size"))
    ]


def _after_halvings(maps: tuple[RecordedStage, ...], side: int) -> RecordedStage | None:
    """The stage that it would be if each stage halved the side once."""
    halvings = math.log2(maps[0].entering_side / side)
    return maps[int(halvings) - 1] if halvings.is_integer() and 1 <= halvings <= len(maps) else None


def _with_channels(maps: tuple[RecordedStage, ...], cells: int) -> RecordedStage | None:
    """The stage whose channels are about as many as these cells."""
    nearest = min(maps, key=lambda stage: abs(math.log(stage.channels / cells)))
    low, high = sorted((nearest.channels, cells))
    return nearest if high <= NEAR_CHANNELS * low else None


FIRST_CELLS = Template(
    "first_cells",
    frozenset({"in-is-out", "every-stage-halves", "last-of-its-size", "channels-are-cells"}),
    _first_cells,
)

# --- how many numbers leave a stage ------------------------------------------------------------------------------------------


def _numbers_out(recording: Recording) -> Iterator[Sketch]:
    for stage in recording.maps:
        figures: Figures = {
            "stage": stage.title,
            "channels": stage.channels,
            "side": stage.side,
            "cells": stage.cells,
            "numbers": stage.numbers,
        }
        make = beliefs_of("numbers_out", figures)
        wrong = {
            "channels-are-all": stage.channels,
            "one-channel-is-all": stage.cells,
            "sides-are-added": stage.channels + 2 * stage.side,
            "in-is-out": stage.entering,
            "weights-are-outputs": stage.parameters,
        }
        right = Phrase.of("count", count=stage.numbers)
        yield Sketch(
            stem=Phrase.of("numbers_out.stem", network=recording.network, stage=stage.title),
            table=stage_table(recording, recording.maps, "shape", "parameters"),
            right=right,
            beliefs=[
                make(slug, Phrase.of("count", count=count)) for slug, count in wrong.items() if differ(count, stage.numbers)
            ],
            why=Phrase.of("numbers_out.right", **figures),
            hint=Phrase.of("numbers_out.hint"),
            solution=(
                Phrase.of("numbers_out.step-cells", **figures),
                Phrase.of("numbers_out.step-channels", **figures),
            ),
            answer=right,
        )


NUMBERS_OUT = Template(
    "numbers_out",
    frozenset({"channels-are-all", "one-channel-is-all", "sides-are-added", "in-is-out", "weights-are-outputs"}),
    _numbers_out,
)

# --- by what factor the cells become fewer -----------------------------------------------------------------------------------


def _shrinking(recording: Recording) -> Iterator[Sketch]:
    for (early, before), (late, after) in combinations(enumerate(recording.maps), 2):
        if before.side % after.side or before.side == after.side:
            continue
        factor = before.cells // after.cells
        figures: Figures = {
            "before": before.title,
            "after": after.title,
            "before_side": before.side,
            "after_side": after.side,
            "before_cells": before.cells,
            "after_cells": after.cells,
            "factor": factor,
            "side_factor": before.side // after.side,
            "stages": late - early,
        }
        make = beliefs_of("shrinking", figures)
        wrong: dict[str, float] = {
            "the-side-is-the-area": before.side // after.side,
            "numbers-are-cells": _rounded(before.numbers / after.numbers),
            "every-stage-halves": 2 ** (late - early),
            "channels-make-up-for-cells": _rounded(after.channels / before.channels),
        }
        right = Phrase.of("times", times=factor)
        yield Sketch(
            stem=Phrase.of("shrinking.stem", network=recording.network, before=before.title, after=after.title),
            table=stage_table(recording, recording.maps, "shape"),
            right=right,
            beliefs=[
                make(slug, Phrase.of("times", times=times), said=times)
                for slug, times in wrong.items()
                if times > 1 and differ(times, factor)
            ],
            why=Phrase.of("shrinking.right", **figures),
            hint=Phrase.of("shrinking.hint"),
            solution=(Phrase.of("shrinking.step-cells", **figures), Phrase.of("shrinking.step-divide", **figures)),
            answer=right,
        )


def _rounded(times: float) -> float:
    return round(times, 1)


SHRINKING = Template(
    "shrinking",
    frozenset({"the-side-is-the-area", "numbers-are-cells", "every-stage-halves", "channels-make-up-for-cells"}),
    _shrinking,
)

# --- what of the photo the network never sees --------------------------------------------------------------------------------


def _never_seen(recording: Recording) -> Iterator[Sketch]:
    decoded, resized, cropped = (recording.preparing(step) for step in ("decode", "resize", "crop"))
    if decoded is None or resized is None or cropped is None:
        return
    long, kept = max(resized.shape[:2]), cropped.shape[0]
    area, seen = math.prod(resized.shape[:2]), math.prod(cropped.shape[:2])
    cut = 100 - percent(seen, area)
    if not points_apart(cut, 0):
        return  # nothing worth a question is cut off
    figures: Figures = {
        "height": resized.shape[0],
        "width": resized.shape[1],
        "side": kept,
        "area": area,
        "seen": seen,
        "cut": cut,
        "kept": 100 - cut,
    }
    make = beliefs_of("never_seen", figures)
    wrong = {
        "only-one-side-is-cut": 100 - percent(kept, long),
        "resizing-cuts": 100 - percent(seen, math.prod(decoded.shape[:2])),
        "nothing-is-cut": 0,
        "kept-is-cut": 100 - cut,
    }
    right = Phrase.of("about-percent", percent=cut)
    shown = (decoded, resized, cropped)
    yield Sketch(
        stem=Phrase.of("never_seen.stem", network=recording.network),
        table=Table(caption(recording, "preparing"), ("operation", "shape"), columns(shown, ("operation", "shape"))),
        right=right,
        beliefs=[
            make(slug, Phrase.of("about-percent", percent=share), said=share)
            for slug, share in wrong.items()
            if share >= 0 and points_apart(share, cut)
        ],
        why=Phrase.of("never_seen.right", **figures),
        hint=Phrase.of("never_seen.hint"),
        solution=(
            Phrase.of("never_seen.step-resized", **figures),
            Phrase.of("never_seen.step-cropped", **figures),
            Phrase.of("never_seen.step-share", **figures),
        ),
        answer=right,
    )


NEVER_SEEN = Template(
    "never_seen", frozenset({"only-one-side-is-cut", "resizing-cuts", "nothing-is-cut", "kept-is-cut"}), _never_seen
)
