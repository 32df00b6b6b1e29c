"""The report of the benchmarks: figures as they are read, goals, the JSON and the page that is written from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import report
from tests.benchmarks.report import Row, Section, at_least, at_most, number, page, section_json, section_of, table

SECTION = Section(
    "What watching costs",
    "python -m tests.benchmarks.trace",
    rows=[
        Row("a pass", 1.2, "×", ratio_to="the plain pass", goal=at_most(1.4)),
        Row("a pass with pictures", 2.5, "×", ratio_to="the plain pass", goal=at_most(2.0)),
        Row("throughput", 0.93, ratio_to="the raw model", goal=at_least(0.9)),
        Row("first frame", 1432.0, "ms"),
    ],
    conditions={"threads": 1},
    note="Beside other work.",
)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (1432.0, "1,432"), (38.24, "38.2"), (0.9, "0.9"), (0.0123, "0.0123"), (2.0, "2"), (1_500_000, "1,500,000")],
)
def test_figures_have_about_three_digits(value: float, said: str) -> None:
    assert number(value) == said


def test_goals_are_met_in_their_direction() -> None:
    assert [row.is_met for row in SECTION.rows] == [True, False, True, None]


def test_a_table_says_figure_goal_and_whether_it_is_met() -> None:
    lines = table(SECTION).splitlines()
    assert lines[0] == "What watching costs"
    assert lines[1].strip() == "threads: 1"
    assert lines[4].split() == ["a", "pass", "with", "pictures", "×2.50", "the", "plain", "pass", "≤", "2", "missed"]
    assert lines[6].split() == ["first", "frame", "1,432", "ms"]
    assert lines[-1].strip() == "Beside other work."


def test_json_brings_the_same_section_back() -> None:
    assert section_of(json.loads(json.dumps(section_json(SECTION)))) == SECTION


def test_the_page_is_written_from_the_file_alone() -> None:
    measured = {"format": report.FORMAT, "machine": report.machine(), "sections": [section_json(SECTION)]}
    text = page([json.loads(json.dumps(measured))])
    assert "| a pass with pictures | ×2.50 | the plain pass | ≤ 2 | missed |" in text
    assert "`python -m tests.benchmarks.trace` (threads 1)" in text
    assert f"torch {report.machine()['torch']}" in text


def test_the_shipped_page_names_commands_that_exist() -> None:
    text = report.PAGE.read_text(encoding="utf-8")
    root = Path(report.ROOT)
    for line in text.splitlines():
        if line.startswith("`python -m tests.benchmarks."):
            module = line.split("`")[1].split()[2]
            assert (root / (module.replace(".", "/") + ".py")).exists(), module


def test_every_benchmark_that_make_bench_runs_is_there() -> None:
    for module, *_arguments in report.BENCHMARKS.values():
        assert (Path(report.ROOT) / (module.replace(".", "/") + ".py")).exists()
