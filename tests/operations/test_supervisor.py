"""The supervisor's decisions, with small children in place of the site's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from operations import children, redis, supervisor
from operations.children import Child, Guard
from operations.problems import CannotStart
from operations.supervisor import Stop, Supervisor


class Overheard(Supervisor):
    """A supervisor that remembers what it says."""

    def __init__(self) -> None:
        self.said: list[str] = []
        super().__init__(say=self.said.append)
        self._guard = Guard()

    def look_after(self, code: str) -> Child:
        child = self._child("worker", [sys.executable, "-c", code])
        self._children = [child]
        child.start()
        return child

    def watch(self) -> int:
        try:
            self._watch()
        except Stop as stop:
            return stop.status


@pytest.fixture
def overheard(tmp_path: Path) -> Iterator[Overheard]:
    with override_settings(DATA_DIR=tmp_path):
        overheard = Overheard()
        yield overheard
        for child in overheard._children:
            child.kill()
        overheard._guard.close()


def test_a_child_that_always_fails_is_given_up_with_its_last_lines(
    overheard: Overheard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "PAUSES", (0.0, 0.0, 0.0, 0.0))
    overheard.look_after("print('no such weights'); raise SystemExit(7)")
    assert overheard.watch() == 1
    said = "\n".join(overheard.said)
    assert said.count("worker (ended with status 7) is started again") == 4
    assert "failed again and again" in said
    assert "no such weights" in overheard.said[-1]


def test_a_request_to_stop_ends_the_watch_with_status_0(overheard: Overheard) -> None:
    overheard.look_after("import time; time.sleep(60)")
    overheard._stop_requests = 1
    assert overheard.watch() == 0


def test_a_part_that_ends_while_it_is_waited_for_stops_the_start(overheard: Overheard) -> None:
    child = overheard.look_after("print('bad configuration'); raise SystemExit(1)")
    with pytest.raises(CannotStart, match="worker did not start"):
        overheard._wait_until(lambda: False, children=[child])
    assert any("bad configuration" in line for line in overheard.said)


def test_a_step_that_fails_is_told_and_the_site_goes_on(overheard: Overheard, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Child(
        "facts",
        [sys.executable, "-c", "import sys; sys.exit('torch is missing')"],
        guard=overheard._guard,
        environment={},
        log=overheard._logs / "facts.log",
    )
    monkeypatch.setattr(overheard, "_child", lambda *arguments, **options: failing)
    overheard._bring_in_courses(on_console=False)
    said = "\n".join(overheard.said)
    assert "manage.py compute_facts failed; the site goes on" in said
    assert "torch is missing" in said


def test_somebody_elses_folder_for_the_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor.os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        supervisor._own_folder(tmp_path)


def test_the_redis_of_the_wheel_goes_before_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = redis.server_binary()
    assert found is not None
    assert found.name == "redis-server"
    monkeypatch.setattr(redis.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(redis.shutil, "which", lambda name: "/opt/bin/redis-server")
    assert redis.server_binary() == Path("/opt/bin/redis-server")
    monkeypatch.setattr(redis.shutil, "which", lambda name: None)
    assert redis.server_binary() is None


def test_a_path_too_long_for_a_socket_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    from config.settings import _redis_socket

    assert _redis_socket() == Path(settings.DATA_DIR) / "redis.sock"
    import config.settings

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(config.settings, "DATA_DIR", tmp_path / ("long" * 40))
        socket = _redis_socket()
        assert len(str(socket)) <= 103
        patched.setattr(config.settings, "DATA_DIR", tmp_path / ("long" * 41))
        assert _redis_socket() != socket
