"""Two traces side by side: which stages belong together, what differs, and sentences computed from the figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference import grids
from inference.contracts import StageKind
from inference.models import Job, Trace
from inference.presenting import Frame, PredictionView, TraceView
from inference.templatetags.inference import figure
from web.charts import Chart, Series

MACHINE = ("device", "dtype", "threads", "torch", "batch")
"""What of `made_by` decides how long a run takes."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A stage of one of the two: as the film shows it, the side of its grid and how often the input's was halved for it."""

    frame: Frame
    grid: int | None  # none for a vector
    halvings: int | None = None  # none where the grid, or the input's side, is not known


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the comparison: stages that are about equally far on their way, or one that has no counterpart."""

    number: int
    a: Ran | None
    b: Ran | None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class that either of the two shows; none where it isn't among the classes that were kept."""

    label: str
    a: PredictionView | None
    b: PredictionView | None

    @property
    def difference(self) -> str:
        """B's probability less A's, in points of a hundred; empty where one is not known."""
        if self.a is None or self.b is None:
            return ""
        return f"{100 * (self.b.probability - self.a.probability):+.1f}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that the page shows of two traces."""

    a: TraceView
    b: TraceView
    sentences: list[str]
    pairs: list[Pair]
    classes: list[ClassRow]
    charts: list[Chart]


def compare(first: Trace, second: Trace, *, a: TraceView, b: TraceView) -> Comparison:
    """The two traces side by side; `a` and `b` are they as the reader may see them."""
    pairs = align(stages_of(first.job, a), stages_of(second.job, b))
    sentences = [
        _what_is_compared(first.job, second.job),
        *_about_answers(a.top_k, b.top_k),
        *_about_size(pairs),
        *_about_time(a, b, pairs),
    ]
    if a.network == b.network:
        sentences += _about_spread(pairs)
    return Comparison(a, b, sentences, pairs, classes_of(a.top_k, b.top_k), _charts(pairs))


# --- which stages belong together -------------------------------------------------------------------------------------


def stages_of(job: Job, view: TraceView) -> list[Ran]:
    """The stages that ran, each with its grid."""
    told = {stage["index"]: stage for stage in (job.document or {}).get("stages", ())}
    side = _input_side(told.values())
    placed = ((frame, grids.side_of(told.get(frame.index, {}))) for frame in view.frames if frame.ran)
    return [Ran(frame, grid, grids.halvings(grid, of=side)) for frame, grid in placed]


def _input_side(stages: Iterable[Mapping[str, Any]]) -> int | None:
    """The height of what entered the network, 1 × 3 × H × W; None where no stage tells."""
    shape: Sequence[int] = next((stage["input_shape"] for stage in stages if stage["kind"] == StageKind.FEATURES), ())
    return int(shape[2]) if len(shape) == 4 else None


