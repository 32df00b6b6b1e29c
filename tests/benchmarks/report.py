"""What the benchmarks measured, as a readable table and as JSON, with the machine that it was measured on.

Each benchmark hands its rows over:

    say(Section("What watching costs", command="python -m tests.benchmarks.trace", rows=rows, conditions={"threads": 1}),
        as_json=options.json)

A `Row` is one figure. Where it is a ratio, `ratio_to` names what it was measured against in the same run:

    Row("efficientnet_lite0: a pass with pictures", 1.51, "×", ratio_to="the plain pass", goal=at_most(2.0))
    Row("first frame, 20 learners", 143.0, "ms")

`python -m tests.benchmarks.report` (which is `make bench`) runs all of them, each in a process of its own, prints their tables
and writes artifacts/bench.json. `--only trace,queue` runs those; `--write-docs [FILE…]` writes docs/performance.md from such
files, so that no figure in it is typed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform as this_machine
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FORMAT = "forward-pass-bench/1"
FILE = ROOT / "artifacts" / "bench.json"
PAGE = ROOT / "docs" / "performance.md"

BENCHMARKS: Mapping[str, tuple[str, ...]] = {
    "trace": ("tests.benchmarks.trace", "efficientnet_lite0", "resnet50"),
    "queue": ("tests.benchmarks.queue",),
    "streams": ("tests.benchmarks.streams",),
    "pages": ("tests.benchmarks.pages",),
    "answers": ("tests.benchmarks.answers",),
}
"""What `make bench` runs, in this order: a module of tests.benchmarks with its arguments, which also takes --json."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should not pass, in one direction."""

    bound: str  # "≤" or "≥"
    value: float

    def is_met_by(self, value: float) -> bool:
        return value <= self.value if self.bound == "≤" else value >= self.value

    def __str__(self) -> str:
        return f"{self.bound} {number(self.value)}"


def at_most(value: float) -> Goal:
    """A goal that smaller figures meet."""
    return Goal("≤", value)


def at_least(value: float) -> Goal:
    """A goal that larger figures meet."""
    return Goal("≥", value)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `value` in `unit` ("×", "ms", "MiB", "per second", "queries"); for a ratio, what it is measured against."""

    name: str
    value: float
    unit: str = ""
    ratio_to: str = ""
    goal: Goal | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.goal.is_met_by(self.value)

    @property
    def figure(self) -> str:
        """The value as it is read, with its unit."""
        return f"×{self.value:.2f}" if self.unit == "×" else f"{number(self.value)} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark measured, how to measure it again, and under which conditions (threads, device, rounds)."""

    title: str
    command: str
    rows: Sequence[Row]
    conditions: Mapping[str, str | int | float] = field(default_factory=dict)
    note: str = ""


def number(value: float) -> str:
    """A figure in about three digits: 1,204; 38.2; 0.91."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(decimals, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- one benchmark says what it measured ------------------------------------------------------------------------------


def say(section: Section, *, as_json: bool = False) -> None:
    """Prints one benchmark's figures: a table for people, or one line of JSON for `make bench`."""
    sys.stdout.write((json.dumps(section_json(section)) if as_json else table(section)) + "\n")
    sys.stdout.flush()


def table(section: Section) -> str:
    """A section as text, its columns aligned."""
    cells = [(row.name, row.figure, row.ratio_to, str(row.goal or ""), _mark(row)) for row in section.rows]
    head = ("", "figure", "measured against", "goal", "")
    widths = [max(len(line[column]) for line in [head, *cells]) for column in range(len(head))]
    lines = [
        f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:<{widths[2]}}  {line[3]:<{widths[3]}}  {line[4]}".rstrip()
        for line in [head, *cells]
    ]
    below = [f"  {section.note}"] if section.note else []
    return "\n".join([section.title, _conditions(section.conditions), *(f"  {line}" for line in lines), *below])


def _mark(row: Row) -> str:
    return {None: "", True: "met", False: "missed"}[row.is_met]


def _conditions(conditions: Mapping[str, str | int | float]) -> str:
    return "  " + ", ".join(f"{name}: {value}" for name, value in conditions.items())


def section_json(section: Section) -> dict[str, Any]:
    """A section as JSON's values."""
    return {**asdict(section), "rows": [asdict(row) for row in section.rows], "conditions": dict(section.conditions)}


