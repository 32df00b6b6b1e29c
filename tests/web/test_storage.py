"""Static files as they are served: every name has a hash, modules find each other, other people's scripts are left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.management import call_command

from web.storage import WriteOnceStorage


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: object) -> Path:
    """A collectstatic of the whole site."""
    from django.conf import settings
    from django.test import override_settings

    folder = tmp_path_factory.mktemp("static")
    ours = {**settings.STORAGES, "staticfiles": {"BACKEND": "web.storage.ModuleManifestStorage"}}
    with override_settings(STORAGES=ours, STATIC_ROOT=folder):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def names(folder: Path) -> dict[str, str]:
    manifest: dict[str, dict[str, str]] = json.loads((folder / "staticfiles.json").read_text())
    return manifest["paths"]


def test_every_file_gets_a_name_with_its_hash(collected):
    paths = names(collected)
    for name in ("web/app.css", "web/say.js", "web/icon.svg", "django_htmx/htmx-2.min.js"):
        assert re.search(r"\.[0-9a-f]{12}\.", paths[name])
        assert (collected / paths[name]).exists()


def test_modules_import_each_other_by_the_names_with_hashes(collected, settings: LazySettings):
    paths = names(collected)
    modules = [name for name in paths if name.endswith(".js") and not name.startswith(("admin/", "django_htmx/", "ninja/"))]
    assert modules
    for name in modules:
        text = (collected / paths[name]).read_text()
        for imported in re.findall(r"""\bfrom\s*["'](\.[^"']+)["']""", text):
            target = (collected / name).parent / imported
            assert target.resolve().exists(), f"{name} imports {imported}"
            assert re.search(r"\.[0-9a-f]{12}\.js$", imported), f"{name} imports {imported} without its hash"


def test_what_can_be_compressed_is(collected):
    name = names(collected)["web/app.css"]
    assert (collected / f"{name}.br").exists()
    assert (collected / f"{name}.gz").stat().st_size < 7_000


# --- files of this machine


@pytest.fixture
def storage(tmp_path: Path) -> WriteOnceStorage:
    return WriteOnceStorage(location=tmp_path)


def test_a_file_is_kept_in_a_folder_that_was_not_there(storage: WriteOnceStorage, tmp_path: Path):
    assert storage.save("runs/1/one.jpg", ContentFile(b"x" * 200_000)) == "runs/1/one.jpg"
    assert (tmp_path / "runs/1/one.jpg").read_bytes() == b"x" * 200_000
    assert (tmp_path / "runs/1/one.jpg").stat().st_mode & 0o111 == 0


def test_a_name_that_is_taken_gets_another_and_nothing_is_overwritten(storage: WriteOnceStorage):
    names = {storage.save("one.txt", ContentFile(text)) for text in (b"first", b"second", b"third")}
    assert len(names) == 3
    assert {storage.open(name).read() for name in names} == {b"first", b"second", b"third"}


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt"])
def test_nothing_is_written_outside_its_folder(storage: WriteOnceStorage, name: str):
    with pytest.raises(SuspiciousOperation):
        storage.save(name, ContentFile(b"x"))


def test_a_name_too_long_for_its_column_is_shortened(storage: WriteOnceStorage):
    saved = storage.save("a" * 80 + ".png", ContentFile(b"x"), max_length=40)
    assert len(saved) <= 40
    assert saved.endswith(".png")


def test_what_is_no_folder_is_no_place_for_files(storage: WriteOnceStorage):
    storage.save("one", ContentFile(b"x"))
    with pytest.raises(OSError, match="one"):
        storage.save("one/two", ContentFile(b"x"))
