"""`manage.py process …`: the site's processes one by one, on PostgreSQL and a Redis of the operator's, as on several hosts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.operations.site import environment, eventually


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def process(name: str, data: Path, **changes: str) -> Iterator[Path]:
    """One process of the site; yields its log, which stands in the message of a test that waited in vain."""
    data.mkdir(exist_ok=True)
    log = data / f"{name}.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "manage.py", "process", name],
            cwd=settings.ROOT,
            env=environment(data, **changes),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield log
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.worker
@pytest.mark.torch
def test_hosts_that_share_a_database_and_a_redis_are_one_site(tmp_path: Path, postgres_url: str, redis_server: str) -> None:
    port = free_port()
    shared = {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_server,
        "SECRET_KEY": "the same on every host",
        "MEDIA_DIR": str(tmp_path / "media"),
        "PORT": str(port),
    }
    with ExitStack() as hosts:
        log = hosts.enter_context(process("web", tmp_path / "web", **shared))
        eventually(lambda: get(f"http://127.0.0.1:{port}/healthz")[0] == 200, seconds=300, what=f"a page (see {log})")
        for name in ("trace", "train", "checks", "clock"):
            hosts.enter_context(process(name, tmp_path / name, **shared))
        eventually(
            lambda: get(f"http://127.0.0.1:{port}/readyz")[0] == 200,
            seconds=120,
            what=f"readiness ({get(f'http://127.0.0.1:{port}/readyz')})",
        )
        status, page = get(f"http://127.0.0.1:{port}/")
        assert status == 200
        assert "/courses/pretrained-vision-models/" in page
        status, networks = get(f"http://127.0.0.1:{port}/api/v1/networks")
        assert status == 200
        assert json.loads(networks)["items"]
    assert not (tmp_path / "web" / "forward-pass.sqlite3").exists()


@pytest.mark.parametrize("name", ["web", "trace", "train", "checks", "clock"])
def test_a_single_process_needs_a_redis_to_share(tmp_path: Path, name: str) -> None:
    theirs = {key: value for key, value in environment(tmp_path).items() if key != "REDIS_URL"}
    done = subprocess.run(
        [sys.executable, "manage.py", "process", name],
        cwd=settings.ROOT,
        env=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Single processes need REDIS_URL" in done.stderr
    assert os.linesep not in done.stderr.strip()