def section_of(told: Mapping[str, Any]) -> Section:
    """The section that `section_json` wrote."""
    rows = [Row(**{**row, "goal": Goal(**row["goal"]) if row["goal"] else None}) for row in told["rows"]]
    return Section(**{**told, "rows": rows})


# --- all of them ------------------------------------------------------------------------------------------------------


def machine() -> dict[str, str | int | float]:
    """The machine and what was installed on it, as far as they decide a figure."""
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpu": _gpu(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{this_machine.system()} {this_machine.machine()}",
        "python": this_machine.python_version(),
        **{package: _version(package) for package in ("torch", "torchvision", "django", "celery")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return this_machine.processor() or "not told"
    told = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name"))
    return next(told, "") or this_machine.processor() or "not told"


def _gpu() -> str:
    """The names of the NVIDIA GPUs, or "none". Asked of the driver's tool, so that torch need not be loaded."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "none"
    return ", ".join(told.stdout.split("\n")).strip(", ") or "none"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def run_all(names: Iterable[str], *, extra: Sequence[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Runs benchmarks one after the other, printing their tables; what they measured, and the names of those that failed."""
    measured: dict[str, Any] = {"format": FORMAT, "machine": machine(), "sections": []}
    failed = []
    for name in names:
        sys.stdout.write(f"— {name} …\n")
        sys.stdout.flush()
        load = round(os.getloadavg()[0], 2)
        sections = [replace(one, conditions={**one.conditions, "load before": load}) for one in _run(name, extra)]
        if not sections:
            failed.append(name)
        for section in sections:
            sys.stdout.write(table(section) + "\n\n")
            measured["sections"].append(section_json(section))
    return measured, failed


def _run(name: str, extra: Sequence[str]) -> list[Section]:
    """What one benchmark says: a line of JSON for each of its sections; nothing when it failed."""
    module, *arguments = BENCHMARKS[name]
    command = [sys.executable, "-m", module, *arguments, *extra, "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(f"{name}: ended with exit code {done.returncode}\n")
        return []
    try:
        return [section_of(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    except (KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"{name}: what it printed is no section: {error!r}\n")
        return []


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmarks or writes the page; 1 when a benchmark could not run. A missed goal is told, never an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", default="", help=f"some of them, by comma: {','.join(BENCHMARKS)}")
    parser.add_argument("--to", type=Path, default=FILE, help="the JSON file to write")
    parser.add_argument("--write-docs", nargs="*", type=Path, metavar="FILE", help="write docs/performance.md from JSON files")
    options = parser.parse_args(arguments)
    if options.write_docs is not None:
        PAGE.write_text(page([json.loads(file.read_text(encoding="utf-8")) for file in options.write_docs or [options.to]]))
        return 0
    names = options.only.split(",") if options.only else list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    measured, failed = run_all(names)
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{options.to}\n")
    return 1 if failed else 0


# --- docs/performance.md ----------------------------------------------------------------------------------------------


def page(measurements: Sequence[Mapping[str, Any]]) -> str:
    """docs/performance.md: what was measured, on which machine, with which command."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench-page` from what `make bench` measured; no figure is typed. A ratio is of medians, both sides",
        "measured by turns in the same run. Milliseconds belong to the machine that stands above them.",
    ]
    for measured in measurements:
        lines += _machine_lines(measured["machine"])
        for told in measured["sections"]:
            lines += _section_lines(section_of(told))
    return "\n".join(lines) + "\n"


def _machine_lines(told: Mapping[str, Any]) -> list[str]:
    gpu = "" if told["gpu"] == "none" else f", {told['gpu']}"
    return [
        "",
        f"## {told['cores']} cores{gpu}",
        "",
        f"Measured {told['measured']} on {told['system']}: {told['processor']}, {told['cores']} cores,"
        f" {told['memory_gib']} GiB;"
        f" load {told['load']} when it began. Python {told['python']}, torch {told['torch']},"
        f" torchvision {told['torchvision']}.",
    ]


def _section_lines(section: Section) -> list[str]:
    told = ", ".join(f"{name} {value}" for name, value in section.conditions.items())
    return [
        "",
        f"### {section.title}",
        "",
        f"`{section.command}`" + (f" ({told})" if told else ""),
        "",
        *([section.note, ""] if section.note else []),
        "| | figure | measured against | goal | |",
        "|---|---:|---|---|---|",
        *(f"| {row.name} | {row.figure} | {row.ratio_to} | {row.goal or ''} | {_mark(row)} |" for row in section.rows),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
