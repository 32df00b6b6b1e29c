"""torchvision can be imported whether or not its compiled operators load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import inference.engine.shim as shim

pytestmark = pytest.mark.torch

SHIM = Path(shim.__file__)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[3]
    )


def test_torchvision_imports_after_the_shim() -> None:
    done = run("import inference.engine.shim, torchvision; print(len(torchvision.models.list_models()) > 80)")
    assert done.stdout == "True\n", done.stderr


def test_the_shim_runs_by_its_path_in_a_process_that_knows_no_house() -> None:
    code = f"import runpy; runpy.run_path({str(SHIM)!r}); import torchvision.models; print('imported')"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.stdout == "imported\n", done.stderr


def test_where_the_compiled_operators_cannot_load_their_schemas_are_declared() -> None:
    done = run(
        "import torch, runpy\n"
        "def refuse(path): raise OSError('libcudart is not here')\n"
        "torch.ops.load_library = refuse\n"
        f"names = runpy.run_path({str(SHIM)!r})\n"
        "print(names['declared'] is not None, names['operators_are_known']())\n"
        "import torchvision.models; print(torchvision.models.resnet18().fc.in_features)\n"
    )
    assert done.stdout == "True True\n512\n", done.stderr


def test_where_torchvision_has_no_compiled_operators_their_schemas_are_declared() -> None:
    done = run(
        "import importlib.machinery as m, runpy\n"
        "m.EXTENSION_SUFFIXES = []\n"
        f"names = runpy.run_path({str(SHIM)!r})\n"
        "print(names['compiled_operators'](), names['declared'] is not None, names['operators_are_known']())\n"
    )
    assert done.stdout == "None True True\n", done.stderr


def test_where_the_compiled_operators_load_nothing_is_declared() -> None:
    """A library that declares the operators stands for the compiled one: declaring them again would be refused."""
    done = run(
        "import torch, runpy\n"
        "compiled = None\n"
        "def load(path):\n"
        "    global compiled\n"
        "    if compiled: raise OSError('there is nothing more to load')\n"
        "    compiled = torch.library.Library('torchvision', 'DEF')\n"
        "    for name in ('nms', 'qnms'):\n"
        "        compiled.define(name + '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "torch.ops.load_library = load\n"
        f"names = runpy.run_path({str(SHIM)!r})\n"
        "print(names['declared'])\n"
        "import torchvision.models; print('imported')\n"
    )
    assert done.stdout == "None\nimported\n", done.stderr


def test_a_second_shim_in_the_same_process_changes_nothing() -> None:
    done = run(f"import runpy, inference.engine.shim; print(runpy.run_path({str(SHIM)!r})['declared'])")
    assert done.stdout == "None\n", done.stderr
