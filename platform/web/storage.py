"""Static files under names that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.apps import AppConfig, apps
from django.conf import settings
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
