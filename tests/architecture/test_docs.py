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


def words(page: Path) -> str:
    return page.read_text()


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_make_target_it_names_exists(page: Path) -> None:
    # In code only: prose may "make sure".
    code = re.findall(r"`[^`\n]+`|^```.*?^```|^    .+$", words(page), re.MULTILINE | re.DOTALL)
    named = {target for part in code for target in re.findall(r"\bmake ([a-z][a-z-]*)", part)}
    assert named <= make_targets()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_management_command_it_names_exists(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", words(page)))
    assert named <= set(get_commands())


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_file_it_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", words(page))
    assert [link for link in links if not (page.parent / link).exists()] == []


def table_of_variables(page: Path) -> set[str]:
    rows = re.findall(r"^\| (`[A-Z][^|]*) \|", words(page), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row)}


def settings_from_environment() -> set[str]:
    source = (ROOT / "platform" / "config" / "settings.py").read_text()
    return set(re.findall(r'env\.[a-z_]+\(\s*"([A-Z_]+)"', source))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "operations.md"], ids=ids)
def test_every_variable_of_the_table_is_read(page: Path) -> None:
    assert table_of_variables(page) - NOT_SETTINGS <= settings_from_environment()


def test_the_operations_page_lists_every_setting() -> None:
    assert settings_from_environment() <= table_of_variables(ROOT / "docs" / "operations.md")


def test_the_readme_names_the_two_commands() -> None:
    readme = words(ROOT / "README.md")
    assert "\nmake run\n" in readme
    assert "\nmake test\n" in readme
