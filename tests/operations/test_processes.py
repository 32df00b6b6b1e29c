"""The command lines of the site's workers: what each listens to."""

from __future__ import annotations

from typing import Any

import pytest

from inference.sandbox import nest, syscalls
from inference.sandbox.engine import proves_here
from operations.processes import QUEUES, worker_command


def listens_to(name: str) -> str:
    command = worker_command(name)
    return command[command.index("-Q") + 1]


@pytest.fixture(autouse=True)
def bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nest, "bubblewrap", lambda: "/usr/bin/bwrap")


def test_the_worker_for_chores_proves_where_the_sandbox_is_whole() -> None:
    assert proves_here()
    assert [listens_to(name) for name in QUEUES] == ["trace", "train", "checks,proofs"]


def without_bubblewrap(monkeypatch: pytest.MonkeyPatch, _settings: Any) -> None:
    monkeypatch.setattr(nest, "bubblewrap", lambda: "")


def without_a_filter(monkeypatch: pytest.MonkeyPatch, _settings: Any) -> None:
    monkeypatch.setattr(syscalls.platform, "machine", lambda: "riscv64")


def turned_off(_monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PROOFS = False


@pytest.mark.parametrize("lacks", [without_bubblewrap, without_a_filter, turned_off])
def test_no_worker_listens_for_authors_code_where_a_fence_is_missing(
    lacks: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    lacks(monkeypatch, settings)
    assert not proves_here()
    assert [listens_to(name) for name in QUEUES] == ["trace", "train", "checks"]
