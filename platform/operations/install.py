"""Sets up .venv for the Makefile: `python3 install.py run|test`. Standard library only, as nothing is installed yet.

Packages are installed when the hash of the requirements differs from the one kept in .venv, so a second start costs a
moment. torch and torchvision come first, by their exact pins and without their dependencies: any later requirement of
another package then finds them, and TORCH_INDEX concerns these two alone.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = (3, 11), (3, 13)
FROM_TORCH_INDEX = ("torch", "torchvision")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
REQUIREMENTS = {"run": ("requirements.txt",), "test": ("requirements.txt", "requirements-dev.txt")}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NEEDED_BYTES = {"cpu": 3 * 1024**3, "cuda": 10 * 1024**3}
"""What set-up takes on disk at its most, downloads included: the CUDA libraries alone unpack to several GB."""
POSTGRESQL_FOLDERS = "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"


class SetUpError(Exception):
    """Set-up can't go on; the message is one sentence for the person at the terminal."""


def python_problem(version: tuple[int, int]) -> str | None:
    """What is wrong with this Python, or None."""
    if OLDEST <= version <= NEWEST:
        return None
    return (
        f"Forward Pass needs Python {_dotted(OLDEST)} to {_dotted(NEWEST)}, because its packages have wheels for these; "
        f"this is {_dotted(version)}. Install one of them and name it: make run PYTHON=python{_dotted(OLDEST)}"
    )


def room_problem(free: int, index: str) -> str | None:
    """What is wrong with `free` bytes of disk, or None."""
    with_cuda = sys.platform == "linux" and index != CPU_INDEX
    needed = NEEDED_BYTES["cuda" if with_cuda else "cpu"]
    if free >= needed:
        return None
    advice = "Free some, or take the smaller build of PyTorch: make run TORCH_INDEX=cpu" if with_cuda else "Free some."
    return f"Set-up needs about {needed // 1024**3} GB of disk and {free / 1024**3:.1f} GB are free here. {advice}"


def requirements_hash(root: Path, names: Sequence[str]) -> str:
    """Changes when any of these requirement files does."""
    digest = hashlib.sha256()
    for name in names:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def pins(requirements: str) -> dict[str, str]:
    """Package → version of each unconditional `name==version` line of a requirements file; extras are left out of the name."""
    lines = (line.split("#")[0].strip() for line in requirements.splitlines())
    pinned = (line.split("==") for line in lines if "==" in line and ";" not in line)
    return {name.split("[")[0]: version for name, version in pinned}


def torch_requirements(requirements: str) -> list[str]:
    """What to install first: torch and torchvision by their pins."""
    pinned = pins(requirements)
    if missing := [name for name in FROM_TORCH_INDEX if name not in pinned]:
        raise SetUpError(f"requirements.txt must pin {' and '.join(missing)} with ==.")
    return [f"{name}=={pinned[name]}" for name in FROM_TORCH_INDEX]


def torch_index(value: str) -> str:
    """The index address that TORCH_INDEX names; empty for the usual index."""
    return CPU_INDEX if value == "cpu" else value


def install(root: Path, kind: str, environment: Mapping[str, str]) -> None:
    """Brings .venv to the state that `kind` ("run" or "test") needs; does nothing when it is there already."""
    python = root / ".venv" / "bin" / "python"
    index = torch_index(environment.get("TORCH_INDEX", ""))
    kept = _stamp(root)
    wanted = {name: requirements_hash(root, REQUIREMENTS[name]) for name in REQUIREMENTS}
    other_torch = bool(index) and bool(kept) and kept.get("torch_index") != index
    if _runs(python) and not other_torch and wanted[kind] in (kept.get("run"), kept.get("test")):
        return

    began = time.monotonic()
    if not _has_torch(python) and (problem := room_problem(shutil.disk_usage(root).free, index)):
        raise SetUpError(problem)
    if not _runs(python):
        _say(f"1/3 Making .venv with Python {_dotted(sys.version_info[:2])}")
        _make_venv(root / ".venv")
    else:
        _say("1/3 .venv is there")
    _say(f"2/3 Installing PyTorch {_torch_download(index)}")
    _pip(
        python,
        "--no-deps",
        *(["--index-url", index] if index else []),
        *(["--force-reinstall"] if other_torch else []),
        *torch_requirements((root / "requirements.txt").read_text()),
    )
    _say("3/3 Installing the other packages")
    _pip(python, *(part for name in REQUIREMENTS[kind] for part in ("-r", str(root / name))))
    # What the tests need includes what the site needs: both are there now.
    stamp = {"torch_index": index or kept.get("torch_index", ""), "run": wanted["run"]}
    if kind == "test":
        stamp["test"] = wanted["test"]
    try:
        _stamp_path(root).write_text(json.dumps(stamp))
    except OSError as error:
        raise SetUpError(f"The last line of set-up could not be written ({error.strerror}): is the disk full?") from error
    _say(f"Packages are installed ({time.monotonic() - began:.0f} s).")


