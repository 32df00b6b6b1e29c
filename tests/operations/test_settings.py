"""What the environment says, as the settings understand it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

SAY = (
    "import json; from config import settings as s;"
    "database = s.DATABASES['default']['NAME'];"
    "print(json.dumps([s.PROOFS, str(s.DATA_DIR), str(s.MEDIA_ROOT), database, s.PORT, s.ALLOWED_HOSTS, s.WARM_NETWORKS]))"
)


def understood(folder: Path, **environment: str) -> Any:
    said = subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{settings.ROOT}/platform:{settings.ROOT}",
            "SECRET_KEY": "a",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(said.stdout)


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    names = (
        "DATA_DIR",
        "MEDIA_DIR",
        "WEIGHTS_DIR",
        "DATABASE_URL",
        "REDIS_URL",
        "PORT",
        "ALLOWED_HOSTS",
        "TRACE_BATCH",
        "EMAIL_URL",
    )
    assert understood(tmp_path, **dict.fromkeys(names, "")) == understood(tmp_path)
    assert understood(tmp_path)[1] == str(settings.ROOT / "data")


def test_a_worker_can_be_told_to_warm_no_network(tmp_path: Path) -> None:
    assert understood(tmp_path)[-1] == ["efficientnet_lite0"]
    assert understood(tmp_path, WARM_NETWORKS="")[-1] == []


def test_running_authors_code_is_turned_off_in_a_word(tmp_path: Path) -> None:
    assert understood(tmp_path)[0] is True
    assert [understood(tmp_path, PROOFS=word)[0] for word in ("off", "0", "no")] == [False] * 3
    with pytest.raises(subprocess.CalledProcessError) as refused:
        understood(tmp_path, PROOFS="of")
    assert "PROOFS is set to something that can't be used: write 1 or 0." in refused.value.stderr
