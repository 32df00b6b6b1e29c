"""Child processes: started apart, seen to their end with all that they started, restarted with patience."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations import children
from operations.children import GIVE_UP_FAILURES, GIVE_UP_SECONDS, Child, Guard, Restarts

# A leader with a grandchild, as a worker with its pool; the grandchild prints its process id and ignores SIGTERM.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(60)
"""
FAMILY = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {STUBBORN!r}])
time.sleep(60)
"""


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def make(guard: Guard, tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    made: list[Child] = []

    def make(code: str) -> Child:
        child = Child(
            "child", [sys.executable, "-c", code], guard=guard, environment=dict(os.environ), log=tmp_path / "child.log"
        )
        made.append(child)
        child.start()
        return child

    yield make
    for child in made:
        child.kill()


def eventually(holds: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie waits for its parent, here often the container's first process, and runs no more.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def grandchild_of(child: Child) -> int:
    eventually(child.last_lines)
    return int(child.last_lines()[0])


def test_its_end_is_told_once(make: Callable[[str], Child]) -> None:
    child = make("raise SystemExit(3)")
    statuses: list[int] = []
    eventually(lambda: [statuses.append(status) for status in [child.poll()] if status is not None])
    assert statuses == [3]
    assert child.poll() is None
    assert not child.running


def test_it_leads_a_group_of_its_own_so_that_ctrl_c_does_not_reach_it(make: Callable[[str], Child]) -> None:
    child = make("import time; time.sleep(60)")
    assert child.pid is not None
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


def test_killing_it_leaves_none_of_its_own_children(make: Callable[[str], Child]) -> None:
    child = make(FAMILY)
    grandchild = grandchild_of(child)
    child.kill()
    eventually(lambda: not alive(grandchild))


def test_a_leader_that_dies_takes_its_group_with_it(make: Callable[[str], Child]) -> None:
    child = make(FAMILY)
    grandchild = grandchild_of(child)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    eventually(lambda: child.poll() is not None)
    eventually(lambda: not alive(grandchild))


def test_it_gets_time_to_stop_and_no_more(make: Callable[[str], Child]) -> None:
    child = make(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    eventually(child.last_lines)
    began = time.monotonic()
    child.ask_to_stop()
    child.wait(0.3)
    assert 0.25 < time.monotonic() - began < 3
    assert not child.running


def test_somebody_in_a_hurry_does_not_wait(make: Callable[[str], Child]) -> None:
    child = make(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    eventually(child.last_lines)
    child.ask_to_stop()
    began = time.monotonic()
    child.wait(30, hurried=lambda: True)
    assert time.monotonic() - began < 3


def test_a_start_later_waits(make: Callable[[str], Child]) -> None:
    child = make("raise SystemExit(0)")
    eventually(lambda: child.poll() is not None)
    child.start_later(0.2)
    child.start_if_due()
    assert not child.running
    eventually(lambda: child.start_if_due() or child.running)


def test_its_last_lines_are_few(make: Callable[[str], Child]) -> None:
    child = make("for n in range(100): print('line', n)")
    eventually(lambda: child.poll() is not None)
    assert child.last_lines()[-1] == "line 99"
    assert len(child.last_lines()) == children.LAST_LINES


def test_a_log_that_has_grown_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_BYTES", 10)
    log = tmp_path / "web.log"
    log.write_text("more than ten bytes")
    children.rotate(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").read_text() == "more than ten bytes"


PARENT = """
import os, sys, time
sys.path.insert(0, "platform")
from pathlib import Path
from operations.children import Child, Guard
guard = Guard()
child = Child("child", [sys.executable, "-c", sys.argv[2]], guard=guard, environment=dict(os.environ), log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(log), FAMILY], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    leader = int(parent.stdout.readline())
    eventually(lambda: log.exists() and log.read_text().strip())
    grandchild = int(log.read_text())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not alive(leader) and not alive(grandchild), seconds=15)


# --- restarts: a rule without processes -----------------------------------------------------------------------------------


def test_restarts_wait_longer_each_time_and_give_up_after_five_within_a_minute() -> None:
    restarts = Restarts()
    pauses = [restarts.failed(float(second)) for second in range(5)]
    assert pauses[-1] is None
    waits = [pause for pause in pauses[:-1] if pause is not None]
    assert len(waits) == 4
    assert waits == sorted(waits)


@given(st.lists(st.floats(min_value=GIVE_UP_SECONDS / (GIVE_UP_FAILURES - 1) + 0.01, max_value=1000), max_size=30))
def test_failures_that_are_rare_enough_are_never_given_up_on(gaps: list[float]) -> None:
    restarts, now = Restarts(), 0.0
    for gap in gaps:
        now += gap
        assert restarts.failed(now) is not None
