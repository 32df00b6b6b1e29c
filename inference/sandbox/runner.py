"""Runs snippets, each in a fork, inside the process that `nest.py` starts; a script, never imported by the site.

Standard input is a socket. Its first line is JSON: the file of the import shim and what to import beforehand. After that
each request is two descriptors (where the snippet prints, where its report goes) and one line of JSON: code, folder,
limits. The answer is the fork's process id, and a dot when the fork is gone.

Three fences stand around a snippet. The hook in this file stops mistakes with a sentence, on every system; code that reaches
for ctypes walks past it. The kernel's filter of system calls (`syscalls.py`) holds against that: no process, no socket, no
signal. Files and other processes' memory are bubblewrap's part (see `nest.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
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
_LONGEST_NAME, _LONGEST_MESSAGE, _LONGEST_WARNING, _MOST_WARNINGS = 120, 4000, 600, 20  # characters; warnings
_GIGABYTE = 1024**3
_PR_SET_DUMPABLE = 4
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


def _set_limits(limits: dict[str, int], code: str) -> None:
    _limit(resource.RLIMIT_CPU, limits["cpu_seconds"])
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _limit(resource.RLIMIT_NOFILE, limits["open_files"])
    _limit(resource.RLIMIT_CORE, 0)
    # RLIMIT_DATA and not RLIMIT_AS: torch maps gigabytes of its own libraries that no memory ever stands behind.
    _limit(resource.RLIMIT_DATA, limits["memory_bytes"])
    # What is mapped to be shared counts as no data. Whoever names torch before it is here still has to map it.
    libraries = 16 if "torch" in code and "torch" not in sys.modules else 1
    with contextlib.suppress(OSError):
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, mapped + limits["memory_bytes"] + libraries * _GIGABYTE)


def _readable_by_others(allowed: bool) -> None:
    """Whether processes of the same user may look into this one through /proc, where there is such a switch."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(allowed))


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


def _beside(name: str) -> ModuleType:
    """A module that lies beside this file: in isolated mode nothing of the site can be imported by name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"no {name}.py beside this file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    del sys.modules[name]  # no snippet needs it
    return module


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
        return {"raised": type(error).__name__[:_LONGEST_NAME], "message": str(error)[:_LONGEST_MESSAGE]}
    return {"raised": "", "message": ""}


def _child(request: dict[str, Any], stdout: int, report_to: int, forbid: Callable[[int], bool]) -> NoReturn:
    """The fork: becomes the snippet, and reports how it ended."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(stdout, 1)
    os.close(stdout)
    os.environ["HOME"] = os.environ["TMPDIR"] = request["folder"]
    os.chdir(request["folder"])
    _readable_by_others(True)  # it may read of itself what every process may
    _set_limits(request["limits"], request["code"])
    signal.alarm(int(request["seconds"]) + 60)  # the site watches the clock; this ends us if the site is gone
    guard = _Guard(request["folder"])
    if not forbid(os.getpid()) and request["only_filtered"]:
        os._exit(1)  # without a word: no proof
    sys.addaudithook(guard)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        ended = _run(request["code"])
    sys.stdout.flush()
    report = {
        **ended,
        "warnings": [
            f"{entry.category.__name__}: {entry.message}"[:_LONGEST_WARNING]
            for entry in caught
            if not issubclass(entry.category, ResourceWarning)  # an open file is the interpreter's business, not a lesson's
        ][:_MOST_WARNINGS],
        "network_refused": guard.network_refused,
    }
    with os.fdopen(report_to, "w") as pipe:
        pipe.write(json.dumps(report) + "\n")
    os._exit(0)  # threads and atexit handlers that the snippet left behind end with it


def _received(control: socket.socket) -> dict[str, Any]:
    """The next line of JSON; leaves with the process when the other side is gone."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = control.recv(1)
        if not byte:
            sys.exit()
        line += byte
    return dict(json.loads(line))


def main() -> NoReturn:
    _readable_by_others(False)  # or a snippet changes through /proc what the ones after it begin with
    control = socket.socket(fileno=os.dup(0))
    forbid = _beside("syscalls").forbid
    opening = _received(control)
    sys.meta_path.insert(0, _ShimFirst(opening["shim"]))
    for name in opening["preload"]:
        with contextlib.suppress(Exception):  # a snippet that imports it is told why it can't
            importlib.import_module(name)
    while True:
        mark, descriptors, _flags, _address = socket.recv_fds(control, 1, 2)
        if not mark:
            sys.exit()
        request = _received(control)
        Path(request["folder"]).mkdir()
        child = os.fork()
        if child == 0:
            control.close()
            stdout, report_to = descriptors
            _child(request, stdout, report_to, forbid)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(child.to_bytes(4, "big"))
        os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what the snippet left running
        shutil.rmtree(request["folder"])  # a folder that can't be removed ends this process, and its folder with it
        control.sendall(b".")


if __name__ == "__main__":
    main()
