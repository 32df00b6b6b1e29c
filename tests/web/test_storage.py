"""Static files as they are served: every name has a hash, modules find each other, other people's scripts are left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command


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
