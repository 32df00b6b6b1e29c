"""`manage.py run`, really: a first start, what happens when a part dies, how it stops, later starts, refused starts."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.site import Site, eventually, refused_start, running

PARTS = {
    "web": "operations.web",
    "worker": "-Q trace",
    "train": "-Q train",
    "checks": "-Q checks",
    "clock": "config.celery beat",
    "redis": "redis-server",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(data: Path) -> Iterator[Site]:
    """The first start in an empty data folder."""
    site = Site(data)
    try:
        site.hear("The site answers at", seconds=300)
        yield site
    finally:
        site.end()


@pytest.fixture
def later_site(site: Site, data: Path) -> Iterator[Site]:
    """A later start on the same data."""
    site.end()
    later = Site(data)
    try:
        later.hear("The site answers at")
        yield later
    finally:
        later.end()


pytestmark = [pytest.mark.worker, pytest.mark.redis, pytest.mark.torch]


def test_a_first_start_ends_at_a_page_with_the_shipped_course(site: Site) -> None:
    status, page = site.get("/")
    assert status == 200
    assert "/courses/pretrained-vision-models/" in page, site.said


def test_it_says_how_to_become_an_instructor_and_how_to_stop(site: Site) -> None:
    site.hear("make instructor EMAIL=")
    site.hear("Ctrl-C stops everything")


def test_it_says_when_the_worker_is_warm_and_then_is_ready(site: Site) -> None:
    site.hear("The worker is warm", seconds=120)
    status, body = site.get("/readyz")
    assert (status, json.loads(body)["status"]) == (200, "ready")


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_killed_is_started_again_and_the_site_goes_on(site: Site, name: str) -> None:
    site.hear("The worker is warm", seconds=120)
    eventually(lambda: any(PARTS[name] in child.command for child in site.children()), seconds=30, what=f"a running {name}")
    killed = site.child(PARTS[name])
    os.kill(killed.pid, signal.SIGKILL)
    site.hear(f"{name} (ended by SIGKILL) is started again", seconds=10)
    eventually(
        lambda: any(PARTS[name] in child.command and child.pid != killed.pid for child in site.children()),
        seconds=10,
        what=f"another {name}",
    )
    eventually(lambda: site.get("/healthz")[0] == 200, seconds=30, what="an answer")
    eventually(lambda: site.get("/readyz")[0] == 200, seconds=60, what="readiness")


def test_a_second_start_on_the_same_data_is_refused_and_names_the_first(site: Site, data: Path) -> None:
    sentence = refused_start(data)
    assert site.url in sentence
    assert str(site.process.pid) in sentence


def test_sigterm_stops_everything_and_leaves_nothing_running(site: Site) -> None:
    family = site.family()
    assert len(family) >= len(PARTS)
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(30) == 0
    assert "Everything has stopped" in site.said
    assert running(family) == []


def test_a_later_start_takes_seconds_and_computes_nothing_again(later_site: Site) -> None:
    assert "Computing" not in later_site.said
    assert time.monotonic() - later_site.began < 30


def test_a_second_ctrl_c_stops_at_once(later_site: Site) -> None:
    family = later_site.family()
    began = time.monotonic()
    later_site.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    later_site.process.send_signal(signal.SIGINT)
    assert later_site.process.wait(10) == 0
    assert time.monotonic() - began < 4
    assert running(family) == []


def test_nothing_is_left_when_the_supervisor_itself_is_killed(later_site: Site) -> None:
    family = later_site.family()
    later_site.process.kill()
    later_site.process.wait()
    eventually(lambda: running(family) == [], seconds=20, what="the end of every process")


def test_with_a_redis_url_no_redis_is_started(site: Site, data: Path, redis_server: str) -> None:
    site.end()
    later = Site(data, REDIS_URL=redis_server)
    try:
        later.hear("The site answers at")
        assert not any("redis-server" in child.command for child in later.children())
        eventually(lambda: later.get("/readyz")[0] == 200, seconds=90, what="readiness")
    finally:
        later.end()


def test_a_queue_file_that_redis_cannot_read_stops_the_start_with_what_redis_says(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_text("this was never a queue")
    site = Site(tmp_path)
    try:
        assert site.process.wait(120) == 1
    finally:
        site.end()
    assert "redis did not start" in site.said
    assert "append only file" in site.said


def test_a_taken_port_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 is taken" in refused_start(tmp_path, PORT=str(port))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1/0", "REDIS_URL (redis://127.0.0.1:1/0) does not answer"),
        (
            "DATABASE_URL",
            "postgres://person:secret@127.0.0.1:1/site",
            "DATABASE_URL (postgresql://127.0.0.1:1/site) does not answer",
        ),
        ("DATABASE_URL", "nonsense", "DATABASE_URL is set to something that can't be used"),
        ("DATABASE_URL", "postgres://", "DATABASE_URL is set to something that can't be used"),
        ("PORT", "eighty", "PORT is set to something that can't be used"),
        ("TRACE_DEVICE", "toaster", "TRACE_DEVICE is set to something that can't be used: write auto, cpu or cuda"),
        ("TRACE_THREADS", "0", "TRACE_THREADS is set to something that can't be used"),
        ("TRACE_BATCH", "0", "TRACE_BATCH is set to something that can't be used"),
        ("TRACE_PROCESSES", "-1", "TRACE_PROCESSES is set to something that can't be used"),
        ("WARM_MEGABYTES", "plenty", "WARM_MEGABYTES is set to something that can't be used"),
        ("PORT", "70000", "a port is a number up to 65535"),
        ("HOST", "192.0.2.1", "HOST 192.0.2.1 can't be listened at"),
        ("EMAIL_URL", "pigeon://loft", "EMAIL_URL is set to something that can't be used"),
        ("HTTPS", "treu", "HTTPS is set to something that can't be used: write 1 or 0"),
        ("DEBUG", "maybe", "DEBUG is set to something that can't be used: write 1 or 0"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is set to something that can't be used: write DEBUG, INFO, WARNING or ERROR"),
        ("CSRF_TRUSTED_ORIGINS", "learn.example.org", "CSRF_TRUSTED_ORIGINS is set to something that can't be used"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_a_sentence(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    sentence = refused_start(tmp_path, **{name: value})
    assert words in sentence
    assert "secret" not in sentence


def test_a_data_folder_that_cannot_be_made_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "can't be used" in refused_start(tmp_path / "file" / "data")
