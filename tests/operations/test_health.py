"""What load balancers, Prometheus and the doctor are told."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from inference import heartbeat
from inference.models import Job, JobState
from operations import doctor, health
from tests.operations.site import eventually

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def warm(redis_server: str) -> Any:
    """A worker that says it is warm."""
    beating = heartbeat.start(queue="trace", networks=["efficientnet_lite0"])
    yield beating
    beating.stop()
    beating.join()


def wait_until_warm() -> None:
    eventually(lambda: health.warm_worker_count() > 0, seconds=10, what="a warm worker")


def readyz(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_healthz_answers_without_asking_anything(client: Client) -> None:
    with override_settings(REDIS_URL=NOWHERE):
        assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
@pytest.mark.redis
def test_readyz_is_ready_with_a_database_redis_and_a_warm_worker(client: Client, warm: Any) -> None:
    wait_until_warm()
    status, body = readyz(client)
    assert (status, body["status"]) == (200, "ready")
    assert all(check["ok"] for check in body["checks"].values())


@pytest.mark.django_db
@pytest.mark.redis
def test_readyz_names_a_worker_that_is_not_warm_yet(client: Client, redis_server: str) -> None:
    status, body = readyz(client)
    assert status == 503
    assert [name for name, check in body["checks"].items() if not check["ok"]] == ["worker"]
    assert "No worker is warm" in body["checks"]["worker"]["detail"]


@pytest.mark.django_db
def test_readyz_names_a_redis_that_is_gone(client: Client) -> None:
    with override_settings(REDIS_URL=NOWHERE):
        status, body = readyz(client)
    assert status == 503
    assert body["checks"]["database"]["ok"]
    assert not body["checks"]["redis"]["ok"]


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_database_that_is_gone(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "/nowhere/at/all.sqlite3")
    with override_settings(REDIS_URL=NOWHERE):
        status, body = readyz(client)
    connection.close()
    assert status == 503
    assert not body["checks"]["database"]["ok"]


# --- metrics ----------------------------------------------------------------------------------------------------------------


def job(state: str, key: str) -> Job:
    return Job.objects.create(key=key, state=state, network="resnet50", deadline=timezone.now() + timedelta(minutes=5))


@pytest.mark.django_db
def test_metrics_count_jobs_requests_and_workers(client: Client) -> None:
    job(JobState.WAITING, "a")
    job(JobState.WAITING, "b")
    job(JobState.DONE, "c")
    client.get("/healthz")
    with override_settings(REDIS_URL=NOWHERE):
        text = client.get("/metrics").content.decode()
    assert 'forward_pass_jobs{state="waiting"} 2.0' in text
    assert 'forward_pass_jobs{state="done"} 1.0' in text
    assert 'forward_pass_queue_depth{queue="trace"} 2.0' in text
    assert 'forward_pass_queue_depth{queue="train"} 0.0' in text
    assert "forward_pass_redis_up 0.0" in text
    assert "forward_pass_database_up 1.0" in text
    assert 'forward_pass_http_requests_total{method="GET",route="/healthz",status="200"}' in text


@pytest.mark.django_db
def test_metrics_are_for_this_machine_alone(client: Client) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403


@pytest.mark.django_db
@override_settings(METRICS_TOKEN="a long secret")
def test_with_a_token_metrics_are_for_those_who_send_it(client: Client) -> None:
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 403
    sent = {"Authorization": "Bearer a long secret"}
    assert client.get("/metrics", headers=sent, REMOTE_ADDR="192.0.2.7").status_code == 200


# --- doctor -----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_doctor_names_what_is_missing_line_by_line() -> None:
    findings = {finding.subject: finding for finding in doctor.examine()}
    assert findings["Python"].ok
    assert findings["packages"].ok, findings["packages"].sentence
    assert findings["data folder"].ok
    assert findings["tables"].ok
    assert not findings["facts"].ok
    assert "compute_facts" in findings["facts"].sentence
    assert "load_course" in findings["courses"].sentence


@pytest.mark.django_db(transaction=True)
def test_the_doctors_exit_status_says_whether_something_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    assert ended.value.code == 1
    marks = {line[0] for line in out.getvalue().splitlines()}
    assert marks <= {"✓", "✗", "–"}
    assert "✗" in marks


@pytest.mark.django_db(transaction=True)
def test_a_package_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.install, "pins", lambda requirements: {"Django": "1.0", "no-such-package": "2.0"})
    packages = next(finding for finding in doctor.examine() if finding.subject == "packages")
    assert not packages.ok
    assert "≠ 1.0" in packages.sentence
    assert "no-such-package is missing" in packages.sentence


# --- backup -----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_backup_holds_what_a_restored_site_needs(tmp_path: Path) -> None:
    job(JobState.DONE, "kept")
    Path(settings.MEDIA_ROOT).mkdir(exist_ok=True)
    (Path(settings.MEDIA_ROOT) / "picture.webp").write_bytes(b"picture")
    call_command("backup", str(tmp_path / "site.tar.gz"), stdout=io.StringIO())
    with tarfile.open(tmp_path / "site.tar.gz") as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    restored = tmp_path / "restored"
    assert (restored / "media" / "picture.webp").read_bytes() == b"picture"
    assert (restored / "secret_key").read_text() == (Path(settings.DATA_DIR) / "secret_key").read_text()
    with sqlite3.connect(restored / "forward-pass.sqlite3") as database:
        assert database.execute("SELECT key FROM inference_job").fetchall() == [("kept",)]


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_for_the_user_alone_who_made_it(tmp_path: Path) -> None:
    call_command("backup", str(tmp_path / "site.tar.gz"), stdout=io.StringIO())
    assert (tmp_path / "site.tar.gz").stat().st_mode & 0o777 == 0o600
    with tarfile.open(tmp_path / "site.tar.gz") as archive:
        assert archive.getmember("forward-pass.sqlite3").mode & 0o777 == 0o600


@pytest.mark.django_db(transaction=True)
def test_a_backup_of_a_folder_without_a_site_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "empty" / "forward-pass.sqlite3"))
    with pytest.raises(CommandError, match="There is no database at"):
        call_command("backup", str(tmp_path / "site.tar.gz"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.tar.gz").write_text("last week's")
    with pytest.raises(CommandError, match="never overwrites"):
        call_command("backup", str(tmp_path / "site.tar.gz"))
    assert (tmp_path / "site.tar.gz").read_text() == "last week's"


@pytest.mark.django_db(transaction=True)
def test_a_backup_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="could not be written"):
        call_command("backup", str(tmp_path / "no" / "such" / "folder.tar.gz"))
