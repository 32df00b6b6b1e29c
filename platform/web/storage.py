"""Static files under names that change with their content, so that browsers may keep them for good; and everything else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


def _is_ours(app: AppConfig) -> bool:
    return Path(app.path).parent in (settings.ROOT, settings.ROOT / "platform")


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Rewrites the imports of our own ES modules to hashed names, and compresses everything.

    Other packages' scripts are hashed, never rewritten: minified code holds text that looks like an import and names
    source maps that it does not ship, and either one would stop collectstatic.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        _, imports = self._js_module_import_aggregation_patterns
        stylesheets = tuple(rule for rule in CompressedManifestStaticFilesStorage.patterns if rule[0] == "*.css")
        self.patterns = stylesheets + tuple((f"{app.label}/*.js", imports) for app in apps.get_app_configs() if _is_ours(app))
        self._ours = tuple(f"{app.label}/" for app in apps.get_app_configs() if _is_ours(app))
        super().__init__(*args, **kwargs)

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Compresses what our pages ask for: the admin and every build of htmx would cost a first start ten seconds."""
        wanted = [path for path in paths if path.startswith(self._ours) or Path(path).name.startswith("htmx-2.min.")]
        yield from super().compress_files(wanted)


class WriteOnceStorage(FileSystemStorage):
    """Files of this machine, each created under a name that is nearly always new.

    A run writes about twenty pictures. Django looks whether each name is free, locks the file, writes it and sets its mode: in
    a thread beside a network, which wants the interpreter back after each of these calls, that takes three times as long as
    creating it where nothing is, which is the first thing that is tried here.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name as it is, unless it is too long: whether it is free shows when the file is created."""
        return super().get_available_name(name, max_length) if max_length and len(name) > max_length else name

    def _save(self, name: str, content: File[Any]) -> str:
        try:
            self._create(self.path(name), content)
        except FileExistsError:
            return super()._save(super().get_available_name(name), content)  # type: ignore[no-any-return, misc]
        return name.replace("\\", "/")

    @staticmethod
    def _create(path: str, content: File[Any]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags, 0o644)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in content.chunks():
                file.write(chunk)
