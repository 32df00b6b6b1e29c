"""`manage.py run`: the site, its Redis and its workers under one roof.

A start goes: lock the data folder → check what must hold → tables and static files → Redis → web and the trace worker →
facts and courses (before the address is shown when there is no course yet, beside the running site when there is) → the
workers for checks and for training, and the clock. After that it watches: a child that ends is started again, Ctrl-C or
SIGTERM stops them in order.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from operations import datafolder, health, preflight, processes, steps
from operations.children import Child, Guard, last_lines, rotate
from operations.problems import CannotStart
from operations.redis import server_binary, server_command

TICK_SECONDS = 0.05
REDIS_STARTS_SECONDS = 15
WEB_STOPS_SECONDS = 3.0  # its streams get two seconds, the process one more
WORKER_STOPS_SECONDS = 8.0
REDIS_STOPS_SECONDS = 5.0


class Stop(Exception):
    """The site is to stop, with this exit status: somebody asked for it, or a child can't be kept alive."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Supervisor:
    """Starts the site, watches over its processes, stops them."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()
        self._data = Path(settings.DATA_DIR)
        self._logs = self._data / "logs"
        self._stop_requests = 0
        self._children: list[Child] = []  # what is kept alive
        self._step: Child | None = None  # what runs once and ends
        self._environment = processes.environment()

    def run(self) -> int:
        """Runs the site until it stops; the exit status to end with. Raises CannotStart when it can't be started."""
        preflight.check_folders()
        with datafolder.locked(self._data) as lock, self._signals():
            preflight.check_redis_binary()
            preflight.check_redis_url()
            preflight.check_database()
            with preflight.listen(settings.HOST, settings.PORT) as listener:
                self._guard = Guard()
                try:
                    self._start(listener, lock)
                    self._watch()
                except Stop as stop:
                    return stop.status
                finally:
                    listener.close()
                    self._stop_all()
                    self._guard.close()

    # --- starting -----------------------------------------------------------------------------------------------------

    def _start(self, listener: socket.socket, lock: datafolder.DataFolderLock) -> None:
        if steps.migrate():
            self._tell(_("The database's tables are up to date."))
        if steps.collect_static():
            self._tell(_("Styles and scripts are collected."))
        self._stop_if_asked()

        url = _url(listener)
        redis_server = self._start_redis()
        web = self._child(
            "web",
            [sys.executable, "-m", "operations.web", str(listener.fileno())],
            inherited=[listener.fileno()],
            console=True,  # mail goes to the console unless EMAIL_URL says otherwise
        )
        trace_worker = self._child("worker", processes.worker_command("trace"))
        train_worker = self._child("train", processes.worker_command("train"))
        checks_worker = self._child("checks", processes.worker_command("checks"))
        clock = self._child("clock", processes.clock_command())
        self._children = [web, clock, trace_worker, train_worker, checks_worker, *([redis_server] if redis_server else [])]
        web.start()
        trace_worker.start()
        first_time = not steps.has_courses()
        if first_time:
            self._bring_in_courses(on_console=True)
        self._wait_until(partial(_answers, listener), children=[web])
        lock.note(url=url)
        self._tell(_("The site answers at %(url)s") % {"url": url})
        self._say(_("          To write courses, sign up there, then run: make instructor EMAIL=you@example.org"))
        self._say(_("          Ctrl-C stops everything. Logs are in %(folder)s") % {"folder": self._logs})
        checks_worker.start()
        train_worker.start()
        clock.start()
        if not first_time:
            self._bring_in_courses(on_console=False)

    def _start_redis(self) -> Child | None:
        binary = server_binary()
        if not settings.EMBEDDED_REDIS or binary is None:
            return None
        folder = self._data / "redis"
        folder.mkdir(mode=0o700, exist_ok=True)
        _own_folder(settings.REDIS_SOCKET.parent)
        _end_orphan()
        child = self._child("redis", server_command(binary, folder=folder, socket=settings.REDIS_SOCKET))
        self._children = [child]
        child.start()
        self._wait_until(lambda: health.check_redis().ok, children=[child], seconds=REDIS_STARTS_SECONDS)
        return child

    def _bring_in_courses(self, *, on_console: bool) -> None:
        """Facts, then the shipped courses, which show them. Both do nothing when they are up to date."""
        for name, command, doing in (
            ("facts", "compute_facts", _("Computing what the courses say about the networks.")),
            ("courses", "load_course", _("Loading the shipped courses.")),
        ):
            if on_console:
                self._tell(doing)
            log = self._logs / f"{name}.log"
            log.unlink(missing_ok=True)
            self._step = self._child(name, [sys.executable, str(settings.ROOT / "manage.py"), command], console=on_console)
            self._step.start()
            while (status := self._step.poll()) is None:
                self._tick()
            if status != 0:
                self._tell(_("%(command)s failed; the site goes on with what it has:") % {"command": f"manage.py {command}"})
                self._say_lines(last_lines(log))
                return

    def _child(self, name: str, command: Sequence[str], *, inherited: Sequence[int] = (), console: bool = False) -> Child:
        log = self._logs / f"{name}.log"
        rotate(log)
        return Child(
            name,
            command,
            guard=self._guard,
            environment=self._environment,
            log=log,
            console=sys.stdout if console else None,
            inherited=inherited,
        )

    # --- watching -----------------------------------------------------------------------------------------------------

    def _watch(self) -> NoReturn:
        """Watches until Stop is raised; says once when a worker is warm."""
        warm = False
        asked = 0.0
        while True:
            self._tick()
            if not warm and time.monotonic() - asked > 0.5:
                asked = time.monotonic()
                warm = health.warm_worker_count() > 0
                if warm:
                    self._tell(_("The worker is warm: a trace starts at once."))

    def _tick(self) -> None:
        """Waits a moment and starts again what has ended. Raises Stop."""
        time.sleep(TICK_SECONDS)
        self._stop_if_asked()
        for child in self._children:
            child.start_if_due()
            status = child.poll()
            if status is not None:
                self._start_again(child, status)

    def _start_again(self, child: Child, status: int) -> None:
        words = {"name": child.name, "ended": _ended(status)}
        pause = child.restarts.failed(time.monotonic())
        if pause is None:
            self._tell(_("%(name)s (%(ended)s) failed again and again, so the site stops. It last said:") % words)
            self._say_lines(child.last_lines())
            raise Stop(1)
        self._tell(_("%(name)s (%(ended)s) is started again.") % words)
        child.start_later(pause)

    def _wait_until(self, holds: Callable[[], bool], *, children: Sequence[Child], seconds: float = 60) -> None:
        """Waits until it holds; CannotStart with a child's last words when one of them ends first or it takes too long."""
        deadline = time.monotonic() + seconds
        while not holds():
            time.sleep(TICK_SECONDS)
            self._stop_if_asked()
            for child in children:
                if child.poll() is not None or time.monotonic() > deadline:
                    self._say_lines(child.last_lines())
                    raise CannotStart(_("%(name)s did not start; what it last said is above.") % {"name": child.name})

    # --- stopping -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(number: int, frame: FrameType | None) -> None:
            self._stop_requests += 1

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            signal.signal(number, ask)
        try:
            yield
        finally:
            # Not put back: an impatient Ctrl-C would kill the process between its last word and its exit status.
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)

    def _stop_if_asked(self) -> None:
        if self._stop_requests:
            raise Stop(0)

    def _hurried(self) -> bool:
        return self._stop_requests > 1

    def _stop_all(self) -> None:
        if self._stop_requests:
            self._tell(_("Stopping. A second Ctrl-C stops at once."))
        if self._step is not None:
            self._step.kill()
        web = [child for child in self._children if child.name == "web"]
        redis_server = [child for child in self._children if child.name == "redis"]
        workers = [child for child in self._children if child not in (*web, *redis_server)]
        # Redis last: a worker that stops gives its task back to it.
        for children, seconds in (
            (web, WEB_STOPS_SECONDS),
            (workers, WORKER_STOPS_SECONDS),
            (redis_server, REDIS_STOPS_SECONDS),
        ):
            for child in children:
                child.ask_to_stop()
            for child in children:
                child.wait(seconds, hurried=self._hurried)
        if self._stop_requests:
            self._tell(_("Everything has stopped."))

    # --- saying -------------------------------------------------------------------------------------------------------

    def _tell(self, sentence: str) -> None:
        self._say(f"{time.monotonic() - self._began:7.1f} s {sentence}")

    def _say_lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._say(f"          {line}")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 (every address: a browser on this machine takes this one)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _answers(listener: socket.socket) -> bool:
    """Whether the home page is answered, in whatever way. It is also what makes the first visitor not the first."""
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=10)  # noqa: S104
    name = next((allowed for allowed in settings.ALLOWED_HOSTS if not allowed.startswith((".", "*"))), "localhost")
    try:
        connection.request("GET", "/", headers={"Host": name, "X-Forwarded-Proto": "https"})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _own_folder(folder: Path) -> None:
    """The folder of the socket: where it is not DATA_DIR it lies among everybody's temporary files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise CannotStart(
            _("%(folder)s, where Redis would listen, belongs to somebody else: remove it, or set DATA_DIR to a shorter path.")
            % {"folder": folder}
        )


def _end_orphan() -> None:
    """Ends a Redis that outlived its supervisor: two servers would write one file. The lock says that it is nobody else's."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=REDIS_STOPS_SECONDS) as client:
            client.shutdown()
    except (redis.RedisError, OSError):
        return


def _ended(status: int) -> str:
    if status < 0:
        return _("ended by %(signal)s") % {"signal": signal.Signals(-status).name}
    return _("ended with status %(status)s") % {"status": status}
