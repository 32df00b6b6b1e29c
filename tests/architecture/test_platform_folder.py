"""platform/ has the name of a module of the standard library: a package of that name would stand in its way everywhere."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
from django.conf import settings

PRINT_PLATFORM = "import platform; print(platform.__file__); platform.python_version()"


def test_the_platform_folder_is_no_package() -> None:
    assert not (settings.ROOT / "platform" / "__init__.py").exists()


def test_pytest_sees_the_standard_librarys_platform() -> None:
    assert platform.__file__ is not None
    assert not platform.__file__.startswith(str(settings.ROOT / "platform"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-c", PRINT_PLATFORM], id="python in the repository"),
        pytest.param([sys.executable, "manage.py", "shell", "-v", "0", "-c", PRINT_PLATFORM], id="manage.py"),
        pytest.param([sys.executable, "-m", "celery", "-A", "config.celery", "shell", "--python"], id="celery"),
    ],
)
def test_every_way_in_sees_the_standard_librarys_platform(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(settings.ROOT / "platform"), str(settings.ROOT)])}
    done = subprocess.run(
        command,
        input=PRINT_PLATFORM,
        cwd=settings.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert os.path.basename(os.path.dirname(platform.__file__)) in done.stdout  # noqa: PTH119, PTH120
    assert str(settings.ROOT / "platform") not in done.stdout
