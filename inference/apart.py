"""The engine in a process of its own, for runs that need no photo: a worker of threads would keep torch for ever."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from queue import Empty, Queue
from typing import Any

from django.conf import settings

from inference.contracts import (
    Asked,
    Cancelled,
    Emit,
    EngineError,
    Event,
    Failure,
    Finished,
    MadeBy,
    Material,
    Result,
    RunRequest,
)
from inference.facts import engine_environment
from inference.runs import OneByOne

LOOK_SECONDS = 0.5
"""How often to ask whether the run is still wanted."""
ENDS_SECONDS = 5


class EngineApart(OneByOne):
    """Makes a run by the engine's command line, which tells its events line by line."""

    def perform(self, request: RunRequest, material: Material, *, emit: Emit, cancelled: Asked) -> None:
        """Makes one run; raises Cancelled and EngineError."""
        asked = json.dumps({"kind": request.kind, "network": request.network, "options": dict(request.options)})
        command = [sys.executable, "-m", "inference.engine", "perform", asked]
        process = subprocess.Popen(
            command, cwd=settings.ROOT, env=engine_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            self._follow(process, emit, cancelled)
        finally:
            _end(process)

    def _follow(self, process: subprocess.Popen[str], emit: Emit, cancelled: Asked) -> None:
        lines: Queue[str | None] = Queue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=LOOK_SECONDS)
            except Empty:
                line = ""
            if line is None:
                break
            if cancelled():
                raise Cancelled
            if line:
                emit(_event(json.loads(line)))
        if process.wait() != 0:
            said = (process.stderr.read() if process.stderr else "").strip()
            raise EngineError(Failure.INTERNAL, reason=said.splitlines()[-1] if said else "")


def _read(process: subprocess.Popen[str], lines: Queue[str | None]) -> None:
    """Hands on every line, then None: the process has ended."""
    if process.stdout is not None:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def _event(told: dict[str, Any]) -> Event:
    """The event of a line; raises EngineError when the line says that the run failed."""
    if "failure" in told:
        raise EngineError(Failure(told["failure"]), **told["details"])
    if "Finished" in told:
        finished = told["Finished"]
        return Finished(MadeBy(**finished["made_by"]), finished["milliseconds"])
    result = told["Result"]
    return Result(result["name"], result["figures"])


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
