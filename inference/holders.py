"""Who holds a job: one process on one machine. Whether it died can be seen from there, long before its lease runs out."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


def me() -> str:
    """This process, as jobs that it runs name it."""
    return f"{machine()}:{os.getpid()}"


def is_dead(holder: str) -> bool:
    """Whether a process of this machine that held a job has ended. False for other machines: only their leases tell."""
    where, _colon, pid = holder.partition(":")
    if where != machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # another user's process: it lives
    return False


@lru_cache(maxsize=1)
def machine() -> str:
    """What tells apart where process ids mean the same: host names repeat, and every container counts its own processes."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # Linux alone has these
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