def align(left: Sequence[Ran], right: Sequence[Ran]) -> list[Pair]:
    """The two lists of stages in order, as rows: those that belong together share one.

    An alignment of sequences: of all ways to pair them without crossing, the one whose pairs are alike the most
    (Needleman and Wunsch 1970, with nothing taken off for a gap).
    """
    best = [[0] * (len(right) + 1) for _row in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            together = likeness(left[i], right[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], together + best[i + 1][j + 1] if together else 0)
    rows: list[tuple[Ran | None, Ran | None]] = []
    i = j = 0
    while i < len(left) or j < len(right):
        together = likeness(left[i], right[j]) if i < len(left) and j < len(right) else 0
        a_alone = i < len(left) and best[i][j] == best[i + 1][j]
        b_alone = j < len(right) and best[i][j] == best[i][j + 1]
        if together and best[i][j] == together + best[i + 1][j + 1]:
            rows.append((left[i], right[j]))
            i, j = i + 1, j + 1
        elif a_alone and not (b_alone and _comes_first(right[j], left[i])):
            rows.append((left[i], None))
            i += 1
        else:
            rows.append((None, right[j]))
            j += 1
    return [Pair(number, a, b) for number, (a, b) in enumerate(rows, start=1)]


def likeness(a: Ran, b: Ran) -> int:
    """How much two stages are alike: 0 when they don't belong together."""
    if a.frame.kind != b.frame.kind:
        return 0
    same_operation = a.frame.operation_code == b.frame.operation_code
    if a.frame.kind == StageKind.FEATURES:
        if not _on_the_same_grid(a, b):
            return 0
        return 2 + same_operation + (a.frame.name == b.frame.name)
    return 3 if same_operation else int(a.frame.kind != StageKind.PREPROCESSING)


def _on_the_same_grid(a: Ran, b: Ran) -> bool:
    """Whether about the same part of the input's side is left in both, as networks are compared."""
    if a.halvings is None or b.halvings is None:
        return a.grid == b.grid
    return a.halvings == b.halvings


def _comes_first(one: Ran, other: Ran) -> bool:
    """Whether, of two stages without counterpart, this one stands first: by its kind, then by its larger grid."""
    order = list(StageKind)
    kinds = order.index(StageKind(one.frame.kind)), order.index(StageKind(other.frame.kind))
    return kinds[0] < kinds[1] or (kinds[0] == kinds[1] and (one.grid or 0) > (other.grid or 0))


# --- what differs -----------------------------------------------------------------------------------------------------


def classes_of(a: Sequence[PredictionView], b: Sequence[PredictionView]) -> list[ClassRow]:
    """Every class of either list once, A's order first."""
    left, right = {row.class_index: row for row in a}, {row.class_index: row for row in b}
    order = [*left, *(index for index in right if index not in left)]
    return [ClassRow((left.get(index) or right[index]).label, left.get(index), right.get(index)) for index in order]


def _charts(pairs: Sequence[Pair]) -> list[Chart]:
    labels = [str(pair.number) for pair in pairs]

    def series(pick: Any) -> list[Series]:
        return [
            Series("A", [pick(pair.a) if pair.a else None for pair in pairs]),
            Series("B", [pick(pair.b) if pair.b else None for pair in pairs]),
        ]

    def spread(ran: Ran) -> float | None:
        return ran.frame.statistics["std"] if ran.frame.statistics else None

    return [
        Chart(
            _("Time of each stage, in milliseconds"),
            labels,
            series(lambda ran: ran.frame.milliseconds),
            axis=_("row"),
            decimals=2,
        ),
        Chart(_("Standard deviation of each stage’s output"), labels, series(spread), axis=_("row"), decimals=3),
    ]


def _what_is_compared(a: Job, b: Job) -> str:
    same_photo = is_same_photo(a, b)
    if a.network == b.network and same_photo:
        return _("The same network on the same photo: only times, and last digits, can differ.")
    if a.network == b.network:
        return _("One network, two photos: what differs comes from the photos.")
    if same_photo:
        return _("One photo, two networks: what differs comes from the networks and what they were trained on.")
    return _("Two networks and two photos: what differs can come from either.")


def is_same_photo(a: Job, b: Job) -> bool:
    """Whether two jobs certainly looked at the same photo: the same sample, or the same upload by its hash."""
    if a.upload is not None or b.upload is not None:
        return a.upload is not None and b.upload is not None and a.upload.sha256 == b.upload.sha256
    return bool(a.sample) and a.sample == b.sample


def _about_answers(a: Sequence[PredictionView], b: Sequence[PredictionView]) -> list[str]:
    if not a or not b:
        return []
    told = {"a": a[0].label, "b": b[0].label, "pa": a[0].percent, "pb": b[0].percent}
    if a[0].class_index == b[0].class_index:
        first = _("Both put “%(a)s” first: A with %(pa)s, B with %(pb)s.") % told
    else:
        first = _("A puts “%(a)s” first, with %(pa)s; B puts “%(b)s” first, with %(pb)s.") % told
    shared = len({row.class_index for row in a} & {row.class_index for row in b})
    lists = ngettext("%(shared)d class stands on both lists.", "%(shared)d classes stand on both lists.", shared) % {
        "shared": shared
    }
    return [f"{first} {lists}"]


def _about_size(pairs: Sequence[Pair]) -> list[str]:
    a = sum(pair.a.frame.parameters for pair in pairs if pair.a)
    b = sum(pair.b.frame.parameters for pair in pairs if pair.b)
    if not a or not b or a == b:
        return []
    macs = [sum(ran.frame.macs for ran in side if ran) for side in ([p.a for p in pairs], [p.b for p in pairs])]
    told = {"a": figure(a), "b": figure(b), "am": figure(macs[0]), "bm": figure(macs[1])}
    return [_("A has %(a)s parameters and does %(am)s multiply-adds; B has %(b)s and does %(bm)s.") % told]


def _about_time(a: TraceView, b: TraceView, pairs: Sequence[Pair]) -> list[str]:
    if not a.milliseconds or not b.milliseconds:
        return []
    told = {"a": f"{a.milliseconds:.0f}", "b": f"{b.milliseconds:.0f}", "times": f"{b.milliseconds / a.milliseconds:.2f}"}
    sentence = _("A took %(a)s ms and B %(b)s ms: B took %(times)s times as long as A.") % told
    different = [name for name in MACHINE if a.made_by.get(name) != b.made_by.get(name)]
    if different:
        sentence += " " + _("They didn’t run under the same conditions (%(what)s), so compare their times only roughly.") % {
            "what": ", ".join(different)
        }
    slowest = [_slowest(name, [ran for ran in side if ran]) for name, side in _sides(pairs)]
    return [sentence, *(words for words in slowest if words)]


def _sides(pairs: Sequence[Pair]) -> list[tuple[str, list[Ran | None]]]:
    return [("A", [pair.a for pair in pairs]), ("B", [pair.b for pair in pairs])]


def _slowest(name: str, side: Sequence[Ran]) -> str:
    total = sum(ran.frame.milliseconds or 0 for ran in side)
    if not total:
        return ""
    slowest = max(side, key=lambda ran: ran.frame.milliseconds or 0)
    share = (slowest.frame.milliseconds or 0) / total
    return _("In %(run)s the stage that takes longest is %(stage)s, with %(share)s of the time.") % {
        "run": name,
        "stage": slowest.frame.title,
        "share": f"{share:.0%}",
    }


def _about_spread(pairs: Sequence[Pair]) -> list[str]:
    """Where the two photos part: the stage whose outputs differ the most in how far they spread."""
    both = [
        (pair.a.frame, abs(math.log(pair.b.frame.statistics["std"]) - math.log(pair.a.frame.statistics["std"])), pair.b.frame)
        for pair in pairs
        if pair.a and pair.b and _spreads(pair.a) and _spreads(pair.b)
        if pair.a.frame.statistics and pair.b.frame.statistics
    ]
    if not both:
        return []
    a, ratio, b = max(both, key=lambda row: row[1])
    if ratio < 0.01:
        return [_("No stage’s output spreads differently by more than 1%.")]
    told = {"stage": a.title, "a": f"{a.statistics['std']:.3g}", "b": f"{b.statistics['std']:.3g}"}  # type: ignore[index]
    return [_("The outputs differ most in how far they spread at %(stage)s: %(a)s in A, %(b)s in B.") % told]


def _spreads(ran: Ran) -> bool:
    return bool(ran.frame.statistics and ran.frame.statistics["std"] > 0)
