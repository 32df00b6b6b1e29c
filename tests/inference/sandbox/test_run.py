"""What a snippet may do, what is recorded of it, and how it is stopped. Every test starts real processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.sandbox import nest
from inference.sandbox.run import Limits, run_snippet, run_snippets
from inference.sandbox.snippets import Snippet, Stopped, installed_versions, snippet_sha256
from tests.inference.sandbox.conftest import Run

pytestmark = pytest.mark.sandbox

# --- what is recorded


def test_what_is_printed_is_recorded_with_the_versions_it_ran_on(anyhow: Run) -> None:
    result = anyhow("print('one')\nprint('zwei – ×')\n")
    assert (result.output, result.error, result.stopped) == ("one\nzwei – ×\n", "", Stopped.NO)
    versions = installed_versions()
    assert (result.torch, result.torchvision) == (versions.torch, versions.torchvision)
    assert result.python


def test_an_exception_is_recorded_by_its_class_and_message_after_what_was_printed_before(anyhow: Run) -> None:
    result = anyhow("print('before')\n{}['key']\n")
    assert result.output == "before\n"
    assert (result.raised, result.message, result.error) == ("KeyError", "'key'", "KeyError: 'key'")
    assert result.stopped is Stopped.NO


def test_a_syntax_error_is_an_exception_like_others(anyhow: Run) -> None:
    assert anyhow("print(").raised == "SyntaxError"


def test_leaving_early_ends_well_unless_it_says_otherwise(anyhow: Run) -> None:
    assert anyhow("raise SystemExit").error == ""
    assert anyhow("import sys; sys.exit(3)").error == "SystemExit: 3"


def test_warnings_are_recorded_and_are_not_output(anyhow: Run) -> None:
    code = """
        import warnings
        warnings.warn("old", DeprecationWarning)
        warnings.warn("soon", FutureWarning)
        warnings.warn("note")
        print("printed")
    """
    result = anyhow("if True:\n" + code)
    assert result.warnings == ("DeprecationWarning: old", "FutureWarning: soon", "UserWarning: note")
    assert result.output == "printed\n"


@pytest.mark.torch
def test_torchvision_imports_and_torch_runs_on_one_thread(anyhow: Run) -> None:
    result = anyhow("import torch, torchvision\nprint(torchvision.models.list_models()[0], torch.get_num_threads())")
    assert (result.output, result.error) == ("alexnet 1\n", "")


def test_a_snippet_is_the_main_module_and_sees_no_package_of_the_site(anyhow: Run) -> None:
    result = anyhow("print(__name__)\nimport inference")
    assert result.output == "__main__\n"
    assert result.raised == "ModuleNotFoundError"


def test_the_environment_holds_no_secret_and_no_proxy(anyhow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    with nest.Nest() as prepared:
        names = set(prepared.run(Snippet("import os\nprint(*os.environ)"), timeout=30, limits=Limits()).output.split())
    assert "TORCH_HOME" in names
    assert names.isdisjoint({"SECRET_KEY", "HTTPS_PROXY"})


# --- how it is stopped


def test_a_snippet_that_takes_too_long_is_stopped(anyhow: Run) -> None:
    began = time.monotonic()
    result = anyhow("import time\nprint('began')\ntime.sleep(600)", timeout=1.5)
    assert result.stopped is Stopped.TIME
    assert result.output == "began\n"
    assert time.monotonic() - began < 20


def test_a_flood_right_at_the_end_is_cut_as_well(anyhow: Run) -> None:
    assert anyhow("print('x' * 10_001)", output_bytes=10_000).stopped is Stopped.OUTPUT
    assert anyhow("print('x' * 9_999)", output_bytes=10_000).stopped is Stopped.NO


def test_closing_standard_output_ends_nothing(anyhow: Run) -> None:
    result = anyhow("import os\nprint('x', flush=True)\nos.close(1)\n1 / 0")
    assert (result.output, result.raised) == ("x\n", "ZeroDivisionError")


# --- what it may not do


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.fork()",
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.system('true')",
        "import os\nos.execv('/bin/true', ['true'])",
        "import os\nos.posix_spawn('/bin/true', ['true'], {})",
        "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)",
    ],
)
def test_no_further_process_is_started_or_signalled(anyhow: Run, code: str) -> None:
    assert anyhow(code).raised == "PermissionError"


def test_files_are_written_in_the_own_folder_only(anyhow: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    code = f"""
open("inside.txt", "w").write("kept")
print(open("inside.txt").read())
open({str(outside)!r}, "w")
"""
    result = anyhow(code)
    assert result.output == "kept\n"
    assert result.raised in ("PermissionError", "OSError")
    assert not outside.exists()


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.remove({path!r})",
        "import os\nos.rename({path!r}, 'mine')",
        "import os\nos.rename('mine', {path!r})",
        "import os\nopen('mine', 'w').close()\nos.link('mine', {path!r} + '2')",
        "import os\nos.truncate({path!r}, 0)",
        "import os\nos.symlink('mine', {path!r} + '2')",
        "import os\nos.symlink({path!r}, 'link')\nopen('link', 'w')",
        "import pathlib\npathlib.Path({path!r}).write_text('changed')",
        "import os\nos.open({path!r}, os.O_RDWR)",
        "import os\nos.mkdir({path!r} + '2')",
    ],
)
def test_nothing_outside_is_changed(anyhow: Run, tmp_path: Path, code: str) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("as it was")
    assert anyhow(code.format(path=str(kept))).raised
    assert kept.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.txt"]


def test_the_folder_is_empty_at_first_and_gone_afterwards(anyhow: Run) -> None:
    result = anyhow("import os\nprint(os.listdir())\nprint(os.getcwd())")
    listed, folder = result.output.splitlines()
    assert listed == "[]"
    assert not Path(folder).exists()


# --- weights


def test_a_snippet_without_its_weights_is_recorded_as_missing_and_not_run(anyhow: Run) -> None:
    result = anyhow("print('invented')", requires="weights/resnet50")
    assert (result.output, result.missing, result.error) == ("", "weights/resnet50", "")


def test_a_snippet_runs_where_a_file_of_its_network_lies(tmp_path: Path) -> None:
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "resnet50-0676ba61.pth").touch()
    code = "import os\nprint(os.listdir(os.path.join(os.environ['TORCH_HOME'], 'hub', 'checkpoints')))"
    result = run_snippet(Snippet(code, requires="weights/resnet50"), weights_dir=tmp_path)
    assert (result.output, result.missing) == ("['resnet50-0676ba61.pth']\n", "")
    other = run_snippet(Snippet(code, requires="weights/resnet5"), weights_dir=tmp_path)
    assert other.missing == "weights/resnet5"


def test_weights_that_would_have_to_be_fetched_are_missing(tmp_path: Path) -> None:
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "resnet50-0676ba61.pth").touch()
    code = "import socket\nsocket.getaddrinfo('download.example', 443)"
    result = run_snippet(Snippet(code, requires="weights/resnet50"), weights_dir=tmp_path)
    assert (result.missing, result.raised) == ("weights/resnet50", "")


# --- one after the other


def test_what_one_snippet_does_to_its_process_no_other_sees(anyhow: Run) -> None:
    changes = Snippet("import os, string\nstring.digits = os.environ['LANG'] = 'x'\nopen('left', 'w').close()")
    looks = Snippet("import os, string\nprint(string.digits, os.environ['LANG'], os.listdir())")
    with nest.Nest() as prepared:
        first = prepared.run(changes, timeout=30, limits=Limits())
        second = prepared.run(looks, timeout=30, limits=Limits())
    assert (first.error, first.stopped) == ("", Stopped.NO)
    assert second.output == "0123456789 C.UTF-8 []\n"


def test_after_a_run_that_was_stopped_the_next_one_runs(anyhow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with nest.Nest() as prepared:
        assert prepared.run(Snippet("import time\ntime.sleep(600)"), timeout=1, limits=Limits()).stopped is Stopped.TIME
        assert prepared.run(Snippet("import os\nos._exit(1)"), timeout=30, limits=Limits()).stopped is Stopped.DIED
        assert prepared.run(Snippet("print('well')"), timeout=30, limits=Limits()).output == "well\n"
    assert _are_gone(lambda: _alive_in(tmp_path))


@pytest.mark.torch
def test_what_is_imported_beforehand_is_there_and_what_cannot_be_is_the_snippets_to_find_out(anyhow: Run) -> None:
    with nest.Nest(preload=("torchvision", "no_such_module")) as prepared:
        result = prepared.run(Snippet("import sys\nprint('torchvision' in sys.modules)"), timeout=60, limits=Limits())
        missing = prepared.run(Snippet("import no_such_module"), timeout=60, limits=Limits())
    assert (result.output, missing.raised) == ("True\n", "ModuleNotFoundError")


# --- many


def test_many_snippets_run_once_each_and_are_reported_as_they_end() -> None:
    snippets = [Snippet(f"print({number})") for number in (1, 2, 3, 1)]
    ended: list[Snippet] = []
    results = run_snippets(snippets, done=ended.append)
    assert [results[snippet_sha256(snippet)].output for snippet in snippets] == ["1\n", "2\n", "3\n", "1\n"]
    assert len(ended) == 3


def _are_gone(alive: Callable[[], list[str]]) -> bool:
    """Whether nothing is alive, within the moment that the system takes to clear killed processes away."""
    deadline = time.monotonic() + 5
    while alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive()


def _alive_in(folder: Path) -> list[str]:
    """Where the processes work that still live somewhere in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = (entry / "cwd").readlink()
            except OSError:
                continue  # gone already, or not ours to see
            if where.is_relative_to(folder):
                found.append(str(where))
    return found
