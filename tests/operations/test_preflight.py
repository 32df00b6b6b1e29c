"""What stops a start: one clear sentence for each cause, with what to do next."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from operations import datafolder, preflight, steps
from operations.problems import CannotStart


def refusal(check: object, *arguments: object) -> str:
    with pytest.raises(CannotStart) as caught:
        check(*arguments)  # type: ignore[operator]
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_missing_data_folder_is_made(tmp_path: Path) -> None:
    preflight.check_data_folder(tmp_path / "new" / "data")
    assert list((tmp_path / "new" / "data").iterdir()) == []


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 0))  # type: ignore[attr-defined]
    assert "is full" in refusal(preflight.check_data_folder, tmp_path)


def test_a_disk_that_fills_while_writing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    assert "is full" in refusal(preflight.check_data_folder, tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sentence = refusal(preflight.check_data_folder, tmp_path / "file" / "data")
    assert "can't be written to" in sentence
    assert "set DATA_DIR" in sentence


def test_a_taken_port_is_named_with_another_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refusal(preflight.listen, "127.0.0.1", port)
    assert f"Port {port} of 127.0.0.1 is taken" in sentence
    assert f"make run PORT={port + 1}" in sentence


def test_a_number_that_is_no_port_is_named() -> None:
    assert "up to 65535" in refusal(preflight.listen, "127.0.0.1", 70000)


def test_an_address_of_another_machine_is_named() -> None:
    assert "must be an address of this machine" in refusal(preflight.listen, "192.0.2.1", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_listens_at_either_kind_of_address(host: str) -> None:
    with preflight.listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2], timeout=5):
        pass


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:1/0", "does not answer"),
        ("redis://person:secret@no-such-host.invalid:6379/0", "does not answer"),
        ("nonsense", "is not an address of a Redis"),
    ],
)
def test_an_unreachable_redis_url_is_named_without_its_password(url: str, words: str) -> None:
    with override_settings(REDIS_URL=url, EMBEDDED_REDIS=False):
        sentence = refusal(preflight.check_redis_url)
    assert words in sentence
    assert "REDIS_URL" in sentence
    assert "secret" not in sentence


def test_the_embedded_redis_is_not_asked_before_it_is_started() -> None:
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0", EMBEDDED_REDIS=True):
        preflight.check_redis_url()


def test_a_machine_without_any_redis_is_told_its_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "server_binary", lambda: None)
    with override_settings(EMBEDDED_REDIS=True):
        sentence = refusal(preflight.check_redis_binary)
    assert "Install redis-server, or set REDIS_URL" in sentence
    with override_settings(EMBEDDED_REDIS=False):
        preflight.check_redis_binary()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_answers_is_fine() -> None:
    preflight.check_database()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_no_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"this was never a database" * 100)
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(broken))
    assert str(broken) in refusal(preflight.check_database)


def test_a_second_start_on_the_same_data_is_refused_with_the_first_ones_address(tmp_path: Path) -> None:
    with datafolder.locked(tmp_path) as lock:
        lock.note(url="http://127.0.0.1:8000")
        with (
            pytest.raises(CannotStart, match=rf"http://127\.0\.0\.1:8000 \(process {os.getpid()}\)"),
            datafolder.locked(tmp_path),
        ):
            pass


def test_a_second_start_while_the_first_is_starting_is_refused_too(tmp_path: Path) -> None:
    with datafolder.locked(tmp_path), pytest.raises(CannotStart, match="is starting"), datafolder.locked(tmp_path):
        pass


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with datafolder.locked(tmp_path):
            pass


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://person:secret@host:6379/0", "redis://host:6379/0"),
        ("redis://host/0", "redis://host/0"),
        ("unix:///data/redis.sock", "unix:///data/redis.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert preflight.without_password(url) == shown


def test_a_media_folder_that_cant_be_written_to_is_named_by_its_setting(tmp_path: Path, settings) -> None:
    (tmp_path / "file").write_text("")
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path / "data", tmp_path / "file" / "media"
    assert "set MEDIA_DIR to another" in refusal(preflight.check_folders)


def test_styles_that_cant_be_collected_are_one_sentence(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings.STATIC_ROOT = "/nowhere"
    monkeypatch.setattr(steps, "call_command", full)
    assert "No space left on device" in refusal(steps.collect_static)
