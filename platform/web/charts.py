"""Charts as numbers first: the drawing is computed from the same rows that the table under it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 26
BAR_HEIGHT = 22
STYLES = ("", "second", "third")


@dataclass(frozen=True)
class Series:
    """One named row of values; None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """What a chart shows: `title` says it in words, `labels` name the points (or bars).

    At most three series; the third is what the others are held against, drawn dotted and without points.
    """

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    axis: str = ""  # what the labels are: "epoch"
    decimals: int = 3
    summary: str = field(default="")  # one sentence for who can't see the drawing
    scale: float = 0.0  # the scale's upper end, where it is not to follow from the values
    mark: float | None = None  # what the values are held against: a line at it

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: a label and each series' value in words."""
        return [(label, [self.said(one.values[index]) for one in self.series]) for index, label in enumerate(self.labels)]

    def said(self, value: float | None) -> str:
        return "–" if value is None else f"{value:.{self.decimals}f}"

    @property
    def top(self) -> float:
        """The scale's upper end: the one given, or a round number at or above every value."""
        largest = round_up(max((v for one in self.series for v in one.values if v is not None), default=1.0))
        return max(self.scale, largest) if self.scale else largest


@dataclass(frozen=True)
class Line:
    """One series as drawn: polylines (a gap in the values begins a new one) and its dots."""

    points: list[str]
    dots: list[tuple[float, float]]
    style: str = ""  # of app.css


@dataclass(frozen=True)
class LineDrawing:
    width: int
    height: int
    left: int
    right: int
    ticks: list[Tick]
    labels: list[Tick]
    lines: list[Line]


@dataclass(frozen=True)
class Bar:
    label: str
    value: str
    y: int
    width: float


@dataclass(frozen=True)
class BarDrawing:
    width: int
    height: int
    bars: list[Bar]


def line_drawing(chart: Chart) -> LineDrawing:
    """Where every line, tick and label of a line chart goes; the scale starts at 0."""
    top = chart.top
    span = WIDTH - LEFT - RIGHT
    depth = HEIGHT - TOP - BOTTOM
    last = max(len(chart.labels) - 1, 1)

    def x(index: int) -> float:
        return round(LEFT + span * index / last, 1)

    def y(value: float) -> float:
        return round(TOP + depth * (1 - value / top), 1)

    ticks = [Tick(y(top * quarter / 4), f"{top * quarter / 4:g}") for quarter in range(5)]
    every = math.ceil(len(chart.labels) / 10) or 1
    labels = [Tick(x(index), label) for index, label in enumerate(chart.labels) if index % every == 0]
    lines = [_line(one, x, y, style=style) for one, style in zip(chart.series, STYLES, strict=False)]
    return LineDrawing(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, ticks, labels, lines)


def _line(series: Series, x: Callable[[int], float], y: Callable[[float], float], *, style: str) -> Line:
    points: list[list[str]] = [[]]
    dots: list[tuple[float, float]] = []
    for index, value in enumerate(series.values):
        if value is None:
            points.append([])
            continue
        points[-1].append(f"{x(index)},{y(value)}")
        dots.append((x(index), y(value)))
    return Line([" ".join(piece) for piece in points if len(piece) > 1], dots, style)


@dataclass(frozen=True)
class Interval:
    """One row of an interval chart: the best guess and its bounds, in percent of the scale."""

    label: str
    value: str
    at: float
    low: float
    width: float


@dataclass(frozen=True)
class IntervalDrawing:
    intervals: list[Interval]
    mark: float | None


def interval_drawing(chart: Chart) -> IntervalDrawing:
    """Where the rows of an interval chart go: its three series are the best guess, the lower and the upper bound."""
    best, low, high = (one.values for one in chart.series)

    def share(value: float | None) -> float:
        return round(100 * (value or 0) / chart.top, 2)

    rows = [
        Interval(label, chart.said(best[index]), share(best[index]), share(low[index]), share(high[index]) - share(low[index]))
        for index, label in enumerate(chart.labels)
    ]
    return IntervalDrawing(rows, None if chart.mark is None else share(chart.mark))


def bar_drawing(chart: Chart) -> BarDrawing:
    """Where every bar goes: one under the other, the first series only, widths in percent of the scale."""
    values = chart.series[0].values
    bars = [
        Bar(label, chart.said(values[index]), BAR_HEIGHT * index, round(100 * (values[index] or 0) / chart.top, 2))
        for index, label in enumerate(chart.labels)
    ]
    return BarDrawing(100, BAR_HEIGHT * len(bars), bars)


def round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 × 10ⁿ at or above a value; 1 for none, and for what no drawing tells from none."""
    if value < 1e-12:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))
