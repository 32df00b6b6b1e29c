"""Static files under names that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

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
        super().__init__(*args, **kwargs)
