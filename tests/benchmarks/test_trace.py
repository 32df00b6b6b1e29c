"""The benchmark of traces runs, and measures what it says against what it says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.benchmarks import report

pytestmark = [pytest.mark.torch, pytest.mark.weights]


@pytest.fixture(scope="module")
def sections() -> list[report.Section]:
    # In a process of its own: torchlens leaves torch's functions wrapped.
    command = [sys.executable, "-m", "tests.benchmarks.trace", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=report.ROOT, capture_output=True, text=True, check=True)
    return [report.section_of(json.loads(line)) for line in done.stdout.splitlines()]


def test_a_trace_is_measured_against_passes_that_are_not_watched(sections: list[report.Section]) -> None:
    watching = {row.name: row for row in sections[0].rows}
    assert watching["the plain pass"].unit == "ms"
    bare = watching["a watched pass: statistics, Grad-CAM"]
    drawn = watching["a watched pass: statistics, Grad-CAM, pictures"]
    assert (bare.unit, bare.ratio_to, str(bare.goal)) == ("×", "the plain pass", "≤ 1.4")
    assert (drawn.unit, drawn.ratio_to, str(drawn.goal)) == ("×", "the plain pass", "≤ 2")
    assert watching["a whole trace: statistics, Grad-CAM"].ratio_to == "preprocessing and the plain pass"
    assert watching["8 photos in one trace: statistics, Grad-CAM"].ratio_to == "a plain pass of 8"
    assert all(row.value > 0 for row in watching.values())


@pytest.mark.parametrize("package", ["captum", "grad-cam", "torchinfo", "torchlens"])
def test_other_libraries_do_their_part_beside_it(package: str, sections: list[report.Section]) -> None:
    rows = [row for row in sections[1].rows if f" {package} " in row.name]
    assert rows
    assert all(row.unit == "×" and row.ratio_to.startswith("the plain pass") for row in rows)
