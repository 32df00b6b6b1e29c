"""The pages of tests/web/urls.py, in place of the site's addresses."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from django.conf import LazySettings


@pytest.fixture
def test_pages(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.web.urls"
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"] = [Path(__file__).parent / "templates"]
    settings.TEMPLATES = templates
