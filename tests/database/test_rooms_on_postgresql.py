"""The rooms' own tests on PostgreSQL, where writers really run at once: each in a process of its own, with another database."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

OTHERS = "not (torch or weights or worker or sandbox or browser or postgres)"  # these say nothing about the database


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("room", ["accounts", "inference", "lessons", "quizzes", "studio"])
def test_a_rooms_tests_pass_on_postgresql(room: str, postgres_url: str) -> None:
    environment = {**os.environ, "TEST_DATABASE_URL": postgres_url}
    environment.pop("TEST_DATA_DIR")  # a folder of its own
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"tests/{room}", "-q", "-x", "-m", OTHERS, "-p", "no:cacheprovider"],
        cwd=settings.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