def install_system_packages(environment: Mapping[str, str]) -> None:
    """A browser, a PostgreSQL server and bubblewrap for the tests, from the system's packages where they may be installed."""
    missing = []
    if find_browser(environment) is None:
        missing.append(("chromium", "the journeys need Chromium: install it, or set CHROMIUM to a Chrome or Chromium you have"))
    if find_postgresql() is None and not environment.get("POSTGRES_URL"):
        missing.append(("postgresql", "the PostgreSQL tests need its server: install it, or set POSTGRES_URL to one you have"))
    if sys.platform == "linux" and not shutil.which("bwrap"):
        missing.append(("bubblewrap", "the sandbox tries its outer wall with it: install bubblewrap 0.8 or newer"))
    if not missing:
        return
    packages = [package for package, _ in missing]
    as_root = _as_root()
    if shutil.which("apt-get") and as_root is not None:
        _say(f"Installing {' and '.join(packages)} from the system's packages, for the tests")
        apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
        subprocess.run([*apt, "update"], check=False)
        if subprocess.run([*apt, "install", "--no-install-recommends", *packages], check=False).returncode == 0:
            return
    for package, need in missing:
        _say(f"{package} could not be installed here; {need}. Without it those tests fail and say so.")


def find_browser(environment: Mapping[str, str]) -> str | None:
    """The Chromium that the journeys drive: CHROMIUM, or the first on PATH."""
    return environment.get("CHROMIUM") or next((found for name in BROWSERS if (found := shutil.which(name))), None)


def find_postgresql() -> Path | None:
    """The folder that holds initdb and pg_ctl; Debian keeps them off PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [folder for pattern in POSTGRESQL_FOLDERS for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def _as_root() -> list[str] | None:
    """What to put before a command that needs root: nothing, sudo without a password, or None when neither works."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def _make_venv(folder: Path) -> None:
    try:
        venv.create(folder, with_pip=True, clear=folder.exists())
    except (OSError, subprocess.CalledProcessError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise SetUpError(f"The virtual environment could not be written to {folder}: {error.strerror}.") from error
        raise SetUpError(
            f"The virtual environment could not be made ({error}). On Debian and Ubuntu its parts are a package of their own: "
            f"apt-get install python{_dotted(sys.version_info[:2])}-venv"
        ) from error


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, check=False).returncode != 0:
        raise SetUpError("pip could not install the packages; its own message is above. Run the same command again to go on.")


def _runs(python: Path) -> bool:
    """Whether this virtual environment works: one that was moved, or whose Python is gone, does not."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", "import pip"], check=False, capture_output=True).returncode == 0


def _has_torch(python: Path) -> bool:
    return any((python.parent.parent / "lib").glob("python3*/site-packages/torch"))


def _stamp_path(root: Path) -> Path:
    return root / ".venv" / "forward-pass.json"


def _stamp(root: Path) -> dict[str, str]:
    try:
        kept = json.loads(_stamp_path(root).read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _torch_download(index: str) -> str:
    if index == CPU_INDEX:
        return "(the CPU build, about 200 MB)"
    if index:
        return f"from {index}"
    if sys.platform == "linux":
        return "(the build with CUDA, several GB; for a machine without an NVIDIA GPU stop and run: make run TORCH_INDEX=cpu)"
    return "(about 100 MB)"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201 (this runs before anything that could log)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(REQUIREMENTS))
    kind = parser.parse_args(arguments).kind
    try:
        if problem := python_problem(sys.version_info[:2]):
            raise SetUpError(problem)
        install(ROOT, kind, os.environ)
        if kind == "test":
            install_system_packages(os.environ)
    except SetUpError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Stopped. Run the same command again to go on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
