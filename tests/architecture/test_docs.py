"""What README.md and docs/ name exists: make targets, management commands, settings, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT: Path = settings.ROOT
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_SETTINGS = {"PYTHON", "TORCH_INDEX", "CHROMIUM", "POSTGRES_URL"}
"""Variables that set-up and tests read; everything else in the table is read by config/settings.py."""


def words(document: Path) -> str:
    return document.read_text()


def ids(document: Path) -> str:
    return str(document.relative_to(ROOT))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", PAGES, ids=ids)
def test_every_make_target_it_names_exists(document: Path) -> None:
    # In code only: prose may "make sure".
    code = re.findall(r"`[^`\n]+`|^```.*?^```|^    .+$", words(document), re.MULTILINE | re.DOTALL)
    named = {target for part in code for target in re.findall(r"\bmake ([a-z][a-z-]*)", part)}
    assert named <= make_targets()


@pytest.mark.parametrize("document", PAGES, ids=ids)
def test_every_management_command_it_names_exists(document: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", words(document)))
    assert named <= set(get_commands())


@pytest.mark.parametrize("document", PAGES, ids=ids)
def test_every_file_it_links_to_exists(document: Path) -> None:
    fences = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
    prose = fences.sub("", words(document))  # examples link to examples
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", prose)
    assert [link for link in links if not (document.parent / link).exists()] == []


def table_of_variables(document: Path) -> set[str]:
    rows = re.findall(r"^\| (`[A-Z][^|]*) \|", words(document), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row)}


def settings_from_environment() -> set[str]:
    source = (ROOT / "platform" / "config" / "settings.py").read_text()
    return set(re.findall(r'(?:env\.[a-z_]+|_is_on|_listed)\(\s*"([A-Z_]+)"', source))


@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "docs" / "operations.md"], ids=ids)
def test_every_variable_of_the_table_is_read(document: Path) -> None:
    assert table_of_variables(document) - NOT_SETTINGS <= settings_from_environment()


def test_the_operations_page_lists_every_setting() -> None:
    assert settings_from_environment() <= table_of_variables(ROOT / "docs" / "operations.md")


def test_the_readme_names_the_two_commands() -> None:
    readme = words(ROOT / "README.md")
    assert "\nmake run\n" in readme
    assert "\nmake test\n" in readme
