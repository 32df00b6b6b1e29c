"""Runs one snippet inside the process that `run.py` starts; a script, never imported by the site.

It reads a JSON request from standard input: code, the folder the snippet may write to, the limits, the file of the import
shim. What the snippet prints goes to standard output as it comes; how it ended goes as JSON to the file descriptor named
by the request.

The guards here stop mistakes, on every system. Against malice they are only the second fence: the first is bubblewrap
(see `run.py`), because code that reaches for ctypes walks past any hook inside its own process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import resource
import sys
import warnings
from importlib import metadata
from types import ModuleType
from typing import Any, NoReturn

_NETWORK = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
    }
)
_PROCESSES = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.killpg",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    }
)
_CHANGED_PATHS = {  # audit event → which of its arguments are paths that would change
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (0, 1),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
}
_LONGEST_MESSAGE = 4000  # characters
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Guard:
    """An audit hook: no network, no further processes, no change outside the snippet's own folder."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.network_refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NETWORK:
            self.network_refused = True
            raise PermissionError("this sandbox has no network")
        if event in _PROCESSES:
            raise PermissionError("this sandbox starts no further processes")
        if event == "open":
            path, _mode, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._must_be_inside(path)
        for position in _CHANGED_PATHS.get(event, ()):
            self._must_be_inside(arguments[position])

    def _must_be_inside(self, path: object) -> None:
        if isinstance(path, int):
            return  # a descriptor that was opened under this same rule
        real = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]  # what open() takes
        if real != os.devnull and os.path.commonpath([real, self.folder]) != self.folder:
            raise PermissionError(f"this sandbox writes only to its own folder, not to {real}")


def _limit(kind: int, value: int) -> None:
    """Lower one resource limit for good, never above what the machine already set."""
    _soft, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _set_limits(limits: dict[str, int]) -> None:
    _limit(resource.RLIMIT_CPU, limits["cpu_seconds"])
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _limit(resource.RLIMIT_NOFILE, limits["open_files"])
    _limit(resource.RLIMIT_CORE, 0)
    # RLIMIT_DATA and not RLIMIT_AS: torch maps gigabytes of its own libraries that no memory ever stands behind.
    _limit(resource.RLIMIT_DATA, limits["memory_bytes"])


class _ShimFirst:
    """An import finder that runs the shim right before torchvision is imported, and finds nothing itself.

    The shim imports torch, which takes seconds: a snippet that needs neither should not wait for it.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name != "torchvision":
            return
        sys.meta_path.remove(self)
        spec = importlib.util.spec_from_file_location("import_shim", self.path)
        if spec is None or spec.loader is None:
            raise ImportError(f"no import shim at {self.path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # what the shim declares lives as long as its names do
        spec.loader.exec_module(module)


def _run(code: str) -> dict[str, str]:
    """Runs the code as a script; returns the class and message of what it raised, empty when it ended well."""
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        exec(compile(code, "snippet.py", "exec"), module.__dict__)  # noqa: S102 - what this process is for
    except SystemExit as error:
        if error.code in (None, 0):
            return {"raised": "", "message": ""}
        return {"raised": "SystemExit", "message": str(error.code)}
    except BaseException as error:  # whatever ends a snippet is its result
        return {"raised": type(error).__name__, "message": str(error)[:_LONGEST_MESSAGE]}
    return {"raised": "", "message": ""}


def main() -> NoReturn:
    request = json.load(sys.stdin)
    _set_limits(request["limits"])
    os.chdir(request["folder"])
    sys.meta_path.insert(0, _ShimFirst(request["shim"]))
    guard = _Guard(request["folder"])
    sys.addaudithook(guard)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        ended = _run(request["code"])
    sys.stdout.flush()
    report = {
        **ended,
        "warnings": [
            f"{entry.category.__name__}: {entry.message}"
            for entry in caught
            if not issubclass(entry.category, ResourceWarning)  # an open file is the interpreter's business, not a lesson's
        ],
        "network_refused": guard.network_refused,
        "torch": metadata.version("torch"),
        "torchvision": metadata.version("torchvision"),
        "python": platform.python_version(),
    }
    with os.fdopen(request["report_to"], "w") as pipe:
        pipe.write(json.dumps(report) + "\n")
    os._exit(0)  # threads and atexit handlers that the snippet left behind end with it


if __name__ == "__main__":
    main()
