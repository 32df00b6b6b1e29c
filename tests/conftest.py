"""The cast and the servers that tests of every room share."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import Role, User
from inference.heartbeat import warm_workers
from lessons.models import Course, CourseRole, Membership
from operations.processes import environment, worker_command
from operations.redis import server_binary, server_command
from tests.postgres import postgres

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure() -> None:
    """A shell starts what it puts into the background deaf to Ctrl-C, and every process that a test starts would be so too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _skipped_is_failed((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _skipped_is_failed((yield))


def _skipped_is_failed(report: Report) -> Report:
    """In CI a test that did not run is a test that failed: nothing is silently skipped."""
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and in CI every test must run: {report.longrepr}"
    return report


@pytest.fixture
def learner(db: None) -> User:
    return User.objects.create_user("learner@example.org", "correct horse", name="Lena Learner")


@pytest.fixture
def instructor(db: None) -> User:
    return User.objects.create_user("instructor@example.org", "correct horse", name="Ines Instructor", role=Role.INSTRUCTOR)


@pytest.fixture
def colleague(course: Course) -> User:
    """An author of `course`, who doesn't own it."""
    user = User.objects.create_user("colleague@example.org", "correct horse", name="Cole Colleague", role=Role.INSTRUCTOR)
    Membership.objects.create(course=course, user=user, role=CourseRole.AUTHOR)
    return user


@pytest.fixture
def outsider(db: None) -> User:
    """An instructor of another course."""
    user = User.objects.create_user("outsider@example.org", "correct horse", name="Otto Outsider", role=Role.INSTRUCTOR)
    elsewhere = Course.objects.create(uid="course-elsewhere", slug="elsewhere", title="Elsewhere")
    Membership.objects.create(course=elsewhere, user=user, role=CourseRole.OWNER)
    return user


@pytest.fixture
def admin_person(db: None) -> User:
    return User.objects.create_superuser("admin@example.org", "correct horse", name="Ada Admin")


@pytest.fixture
def course(instructor: User) -> Course:
    """A course owned by `instructor`, without lessons."""
    course = Course.objects.create(uid="course-vision", slug="vision", title="Seeing with networks")
    Membership.objects.create(course=course, user=instructor, role=CourseRole.OWNER)
    return course


@pytest.fixture
def sign_in() -> Callable[[Client, User], Client]:
    def sign_in(client: Client, user: User) -> Client:
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The embedded Redis at the address that settings name; yields its URL."""
    binary = server_binary()
    if binary is None:
        pytest.fail("No redis-server: install requirements.txt on CPython 3.11 for x86-64 Linux, or the system's Redis.")
    folder = Path(settings.DATA_DIR)
    log = folder / "redis.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            server_command(binary, folder=folder, socket=folder / "redis.sock"), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until(_redis_answers, process=process, log=log, seconds=10, what="The embedded Redis")
        yield settings.REDIS_URL
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def worker(redis_server: str, django_db_setup: None) -> Iterator[int]:
    """A real worker process that runs traces for this database and this Redis; yields its process id once it is warm.

    What it is to see must be committed: the test needs `transactional_db`, or is a journey.
    """
    theirs = {
        **environment(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "REDIS_URL": redis_server,
    }
    log = Path(settings.DATA_DIR) / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            worker_command("trace"), env=theirs, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until(lambda: bool(warm_workers()), process=process, log=log, seconds=90, what="The worker")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _redis_answers() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.ping()
    except redis.RedisError:
        return False
    return True


def _wait_until(holds: Callable[[], bool], *, process: subprocess.Popen[bytes], log: Path, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if holds():
            return
        time.sleep(0.02)
    pytest.fail(f"{what} did not start: {log.read_text()[-4000:]}")
