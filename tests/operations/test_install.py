"""Setting up a fresh machine: which Python, what is installed when, what a person is told."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from operations import install
from operations.install import SetUpError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose .venv works already."""
    (tmp_path / "requirements.txt").write_text("Django==5.2\ntorch==2.13.0\ntorchvision==0.28.0\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    return tmp_path


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of each pip install that would have run."""
    calls: list[list[str]] = []
    monkeypatch.setattr(install, "_pip", lambda python, *arguments: calls.append(list(arguments)))
    return calls


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_python_with_wheels_is_fine(version: tuple[int, int]) -> None:
    assert install.python_problem(version) is None


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 14)])
def test_another_python_gets_one_sentence_that_says_which_to_name(version: tuple[int, int]) -> None:
    problem = install.python_problem(version)
    assert problem is not None
    assert "\n" not in problem
    assert f"this is 3.{version[1]}" in problem
    assert "make run PYTHON=python3.11" in problem


def test_torch_comes_first_by_its_pin_and_without_what_it_needs(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {})
    first, second = pip
    assert first == ["--no-deps", "torch==2.13.0", "torchvision==0.28.0"]
    assert second == ["-r", str(root / "requirements.txt")]


def test_torch_index_concerns_torch_and_torchvision_alone(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {"TORCH_INDEX": "cpu"})
    first, second = pip
    assert first[:3] == ["--no-deps", "--index-url", install.CPU_INDEX]
    assert "--index-url" not in second


def test_torch_index_may_be_an_address(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {"TORCH_INDEX": "https://packages.example.org/torch"})
    assert "https://packages.example.org/torch" in pip[0]


def test_the_second_start_installs_nothing(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {})
    pip.clear()
    install.install(root, "run", {})
    assert pip == []


def test_a_changed_pin_installs_again(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {})
    pip.clear()
    (root / "requirements.txt").write_text("Django==5.3\ntorch==2.13.0\ntorchvision==0.28.0\n")
    install.install(root, "run", {})
    assert len(pip) == 2


def test_what_the_tests_need_includes_what_the_site_needs(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "test", {})
    pip.clear()
    install.install(root, "run", {})
    install.install(root, "test", {})
    assert pip == []


def test_the_site_alone_is_not_enough_for_the_tests(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {})
    pip.clear()
    install.install(root, "test", {})
    assert str(root / "requirements-dev.txt") in pip[1]


def test_the_cpu_build_stays_when_a_later_start_does_not_ask_for_it_again(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {"TORCH_INDEX": "cpu"})
    pip.clear()
    install.install(root, "run", {})
    assert pip == []


def test_another_torch_index_replaces_torch(root: Path, pip: list[list[str]]) -> None:
    install.install(root, "run", {})
    pip.clear()
    install.install(root, "run", {"TORCH_INDEX": "cpu"})
    assert "--force-reinstall" in pip[0]


def test_an_interrupted_set_up_is_taken_up_again(root: Path, monkeypatch: pytest.MonkeyPatch, pip: list[list[str]]) -> None:
    def fail(*arguments: object) -> None:
        raise SetUpError("no network")

    with monkeypatch.context() as patched, pytest.raises(SetUpError):
        patched.setattr(install, "_pip", fail)
        install.install(root, "run", {})
    install.install(root, "run", {})
    assert len(pip) == 2


def test_a_damaged_note_of_the_last_set_up_counts_as_none(root: Path, pip: list[list[str]]) -> None:
    (root / ".venv" / "forward-pass.json").write_text("{half")
    install.install(root, "run", {})
    assert "run" in json.loads((root / ".venv" / "forward-pass.json").read_text())


def test_torch_without_a_pin_stops_the_set_up() -> None:
    with pytest.raises(SetUpError, match="torchvision"):
        install.torch_requirements("torch==2.13.0\n")


def test_the_houses_own_requirements_pin_everything_exactly() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (line.split("#")[0].strip() for line in (install.ROOT / name).read_text().splitlines())
        assert [line for line in lines if line and not line.startswith("-r") and "==" not in line] == []


def test_without_the_right_to_install_packages_it_says_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "find_browser", lambda environment: None)
    monkeypatch.setattr(install, "find_postgresql", lambda: None)
    monkeypatch.setattr(install, "_as_root", lambda: None)
    install.install_system_packages({})
    said = capsys.readouterr().out
    assert "set CHROMIUM" in said
    assert "set POSTGRES_URL" in said


def test_a_named_browser_is_taken() -> None:
    assert install.find_browser({"CHROMIUM": "/opt/chrome/chrome"}) == "/opt/chrome/chrome"


def test_a_disk_without_room_gets_one_sentence_before_anything_is_downloaded(
    root: Path, pip: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1024**3}))
    with pytest.raises(SetUpError, match=r"1\.0 GB are free here"):
        install.install(root, "run", {})
    assert pip == []


@pytest.mark.parametrize(
    ("free", "index", "fits"), [(4, install.CPU_INDEX, True), (2, install.CPU_INDEX, False), (20, "", True)]
)
def test_the_smaller_build_needs_less_room(free: int, index: str, fits: bool) -> None:
    assert (install.room_problem(free * 1024**3, index) is None) is fits


def test_a_disk_that_fills_up_during_set_up_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(install.venv, "create", full)
    with pytest.raises(SetUpError, match="No space left on device"):
        install._make_venv(root / ".venv")
