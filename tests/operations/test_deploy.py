"""The deployment examples name what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class

from tests.architecture.test_docs import settings_from_environment

DEPLOY: Path = settings.ROOT / "platform" / "deploy"
OTHERS_VARIABLES = {"REMAP_SIGTERM", "FORWARDED_ALLOW_IPS", "CUDA_VISIBLE_DEVICES"}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def process_names() -> set[str]:
    parser = load_command_class(get_commands()["process"], "process").create_parser("manage.py", "process")
    return {choice for action in parser._actions if action.dest == "name" for choice in action.choices or ()}


def test_the_compose_file_runs_each_process_of_the_site_once() -> None:
    commands = [service["command"] for service in compose()["services"].values() if "build" in service]
    assert all(command[:3] == ["python", "manage.py", "process"] for command in commands)
    assert {command[3] for command in commands} == process_names()


def test_the_compose_file_builds_from_a_file_that_exists() -> None:
    build = compose()["services"]["web"]["build"]
    assert (DEPLOY / build["context"]).resolve() == settings.ROOT
    assert (settings.ROOT / build["dockerfile"]).is_file()


def test_the_compose_file_sets_variables_that_are_read() -> None:
    for service in compose()["services"].values():
        if "build" in service:
            assert set(service["environment"]) - OTHERS_VARIABLES <= settings_from_environment()


def test_its_services_and_volumes_are_there() -> None:
    described = compose()
    for service in described["services"].values():
        assert set(service.get("depends_on", {})) <= set(described["services"])
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(described["volumes"])


def test_the_container_copies_files_that_exist() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (?:--\S+ )*(.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert copied
    assert [name for name in copied if not (settings.ROOT / name).exists()] == []


@pytest.mark.parametrize("name", ["Containerfile", "compose.yaml", "forward-pass-worker.service"])
def test_each_example_names_processes_that_exist(name: str) -> None:
    text = (DEPLOY / name).read_text()
    named = set(re.findall(r'manage\.py"?,? "?process"?,? "?(\w+)', text))
    assert named
    assert named <= process_names()
