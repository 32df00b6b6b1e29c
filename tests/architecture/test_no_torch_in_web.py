"""A web process answers every kind of page without ever loading torch: a worker may have a gigabyte, a web process may not.

Nor does it load what runs an author's code: it has no way to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

ASK = """
import json, sys, time
import django
from django.test import Client
from django.test.utils import setup_test_environment
from config.asgi import application

setup_test_environment()
import inference.tasks
from django.core.management import call_command
from django.db import connection
connection.creation.create_test_db(verbosity=0)
client = Client(raise_request_exception=False)
addresses = ["/", "/networks/", "/traces/", "/samples/chelsea", "/api/v1/samples", "/api/v1/networks", "/api/v1/openapi.json",
             "/healthz", "/plans/", "/sign-in/", "/studio/", "/studio/courses/any/lessons/any/check/",
             "/studio/courses/any/lessons/any/proofs/"]
statuses = {address: client.get(address).status_code for address in addresses}
began = time.monotonic()
statuses["POST /traces/"] = client.post("/traces/", {"sample": "chelsea"}).status_code
seconds = time.monotonic() - began
heavy = ("torch", "torchvision", "skimage", "sklearn", "scipy", "inference.engine")
runs_code = ("inference.sandbox.nest", "inference.sandbox.run", "inference.sandbox.runner", "inference.sandbox.engine",
             "lessons.proving")
loaded = lambda names: [name for name in names if name in sys.modules]
print(json.dumps({"runs_code": loaded(runs_code), "studio": "studio.views.publishing" in sys.modules, "statuses": statuses,
                  "seconds": seconds, "heavy": loaded(heavy)}))
"""


@pytest.fixture(scope="module")
def answer() -> dict[str, object]:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "TEST_DATA_DIR"},
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join([str(settings.ROOT), str(settings.ROOT / "platform")]),
    }
    run = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=settings.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return told


def test_a_web_process_never_loads_torch(answer: dict[str, object]) -> None:
    assert answer["heavy"] == []
    statuses = answer["statuses"]
    assert isinstance(statuses, dict)
    assert statuses["/networks/"] == statuses["/samples/chelsea"] == statuses["/api/v1/openapi.json"] == 200
    assert statuses["POST /traces/"] == 302
    assert all(status < 500 for status in statuses.values()), statuses


def test_a_web_process_has_nothing_that_runs_an_authors_code(answer: dict[str, object]) -> None:
    assert answer["studio"] is True
    assert answer["runs_code"] == []


def test_a_run_is_taken_at_once_while_redis_is_down(answer: dict[str, object]) -> None:
    """No Redis runs beside that process."""
    assert isinstance(answer["seconds"], float)
    assert answer["seconds"] < 3
